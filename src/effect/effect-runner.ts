/** Core work as Effects: what is in memory succeeds at once, without a promise and without suspending the fiber. */
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Stream from "effect/Stream";
import { isPromise, KotobaError } from "../base/index.ts";
import type { Awaitable, BatchCursor, Kind, Run, Runner, StreamKind } from "../base/index.ts";
import { isMistake } from "../database/index.ts";

export interface EffectRun extends Run {
  readonly type: Effect.Effect<this["A"], this["E"], this["R"]>;
  readonly stream: Stream.Stream<this["A"], this["E"]>;
}

/** A typed error for what the surface names, a defect for everything else. */
export function failed<E>(error: unknown): Effect.Effect<never, E> {
  return error instanceof KotobaError && !isMistake(error)
    ? Effect.fail(error as E)
    : Effect.die(error);
}

export function lift<A, E>(work: () => Awaitable<A>): Effect.Effect<A, E> {
  return Effect.suspend(() => {
    try {
      const result = work();
      if (!isPromise(result)) return Effect.succeed(result);
      return Effect.callback<A, E>((resume) => {
        result.then(
          (value) => resume(Effect.succeed(value)),
          (error: unknown) => resume(failed(error)),
        );
      });
    } catch (error) {
      return failed<E>(error);
    }
  });
}

/**
 * Tells of the work as a span, where there is one that it belongs to. Without one nothing is told and nothing is made: a
 * span of its own would cost more than a read from memory does.
 */
export function traced<A, E, R>(
  work: Effect.Effect<A, E, R>,
  method: string | undefined,
  target: string | undefined,
): Effect.Effect<A, E, R> {
  if (method === undefined) return work;
  return Effect.withFiber<A, E, R>((fiber) => {
    if (fiber.cache.span === undefined) return work;
    const name = target === undefined ? `kotobadb.${method}` : `kotobadb.${method} ${target}`;
    const attributes = {
      "db.system.name": "kotobadb",
      "db.operation.name": method,
      ...(target === undefined ? {} : { "db.collection.name": target }),
    };
    return Effect.withSpan(work, name, { attributes, kind: "client" }) as Effect.Effect<A, E, R>;
  });
}

/** Skips empty batches, which a Stream's chunk may not be. */
function nextRows<A>(cursor: BatchCursor<A>): Awaitable<readonly A[] | undefined> {
  for (;;) {
    const batch = cursor.next();
    if (isPromise(batch))
      return batch.then((rows) => (rows?.length === 0 ? nextRows(cursor) : rows));
    if (batch === undefined || batch.length > 0) return batch;
  }
}

export const effectRunner: Runner<EffectRun> = {
  run: <A, E>(work: () => Awaitable<A>, method?: string, target?: string): Kind<EffectRun, A, E> =>
    traced(lift<A, E>(work), method, target),
  stream: <A, E>(open: () => BatchCursor<A>): StreamKind<EffectRun, A, E> =>
    Stream.unwrap(
      Effect.map(
        Effect.acquireRelease(Effect.sync(open), (cursor) => Effect.sync(() => cursor.close())),
        (cursor) =>
          Stream.fromPull(
            Effect.succeed(
              Effect.flatMap(
                lift<readonly A[] | undefined, E>(() => nextRows(cursor)),
                (rows) =>
                  rows === undefined ? Cause.done() : Effect.succeed(rows as readonly [A, ...A[]]),
              ),
            ),
          ),
      ),
    ),
};
