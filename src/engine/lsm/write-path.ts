/**
 * From a plan to an acknowledgement: who may commit when, which log and memtable take it, and what happens when
 * something fails.
 *
 * Always true:
 * (1) A log and a memtable belong together: both are exchanged in one turn, and the memtable holds what the log holds.
 * (2) At most three memtables are in memory, plus what one commit adds; beyond that commits wait for a flush.
 * (3) After the first failure of a write, a sync or of background work no commit is taken any more, and everyone who
 *     waits is told so. Nothing is retried.
 */
import { Closed, EMPTY_BYTES, copyBytes } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import { CommitGate, DiskFull, StorageError } from "../contract/index.ts";
import type {
  CommitListener,
  CommitPlan,
  CommitResult,
  KeyRange,
  Limits,
  Version,
  WriteOp,
} from "../contract/index.ts";
import {
  CommitLog,
  CommitWakes,
  Committer,
  RecentCommits,
  WritePace,
  WriteRoom,
  checkPlan,
  writeRate,
} from "./commit/index.ts";
import type { OpenViews } from "./commit/index.ts";
import { compactionDebtBytes, levelTargets } from "./compaction/index.ts";
import type { Version as TreeVersion } from "./compaction/index.ts";
import type { PointResult } from "./cursor/index.ts";
import type { Host } from "./host/index.ts";
import { BulkLoads } from "./load/index.ts";
import type { LoadRows } from "./load/index.ts";
import { Maintenance, ThreadedRunner, workerSource } from "./maintenance/index.ts";
import type { ManifestWriter, VersionEdit } from "./manifest/index.ts";
import type { OpenedDatabase } from "./opened-database.ts";
import { L0_SLOW_FACTOR, L0_STOP_FACTOR, tableOptions } from "./options.ts";
import type { LsmSettings } from "./options.ts";
import type { Tree } from "./read/index.ts";
import type { WalWriter } from "./wal/index.ts";
import type { HistogramFigures, Traffic } from "./report/index.ts";

/** Beyond this size the manifest is begun anew, as the list of tables that it leads to. */
const MANIFEST_BYTES_MAX: number = 4 * 1_024 * 1_024;
/** Besides the memtable that takes writes. */
const IMMUTABLES_MAX = 2;

/** What a copy of the database must say of itself. */
export interface CopyState {
  readonly formatVersion: number;
  /** No file has this number or a higher one. */
  readonly nextFileNumber: number;
  /** The newest commit in tables and `logs`. */
  readonly lastSequence: number;
  /** Logs that belong to the copy, oldest first; nobody writes to them. */
  readonly logs: readonly number[];
}

/** What the engine asks of the side that writes, which a database that is only read has too: it refuses. */
export interface WriteSide {
  readonly isReadOnly: boolean;
  readonly readable: number;
  readonly newest: number;
  readonly stats: Readonly<Record<string, number>>;
  readonly bytesCommitted: number;
  readonly traffic: Traffic;
  readonly stalls: HistogramFigures;
  /** How long syncs took, in milliseconds, and how many commits each covered; where the log counts them. */
  readonly syncMillis?: HistogramFigures | undefined;
  readonly commitsOfSync?: HistogramFigures | undefined;
  readonly logNumbers: readonly number[];
  /** Of one moment, together with the tree's version; good for a copy after settle(). */
  readonly copyState: CopyState;
  whenVisible(sequence: number): Promise<void> | undefined;
  onCommit(wake: CommitListener): () => void;
  enterExclusive<T>(begin: () => T, signal: AbortSignal | undefined): Awaitable<T>;
  leaveExclusive(): void;
  commit(plan: CommitPlan, transaction: CommittingTransaction | undefined): Awaitable<CommitResult>;
  flush(): Promise<void>;
  compact(range?: KeyRange): Promise<void>;
  load(rows: LoadRows): Promise<void>;
  /** Sees to it that tables and copyState.logs hold every commit that was made before the call. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** The transaction that commits; a batch that read nothing has none. */
export interface CommittingTransaction {
  /** Where it read; undefined if it read nothing. */
  readonly begin: number | undefined;
  /** It holds the gate. */
  readonly isExclusive: boolean;
  /** Takes it off the list of open transactions. */
  readonly release: () => void;
}

/** The state after a commit, as the engine names it. */
export function versionOfSequence(sequence: number): Version {
  return String(sequence) as Version;
}

export class WritePath implements WriteSide {
  readonly isReadOnly = false;
  readonly #opened: OpenedDatabase;
  readonly #host: Host;
  readonly #settings: LsmSettings;
  readonly #limits: Limits;
  readonly #tree: Tree;
  readonly #views: OpenViews;
  readonly #gate: CommitGate = new CommitGate();
  readonly #wakes: CommitWakes;
  readonly #recent: RecentCommits;
  readonly #log: CommitLog;
  readonly #committer: Committer;
  readonly #maintenance: Maintenance;
  /** Filled by each lookup of a commit and read at once. */
  readonly #found: PointResult = { sequence: 0, kind: 0, buffer: EMPTY_BYTES, start: 0, end: 0 };
  readonly #room: WriteRoom;
  #bytesCommitted = 0;
  readonly #pace: WritePace;
  /** The rate of commits, for the version that it was worked out from. */
  #paced: { readonly version: TreeVersion; readonly rate: number } | undefined;
  readonly #loads: BulkLoads;
  /** The newest one that the manifest was told of: after a load, newer than what waits in memory. */
  #recordedSequence = 0;
  #manifest: ManifestWriter;
  #failure: { readonly cause: unknown } | undefined;
  #isClosed = false;
  #isFlushWanted = false;

