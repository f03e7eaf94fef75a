/**
 * Running a body to its commit: again after a conflict, until it holds or its time is over.
 *
 * Always true:
 * (1) Of all attempts at most one commits, and hooks of onCommit run for that one only.
 * (2) After CommitUnknown, or any error that does not say that nothing happened, the body is not run again. Where answers
 *     can be lost, the engine given here has settled them before (once/exactly-once.ts), so it is seldom seen.
 * (3) Whatever happens, the engine's transaction is committed or aborted before the caller is answered, so that an
 *     exclusive hold never outlives its call.
 * (4) Where the engine and the body answer at once, so does transact.
 */
import { andThen, isPromise } from "../base/index.ts";
import type { Awaitable } from "../base/index.ts";
import {
  CONFLICT,
  Conflict,
  CorruptionError,
  PRESUMED_WRONGLY,
  RequirementFailed,
  StorageError,
} from "../engine/contract/index.ts";
import type {
  BeginOptions,
  CommitPlan,
  CommitResult,
  Durability,
  EngineTransaction,
  StorageEngine,
} from "../engine/contract/index.ts";
import { backoffMillis, EXCLUSIVE_AFTER_LOSSES, REMOTE_EXCLUSIVE_AFTER_MILLIS } from "./backoff.ts";
import { BodyScope, enterBody, leaveBody, refuseNested } from "./nesting.ts";
import { Patience } from "./patience.ts";
import type { Lapse } from "./patience.ts";
import { TransactionClosed, TransactionTimeout } from "./transaction-error.ts";
import type { TransactionHost } from "./transaction-host.ts";
import { Transaction } from "./transaction.ts";
import type { Otherwise } from "./transaction.ts";
import { withView } from "./with-view.ts";

/** Long enough for a body that waits for a slow disk, short enough that a hung one is noticed. */
const TIMEOUT_MILLIS_DEFAULT = 10_000;

export interface TransactOptions {
  /** The body writes nothing; it reads the newest durable state and never conflicts. Default: false. */
  readonly readOnly?: boolean;
  /**
   * Milliseconds from the call until the body must have ended, all attempts together; Infinity: none. Default: 10,000.
   * A commit that is under way is not given up: its outcome is awaited. If its answer is lost, it is looked for until then,
   * for a second at least and for half an hour at most.
   */
  readonly timeoutMillis?: number;
  /** Aborts the transaction while its body runs or it waits for its turn; the call then fails with the signal's reason. */
  readonly signal?: AbortSignal;
  /** When the commit is acknowledged. Default: the engine's. */
  readonly durability?: Durability;
  /**
   * False promises that the body runs no code but the library's own and so begins no transaction itself. The watch for
   * that, about a microsecond, is then left out. Default: true.
   */
  readonly runsUserCode?: boolean;
  /**
   * True for work that belongs to no body although a body may have set it off, such as registering a collection at its
   * first use: it is committed by itself, whatever becomes of that body. Default: false.
   */
  readonly standsApart?: boolean;
  /**
   * True for work that others undo while it loses, so that it would never come to its end: also on a server it has the
   * engine to itself after a few losses, and not only when it has lost for a second. Default: false.
   */
  readonly fallsBehind?: boolean;
}

/**
 * Runs `body` in a transaction and commits it. The body is run again when another transaction changed what it had read
 * (it must bear that), and cannot starve: after a few losses it has the engine to itself, where the engine can do that;
 * else it waits longer each time.
 *
 * @throws Conflict when the time is over before an attempt held, with the number of attempts.
 * @throws TransactionTimeout when the body still runs at the end of its time.
 * @throws NestedTransaction inside the body of another transaction of the same engine, unless it stands apart.
 * @throws UnawaitedWork when the body ends before its operations.
 * @throws StorageError when the engine cannot do it; CommitUnknown when it is not known whether it did, and could not be
 *   found out in time.
 * @throws What the body throws, untouched; nothing is committed then.
 */
export function transact<T>(
  host: TransactionHost,
  engine: StorageEngine,
  body: (tx: Transaction) => Awaitable<T>,
  options: TransactOptions = {},
): Awaitable<T> {
  if (options.standsApart !== true) refuseNested(engine);
  options.signal?.throwIfAborted();
  return new TransactionRun(host, engine, body, options).run();
}

/** Where an attempt has led: to the body's value, or to an error after which another attempt may hold. */
type Outcome<T> = { readonly value: T } | { readonly lost: Conflict | StorageError };

