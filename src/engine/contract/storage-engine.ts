/**
 * What a storage engine gives, and no more: ordered byte keys, one committed state per view, and one atomic commit that
 * is checked against what was read. All that two engines would both have to write (own writes, read set, retry, limits)
 * lives once, in the transaction room above.
 *
 * The laws, cited by number in the contract suite (`kotobadb/testing`):
 *  (1) Order. Keys are byte strings in the order of unsigned bytes, a prefix before its extensions.
 *  (2) Ranges are half-open [start, end). A scan gives the rows of its range in order, forward or in reverse, each once.
 *  (3) One state. All reads of one view see one committed state, fixed no later than its first read, and at least as new
 *      as every commit that was acknowledged before that first read was issued.
 *  (4) Shown is kept. What a read-only view, a snapshot or a resolved commit has shown survives a crash. A transaction
 *      that may write begins at the newest appended commit; one log carries both, so its own commit cannot be
 *      acknowledged before what it read is durable. A plan without ops resolves once all that was read is durable.
 *  (5) Atomic. A commit takes effect whole or not at all, at one point of a serial order of all commits.
 *  (6) Serializable. That order agrees with every read of readKeys and readRanges: else Conflict, and nothing happens.
 *      Reads of absent keys and empty ranges count, and so does what was presumed. Blind writes of one key need not conflict
 *      with each other.
 *  (7) Requirements hold at the commit itself. On a key that the transaction also read, failure is Conflict; else it is
 *      RequirementFailed with that key.
 *  (8) A plan is a set, not a list: all delRange first, then put, del and merge. No key occurs twice among those.
 *  (9) Bytes handed in are not kept by reference after the call returns or its promise settles; bytes handed out belong
 *      to the caller and never change.
 * (10) Errors say whether to run again (`retryable`) and whether the commit happened (`committed`). Conflict,
 *      RequirementFailed, TooOld, Unavailable and the limits: nothing of it is or will be. CommitUnknown and Io: all or
 *      nothing of it is, or will be.
 * (11) After commit() or abort() a transaction is closed: its reads and a second commit fail with Closed. abort() never
 *      throws and is idempotent. An engine never sends a commit twice by itself.
 * (12) No promise is made where the answer is in memory: every read is T | Promise<T>.
 */
import type { Awaitable, Bytes } from "../../base/index.ts";
import type { KeyRange } from "./key-range.ts";

// ---------------------------------------------------------------- reading

export interface ScanOptions {
  readonly reverse?: boolean;
  /** Most rows the caller can use; also the size of the first page where it is small. */
  readonly limit?: number;
  readonly keysOnly?: boolean;
  /** 'iterate' (default): a small first page, then growing. 'all': the largest pages from the start. */
  readonly expect?: "iterate" | "all";
}

/** Rows of one page in one buffer: no object, view or copy for each row. */
export interface Page {
  readonly rows: number;
  readonly buffer: Bytes;
  /** Key i is buffer[keyStart[i], keyEnd[i]). */
  readonly keyStart: Int32Array;
  readonly keyEnd: Int32Array;
  /** Value i is buffer[valueStart[i], valueEnd[i]); empty arrays with keysOnly. */
  readonly valueStart: Int32Array;
  readonly valueEnd: Int32Array;
  /** No rows follow this page. */
  readonly done: boolean;
}

/** Decodes in place: reads buffer[start, end) during the call only and keeps no reference to it. */
export type Decode<T> = (buffer: Bytes, start: number, end: number) => T;

export interface Scan {
  /** The next rows in order. A page without rows only with done. Not re-entrant: one next() at a time. */
  next(): Awaitable<Page>;
  /** Idempotent; after it next() gives an empty done page. */
  close(): void;
}

