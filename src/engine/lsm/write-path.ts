/**
 * From a plan to an acknowledgement: who may commit when, which log and memtable take it, and what happens when
 * something fails.
 *
 * Always true:
 * (1) A log and a memtable belong together: both are exchanged in one turn, and the memtable holds what the log holds.
 * (2) At most three memtables are in memory, plus what one commit adds; beyond that commits wait for a flush.
 * (3) After the first failure of a write, a sync or of background work no commit is taken any more, and everyone who
 *     waits is told so. Nothing is retried. A full disk is no failure: commits are refused before anything of them
 *     happened, and taken again as soon as there is room.
 */
import { Closed, EMPTY_BYTES, copyBytes } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import { CommitGate, DiskFull, StorageError } from "../contract/index.ts";
import type {
  ChangeSet,
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
  WriteRoom,
  checkPlan,
} from "./commit/index.ts";
import type { OpenViews } from "./commit/index.ts";
import type { PointResult } from "./cursor/index.ts";
import type { Host } from "./host/index.ts";
import { BulkLoads } from "./load/index.ts";
import type { LoadRows } from "./load/index.ts";
import { Maintenance, ThreadedRunner, workerSource } from "./maintenance/index.ts";
import type { ManifestWriter, VersionEdit } from "./manifest/index.ts";
import { NextLog } from "./next-log.ts";
import type { OpenedDatabase } from "./opened-database.ts";
import { L0_STOP_FACTOR, tableOptions } from "./settings/index.ts";
import type { LsmSettings } from "./settings/index.ts";
import type { Tree } from "./read/index.ts";
import type { WalWriter } from "./wal/index.ts";
import { WritePressure } from "./write-pressure.ts";
import type { HistogramFigures, Traffic } from "./report/index.ts";