class TransactionRun<T> {
  readonly #host: TransactionHost;
  readonly #engine: StorageEngine;
  readonly #body: (tx: Transaction) => Awaitable<T>;
  readonly #options: TransactOptions;
  readonly #timeoutMillis: number;
  readonly #patience: Patience;
  #attempts = 0;
  /** Attempts that ended in a conflict. */
  #losses = 0;
  #firstLostMillis = 0;
  /** Why the attempt before this one was lost. */
  #lost: Conflict | StorageError | undefined;

  constructor(
    host: TransactionHost,
    engine: StorageEngine,
    body: (tx: Transaction) => Awaitable<T>,
    options: TransactOptions,
  ) {
    this.#host = host;
    this.#engine = engine;
    this.#body = body;
    this.#options = options;
    this.#timeoutMillis = options.timeoutMillis ?? TIMEOUT_MILLIS_DEFAULT;
    this.#patience = new Patience(host, this.#timeoutMillis, options.signal);
  }

  run(): Awaitable<T> {
    return andThen(this.#attempt(), (outcome) =>
      "value" in outcome ? outcome.value : this.#runAgain(outcome.lost),
    );
  }

  async #runAgain(firstLost: Conflict | StorageError): Promise<T> {
    this.#firstLostMillis = this.#host.nowMillis();
    for (let lost = firstLost; ;) {
      this.#lost = lost;
      if (lost instanceof Conflict) this.#losses++;
      await this.#pauseAfter(lost);
      const outcome = await this.#attempt();
      if ("value" in outcome) return outcome.value;
      lost = outcome.lost;
    }
  }

  async #pauseAfter(lost: Conflict | StorageError): Promise<void> {
    const retries = this.#attempts - 1;
    const pauseMillis = this.#goesExclusive()
      ? 0
      : backoffMillis(lost, retries, this.#host.random());
    await this.#patience.sleep(pauseMillis);
    const { lapsed } = this.#patience;
    if (lapsed?.why === "signal") throw this.#lapseError(lapsed);
    if (lapsed?.why === "deadline") {
      throw whenTimeIsOver(lost, this.#attempts);
    }
  }

  // ---------------------------------------------------------------- one attempt

  #attempt(): Awaitable<Outcome<T>> {
    this.#attempts++;
    if (this.#goesExclusive()) return this.#attemptExclusively();
    let inner: Awaitable<EngineTransaction>;
    try {
      inner = this.#engine.begin(this.#beginOptions());
    } catch (error) {
      return this.#lostOrThrow(error);
    }
    return isPromise(inner) ? this.#beginInTime(inner) : this.#runBody(inner);
  }

  /** Whoever has to wait before the body can begin waits no longer than the body may run. */
  async #beginInTime(beginning: Promise<EngineTransaction>): Promise<Outcome<T>> {
    let begun: { readonly value: EngineTransaction } | Lapse;
    try {
      begun = await this.#patience.within(beginning);
    } catch (error) {
      return this.#lostOrThrow(error);
    }
    if ("value" in begun) return await this.#runBody(begun.value);
    abortWhenBegun(beginning);
    if (begun.why === "signal") throw this.#lapseError(begun);
    // It was the attempts before that used the time up, if there were any.
    if (this.#lost !== undefined) throw whenTimeIsOver(this.#lost, this.#attempts - 1);
    throw new StorageError("Unavailable", { what: "begin", timeoutMillis: this.#timeoutMillis });
  }

  #lostOrThrow(error: unknown): Outcome<T> {
    if (isRetryable(error)) return { lost: error };
    throw error;
  }

  #goesExclusive(): boolean {
    const { exclusive, remote } = this.#engine.capabilities;
    if (!exclusive || this.#losses < EXCLUSIVE_AFTER_LOSSES) return false;
    if (!remote || this.#options.fallsBehind === true) return true;
    // A body that has been alone and took too long for that may get through among others.
    if (!(this.#lost instanceof Conflict)) return false;
    return this.#host.nowMillis() - this.#firstLostMillis >= REMOTE_EXCLUSIVE_AFTER_MILLIS;
  }

  async #attemptExclusively(): Promise<Outcome<T>> {
    let inner: EngineTransaction;
    try {
      inner = await this.#exclusiveTurn();
    } catch (error) {
      return this.#lostOrThrow(error);
    }
    return await this.#runBody(inner);
  }

  /** Waits for the engine to be ours alone; the time over, it was conflicts that used it up. */
  async #exclusiveTurn(): Promise<EngineTransaction> {
    const patience = this.#patience.signal();
    let begun: Promise<EngineTransaction> | undefined;
    let turn: { readonly value: EngineTransaction } | Lapse;
    try {
      begun = Promise.resolve(this.#engine.begin({ exclusive: true, signal: patience.signal }));
      turn = await this.#patience.within(begun);
    } catch (error) {
      if (!patience.signal.aborted) throw error;
      turn = patience.signal.reason as Lapse;
    } finally {
      patience.stop();
    }
    if ("value" in turn) return turn.value;
    // An engine that does not heed the signal still gives the turn.
    if (begun !== undefined) abortWhenBegun(begun);
    throw turn.why === "signal" ? this.#lapseError(turn) : new Conflict(this.#losses);
  }

  #beginOptions(): BeginOptions {
    const { readOnly, signal } = this.#options;
    const isRetry = this.#attempts > 1;
    if (readOnly !== true && signal === undefined && !isRetry) return NO_BEGIN_OPTIONS;
    return { readOnly: readOnly ?? false, isRetry, ...(signal === undefined ? {} : { signal }) };
  }

  #runBody(inner: EngineTransaction): Awaitable<Outcome<T>> {
    const tx = new Transaction(this.#engine, inner, {
      attempt: this.#attempts,
      readOnly: this.#options.readOnly ?? false,
      mayPresume: this.#lost !== PRESUMED_WRONGLY,
    });
    const scope = this.#options.runsUserCode === false ? undefined : new BodyScope(this.#engine);
    let result: Awaitable<T>;
    try {
      result = toAwaitable(scope === undefined ? this.#body(tx) : enterBody(scope, this.#body, tx));
    } catch (error) {
      if (scope !== undefined) leaveBody(scope);
      return this.#bodyFailed(tx, inner, error);
    }
    if (isPromise(result)) return this.#awaitBody(tx, inner, scope, result);
    if (scope !== undefined) leaveBody(scope);
    return this.#bodyEnded(tx, inner, result);
  }

  async #awaitBody(
    tx: Transaction,
    inner: EngineTransaction,
    scope: BodyScope | undefined,
    body: Promise<T>,
  ): Promise<Outcome<T>> {
    let ended: { readonly value: T } | Lapse;
    try {
      ended = await this.#patience.within(body);
    } catch (error) {
      return await this.#bodyFailed(tx, inner, error);
    } finally {
      if (scope !== undefined) leaveBody(scope);
    }
    if ("value" in ended) return await this.#bodyEnded(tx, inner, ended.value);
    tx.end(ended.why === "deadline" ? "timed out" : "aborted");
    inner.abort();
    this.#reportLateFailure(body);
    throw this.#lapseError(ended);
  }

  #bodyEnded(tx: Transaction, inner: EngineTransaction, value: T): Awaitable<Outcome<T>> {
    const { readsAreFinal } = this.#engine.capabilities;
    let committing: Awaitable<CommitResult>;
    try {
      this.#options.signal?.throwIfAborted();
      const plan = tx.finish();
      const changes = plan.ops.length > 0 || plan.requires.length > 0;
      if (!changes && (tx.readOnly ? readsAreFinal : !tx.hasRead)) {
        inner.abort();
        return this.#committed(tx, value, NOTHING_COMMITTED);
      }
      // One state was read and nothing is written: that holds at the time of the reading, whatever came later.
      const unchecked = !changes && readsAreFinal;
      committing = inner.commit(this.#commitPlan(unchecked ? { ...plan, ...NO_READS } : plan));
    } catch (error) {
      return this.#commitFailed(tx, inner, error);
    }
    if (!isPromise(committing)) return this.#committed(tx, value, committing);
    return committing.then(
      (result) => this.#committed(tx, value, result),
      (error: unknown) => this.#commitFailed(tx, inner, error),
    );
  }

  #committed(tx: Transaction, value: T, { version }: CommitResult): Outcome<T> {
    tx.committed(version, (error) => {
      this.#host.report(error, "onCommit");
    });
    return { value };
  }

  // ---------------------------------------------------------------- failures

  /** The body threw. Where reads count only once they are committed, it may have been shown what never was. */
  #bodyFailed(tx: Transaction, inner: EngineTransaction, error: unknown): Awaitable<Outcome<T>> {
    // What the first attempt claims it takes to be free. If it is not, its own writes hide what they should have
    // removed, and that looks like damage. The next attempt reads what it claims: what is damage is damage there too.
    if (error instanceof CorruptionError && tx.attempt === 1 && tx.hasRequirements)
      return this.#attemptFailed(tx, inner, CONFLICT);
    if (isRetryable(error) || this.#engine.capabilities.readsAreFinal || !tx.hasRead) {
      return this.#attemptFailed(tx, inner, error);
    }
    const reads = tx.readPlan();
    tx.end("aborted");
    return this.#validate(tx, inner, reads, error);
  }

  async #validate(
    tx: Transaction,
    inner: EngineTransaction,
    reads: ReturnType<Transaction["readPlan"]>,
    bodyError: unknown,
  ): Promise<Outcome<T>> {
    try {
      await inner.commit(this.#commitPlan(reads));
    } catch (error) {
      if (!isRetryable(error)) this.#host.report(bodyError, "transaction body");
      return this.#attemptFailed(tx, inner, error);
    }
    throw bodyError;
  }

  #commitFailed(tx: Transaction, inner: EngineTransaction, error: unknown): Awaitable<Outcome<T>> {
    const otherwise = error instanceof RequirementFailed ? tx.otherwiseOf(error.key) : undefined;
    if (otherwise === undefined) return this.#attemptFailed(tx, inner, error);
    tx.end("aborted");
    inner.abort();
    return this.#throwInWords(otherwise);
  }

  /** Where the words cannot be found now, the next attempt fails as this one did, or holds. */
  #throwInWords(otherwise: Otherwise): Awaitable<Outcome<T>> {
    let told: Awaitable<Error>;
    try {
      told = withView(this.#engine, otherwise);
    } catch (error) {
      return this.#lostOrThrow(error);
    }
    if (!isPromise(told)) throw told;
    return told.then(
      (error) => {
        throw error;
      },
      (error: unknown) => this.#lostOrThrow(error),
    );
  }

  /** Nothing is committed: gives the next attempt its chance, or the caller the error. */
  #attemptFailed(tx: Transaction, inner: EngineTransaction, error: unknown): Outcome<T> {
    tx.end("aborted");
    inner.abort();
    if (isRetryable(error)) return { lost: error };
    throw error;
  }

  /** The body of a given-up transaction goes on; that it is refused further use is expected, all else is not. */
  #reportLateFailure(body: Promise<T>): void {
    body.catch((error: unknown) => {
      if (!(error instanceof TransactionClosed)) {
        this.#host.report(error, "body of a transaction after its end");
      }
    });
  }

  #lapseError(lapse: Lapse): unknown {
    if (lapse.why === "signal") return this.#options.signal?.reason;
    return new TransactionTimeout({
      timeoutMillis: this.#timeoutMillis,
      attempts: this.#attempts,
    });
  }

  #commitPlan(plan: ReturnType<Transaction["readPlan"]>): CommitPlan {
    const { durability, signal } = this.#options;
    if (this.#engine.capabilities.answersMayBeLost === true) {
      return {
        ...plan,
        ...(durability === undefined ? {} : { durability }),
        ...(signal === undefined ? {} : { signal }),
        outcomeMillisMax: this.#patience.leftMillis,
      };
    }
    if (durability === undefined && signal === undefined) return plan;
    // Named one by one: to spread the plan costs as much as a dozen of its own allocations.
    const { ops, readKeys, readRanges, requires } = plan;
    if (durability === undefined) return { readKeys, readRanges, ops, requires, signal: signal! };
    if (signal === undefined) return { readKeys, readRanges, ops, requires, durability };
    return { readKeys, readRanges, ops, requires, durability, signal };
  }
}

const NO_BEGIN_OPTIONS: BeginOptions = {};
const NOTHING_COMMITTED: CommitResult = {};
const NO_READS = { readKeys: [], readRanges: [] } as const;

/** The error of whoever has no time for another attempt. */
function whenTimeIsOver(lost: Conflict | StorageError, attempts: number): Conflict | StorageError {
  return lost instanceof Conflict ? new Conflict(attempts) : lost;
}

/** What comes too late is given back: nobody is there to use it. */
function abortWhenBegun(beginning: Promise<EngineTransaction>): void {
  beginning.then(
    (inner) => {
      inner.abort();
    },
    () => {},
  );
}

/** A promise of another realm or library is awaited too: taken for a value, its work would be lost. */
function toAwaitable<T>(result: Awaitable<T>): Awaitable<T> {
  if (isPromise(result) || typeof result !== "object" || result === null) return result;
  return typeof (result as { then?: unknown }).then === "function"
    ? Promise.resolve(result)
    : result;
}

/** A Conflict that counts attempts has left another transact: its caller's, not ours to retry. */
function isRetryable(error: unknown): error is Conflict | StorageError {
  if (error instanceof Conflict) return error.attempts === 0;
  return error instanceof StorageError && error.retryable;
}
