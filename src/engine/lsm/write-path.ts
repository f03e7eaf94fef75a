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
import { CommitGate, DiskFull, StorageError, changesTooOld } from "../contract/index.ts";
import type {
  ChangeSet,
  CommitListener,
  CommitPlan,
  CommitResult,
  KeyRange,
  Version,
} from "../contract/index.ts";
import {
  Admission,
  CommitLog,
  CommitWakes,
  Committer,
  RecentCommits,
  WriteRoom,
  versionOfSequence,
} from "./commit/index.ts";
import type { CommittingTransaction, OpenViews } from "./commit/index.ts";
import type { PointResult } from "./cursor/index.ts";
import type { Host } from "./host/index.ts";
import { BulkLoads } from "./load/index.ts";
import { Maintenance, ThreadedRunner, workerSource } from "./maintenance/index.ts";
import { EditRecorder } from "./manifest/index.ts";
import { MemoryFlush } from "./memory-flush.ts";
import type { OpenedDatabase } from "./opened-database.ts";
import { L0_STOP_FACTOR, tableOptions } from "./settings/index.ts";
import type { LsmSettings } from "./settings/index.ts";
import type { Tree } from "./read/index.ts";
import { NextLog } from "./wal/index.ts";
import type { WalWriter } from "./wal/index.ts";
import { WritePressure } from "./write-pressure.ts";
import type { CopyState, WriteSide } from "./write-side.ts";
import type { HistogramFigures, Traffic } from "./report/index.ts";

export class WritePath implements WriteSide {
  readonly isReadOnly = false;
  readonly #opened: OpenedDatabase;
  readonly #host: Host;
  readonly #settings: LsmSettings;
  readonly #tree: Tree;
  readonly #views: OpenViews;
  readonly #gate: CommitGate = new CommitGate();
  readonly #wakes: CommitWakes;
  readonly #recent: RecentCommits;
  readonly #log: CommitLog;
  readonly #committer: Committer;
  readonly #admission: Admission;
  readonly #maintenance: Maintenance;
  /** Filled by each lookup of a commit and read at once. */
  readonly #found: PointResult = { sequence: 0, kind: 0, buffer: EMPTY_BYTES, start: 0, end: 0 };
  readonly #room: WriteRoom;
  readonly #pressure: WritePressure;
  readonly #flush: MemoryFlush;
  readonly #nextLog: NextLog;
  #bytesCommitted = 0;
  readonly #loads: BulkLoads;
  readonly #edits: EditRecorder;
  #failure: { readonly cause: unknown } | undefined;
  #isClosed = false;