/** `entries` are the scanned rows; `found` holds what they refer to, row by row; a missing one has valueStart -1. */
export interface RefPage {
  readonly entries: Page;
  readonly found: Page;
}
export interface RefScan {
  next(): Awaitable<RefPage>;
  close(): void;
}
export interface MultiScan {
  /** The next page and the position of its range in the list; undefined after the last. */
  next(): Awaitable<{ readonly range: number; readonly page: Page } | undefined>;
  close(): void;
}

/** Laws 1, 2, 3, 9 and 12. */
export interface ReadView {
  get(key: Bytes): Awaitable<Bytes | undefined>;
  /** Like get, but hands the value to `decode` where it lies (a cached block, a network buffer). */
  read<T>(key: Bytes, decode: Decode<T>): Awaitable<T | undefined>;
  /** In the order asked, duplicates allowed; one round trip. */
  getMany(keys: readonly Bytes[]): Awaitable<(Bytes | undefined)[]>;
  scan(range: KeyRange, options?: ScanOptions): Scan;
  /**
   * Optional. Several ranges in one round trip, pages tagged with the range they came from, ranges in the order given:
   * what `in` and OR need. Absent: the transaction room runs the scans one after another.
   */
  scanMany?(
    ranges: readonly KeyRange[],
    options?: ScanOptions & { readonly limitEach?: number },
  ): MultiScan;
  /**
   * Optional. Like scan, but each row's value begins with a reference (varint length, then a key): answers with what
   * those keys hold, in scan order, in the same round trip. Absent: the transaction room does scan and getMany.
   */
  scanRefs?(range: KeyRange, options?: ScanOptions): RefScan;
  /**
   * Optional, of transactions. From here on it counts as read that the key holds this value; without a round trip. Where
   * that is not so in the state of this view, a later read or the commit fails with PRESUMED_WRONGLY, and nothing happens.
   * False: it does not count, so whoever needs it reads the key.
   */
  presume?(key: Bytes, value: Bytes): boolean;
}

// ---------------------------------------------------------------- writing

/**
 * How a number cell of 8 bytes changes. addInt: signed 64-bit, wrapping; addFloat, min, max: float64; big-endian. An
 * absent cell counts as the operand's neutral element: the operand itself becomes the value.
 */
export type MergeHow = "addInt" | "addFloat" | "min" | "max";

export type WriteOp =
  | {
      readonly op: "put";
      readonly key: Bytes;
      readonly value: Bytes;
      /**
       * Of a key that nobody reads, and each commit may write: said to those who read changes(). An engine whose writers
       * would wait for each other there need not keep it as a row.
       */
      readonly isNote?: true;
    }
  | { readonly op: "del"; readonly key: Bytes }
  | { readonly op: "delRange"; readonly range: KeyRange }
  /** Changes a number cell without reading it; never conflicts with its like. Counts and sums live here. */
  | { readonly op: "merge"; readonly key: Bytes; readonly how: MergeHow; readonly operand: Bytes };

/** Checked at the commit itself, against the newest state. Not a read (law 7). */
export type Requirement =
  | { readonly is: "absent"; readonly key: Bytes }
  | { readonly is: "equal"; readonly key: Bytes; readonly value: Bytes };

/** durable: acknowledged after the data is synced. buffered: after it is given to the OS. memory: at once. */
export type Durability = "durable" | "buffered" | "memory";

/**
 * What one commit read, writes and requires (laws 5 to 8). What a transaction's plan says was read was read through that
 * transaction: an engine may go by what it has answered.
 */
export interface CommitPlan {
  readonly readKeys: readonly Bytes[];
  /** Ranges as far as they were consumed. Engines whose server tracks reads may leave these aside; none checks less. */
  readonly readRanges: readonly KeyRange[];
  readonly ops: readonly WriteOp[];
  readonly requires: readonly Requirement[];
  /** Default: the engine's. An engine that cannot be weaker may be stronger. */
  readonly durability?: Durability;
  readonly signal?: AbortSignal;
  /**
   * How long whoever commits waits to learn the outcome if the answer is lost. Only told where capabilities.answersMayBeLost;
   * the transaction room heeds it when it settles such a commit, engines need not look at it.
   */
  readonly outcomeMillisMax?: number;
}
export type BlindPlan = Pick<
  CommitPlan,
  "ops" | "requires" | "durability" | "signal" | "outcomeMillisMax"