  constructor(opened: OpenedDatabase, views: OpenViews) {
    this.#opened = opened;
    this.#host = opened.host;
    this.#settings = opened.settings;
    this.#limits = opened.settings.limits;
    this.#tree = opened.tree;
    this.#views = views;
    this.#manifest = opened.manifest;
    this.#wakes = new CommitWakes(opened.host);
    this.#recent = new RecentCommits(opened.lastSequence, {
      bytesMax: opened.settings.recentCommitsBytesMax,
      ageMillisMax: opened.settings.transactionMillisMax,
    });
    this.#pace = new WritePace(opened.host.clock, () => this.#writeRate());
    this.#room = new WriteRoom({
      clock: opened.host.clock,
      timers: opened.host.timers,
      isFull: () => this.#isFull(),
      pace: this.#pace,
      hurry: () => this.#log.wake(),
      events: opened.events,
    });
    this.#log = this.#newLog();
    this.#committer = this.#newCommitter();
    this.#maintenance = this.#newMaintenance();
    this.#loads = this.#newLoads();
    this.#maintenance.wake();
  }

  /**
   * Where readers begin: the newest commit that is acknowledged. One that was acknowledged under a weaker durability than
   * the engine's may not be shown yet; whenVisible() tells.
   */
  get readable(): number {
    return this.#failure === undefined ? this.#log.acknowledgedUpTo : this.#log.visible;
  }
  /** When a reader may be shown the commits up to `sequence`; undefined: it may at once. */
  whenVisible(sequence: number): Promise<void> | undefined {
    return this.#log.whenVisible(sequence);
  }
  /** Where a transaction begins that may write. After a failure it can only read, so it sees what readers see. */
  get newest(): number {
    return this.#failure === undefined ? this.#log.appended : this.#log.visible;
  }

  onCommit(wake: CommitListener): () => void {
    return this.#wakes.add(wake);
  }

  /** Runs `begin` when it is this transaction's turn to be the only one that commits; leaveExclusive() ends that. */
  enterExclusive<T>(begin: () => T, signal: AbortSignal | undefined): Awaitable<T> {
    return this.#gate.enter(begin, signal);
  }
  leaveExclusive(): void {
    this.#gate.leave();
  }

  /** Settles when the commit is acknowledged; throws or rejects when it is not. Releases the transaction in any case. */
  commit(
    plan: CommitPlan,
    transaction: CommittingTransaction | undefined,
  ): Awaitable<CommitResult> {
    try {
      if (this.#isClosed) throw new Closed("database");
      checkPlan(plan, this.#limits);
      if (plan.ops.length > 0 && !this.#room.isFree) return this.#commitLater(plan, transaction);
      const result = this.#admit(plan, transaction);
      return result instanceof Promise ? released(result, transaction) : result;
    } catch (error) {
      transaction?.release();
      throw error;
    }
  }

  async #commitLater(
    plan: CommitPlan,
    transaction: CommittingTransaction | undefined,
  ): Promise<CommitResult> {
    try {
      return await this.#room.enter(() => this.#admit(plan, transaction), plan.signal);
    } finally {
      transaction?.release();
    }
  }

  #admit(
    plan: CommitPlan,
    transaction: CommittingTransaction | undefined,
  ): Awaitable<CommitResult> {
    const section = (): Awaitable<CommitResult> => this.#commitNow(plan, transaction);
    // Who holds the gate need not pass it; and a plan that changes and requires nothing disturbs nobody who does.
    const passes =
      transaction?.isExclusive !== true && (plan.ops.length > 0 || plan.requires.length > 0);
    return passes ? this.#gate.pass(section, plan.signal) : section();
  }

  #commitNow(
    plan: CommitPlan,
    transaction: CommittingTransaction | undefined,
  ): Awaitable<CommitResult> {
    if (plan.signal?.aborted === true) throw plan.signal.reason as Error;
    // What only reads may end as it began, also after a failure.
    if (plan.ops.length > 0 || plan.requires.length > 0) this.#assertWritable();
    // Off the list first, so that nobody is validated against itself. An exclusive one keeps the gate until the end.
    if (transaction?.isExclusive === false) transaction.release();
    const before = this.#log.appended;
    let sequence: number;
    try {
      sequence = this.#committer.commit(plan, {
        begin: transaction?.begin,
        oldestOther: this.#views.oldestWriter,
      });
      if (this.#log.appended > before) {
        this.#announce(sequence, plan.ops);
        if (this.#writeRate() !== Infinity) this.#pace.took(bytesOf(plan.ops));
      }
    } finally {
      transaction?.release();
    }
    const acknowledged = this.#log.acknowledged(sequence, plan.durability);
    const result = sequence === 0 ? {} : { version: versionOfSequence(sequence) };
    return acknowledged instanceof Promise ? acknowledged.then(() => result) : result;
  }

  #announce(sequence: number, ops: readonly WriteOp[]): void {
    this.#wakes.committed(sequence, ops);
    // Where commits are acknowledged at once, they are visible by now.
    this.#wakes.visible(this.#log.visible);
  }

  // ---------------------------------------------------------------- room for writes

  /** Not after a failure or close(): what comes next says so. */
  #isFull(): boolean {
    if (this.#failure !== undefined || this.#isClosed) return false;
    const { active, immutables } = this.#tree;
    const { flushBytesMax } = this.#settings;
    if (active.bytes < flushBytesMax) return false;
    return immutables.length >= IMMUTABLES_MAX || active.bytes >= 2 * flushBytesMax;
  }

  /** HOT: bench/lsm-engine.ts. Asked for each commit, worked out once for each version of the tree. */
  #writeRate(): number {
    const { version } = this.#tree;
    if (this.#failure !== undefined || this.#isClosed) return Infinity;
    if (this.#paced?.version === version) return this.#paced.rate;
    const settings = this.#settings;
    const { compactionDebtBytesSlow, l0TablesTrigger } = settings;
    const rate = writeRate({
      // What is dropped from its end never catches up, and need not.
      level0Tables: settings.policy === "fifo" ? 0 : version.levels[0]!.length,
      level0Slow: l0TablesTrigger * L0_SLOW_FACTOR,
      level0Stop: l0TablesTrigger * L0_STOP_FACTOR,
      debtBytes: this.#debtBytes(),
      debtBytesSlow: compactionDebtBytesSlow,
    });
    this.#paced = { version, rate };
    return rate;
  }

  #debtBytes(): number {
    const { policy, l0TablesTrigger } = this.#settings;
    // Where runs are gathered, their number is the measure; no level has a size to keep.
    if (policy !== "leveled") return 0;
    const { version } = this.#tree;
    return compactionDebtBytes(version, l0TablesTrigger, levelTargets(version, this.#settings));
  }

  #changed(): void {
    this.#room.changed();
    this.#log.wake();
  }

  #wantsNextLog(): boolean {
    const { active, immutables } = this.#tree;
    if (this.#isClosed || active.isEmpty || immutables.length >= IMMUTABLES_MAX) return false;
    return this.#isFlushWanted || active.bytes >= this.#settings.flushBytesMax;
  }

  #nextLog(): WalWriter {
    // A log of a writer that was taken over must never stand beside those of its successor, which would replay it.
    this.#manifest.assertRuling();
    const { logs, numbers } = this.#opened;
    const formerLog = this.#log.logNumber;
    const wal = logs.createNow(numbers.take());
    this.#tree.rotate(formerLog, this.#log.appended);
    this.#isFlushWanted = false;
    this.#maintenance.wake();
    this.#room.changed();
    return wal;
  }

  // ---------------------------------------------------------------- asked for by hand

  /** Writes all that is in memory to tables. */
  async flush(): Promise<void> {
    this.#assertWritable();
    // What is loaded is in tables without having been in memory.
    const { active, rotatedSequence } = this.#tree;
    const target = active.isEmpty ? rotatedSequence : this.#log.appended;
    while (this.#tree.flushedSequence < target) {
      if (this.#tree.rotatedSequence < target) this.#isFlushWanted = true;
      this.#log.wake();
      this.#maintenance.wake();
      await this.#room.nextChange();
      this.#assertWritable();
    }
  }

  async compact(range?: KeyRange): Promise<void> {
    await this.flush();
    await this.#maintenance.compactAll(range);
  }

  /** Flushes, so that tables alone hold every commit that was made before the call. */
  settle(): Promise<void> {
    return this.flush();
  }

  get copyState(): CopyState {
    const { numbers } = this.#opened;
    const { formatVersion } = this.#manifest.state;
    // A load is newer than what was flushed before it.
    const lastSequence = Math.max(this.#tree.flushedSequence, this.#recordedSequence);
    return { formatVersion, nextFileNumber: numbers.next, lastSequence, logs: [] };
  }

  /** Logs that hold what is not in a table, oldest first. */
  get logNumbers(): readonly number[] {
    const older = this.#tree.immutables.map(({ logNumber }) => logNumber).toReversed();
    return [...older, this.#log.logNumber];
  }

  // ---------------------------------------------------------------- bulk load

  load(rows: LoadRows): Promise<void> {
    return this.#loads.load(rows);
  }

  // ---------------------------------------------------------------- failure and end

  #assertWritable(): void {
    if (this.#isClosed) throw new Closed("database");
    if (this.#failure === undefined) return;
    const { cause } = this.#failure;
    if (cause instanceof DiskFull) throw new DiskFull(String(cause.details["file"]), { cause });
    throw new StorageError("ReadOnly", undefined, { cause });
  }

  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { cause };
    this.#opened.events.emitFailure(cause);
    this.#log.stop(cause);
    this.#maintenance.fail(cause);
    this.#changed();
  }

  /** Lets what was promised happen, then gives everything back. Throws the first failure, after all was given back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const closed = new Closed("database");
    this.#gate.close(closed);
    this.#changed();
    const loadsEnded = this.#loads.stop(closed);
    await this.#maintenance.stop(closed);
    await loadsEnded;
    const failures: unknown[] = [];
    const attempt = async (work: () => void | Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (failure) {
        failures.push(failure);
      }
    };
    await attempt(() => this.#log.close());
    await attempt(() =>
      this.#failure === undefined ? this.#manifest.close() : this.#manifest.abandon(),
    );
    await attempt(() => this.#opened.tables.close());
    await attempt(() => this.#opened.tables.removed());
    await attempt(() => this.#opened.lock.release());
    this.#opened.events.deliver();
    if (failures.length > 0) throw failures[0] as Error;
  }

  /** Bytes of keys and values that were committed since opening. */
  get bytesCommitted(): number {
    return this.#bytesCommitted;
  }
  get traffic(): Traffic {
    return this.#maintenance.traffic;
  }
  /** How long commits waited for room in memory. */
  get stalls(): HistogramFigures {
    return this.#room.waits.stalls;
  }

  get stats(): Readonly<Record<string, number>> {
    return {
      ...this.#log.stats,
      ...this.#committer.stats,
      ...this.#maintenance.stats,
      ...this.#loads.stats,
      sequence: this.#log.appended,
      syncedSequence: this.#log.synced,
      recentCommits: this.#recent.count,
      recentCommitsBytes: this.#recent.bytes,
      waitingForGate: this.#gate.waiting,
      ...this.#room.stats,
      bytesCommitted: this.#bytesCommitted,
      logNumber: this.#log.logNumber,
      compactionDebtBytes: this.#debtBytes(),
      isFailed: this.#failure === undefined ? 0 : 1,
    };
  }

  // ---------------------------------------------------------------- parts

  #newLog(): CommitLog {
    const { host, lastSequence, settings, wal } = this.#opened;
    return new CommitLog({
      host,
      wal,
      durability: settings.durability,
      sequence: lastSequence,
      owner: {
        wantsNextLog: () => this.#wantsNextLog(),
        nextLog: () => this.#nextLog(),
        visibleChanged: () => this.#wakes.visible(this.#log.visible),
        failed: (cause) => this.#fail(cause),
      },
    });
  }

  #newCommitter(): Committer {
    const found = this.#found;
    return new Committer({
      log: this.#log,
      recent: this.#recent,
      clock: this.#host.clock,
      fail: (cause) => this.#fail(cause),
      state: {
        get: (key) =>
          this.#tree.get(key, this.#log.appended, found)
            ? copyBytes(found.buffer, found.start, found.end)
            : undefined,
        insert: (sequence, entries) => {
          for (const { key, value } of entries) this.#bytesCommitted += key.length + value.length;
          this.#tree.insert(sequence, entries);
        },
      },
    });
  }

  #newMaintenance(): Maintenance {
    return new Maintenance({
      ...this.#opened,
      tableOptions: (isBottom) => tableOptions(this.#settings, isBottom),
      runner: new ThreadedRunner({ ...this.#opened, source: workerSource }),
      settings: {
        ...this.#settings,
        l0TablesStop: this.#settings.l0TablesTrigger * L0_STOP_FACTOR,
      },
      views: this.#views,
      record: (edit) => this.#record(edit),
      retireLog: (logNumber) => this.#opened.logs.retire(logNumber),
      activeLog: () => this.#log.logNumber,
      visible: () => this.#log.visible,
      flushed: () => this.#changed(),
      failed: (cause) => this.#fail(cause),
    });
  }

  #newLoads(): BulkLoads {
    return new BulkLoads({
      ...this.#opened,
      gate: this.#gate,
      log: this.#log,
      recent: this.#recent,
      wakes: this.#wakes,
      views: this.#views,
      maintenance: this.#maintenance,
      tableOptions: tableOptions(this.#settings, false),
      flush: () => this.flush(),
      assertWritable: () => this.#assertWritable(),
      failed: (cause) => this.#fail(cause),
    });
  }

  async #record(edit: VersionEdit): Promise<void> {
    if (this.#manifest.fileBytes >= MANIFEST_BYTES_MAX) {
      const { numbers } = this.#opened;
      const number = numbers.take();
      const state = { ...this.#manifest.state, nextFileNumber: numbers.next };
      this.#manifest = this.#manifest.roll(state, number);
    }
    this.#recordedSequence = Math.max(edit.lastSequence ?? 0, this.#recordedSequence);
    await this.#manifest.appendInBackground({
      ...edit,
      ...(edit.lastSequence === undefined ? {} : { lastSequence: this.#recordedSequence }),
      nextFileNumber: this.#opened.numbers.next,
    });
  }
}

/** About how much a commit adds to memory and so to the work of compaction. */
function bytesOf(ops: readonly WriteOp[]): number {
  let bytes = 0;
  for (const op of ops) {
    if (op.op === "delRange") bytes += op.range.start.length + (op.range.end?.length ?? 0);
    else bytes += op.key.length + (op.op === "put" ? op.value.length : 0);
  }
  return bytes;
}

/** A transaction that waits for its turn and is sent away was not released by its commit. */
async function released(
  result: Promise<CommitResult>,
  transaction: CommittingTransaction | undefined,
): Promise<CommitResult> {
  try {
    return await result;
  } finally {
    transaction?.release();
  }
}