  constructor(opened: OpenedDatabase, views: OpenViews) {
    this.#opened = opened;
    this.#host = opened.host;
    this.#settings = opened.settings;
    this.#tree = opened.tree;
    this.#views = views;
    this.#edits = new EditRecorder(opened.manifest, opened.numbers);
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
    this.#flush = new MemoryFlush({
      ...opened,
      room: this.#room,
      pressure: this.#pressure,
      log: () => this.#log,
      maintenance: () => this.#maintenance,
      hasFailed: () => this.#failure !== undefined,
    });
    this.#nextLog = this.#newNextLog();
    this.#log = this.#newLog();
    this.#committer = this.#newCommitter();
    this.#admission = this.#newAdmission();
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
      throw changesTooOld({ version: start });
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

  commit(
    plan: CommitPlan,
    transaction: CommittingTransaction | undefined,
  ): Awaitable<CommitResult> {
    return this.#admission.commit(plan, transaction);
  }

  #changed(): void {
    this.#room.changed();
    this.#log.wake();
  }

  #wantsNextLog(): boolean {
    if (this.#isClosed && !this.#flush.isClosing) return false;
    return this.#pressure.wantsNextLog(this.#flush.isWanted);
  }

  /** The next log and its memtable; undefined while the log is being made. Commits go on in the present one. */
  #exchangeLog(): WalWriter | undefined {
    const wal = this.#nextLog.take();
    if (wal === undefined) return undefined;
    this.#tree.rotate(this.#log.logNumber, this.#log.appended);
    this.#flush.rotated();
    this.#opened.changeLog?.begin(wal.logNumber, this.#log.appended + 1);
    this.#room.changed();
    return wal;
  }

  // ---------------------------------------------------------------- asked for by hand

  /** Writes all that is in memory to tables. */
  async flush(): Promise<void> {
    this.#assertWritable();
    await this.#flush.until(() => {
      this.#assertWritable();
      return false;
    });
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

  betweenEdits<T>(look: () => T): Promise<T> {
    return this.#maintenance.betweenEdits(look);
  }

  get copyState(): CopyState {
    const { numbers } = this.#opened;
    const { formatVersion, lastSequence } = this.#edits.state;
    return { formatVersion, nextFileNumber: numbers.next, lastSequence, logs: [] };
  }

  /** Logs that hold what is not in a table, oldest first. */
  get logNumbers(): readonly number[] {
    const older = this.#tree.immutables.map(({ logNumber }) => logNumber).toReversed();
    return [...older, this.#log.logNumber];
  }

  get unclosedLogNumbers(): readonly number[] {
    const { closedUpTo } = this.#log;
    const unclosed = this.#tree.immutables.filter(({ lastSequence }) => lastSequence > closedUpTo);
    return [...unclosed.map(({ logNumber }) => logNumber), this.#log.logNumber];
  }

  // ---------------------------------------------------------------- bulk load

  load(...load: Parameters<BulkLoads["load"]>): Promise<void> {
    return this.#loads.load(...load);
  }

  // ---------------------------------------------------------------- failure and end

  #assertOpen(): void {
    if (this.#isClosed) throw new Closed("database");
  }
  #assertWritable(): void {
    this.#assertOpen();
    if (this.#failure === undefined) return;
    throw new StorageError("ReadOnly", undefined, { cause: this.#failure.cause });
  }

  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { cause };
    this.#opened.events.emitFailure(cause);
    this.#log.stop(cause);
    this.#maintenance.fail(cause);
    this.#opened.changeLog?.fail(cause);
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
    await this.#flush.atClose();
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
    // A closed manifest says that the log has its close mark.
    const isWhole = this.#failure === undefined && failures.length === 0;
    await attempt(() => (isWhole ? this.#edits.close() : this.#edits.abandon()));
    this.#opened.logs.removeSpares();
    await attempt(() => this.#opened.tables.close());
    await attempt(() => this.#opened.tables.removed());
    await attempt(() => this.#opened.lock.release());
    this.#opened.events.deliver();
    const { acknowledgedUpTo, synced } = this.#log;
    // Commits of weaker durability that a failure kept from the disk: whoever closes is the first to hear of it.
    if (this.#failure !== undefined && acknowledgedUpTo > synced) {
      failures.push(new StorageError("ReadOnly", undefined, { cause: this.#failure.cause }));
    }
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
    return this.#log.syncTimes.millis.figures;
  }
  get commitsOfSync(): HistogramFigures {
    return this.#log.syncTimes.commits.figures;
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
      quickSyncMicros: settings.quickSyncMicros,
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
        logsEnd: (sequence) => this.#edits.endLogs(sequence),
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
          for (let i = 0; i < entries.length; i++) {
            const { key, value } = entries[i]!;
            this.#bytesCommitted += key.length + value.length;
          }
          this.#tree.insert(sequence, entries);
        },
      },
    });
  }

  #newAdmission(): Admission {
    return new Admission({
      gate: this.#gate,
      room: this.#room,
      committer: this.#committer,
      log: this.#log,
      wakes: this.#wakes,
      views: this.#views,
      limits: this.#settings.limits,
      assertWritable: () => this.#assertWritable(),
      assertOpen: () => this.#assertOpen(),
      took: (ops) => this.#pressure.took(ops),
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
      record: (edit) => this.#edits.record(edit),
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
        this.#edits.assertRuling();
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
}
