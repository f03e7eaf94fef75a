/** Opening: an engine for a path, a core over it, and the database object of a door. */
import { andThen } from "../base/index.ts";
import type { Awaitable, Kind, KotobaError, PromiseRun, Run, Runner } from "../base/index.ts";
import { collection, InvalidDefinition, parseRelations } from "../collections/index.ts";
import type {
  CollectionDefinition,
  Def,
  ExactRelations,
  ObjectSchema,
  RelationSpecs,
} from "../collections/index.ts";
import type { SnapshotOptions, StorageEngine } from "../engine/contract/index.ts";
import { nodeHost, openLsmEngine } from "../engine/lsm/index.ts";
import { MemoryEngine } from "../engine/memory/index.ts";
import type { Transaction } from "../transaction/index.ts";
import { SnapshotAccess, TransactionAccess } from "./access.ts";
import type { Access } from "./access.ts";
import { CollectionHandle } from "./collection-handle.ts";
import { bindCollections, DatabaseCore, transactionBinder } from "./database-core.ts";
import type { DbOf, SnapshotOf, TransactionOptions, TxOf } from "./database-type.ts";
import type { TransactionError } from "./failures.ts";
import { promiseRunner } from "./promise-door.ts";
import { checkOpen, checkSnapshot, InvalidOption } from "./options.ts";
import type { FreeNames, OpenOptions, OpenTarget } from "./options.ts";
import type { Defs } from "./surface.ts";

/** A database in the main door: methods give Promises. */
export type Db<Ds = {}, Rs = {}> = DbOf<PromiseRun, Ds, Rs> &
  AsyncDisposable & {
    /**
     * Waits for what is being written, has it where the next opening is quick, then lets go of the folder. Later use fails
     * with Closed. Idempotent.
     */
    close(): Promise<void>;
  };

/**
 * What the body of a transaction works with, for functions of your own that are called in one. (A function that only uses
 * collections can take `Pick<AppDb, "users">`: then it serves a transaction, a snapshot and the database alike.)
 *
 * @example
 * async function pay(tx: Tx<typeof collections>, id: Id<"accounts">, amount: number): Promise<void> {
 *   await tx.accounts.update(id, { balance: inc(-amount) });
 * }
 */
export type Tx<Ds = {}, Rs = {}> = TxOf<PromiseRun, Ds, Rs>;
/** One state of the data, for reading, until it is closed: what `db.snapshot()` gives. */
export type DbSnapshot<Ds = {}, Rs = {}> = SnapshotOf<PromiseRun, Ds, Rs>;

/**
 * Opens the database in a folder, and makes the folder if it is not there.
 *
 * An engine that is handed in and works with a server tries first whether it is isolated well enough; where it is not, it
 * is closed, and StorageError 'IsolationTooWeak' says so.
 *
 * @throws DatabaseLocked if another process, or this one, has it open; CorruptionError if a file it needs is damaged;
 *   StorageError for what the disk reports.
 * @example
 * await using db = await open("./data", { collections: { users: Users } });
 * await db.users.insert({ email: "ada@example.org" });
 */
export async function open<const Ds extends Defs = {}, const Rs extends RelationSpecs<Ds> = {}>(
  target: OpenTarget,
  options?: OpenOptions<Ds, Rs & ExactRelations<Ds, Rs>> & FreeNames<Ds>,
): Promise<Db<Ds, Rs>> {
  const core = await openCore(target, options);
  return bindDatabase(core, options?.collections ?? {}) as Db<Ds, Rs>;
}

/** The core of a database, for a door to stand on. */
export function openCore<Ds extends Defs>(
  target: OpenTarget,
  options: OpenOptions<Ds> = {},
): Awaitable<DatabaseCore> {
  checkOpen(target, options);
  const { durability } = options;
  const relations = parseRelations(options.collections ?? {}, options.relations);
  return andThen(openVerified(target, options), (engine) => {
    return new DatabaseCore(engine, {
      host: options.host ?? nodeHost(),
      durability,
      fullScan: options.fullScan,
      onEvent: options.onEvent,
      sortBytesMax: options.sortBytesMax,
      relations,
      readOnly: options.readOnly,
    });
  });
}

/** An engine whose isolation depends on a server is asked first; one that is too weak is closed again. */
function openVerified(target: OpenTarget, options: OpenOptions<Defs>): Awaitable<StorageEngine> {
  return andThen(openEngine(target, options), (engine) =>
    engine.verifyIsolation === undefined
      ? engine
      : engine.verifyIsolation().then(
          () => engine,
          async (error: unknown) => {
            await engine.close();
            throw error;
          },
        ),
  );
}

