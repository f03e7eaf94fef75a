/** The database itself, as types: what `open()` gives in every door. */
import type { Kind, Run } from "../base/index.ts";
import type {
  CollectionOptions,
  Def,
  FreeName,
  IndexSpecs,
  InputOf,
  ObjectSchema,
  OutputOf,
  UniqueViolation,
  ValidationError,
  WithId,
} from "../collections/index.ts";
import type { Durability, SnapshotOptions } from "../engine/contract/index.ts";
import type { EngineFailure, ReadError, TransactionError, WriteError } from "./failures.ts";
import type { Collection, Collections, Context } from "./surface.ts";

export interface TransactionOptions {
  /** Writes are refused, and nothing conflicts. Default false. */
  readonly readOnly?: boolean;
  /**
   * Over all attempts; then TransactionTimeout or Conflict. Default 10,000. A commit that is under way is awaited all the
   * same; if its answer is lost on its way from a server, it is found out by then what became of it, or the call fails with
   * StorageError 'CommitUnknown'. Infinity is for a body that waits for nothing
   * but its own operations: the last attempt has the database to itself, and a body that then waits for another transaction
   * waits for one that waits for it, until its time is over.
   */
  readonly timeoutMillis?: number;
  /** Ends the transaction when it aborts; nothing is committed then. */
  readonly signal?: AbortSignal;
  /** Default: the database's. */
  readonly durability?: Durability;
}

interface TransactionMethods<F extends Run> {
  /** Which run of the body this is, from 1. */
  readonly attempt: number;
  /**
   * Called once, after the commit is acknowledged; never for an attempt that lost. Nobody waits for a promise that it
   * gives; an error is printed as a warning of the process. `version` names the commit: `changes({ since: version })` tells
   * what came after it. It is undefined where nothing was written, where the engine does not name its commits, and
   * where the answer to the commit was lost on its way from a server.
   */
  onCommit(hook: (version: string | undefined) => unknown): void;
  /** The same collection inside this transaction. */
  collection<C extends Context & { F: F }>(handle: Collection<C>): Collection<C>;
}
/** What the body of a transaction works with: the collections by name, and those of `db.collection()`. */
export type TxOf<F extends Run, Ds, Rs = {}> = Collections<F, Ds, Rs> & TransactionMethods<F>;

/** One state of the data, for reading, until it is closed. */
export type SnapshotOf<F extends Run, Ds, Rs = {}> = Collections<F, Ds, Rs> &
  Disposable & {
    /** The same collection in this snapshot. */
    collection<C extends Context & { F: F }>(handle: Collection<C>): Collection<C>;
    /**
     * Names the state: with `changes({ since: snapshot.version })` a copy that was made from the snapshot is kept up to
     * date without a gap. Undefined where the engine does not name its states.
     */
    readonly version: string | undefined;
    close(): void;
  };

export interface Verification {
  readonly ok: boolean;
  readonly problems: readonly string[];
}

interface DbMethods<F extends Run, Ds, Rs> {
  /**
   * A typed collection. Synchronous: the schema is checked against the stored one at the first operation, or by
   * `ready()`.
   *
   * @throws InvalidDefinition where the name, the schema or an index cannot be right.
   * @example
   * const notes = db.collection("notes", z.object({ text: z.string(), at: z.date() }), {
   *   indexes: { byAt: ["at"] },
   * });
   */
  collection<
    const N extends string,
    S extends ObjectSchema,
    const I extends IndexSpecs<WithId<N, OutputOf<S>>> = {},
  >(
    name: N & FreeName<N>,
    schema: S,
    options?: CollectionOptions<I>,
  ): Collection<{ F: F; D: Def<N, InputOf<S>, OutputOf<S>, I> }>;
  /**
   * Runs `body` as one serializable transaction: all of it takes effect at one point, or nothing does. It runs again by
   * itself when another commit changed what it had read, at last alone, so that it cannot starve; so the body must do
   * nothing but read and write here (use `tx.onCommit` for the rest). Await every operation in it.
   *
   * @example
   * await db.transaction(async (tx) => {
   *   const account = await tx.accounts.getOrThrow(id);
   *   await tx.accounts.update(id, { balance: account.balance - 10 });
   * });
   */
  transaction<A, E = never, R = never>(
    body: (tx: TxOf<F, Ds, Rs>) => Kind<F, A, E, R>,
    options?: TransactionOptions,
  ): Kind<F, A, E | TransactionError, R>;
  /**
   * The newest durable state, kept for reading until it is closed; it holds back the clean-up of old data.
   *
   * With `stale: true` the state may be one of a while ago: on a server with standbys it is read from one of them, to spare
   * the primary. It does not show for certain what this program has written itself. A database in a folder gives the
   * newest all the same.
   *
   * @example
   * using report = db.snapshot({ stale: true });
   * const open = await report.orders.where({ state: "open" }).count();
   */
  snapshot(options?: SnapshotOptions): SnapshotOf<F, Ds, Rs>;
  /**
   * Resolves when every collection so far is checked against the stored one and all of its indexes are built. Nobody has to
   * wait for that: queries do without an index that is still being built.
   *
   * Fails with what made a build fail, such as the UniqueViolation of two stored documents with one key in an index that
   * is newly unique. Once that is mended the next call goes on with the build.
   */
  ready(): Kind<F, void, ReadError | UniqueViolation | ValidationError>;
  /**
   * Reads everything: checksums, order, whether indexes and documents agree, and whether references that relations keep
   * lead to documents.
   */
  verify(): Kind<F, Verification, ReadError>;
  /**
   * Deletes the documents whose time has come by indexes with `expire`, now, and gives how many there were. The database
   * does so by itself, within a minute of their time, so this is for programs that live shorter than that, and for tests:
   * `fixedHost()` of kotobadb/testing has a clock that can be moved. In transactions of many documents each; a document
   * that a relation keeps stays, is told as a warning once, and is tried again. An index that is still being built deletes
   * nothing yet.
   *
   * @example
   * host.clock.advance(31 * 86_400_000);
   * await db.expire();
   */
  expire(): Kind<F, number, ReadError | WriteError>;
  /**
   * Gives room back at once that overwritten and deleted data still takes. The database does so by itself, so this is for
   * the moment after much was deleted. What open snapshots see is kept.
   */
  compact(): Kind<F, void, EngineFailure>;
  /**
   * Makes a database of its own in `directory`, which is empty or not there: a backup, at the state of one commit, while
   * reads and writes go on. In the same file system it takes moments and no room, for files are shared until they change.
   *
   * @throws StorageError 'NotEmpty' if anything lies in the directory, 'NotSupported' for a database in memory.
   * @example
   * await db.checkpoint("./backups/2026-01-31");
   */
  checkpoint(directory: string): Kind<F, void, EngineFailure>;
  /** Figures by name: bytes, counts, milliseconds. */
  stats(): Kind<F, Readonly<Record<string, number>>, EngineFailure>;
}
/** A database: its collections by name, and its methods. */
export type DbOf<F extends Run, Ds, Rs = {}> = Collections<F, Ds, Rs> & DbMethods<F, Ds, Rs>;