>;

/** Opaque; ordered only by the engine itself; equal means the same state. */
export type Version = string & { readonly "~version": true };
export interface CommitResult {
  readonly version?: Version;
}

export interface EngineTransaction extends ReadView {
  commit(plan: CommitPlan): Awaitable<CommitResult>;
  abort(): void;
}
export interface Snapshot extends ReadView {
  readonly version: Version | undefined;
  close(): void;
}

// ---------------------------------------------------------------- the engine

export interface Limits {
  readonly keyBytes: number;
  readonly valueBytes: number;
  /** Keys and values written, plus keys and bounds read. */
  readonly transactionBytes: number;
  /** From the first read to the commit; Infinity: none. */
  readonly transactionMillis: number;
  /** How long a Snapshot is good for; Infinity: until closed. */
  readonly snapshotMillis: number;
}
/** What holds on every engine we know of, so that data can move to any of them. */
export const PORTABLE_LIMITS: Limits = {
  keyBytes: 1_024,
  valueBytes: 100_000,
  transactionBytes: 8_000_000,
  transactionMillis: 5_000,
  snapshotMillis: 5_000,
};

export interface Capabilities {
  /** A read costs a network round trip: the transaction room gathers the gets of a microtask turn. */
  readonly remote: boolean;
  /**
   * Other programs may write to the same rows meanwhile: what one of them remembers of the rows may be out of date, and
   * nothing may follow from it that a commit does not check. Absent: there is one program, and what it knows is so.
   */
  readonly shared?: boolean;
  /** false: what a transaction read counts only once its commit succeeded, read-only ones included. */
  readonly readsAreFinal: boolean;
  /** Snapshots of the past by Version, so long as retention keeps them. */
  readonly pastVersions: boolean;
  readonly changes: "none" | "wakeup" | "log";
  /**
   * begin({ exclusive: true }) works: no other commit happens between its begin and its end, so it cannot lose; others
   * wait. Absent: the transaction room retries with backoff until its deadline, then Conflict.
   */
  readonly exclusive: boolean;
  /** Opened for reading: a commit that writes is refused with StorageError 'OpenedReadOnly'. Absent: it is not. */
  readonly readOnly?: boolean;
  /**
   * A commit may take effect and its answer be lost on the way, as over a network: it then fails with CommitUnknown. Absent:
   * never. The transaction room has each such plan that writes put a token, a key of its own that its first requirement
   * says is absent, and after CommitUnknown puts the same token by write(), under the same requirement: one of the two can
   * take effect, whenever the other arrives. So the engine keeps three things:
   *  - CommitUnknown, and no error that says "nothing of it is or will be", once the commit was sent and not answered.
   *  - Of several requirements that do not hold it tells the first of the plan (law 7).
   *  - If a library below it may send a commit twice by itself, law 11 notwithstanding, a first requirement that does not
   *    hold is told before any Conflict: the token is then that of the commit itself, which has taken effect.
   */
  readonly answersMayBeLost?: boolean;
  /**
   * How many transactions may be open at once; Infinity where nothing bounds them. One too many waits for its turn where it
   * first needs it (a read, a commit), for a bounded time, then fails with Unavailable.
   */
  readonly openTransactions: number;
}

export interface BeginOptions {
  /** The plan will have no ops. Begins at the newest durable state (law 4). */
  readonly readOnly?: boolean;
  readonly exclusive?: boolean;
  /**
   * With readOnly, of whoever runs the work again if a read or the commit fails with Conflict. So an engine whose reads
   * count only once they are committed may answer the first ones by themselves, and begin when there are more.
   */
  readonly mayLose?: boolean;
  /** An attempt of this work has lost before. An engine may prefer it; it need not know it. */
  readonly isRetry?: boolean;
  readonly at?: Version;
  readonly signal?: AbortSignal;
}