/** Beyond this size the manifest is begun anew, as the list of tables that it leads to. */
const MANIFEST_BYTES_MAX: number = 4 * 1_024 * 1_024;

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
  /** How long syncs took, in milliseconds, and how many commits each covered; undefined where nothing is written. */
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
  /** Gives the bytes of disk that were set free. */
  cleanupWal(): Promise<number>;
  changesAfter(
    after: Version | undefined,
    signal: AbortSignal | undefined,
  ): AsyncIterable<readonly ChangeSet[]> | undefined;
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
  readonly #pressure: WritePressure;
  readonly #nextLog: NextLog;
  #bytesCommitted = 0;
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
    this.#pressure = new WritePressure({
      ...opened,
      isEnded: () => this.#failure !== undefined || this.#isClosed,
    });
    this.#room = new WriteRoom({
      clock: opened.host.clock,
      timers: opened.host.timers,
      isFull: () => this.#pressure.isFull,
      pace: this.#pressure.pace,
      hurry: () => {
        this.#log.wake();
        this.#maintenance.wake();
      },
      events: opened.events,
    });
    this.#nextLog = this.#newNextLog();
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

  /** Commits in order, after a version or from now on; undefined where none are kept. */
  changesAfter(
    after: Version | undefined,
    signal: AbortSignal | undefined,
  ): AsyncIterable<readonly ChangeSet[]> | undefined {
    const upTo = (): number => Math.min(this.#log.visible, this.#log.written);
    const start = after ?? versionOfSequence(this.#log.visible);
    if (Number(start) > this.#log.appended) {
      // A state of before a power cut, which took it back: what came after it then never was.
      throw new StorageError("TooOld", { what: "change log", version: start });
    }
    return this.#opened.changeLog?.read(start, upTo, signal);
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
        this.#pressure.took(plan.ops);
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

  #changed(): void {
    this.#room.changed();
    this.#log.wake();
  }

  #wantsNextLog(): boolean {
    if (this.#isClosed) return false;
    return this.#pressure.wantsNextLog(this.#isFlushWanted);
  }

  /** The next log and its memtable; undefined while the log is being made. Commits go on in the present one. */
  #exchangeLog(): WalWriter | undefined {
    const wal = this.#nextLog.take();
    if (wal === undefined) return undefined;
    this.#tree.rotate(this.#log.logNumber, this.#log.appended);
    this.#isFlushWanted = false;
    this.#opened.changeLog?.begin(wal.logNumber, this.#log.appended + 1);
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
      const refusals = this.#room.refusals;
      this.#log.wake();
      this.#maintenance.wake();
      await this.#room.nextChange();
      this.#assertWritable();
      this.#room.assertNotRefused(refusals);
    }
  }

  /** Flushes, so that no log but the present one is needed, and removes those that are not; gives the bytes set free. */
  async cleanupWal(): Promise<number> {
    await this.flush();
    return this.#opened.logs.removeSpares();
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

  async load(rows: LoadRows): Promise<void> {
    // Loaded rows are in no log, so the change log could not tell of them.
    if (this.#opened.changeLog !== undefined) {
      throw new StorageError("NotSupported", { what: "load() beside a change log" });
    }
    await this.#loads.load(rows);
  }

  // ---------------------------------------------------------------- failure and end

  #assertWritable(): void {
    if (this.#isClosed) throw new Closed("database");
    if (this.#failure === undefined) return;
    throw new StorageError("ReadOnly", undefined, { cause: this.#failure.cause });
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
    this.#opened.changeLog?.close();
    const loadsEnded = this.#loads.stop(closed);
    await this.#maintenance.stop(closed);
    await loadsEnded;
    const failures: unknown[] = [];
    const attempt = async (work: () => void | undefined | Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (failure) {
        failures.push(failure);
      }
    };
    await attempt(() => this.#log.close());
    await attempt(() => this.#nextLog.close());
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

  get syncMillis(): HistogramFigures {
    return this.#log.syncMillis.figures;
  }
  get commitsOfSync(): HistogramFigures {
    return this.#log.commitsOfSync.figures;
  }

  get stats(): Readonly<Record<string, number>> {
    return {
      ...this.#log.stats,
      logFiles: 1 + this.#tree.immutables.length + this.#nextLog.count,
      ...this.#opened.logs.stats,
      ...this.#opened.changeLog?.stats,
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
      compactionDebtBytes: this.#pressure.debtBytes,
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
        nextLog: () => this.#exchangeLog(),
        full: (cause) => this.#refuse(cause),
        logClosed: ({ fileBytes, logNumber }) => {
          this.#opened.changeLog?.closed(logNumber, fileBytes);
          this.#maintenance.wake();
          this.#room.changed();
        },
        visibleChanged: () => {
          this.#wakes.visible(this.#log.visible);
          this.#opened.changeLog?.changed();
        },
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
      retireLog: (logNumber) => {
        const { changeLog, logs } = this.#opened;
        if (changeLog === undefined) logs.retire(logNumber);
        else changeLog.flushed(logNumber);
      },
      activeLog: () => this.#log.logNumber,
      closedUpTo: () => this.#log.closedUpTo,
      visible: () => this.#log.visible,
      flushed: () => this.#changed(),
      failed: (cause) => this.#fail(cause),
      diskFull: (cause) => this.#refuse(cause),
    });
  }

  #newNextLog(): NextLog {
    const { logs, numbers } = this.#opened;
    return new NextLog({
      make: () => {
        // A log of a writer that was taken over must never stand beside those of its successor, which would replay it.
        this.#manifest.assertRuling();
        return logs.create(numbers.take());
      },
      made: () => this.#log.wake(),
      failed: (cause) => {
        if (cause instanceof DiskFull) this.#refuse(cause);
        else this.#fail(cause);
      },
    });
  }

  /** Nothing happened, and whoever waits for room hears why. */
  #refuse(cause: DiskFull): void {
    this.#opened.events.emitError(cause);
    this.#room.refuse(cause);
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
      this.#manifest = rolled(() => this.#manifest.roll(state, number));
    }
    this.#recordedSequence = Math.max(edit.lastSequence ?? 0, this.#recordedSequence);
    await this.#manifest.appendInBackground({
      ...edit,
      ...(edit.lastSequence === undefined ? {} : { lastSequence: this.#recordedSequence }),
      nextFileNumber: this.#opened.numbers.next,
    });
  }
}

/** Which manifest rules is not known when making the new one failed; so that is never only a full disk. */
function rolled(make: () => ManifestWriter): ManifestWriter {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof DiskFull)) throw cause;
    const file = String(cause.details["file"]);
    throw new StorageError("Io", { file, error: "no room for a new manifest" }, { cause });
  }
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
