/** Plain reads: a view of one committed state for the length of a body. */
import { andThen, isPromise } from "../base/index.ts";
import type { Awaitable } from "../base/index.ts";
import { Conflict, PRESUMED_WRONGLY, StorageError } from "../engine/contract/index.ts";
import type { EngineTransaction, StorageEngine } from "../engine/contract/index.ts";
import { READ_ATTEMPTS_MAX } from "./backoff.ts";
import { fullView } from "./reading/full-view.ts";
import type { FullView } from "./reading/full-view.ts";
import { Transaction } from "./transaction.ts";

/** After so many the engine is told: it may have a way of reading that waits, and cannot lose. */
const PATIENT_AFTER_LOSSES = 3;
/**
 * A connection may have ended unseen, and the next attempt finds another one, or waits for a server that comes back as long
 * as the engine does. More would let a read wait longer than anybody has asked for.
 */
const UNAVAILABLE_MAX = 1;

/**
 * Runs `body` with a view of the newest durable state, and lets the view go when it has ended. Where the engine's reads
 * count only once they are committed, they are, and the body is run again if they did not hold.
 *
 * @throws Conflict when they still did not hold after some attempts.
 * @throws StorageError 'Unavailable' when the engine could not be reached twice.
 */
export function withView<T>(
  engine: StorageEngine,
  body: (view: FullView) => Awaitable<T>,
): Awaitable<T> {
  if (!engine.capabilities.readsAreFinal) return readUntilItHolds(engine, body);
  return andThen(engine.begin({ readOnly: true }), (inner) => readOnce(engine, inner, body));
}

function readOnce<T>(
  engine: StorageEngine,
  inner: EngineTransaction,
  body: (view: FullView) => Awaitable<T>,
): Awaitable<T> {
  let result: Awaitable<T>;
  try {
    result = body(fullView(inner, engine.capabilities.remote));
  } catch (error) {
    inner.abort();
    throw error;
  }
  if (!isPromise(result)) {
    inner.abort();
    return result;
  }
  return result.finally(() => {
    inner.abort();
  });
}

async function readUntilItHolds<T>(
  engine: StorageEngine,
  body: (view: FullView) => Awaitable<T>,
): Promise<T> {
  let unavailable = 0;
  let mayPresume = true;
  for (let attempt = 1; ; attempt++) {
    const inner = await engine.begin({
      readOnly: true,
      mayLose: attempt === 1 || !mayPresume,
      isRetry: attempt > PATIENT_AFTER_LOSSES,
    });
    const view = new Transaction(engine, inner, { attempt, readOnly: true, mayPresume });
    try {
      return await readAndValidate(view, inner, body);
    } catch (error) {
      mayPresume = error !== PRESUMED_WRONGLY;
      if (isUnavailable(error)) {
        if (++unavailable > UNAVAILABLE_MAX) throw error;
      } else if (!(error instanceof Conflict) || error.attempts > 0) throw error;
      else if (attempt === READ_ATTEMPTS_MAX) throw new Conflict(attempt);
    } finally {
      view.end("aborted");
      inner.abort();
    }
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof StorageError && error.code === "Unavailable";
}

async function readAndValidate<T>(
  view: Transaction,
  inner: EngineTransaction,
  body: (view: FullView) => Awaitable<T>,
): Promise<T> {
  let value: T;
  try {
    value = await body(view);
  } catch (error) {
    // What the body threw may rest on what never was: it is believed only if its reads hold.
    if (view.hasRead && !(error instanceof Conflict)) await inner.commit(view.readPlan());
    throw error;
  }
  if (view.hasRead) await inner.commit(view.readPlan());
  return value;
}
