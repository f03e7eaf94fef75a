/**
 * The local engine: a log-structured merge tree behind the contract.
 *
 * Always true:
 * (1) Readers are shown commits up to the newest that is acknowledged under the engine's durability; transactions that
 *     may write begin at the newest appended one (law 4).
 * (2) A view pins the sequence it reads at, never a file: whatever is flushed or compacted keeps what it sees.
 * (3) Reads go on after a failure, at what was acknowledged; see WritePath for what happens to commits.
 */
import { Closed, EMPTY_BYTES, assert } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import { StorageError, isEmptyRange } from "../contract/index.ts";
import type {
  BeginOptions,
  BlindPlan,
  Capabilities,
  ChangeSet,
  CommitListener,
  CommitResult,
  EngineTransaction,
  KeyRange,
  Limits,
  Snapshot,
  StorageEngine,
  Version,
} from "../contract/index.ts";
import { writeCheckpoint } from "./checkpoint/index.ts";
import type { CheckpointOptions, CheckpointResult } from "./checkpoint/index.ts";
import { KeptSequence } from "./commit/index.ts";
import type { OpenViews } from "./commit/index.ts";
import { bytesOf, tablesOf, versionText } from "./compaction/index.ts";
import type { PointResult } from "./cursor/index.ts";
import { engineReport } from "./engine-report.ts";
import { verifyOpenFiles } from "./inspect/index.ts";
import type { VerifyOptions } from "./inspect/index.ts";
import { LsmSnapshot, LsmTransaction } from "./lsm-transaction.ts";
import type { TransactionParts } from "./lsm-transaction.ts";
import type { RecoveryReport } from "./recovery/index.ts";
import type { EngineParts } from "./opened-database.ts";
import type { LsmReport } from "./report/index.ts";
import type { ChosenState, Tree, ViewSource } from "./read/index.ts";
import { versionOfSequence } from "./commit/index.ts";
import type { WriteSide } from "./write-side.ts";

const CAPABILITIES: Capabilities = {
  remote: false,
  readsAreFinal: true,
  pastVersions: false,
  changes: "wakeup",
  exclusive: true,
  openTransactions: Infinity,
};

/** What a transaction may do. */
type WhatFor = "reads" | "writes" | "excludes";

/** Made by openLsmEngine(). */
export class LsmEngine implements StorageEngine {
  readonly name = "lsm";
  readonly limits: Limits;
  readonly capabilities: Capabilities;
  /** There where the option `changeLog` asks for it. */
  readonly changes?: NonNullable<StorageEngine["changes"]>;
  /**
   * Builds tables from the rows, without log or memtable, and makes them part of the database in one step when the last
   * row has come: readers see all of the rows or none, before and after a crash. Rows in key order are written once;
   * others are sorted within `loadBytesMax` of memory and pass over the disk twice or more. Of rows with equal keys the
   * last one stays, and what the keys held before is replaced.
   *
   * KeyTooLarge, ValueTooLarge, DiskFull, RequirementFailed (what is required is looked at when all rows are there), and
   * what `rows` itself throws: nothing of it is loaded, and the engine goes on.
   * Closed: the engine was closed meanwhile. While the tables are opened, commits of others wait.
   *
   * @example
   * await engine.load(
   *   (async function* () {
   *     for await (const lines of file) yield lines.map((line) => [keyOf(line), valueOf(line)] as const);
   *   })(),
   * );
   *
   * Not there beside a change log: loaded rows are in no log, so it could not tell of them.
   */
  readonly load?: NonNullable<StorageEngine["load"]>;

  readonly #parts: EngineParts;
  readonly #tree: Tree;
  readonly #views: OpenViews;
  /** What all transactions of a kind have in common. */
  readonly #transactionParts: { -readonly [what in WhatFor]?: TransactionParts } = {};
  readonly #writes: WriteSide;
  readonly #source: ViewSource;
  /** When each open snapshot was made, the oldest first. */
  readonly #snapshots = new Set<{ readonly sinceMillis: number }>();
  #closing: Promise<void> | undefined;
  #lookups = 0;
  #pages = 0;

