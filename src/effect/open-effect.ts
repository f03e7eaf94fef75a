/** Opening a database inside a Scope, and running transactions in the caller's fiber world. */
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import type * as Scope from "effect/Scope";
import { KotobaError } from "../base/index.ts";
import type { Awaitable } from "../base/index.ts";
import { bindDatabase, openCore, TransactionClosed } from "../database/index.ts";
import type {
  DatabaseCore,
  Db,
  DbOf,
  Defs,
  ExactRelations,
  FreeNames,
  OpenError,
  OpenOptions,
  OpenTarget,
  RelationSpecs,
  Transaction,
  TransactionError,
  TransactionOptions,
  TransactionRunner,
  TxOf,
} from "../database/index.ts";
import { effectRunner, failed, lift, traced } from "./effect-runner.ts";
import type { EffectRun } from "./effect-runner.ts";

/** A database whose methods give Effects. */
export type EffectDb<Ds = {}, Rs = {}> = DbOf<EffectRun, Ds, Rs> & {
  /** The same database with the Promise API, for code that awaits. */
  readonly promise: Db<Ds, Rs>;
};

/** What the body of a transaction works with, for functions of your own that are called in one. */
export type EffectTx<Ds = {}, Rs = {}> = TxOf<EffectRun, Ds, Rs>;

/**
 * Opens a database for the life of the surrounding Scope, which closes it.
 *
 * @example
 * const program = Effect.gen(function* () {
 *   const db = yield* open("./data", { collections: { users: Users } });
 *   return yield* db.users.insert({ email: "ada@example.org" });
 * });
 * await Effect.runPromise(Effect.scoped(program));
 */
export function open<const Ds extends Defs = {}, const Rs extends RelationSpecs<Ds> = {}>(
  target: OpenTarget,
  options?: OpenOptions<Ds, Rs & ExactRelations<Ds, Rs>> & FreeNames<Ds>,
): Effect.Effect<EffectDb<Ds, Rs>, OpenError, Scope.Scope> {
  return openScoped<Ds, Rs>(target, options);
}

/** The same, where the names of the collections are not known to the compiler. */
export function openScoped<Ds extends Defs, Rs = {}>(
  target: OpenTarget,
  options?: OpenOptions<Ds>,
): Effect.Effect<EffectDb<Ds, Rs>, OpenError, Scope.Scope> {
  return Effect.map(
    Effect.acquireRelease(
      lift<DatabaseCore, OpenError>(() => openCore(target, options)),
      (core) => Effect.promise(() => core.close()),
    ),
    (core) => fromCore<Ds, Rs>(core, options?.collections),
  );
}

function fromCore<Ds extends Defs, Rs>(
  core: DatabaseCore,
  collections: Ds | undefined,
): EffectDb<Ds, Rs> {
  const db = bindDatabase<EffectRun>(
    core,
    collections ?? {},
    effectRunner,
    transactionRunner(core),
  );
  return Object.assign(db, { promise: bindDatabase(core, collections ?? {}) }) as never;
}

/** Carries the body's own failure through the retry loop, which gives errors of the body back untouched. */
class BodyFailed extends Error {
  readonly failure: Cause.Cause<unknown>;
  constructor(failure: Cause.Cause<unknown>) {
    super("the body failed");
    this.failure = failure;
  }
}

/** The retry loop is the core's; each attempt runs the body as a fiber with the caller's context. */
function transactionRunner(core: DatabaseCore): TransactionRunner<EffectRun> {
  return <T, A, E, R>(
    bind: (tx: Transaction) => T,
    body: (tx: T) => Effect.Effect<A, E, R>,
    options: TransactionOptions,
  ): Effect.Effect<A, E | TransactionError, R> => {
    const transaction = Effect.flatMap(Effect.context<R>(), (context) =>
      Effect.callback<A, E | TransactionError>((resume) => {
        const abort = new AbortController();
        const run = Effect.runPromiseExitWith(context);
        const signal = withCallersSignal(abort.signal, options.signal);
        const attempt = async (tx: Transaction): Promise<A> => {
          const exit = await run(
            Effect.suspend(() => body(bind(tx))),
            { signal: abort.signal },
          );
          // Interrupted from outside: the transaction has ended already, whatever the body came to.
          if (abort.signal.aborted) throw new TransactionClosed("aborted");
          if (Exit.isSuccess(exit)) return exit.value;
          throw retryableError(exit.cause) ?? new BodyFailed(exit.cause);
        };
        const settled = asPromise(() => core.transact(attempt, { ...options, signal })).then(
          (value) => resume(Effect.succeed(value)),
          (error: unknown) => {
            // The transaction is over; a body that still runs (after a timeout) has nothing to work on.
            abort.abort();
            resume(
              error instanceof BodyFailed
                ? Effect.failCause(error.failure as Cause.Cause<E>)
                : failed(error),
            );
          },
        );
        return Effect.promise(() => {
          abort.abort();
          return settled;
        });
      }),
    );
    return traced(transaction, "transaction", undefined);
  };
}

function withCallersSignal(own: AbortSignal, callers: AbortSignal | undefined): AbortSignal {
  return callers === undefined ? own : AbortSignal.any([own, callers]);
}

async function asPromise<A>(work: () => Awaitable<A>): Promise<A> {
  return work();
}

/** An error of the engine that the body let pass: the loop must see it to run the body again. */
function retryableError(cause: Cause.Cause<unknown>): KotobaError | undefined {
  const error = Cause.squash(cause);
  return error instanceof KotobaError && error.retryable ? error : undefined;
}