function openEngine(
  target: OpenTarget,
  { changeLog, durability, host, limits, onEvent, readOnly }: OpenOptions<Defs>,
): Awaitable<StorageEngine> {
  if (typeof target !== "string") return target.engine;
  const log = changeLog === undefined ? {} : { changeLog: changeLog === true ? {} : changeLog };
  const sizes = limits === undefined ? {} : { limits };
  if (target === ":memory:") return new MemoryEngine({ ...log, ...sizes });
  return openLsmEngine({
    path: target,
    ...log,
    ...sizes,
    ...(durability === undefined ? {} : { durability }),
    ...(host === undefined ? {} : { host }),
    ...(onEvent === undefined ? {} : { onEvent }),
    ...(readOnly === undefined ? {} : { readOnly }),
  });
}

/** How a door runs a transaction: `bind` makes what the body works with, anew for each attempt. */
export type TransactionRunner<F extends Run> = <T, A, E, R>(
  bind: (tx: Transaction) => T,
  body: (tx: T) => Kind<F, A, E, R>,
  options: TransactionOptions,
) => Kind<F, A, E | TransactionError, R>;

function promiseTransactions(core: DatabaseCore): TransactionRunner<PromiseRun> {
  return <T, A>(
    bind: (tx: Transaction) => T,
    body: (tx: T) => Promise<A>,
    options: TransactionOptions,
  ): Promise<A> => promiseRunner.run<A>(() => core.transact((tx) => body(bind(tx)), options));
}

/** The database object of the main door. */
export function bindDatabase(core: DatabaseCore, definitions: Defs): Db<Defs>;
/** The database object of a door. */
export function bindDatabase<F extends Run>(
  core: DatabaseCore,
  definitions: Defs,
  runner: Runner<F>,
  transactions: TransactionRunner<F>,
): object;
export function bindDatabase(
  core: DatabaseCore,
  definitions: Defs,
  runner: Runner<PromiseRun> = promiseRunner,
  transactions: TransactionRunner<PromiseRun> = promiseTransactions(core),
): object {
  // Made first: a wrong name must not leave half a database behind.
  const bound = (access: Access): object => ({
    ...bindCollections(core, definitions, runner, access),
    collection: (handle: unknown) => bindHandle(core, handle, runner, access),
  });
  const bindTransaction = transactionBinder(core, definitions, runner, (handle, access) =>
    bindHandle(core, handle, runner, access),
  );
  return {
    ...bindCollections(core, definitions, runner, core.direct),
    collection: (name: string, schema: ObjectSchema, options?: object) => {
      const { definition } = collection(name as "c", schema, options as {}) as Def;
      return core.handle(definition, runner, core.direct);
    },
    transaction: (body: (tx: object) => Promise<unknown>, options: TransactionOptions = {}) =>
      transactions(
        (tx) => bindTransaction(tx, new TransactionAccess(tx, runner === promiseRunner)),
        typeof body === "function" ? body : refuseBody(body),
        options,
      ),
    snapshot: (options: SnapshotOptions = {}) => {
      const access = new SnapshotAccess(core.engine.snapshot(checkSnapshot(options)));
      const close = (): void => access.close();
      const snapshot = Object.assign(bound(access), { close, [Symbol.dispose]: close });
      return Object.defineProperty(snapshot, "version", { get: () => access.version });
    },
    ready: () => runner.run(() => core.ready(), "ready"),
    verify: () =>
      runner.run(
        () => core.verify().then((problems) => ({ ok: problems.length === 0, problems })),
        "verify",
      ),
    stats: () => runner.run(() => core.stats(), "stats"),
    expire: () => runner.run(() => core.expire(), "expire"),
    compact: () => runner.run(() => core.compact(), "compact"),
    checkpoint: (directory: string) => runner.run(() => core.checkpoint(directory), "checkpoint"),
    close: () => core.close(),
    [Symbol.asyncDispose]: () => core.close(),
  };
}

function refuseBody(found: unknown): () => never {
  return () => {
    throw new InvalidOption("body", "a function of the transaction", found);
  };
}

/** The same collection, reached another way: what `tx.collection(users)` gives. */
function bindHandle<F extends Run>(
  core: DatabaseCore,
  handle: unknown,
  runner: Runner<F>,
  access: Access,
): CollectionHandle<F> {
  if (!(handle instanceof CollectionHandle) || !handle.isOf(core))
    throw new InvalidDefinition(
      nameIn(handle),
      "collection() takes a collection of this database: db.users, or what db.collection() gave",
    );
  const { definition }: { definition: CollectionDefinition } = handle;
  return core.handle(definition, runner, access);
}

/** What was handed in goes by this name, for messages. */
function nameIn(handed: unknown): string {
  const name: unknown = (handed as { readonly name?: unknown } | null | undefined)?.name;
  return typeof name === "string" ? name : typeof handed;
}

/** Errors that are mistakes in the program, whatever the data: a door with typed failures makes defects of them. */
const mistakes: ReadonlySet<string> = new Set([
  "InvalidOption",
  "InvalidDefinition",
  "NestedTransaction",
  "ReadOnlyTransaction",
  "TransactionClosed",
  "UnawaitedWork",
]);
export function isMistake(error: KotobaError): boolean {
  return mistakes.has(error._tag);
}