  /** `views`: the same that the write side looks at. */
  constructor(parts: EngineParts, views: OpenViews, writes: WriteSide) {
    this.#parts = parts;
    this.#tree = parts.tree;
    this.#views = views;
    this.#writes = writes;
    this.limits = parts.settings.limits;
    const { changeLog } = parts;
    this.capabilities = {
      ...CAPABILITIES,
      ...(changeLog === undefined ? {} : { changes: "log" }),
      ...(writes.isReadOnly ? { readOnly: true } : {}),
    };
    if (changeLog !== undefined) this.changes = (after, options) => this.#changes(after, options);
    else this.load = (rows, options) => this.#load(rows, options);
    this.#source = {
      tree: parts.tree,
      found: noResult(),
      assertOpen: () => this.#assertOpen(),
      countReads: (reads) => {
        this.#lookups += reads;
      },
      countPage: () => {
        this.#pages++;
      },
      failed: (error) => parts.events.emitError(error),
      pin: (sequence) => {
        this.#views.add(sequence, false);
        return () => this.#views.remove(sequence, false);
      },
    };
  }

  // ---------------------------------------------------------------- the contract

  begin(options: BeginOptions = {}): Awaitable<EngineTransaction> {
    this.#assertOpen();
    const { at, exclusive = false, readOnly = false, signal } = options;
    if (signal?.aborted === true) throw signal.reason as Error;
    if (at !== undefined) this.#assertPresent(at);
    if (readOnly || at !== undefined) return this.#newTransaction("reads");
    if (!exclusive) return this.#newTransaction("writes");
    return this.#writes.enterExclusive(() => this.#newTransaction("excludes"), signal);
  }

  snapshot(): Snapshot {
    this.#assertOpen();
    return new LsmSnapshot(this.#source, () => {
      const mark = { sinceMillis: this.#parts.host.clock.monotonicMillis() };
      const chosen = this.#choose("reads");
      this.#snapshots.add(mark);
      return {
        ...chosen,
        release: () => {
          this.#snapshots.delete(mark);
          chosen.release();
        },
      };
    });
  }

  write(plan: BlindPlan): Awaitable<CommitResult> {
    this.#assertOpen();
    return this.#writes.commit({ ...plan, readKeys: [], readRanges: [] }, undefined);
  }

  onCommit(wake: CommitListener): () => void {
    this.#assertOpen();
    return this.#writes.onCommit(wake);
  }

  estimateRows(range: KeyRange): number {
    this.#assertOpen();
    return isEmptyRange(range) ? 0 : this.#tree.estimateRows(range);
  }

  #load(...[rows, options]: Parameters<NonNullable<StorageEngine["load"]>>): Promise<void> {
    this.#assertOpen();
    return this.#writes.load(rows, options);
  }

  #changes(
    after: Version | undefined,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncIterable<readonly ChangeSet[]> {
    this.#assertOpen();
    const changes = this.#writes.changesAfter(after, signal);
    assert(changes !== undefined, "changes() is there only where commits are kept");
    return changes;
  }

  stats(): Readonly<Record<string, number>> {
    const { tables, tree } = this.#parts;
    const { version } = tree;
    const levels = version.levels.flatMap((list, level) => [
      [`level${level}Tables`, list.length] as const,
      [`level${level}Bytes`, bytesOf(list)] as const,
    ]);
    const all = tablesOf(version);
    const { bytesMax, bytesUsed, evictions, ...lookedFor } = tables.cache.stats;
    const { readMicros, readsAhead, readsLater, readsNow, slowTurns } = tables.cache.reads.stats;
    const cacheCounts = Object.entries(lookedFor).map(
      ([name, count]) => [`cache${name[0]!.toUpperCase()}${name.slice(1)}`, count] as const,
    );
    return {
      sstableCount: all.length,
      totalBytes: bytesOf(all),
      readOperations: this.#lookups + this.#pages,
      ...Object.fromEntries(levels),
      memtableBytes: tree.active.bytes,
      immutables: tree.immutables.length,
      emptySpans: tree.emptySpans,
      openViews: this.#views.count,
      openSnapshots: this.#snapshots.size,
      oldestViewLag: this.#oldestViewLag(),
      openTables: tables.size,
      pendingRemovals: tables.pendingRemovals,
      ...tables.stats,
      ...Object.fromEntries(cacheCounts),
      cacheEvictions: evictions,
      cacheBytesUsed: bytesUsed,
      cacheBytesMax: bytesMax,
      blockReads: readsNow,
      blockReadsWaitedFor: readsLater,
      blockReadsAhead: readsAhead,
      blockReadMicros: readMicros,
      slowReadTurns: slowTurns,
      ...this.#writes.stats,
    };
  }

  /**
   * Reads the manifest, every block of every table and every record of the logs, and checks them against each other.
   * Gives the problems found as sentences with file and place; none if all is well. Others run between two files.
   */
  async verify(options: VerifyOptions = {}): Promise<readonly string[]> {
    this.#assertOpen();
    const files = {
      ...this.#parts,
      version: () => this.#tree.version,
      betweenEdits: <T>(look: () => T) => this.#writes.betweenEdits(look),
      logNumbers: () => this.#writes.logNumbers,
      keptLogNumbers: () => this.#parts.changeLog?.keptNumbers ?? [],
      unclosedLogNumbers: () => this.#writes.unclosedLogNumbers,
      isReadOnly: this.#writes.isReadOnly,
      assertOpen: () => this.#assertOpen(),
    };
    const problems = await verifyOpenFiles(files, options);
    for (const problem of problems) this.#parts.events.emit({ type: "problem", problem });
    return problems;
  }

  /** Idempotent. Waits for commits that were accepted; gives the directory back in any case. */
  close(): Promise<void> {
    this.#closing ??= this.#writes.close();
    return this.#closing;
  }

  // ---------------------------------------------------------------- of this engine only

  /** What opening the database found in its logs, and what it could not read; see the option `recovery`. */
  get recoveryReport(): RecoveryReport {
    return this.#parts.recoveryReport;
  }

  /** Writes all that is in memory to tables, so that the log is empty. Needed by nobody; useful before a file copy. */
  flush(): Promise<void> {
    return this.#writes.flush();
  }

  /**
   * Writes all that is in memory to tables, and removes the logs that held it, also those that are kept to be used again;
   * not those of the change log. Gives how many bytes of disk that set free.
   */
  cleanupWal(): Promise<number> {
    this.#assertOpen();
    return this.#writes.cleanupWal();
  }

  /**
   * Rewrites all tables into one sorted run, leaving out everything that no open view can see. With a range: the tables
   * that touch it, and those whose keys overlap with theirs.
   */
  compact(range?: KeyRange): Promise<void> {
    return this.#writes.compact(range);
  }

  /**
   * Makes a database of its own in `directory`, which is not there or empty: the state of one commit, at or after the
   * newest one at the time of the call, while reads and writes go on. Tables become second names of the same files where
   * the file system allows it, so that the copy takes moments and no room; on another device they are copied and checked.
   *
   * A crash on the way leaves a directory without a database in it: make it empty, then try again.
   *
   * @throws StorageError 'NotEmpty' if anything lies in the directory, DatabaseLocked if somebody opens it meanwhile.
   */
  async checkpoint(directory: string, options: CheckpointOptions = {}): Promise<CheckpointResult> {
    this.#assertOpen();
    await this.#writes.settle();
    this.#assertOpen();
    const { host, storeId, tables } = this.#parts;
    // All of one moment: from here to hold() nothing else runs.
    const { logs, nextFileNumber, ...copy } = this.#writes.copyState;
    const listed = tablesOf(this.#tree.version);
    const release = tables.hold(listed.map((table) => table.fileNumber));
    try {
      const state = {
        ...copy,
        storeId,
        tables: listed,
        logNumber: logs[0] ?? nextFileNumber,
        nextFileNumber: nextFileNumber + 1,
      };
      const source = {
        host,
        directory: this.#parts.directory,
        state,
        manifestNumber: nextFileNumber,
        logNumbers: logs,
        isEnded: () => this.#closing !== undefined,
      };
      return await writeCheckpoint(source, directory, options);
    } finally {
      release();
    }
  }

  /** All figures by name and kind; see LsmReport. */
  report(): LsmReport {
    const [oldest] = this.#snapshots;
    const nowMillis = this.#parts.host.clock.monotonicMillis();
    return engineReport(this.#parts, this.#writes, {
      lookups: this.#lookups,
      pages: this.#pages,
      openViews: this.#views.count,
      oldestLag: this.#oldestViewLag(),
      snapshots: this.#snapshots.size,
      oldestSnapshotMillis: oldest === undefined ? 0 : nowMillis - oldest.sinceMillis,
    });
  }

  /** Levels and tables as text, for people. */
  describe(): string {
    return versionText(this.#tree.version);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new Closed("database");
  }

  /** Only the present state can be named. */
  #assertPresent(version: string): void {
    if (version === versionOfSequence(this.#writes.readable)) return;
    throw new StorageError("TooOld", { version });
  }

  #newTransaction(what: WhatFor): EngineTransaction {
    return new LsmTransaction((this.#transactionParts[what] ??= this.#partsOf(what)));
  }

  #partsOf(what: WhatFor): TransactionParts {
    return {
      source: this.#source,
      choose: () => this.#choose(what),
      commit: (plan, transaction) => this.#writes.commit(plan, transaction),
      isReadOnly: what === "reads",
      leave: what === "excludes" ? () => this.#writes.leaveExclusive() : undefined,
    };
  }

  /** The newest state that such a view may see, kept until it is released. */
  #choose(what: WhatFor): ChosenState {
    const isWriter = what !== "reads";
    const sequence = isWriter ? this.#writes.newest : this.#writes.readable;
    const isSafe = isWriter ? undefined : this.#writes.whenVisible(sequence);
    return new KeptSequence(this.#views, sequence, isWriter, isSafe);
  }

  /** How many commits the oldest open view is behind: a figure that keeps growing is a leak. */
  #oldestViewLag(): number {
    const [oldest] = this.#views.sequences();
    return oldest === undefined ? 0 : this.#writes.newest - oldest;
  }
}

function noResult(): PointResult {
  return { sequence: 0, kind: 0, buffer: EMPTY_BYTES, start: 0, end: 0 };
}