export interface SnapshotOptions {
  /**
   * The state may be one of a while ago, and need lie in no order with what else is read: an engine that has copies of its
   * data elsewhere may read one of those. Others give what they always do.
   */
  readonly stale?: boolean;
}

/**
 * One commit, whole, as its ops: a merge as a put of the value it led to, where the engine knows that; else as itself, and
 * then a put that overlapped with it may come on either side.
 */
export interface ChangeSet {
  readonly version: Version;
  readonly ops: readonly WriteOp[];
}
export type CommitListener = (
  touched: { readonly keys: readonly Bytes[]; readonly ranges: readonly KeyRange[] } | undefined,
) => void;

export interface BulkLoadOptions {
  /**
   * Every part takes effect only if these hold then (law 7), else the load ends with RequirementFailed: so who loads where
   * others may come after all, as on a server, can be stopped by them. They name no key that is loaded.
   */
  readonly requires?: readonly Requirement[];
}

export interface StorageEngine {
  readonly name: string;
  readonly limits: Limits;
  readonly capabilities: Capabilities;
  /** No I/O; a promise only when `exclusive` must wait for its turn. */
  begin(options?: BeginOptions): Awaitable<EngineTransaction>;
  /** A view that outlives a call: a paged export, a consistent backup. May end early with TooOld. */
  snapshot(options?: SnapshotOptions): Awaitable<Snapshot>;
  /** An atomic batch that read nothing: one round trip, no transaction held. Serial with all other commits. */
  write(plan: BlindPlan): Awaitable<CommitResult>;
  /**
   * capabilities.changes is 'wakeup' or 'log': called after commits, once readers can see them, many of which may share
   * one call; also after one that was on its way when the listener came. Returns the undo.
   */
  onCommit?(wake: CommitListener): () => void;
  /** capabilities.changes is 'log': from a version (exclusive) or from now; TooOld if the log no longer reaches back. */
  changes?(
    after: Version | undefined,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<readonly ChangeSet[]>;
  /**
   * Bulk load into a range that nobody else uses, rows in any order; of equal keys the last one handed in stays, and what
   * they held before is replaced. Not atomic: engines may show, and after a failure keep, a part. To views that are open
   * it is a commit like others, or several of them (laws 3 and 6). An engine that may lose answers settles those of a load
   * by itself: behind its end nothing of it arrives, but for what CommitUnknown is said of. Absent: the layers above write batches.
   */
  load?(
    rows: AsyncIterable<readonly (readonly [key: Bytes, value: Bytes])[]>,
    options?: BulkLoadOptions,
  ): Promise<void>;
  /**
   * Optional. About how many rows a scan of the range would pass: a guess, for whoever has to choose between ranges. It is
   * finite and never negative, 0 for an empty range, and given at once; so an engine that would have to ask a server
   * leaves it out. Nothing else is promised: rows that were deleted or overwritten may count until they are cleared away,
   * and what a transaction has not committed does not.
   */
  estimateRows?(range: KeyRange): number;
  /** Proves on the live server, in a scratch prefix, that write skew and phantoms are refused. Called once at open. */
  verifyIsolation?(): Promise<void>;
  /** Figures by name (bytes, counts), for people and dashboards. */
  stats?(): Readonly<Record<string, number>>;
  /** Reads everything and checks it; the problems found, none if all is well. */
  verify?(): Promise<readonly string[]>;
  /** Gives room back that old data takes; needed by nobody, for an engine does so by itself. */
  compact?(): Promise<void>;
  /** Makes a database of its own in an empty directory, at the state of one commit, while reads and writes go on. */
  checkpoint?(directory: string): Promise<unknown>;
  close(): Promise<void>;
}
