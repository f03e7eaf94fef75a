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
import { Closed, copyBytes } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import { CommitGate, DiskFull, StorageError } from "../contract/index.ts";
import type {
  ChangeSet,
  CommitListener,
  CommitPlan,
  CommitResult,
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
import { Maintenance } from "./maintenance.ts";
import { ManifestWriter } from "./manifest/index.ts";
import type { VersionEdit } from "./manifest/index.ts";
import type { OpenedDatabase } from "./opened-database.ts";
import type { LsmSettings } from "./options.ts";
import type { Tree } from "./tree.ts";
import type { WalWriter } from "./wal/index.ts";

/** Beyond this size the manifest is begun anew, as the list of tables that it leads to. */
const MANIFEST_BYTES_MAX: number = 4 * 1_024 * 1_024;
/** Besides the memtable that takes writes. */
const IMMUTABLES_MAX = 2;

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

export class WritePath {
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
  readonly #found: PointResult;
  readonly #room: WriteRoom;
  #manifest: ManifestWriter;
  #failure: { readonly cause: unknown } | undefined;
  #isClosed = false;
  #isFlushWanted = false;
  /** The log after the present one: undefined until one is wanted, then on its way, then there. */
  #nextWal: WalWriter | undefined;
  #makingNextWal: Promise<void> | undefined;

  constructor(opened: OpenedDatabase, views: OpenViews, limits: Limits, found: PointResult) {
    this.#opened = opened;
    this.#host = opened.host;
    this.#settings = opened.settings;
    this.#limits = limits;
    this.#tree = opened.tree;
    this.#views = views;
    this.#found = found;
    this.#manifest = opened.manifest;
    this.#wakes = new CommitWakes(opened.host);
    this.#recent = new RecentCommits(opened.lastSequence, {
      bytesMax: opened.settings.recentCommitsBytesMax,
      ageMillisMax: opened.settings.transactionMillisMax,
    });
    this.#room = new WriteRoom({
      clock: opened.host.clock,
      isFull: () => this.#isFull(),
      hurry: () => {
        this.#log.wake();
        this.#maintenance.wake();
      },
    });
    this.#log = this.#newLog();
    this.#committer = this.#newCommitter();
    this.#maintenance = this.#newMaintenance();
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
      if (plan.ops.length > 0 && this.#room.isFull) return this.#commitLater(plan, transaction);
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
      await this.#room.wait(plan.signal);
      return await this.#admit(plan, transaction);
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
      if (this.#log.appended > before) this.#announce(sequence, plan.ops);
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

  #changed(): void {
    this.#room.changed();
    this.#log.wake();
  }

  #wantsNextLog(): boolean {
    const { active, immutables } = this.#tree;
    if (this.#isClosed || active.isEmpty || immutables.length >= IMMUTABLES_MAX) return false;
    return this.#isFlushWanted || active.bytes >= this.#settings.flushBytesMax;
  }

  /** The next log and its memtable; undefined while the log is being made. Commits go on in the present one. */
  #nextLog(): WalWriter | undefined {
    const wal = this.#nextWal;
    if (wal === undefined) {
      this.#makingNextWal ??= this.#makeNextLog();
      return undefined;
    }
    this.#nextWal = undefined;
    this.#tree.rotate(this.#log.logNumber, this.#log.appended);
    this.#isFlushWanted = false;
    this.#opened.changeLog?.begin(wal.logNumber, this.#log.appended + 1);
    this.#room.changed();
    return wal;
  }

  /** Never rejects: a failure is handed on. */
  async #makeNextLog(): Promise<void> {
    const { logs, numbers } = this.#opened;
    try {
      this.#nextWal = await logs.create(numbers.take());
      this.#log.wake();
    } catch (cause) {
      this.#failUnlessFull(cause);
    } finally {
      this.#makingNextWal = undefined;
    }
  }

  #failUnlessFull(cause: unknown): void {
    if (cause instanceof DiskFull) this.#room.refuse(cause);
    else this.#fail(cause);
  }

  // ---------------------------------------------------------------- asked for by hand

  /** Writes all that is in memory to tables. */
  async flush(): Promise<void> {
    this.#assertWritable();
    const target = this.#log.appended;
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

  async compact(): Promise<void> {
    await this.flush();
    await this.#maintenance.compactAll();
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
    await this.#maintenance.stop(closed);
    const failures: unknown[] = [];
    const attempt = async (work: () => void | undefined | Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (failure) {
        failures.push(failure);
      }
    };
    await attempt(() => this.#log.close());
    await attempt(() => this.#makingNextWal);
    await attempt(() => this.#nextWal?.abandon());
    await attempt(() =>
      this.#failure === undefined ? this.#manifest.close() : this.#manifest.abandon(),
    );
    await attempt(() => this.#opened.tables.close());
    await attempt(() => this.#opened.lock.release());
    if (failures.length > 0) throw failures[0] as Error;
  }

  get stats(): Readonly<Record<string, number>> {
    return {
      ...this.#log.stats,
      logFiles: 1 + this.#tree.immutables.length + (this.#nextWal === undefined ? 0 : 1),
      ...this.#opened.logs.stats,
      ...this.#opened.changeLog?.stats,
      ...this.#committer.stats,
      ...this.#maintenance.stats,
      sequence: this.#log.appended,
      syncedSequence: this.#log.synced,
      recentCommits: this.#recent.count,
      recentCommitsBytes: this.#recent.bytes,
      waitingForGate: this.#gate.waiting,
      ...this.#room.stats,
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
        full: (cause) => this.#room.refuse(cause),
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
        insert: (sequence, entries) => this.#tree.insert(sequence, entries),
      },
    });
  }

  #newMaintenance(): Maintenance {
    return new Maintenance({
      ...this.#opened,
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
      diskFull: (cause) => this.#room.refuse(cause),
    });
  }

  async #record(edit: VersionEdit): Promise<void> {
    if (this.#manifest.fileBytes >= MANIFEST_BYTES_MAX) {
      const { directory, numbers } = this.#opened;
      const former = this.#manifest;
      const number = numbers.take();
      const state = { ...former.state, nextFileNumber: numbers.next };
      this.#manifest = rolled(() => ManifestWriter.create(this.#host, directory, state, number));
      former.abandon();
    }
    await this.#manifest.appendInBackground({ ...edit, nextFileNumber: this.#opened.numbers.next });
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
