/**
 * Background work: decides when memtables become tables and tables are compacted, hands the work to whoever runs jobs,
 * and records the outcome in the manifest.
 *
 * Always true:
 * (1) One flush at a time and one compaction at a time. What they wrote is installed in one turn of this thread, beside
 *     whatever the other one installed meanwhile.
 * (2) Order of durability: table data synced, directory synced, manifest edit synced; only then is the log or the table
 *     that it replaces removed. A crash between any two of these loses nothing.
 * (3) A failure ends all writing: nothing is installed or tried again after it, and no file goes that was ever referred to.
 *     A full disk is no failure: what was written in vain goes, and the work is tried again, as new files, when somebody
 *     asks for room.
 * (4) A flush never waits for a compaction.
 */
import { assert } from "../../../base/index.ts";
import type { Awaitable } from "../../../base/index.ts";
import { DiskFull } from "../../contract/index.ts";
import type { KeyRange } from "../../contract/index.ts";
import type { OpenViews } from "../commit/index.ts";
import {
  LEVEL_LAST,
  applyEdit,
  bytesOf,
  pickCompaction,
  pickEverything,
  pickRange,
  tablesOf,
} from "../compaction/index.ts";
import type {
  CompactionJob,
  MergeResult,
  OpenTables,
  PickSettings,
  PickState,
  Version,
} from "../compaction/index.ts";
import type { Host } from "../host/index.ts";
import type { TableMeta, VersionEdit } from "../manifest/index.ts";
import type { Memtable } from "../memtable/index.ts";
import type { FileNumbers } from "../recovery/index.ts";
import { Traffic, eventTable } from "../report/index.ts";
import type { LsmEvents } from "../report/index.ts";
import type { TableWriterOptions } from "../sstable/index.ts";
import type { JobRunner } from "./job-runner.ts";
import { Lane } from "./lane.ts";
import { beneathInputs } from "./merge-job.ts";
import type { MergeJob, StorePlace } from "./merge-job.ts";

/** A memtable on its way to a table, and the log that holds its entries until then. */
export interface FlushSource {
  readonly memtable: Memtable;
  readonly logNumber: number;
  /** Of its newest commit. */
  readonly lastSequence: number;
}

/** What maintenance needs of the tree: what there is, and a way to exchange it. */
interface MaintainedTree {
  readonly version: Version;
  /** Newest first. */
  readonly immutables: readonly FlushSource[];
  install(version: Version, flushed?: FlushSource): void;
}

interface MaintenanceSettings extends PickSettings {
  readonly tableBytesTarget: number;
  /** So many tables in level 0 stop flushes. */
  readonly l0TablesStop: number;
}

export interface MaintenanceParts extends StorePlace {
  readonly host: Host;
  readonly settings: MaintenanceSettings;
  readonly tree: MaintainedTree;
  readonly tables: OpenTables;
  readonly views: OpenViews;
  readonly numbers: FileNumbers;
  readonly runner: JobRunner;
  /** How tables are written. `isBottom`: no level below will hold data. */
  readonly tableOptions: (isBottom: boolean) => TableWriterOptions;
  readonly events: LsmEvents;
  /** A log is needed no more: all it holds is in tables, durably. */
  readonly retireLog: (logNumber: number) => void;
  /** Makes an edit durable; called again only when the former call has settled. */
  readonly record: (edit: VersionEdit) => Promise<void>;
  /** The log that takes commits at present. */
  readonly activeLog: () => number;
  /** All commits up to this one are in logs that are closed, so that their memtables may be flushed. */
  readonly closedUpTo: () => number;
  /** The newest sequence that a view may still begin at or after. */
  readonly visible: () => number;
  /** A memtable has left memory. */
  readonly flushed: () => void;
  readonly failed: (cause: unknown) => void;
  /** The disk is full: nothing happened, and the work is tried again at the next wake(). */
  readonly diskFull: (cause: DiskFull) => void;
}

interface Request {
  /** The keys asked for; undefined: all. */
  readonly range: KeyRange | undefined;
  resolve(): void;
  reject(reason: unknown): void;
}

export class Maintenance {
  readonly #parts: MaintenanceParts;
  readonly #flushing: Lane;
  readonly #compacting: Lane;
  #stopped: { readonly cause: unknown } | undefined;
  #failure: { readonly cause: unknown } | undefined;
  /** Full compactions asked for and not begun. */
  #requests: Request[] = [];
  /** Those whose compaction is under way. */
  #served: Request[] = [];
  /** What passed through the levels. */
  readonly traffic: Traffic = new Traffic();
  /** Settles when the last edit that was asked for is shown. */
  #edits: Promise<void> = Promise.resolve();
  #flushes = 0;
  #compactions = 0;
  #moves = 0;
  /** How many want no compaction to begin. */
  #holds = 0;
  #drops = 0;
  #bytesFlushed = 0;
  #bytesCompacted = 0;

  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
    const { host } = parts;
    const failed = (cause: unknown): void => this.#failed(cause);
    this.#flushing = new Lane(host.timers, () => this.#flushOldest(), failed);
    this.#compacting = new Lane(host.timers, () => this.#compactNext(), failed);
  }

  get stats(): Readonly<Record<string, number>> {
    return {
      flushes: this.#flushes,
      compactions: this.#compactions,
      moves: this.#moves,
      drops: this.#drops,
      bytesFlushed: this.#bytesFlushed,
      bytesCompacted: this.#bytesCompacted,
      ...this.#parts.runner.stats,
    };
  }

  /** Looks for work, now or when the present work is done. */
  wake(): void {
    if (this.#isEnded()) return;
    this.#flushing.wake();
    this.#compacting.wake();
  }

  /** Compacts everything into one sorted run; with a range, the tables that touch it, in the same way. */
  compactAll(range?: KeyRange): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const ended = this.#failure ?? this.#stopped;
      if (ended !== undefined) {
        reject(ended.cause as Error);
        return;
      }
      this.#requests.push({ range, resolve, reject });
      this.wake();
    });
  }

  /**
   * Runs `work` while no compaction runs: between two of them, since an output of one that was chosen before could span
   * the place of a table that `work` adds. Flushes go on.
   */
  async withoutCompaction<T>(work: () => Promise<T>): Promise<T> {
    this.#holds++;
    try {
      await this.#compacting.idle();
      const ended = this.#failure ?? this.#stopped;
      if (ended !== undefined) throw ended.cause;
      return await work();
    } finally {
      this.#holds--;
      this.wake();
    }
  }

  /**
   * Runs `work` when every edit that the manifest has is shown, and lets none begin until it is done: an edit is on the
   * disk for a while before its version is shown.
   */
  betweenEdits<T>(work: () => Awaitable<T>): Promise<T> {
    const own = this.#edits.then(work);
    const ended = (): void => undefined;
    this.#edits = own.then(ended, ended);
    return own;
  }

  /** Makes tables that are open part of the version; false if background work has ended. Rejects if recording fails. */
  ingest(edit: VersionEdit): Promise<boolean> {
    return this.#install(edit);
  }

  /** Level 0 has room for one table more, so that a flush would not have to wait for a compaction. */
  get mayFlush(): boolean {
    const { settings, tree } = this.#parts;
    // What is dropped from its end never catches up, and need not.
    if (settings.policy === "fifo") return true;
    return tree.version.levels[0]!.length < settings.l0TablesStop;
  }

  /** From now on, for good: stop() is near. One that is under way goes on until then. */
  beginNoCompaction(): void {
    this.#holds++;
  }

  /** Ends background work because something failed. */
  fail(cause: unknown): void {
    this.#failure ??= { cause };
    this.#parts.runner.giveUp();
    this.#refuseRequests(cause);
  }

  /** Gives up what is under way and waits until it has. */
  async stop(reason: unknown): Promise<void> {
    this.#stopped ??= { cause: reason };
    this.#parts.runner.giveUp();
    await this.#flushing.idle();
    await this.#compacting.idle();
    this.#refuseRequests(reason);
    await this.#parts.runner.close();
  }

  #isEnded(): boolean {
    return this.#stopped !== undefined || this.#failure !== undefined;
  }

  #refuseRequests(reason: unknown): void {
    const waiting = [...this.#served.splice(0), ...this.#requests.splice(0)];
    for (const request of waiting) request.reject(reason);
  }

  /** Each of these does one piece of work; false: there was none. */
  async #compactNext(): Promise<boolean> {
    if (this.#isEnded() || this.#holds > 0) return false;
    if (this.#requests.length > 0) {
      await this.#serveRequests();
      return true;
    }
    const { settings, tree } = this.#parts;
    const job = pickCompaction(tree.version, settings, this.#pickState());
    if (job === undefined) return false;
    await this.#compact(job);
    return true;
  }

  /** One compaction runs at a time, so no table is busy when one is chosen. */
  #pickState(): PickState {
    const { host, tables, tree, views, visible } = this.#parts;
    const [oldestView = Infinity] = views.sequences();
    return {
      busy: new Set(),
      oldestSequence: Math.min(oldestView, visible()),
      nowMillis: host.clock.nowMillis(),
      rangeDeletes: tablesOf(tree.version).flatMap((table) =>
        table.rangeDeletes === 0 ? [] : tables.reader(table.fileNumber).rangeDeletes,
      ),
    };
  }

  async #serveRequests(): Promise<void> {
    this.#served = this.#requests.splice(0);
    // Whoever asked for all is served by the same run as everybody else.
    const isAll = this.#served.some(({ range }) => range === undefined);
    for (const range of isAll ? [undefined] : this.#served.map((request) => request.range)) {
      const { version } = this.#parts.tree;
      const job = range === undefined ? pickEverything(version) : pickRange(version, range);
      if (job !== undefined) await this.#compact(job);
      // Given up, so that it is not done: stop() or fail() answers those who asked.
      if (this.#isEnded()) return;
    }
    for (const request of this.#served.splice(0)) request.resolve();
  }

  #isOldestClosed(): boolean {
    const { closedUpTo, tree } = this.#parts;
    const oldest = tree.immutables.at(-1);
    return oldest !== undefined && oldest.lastSequence <= closedUpTo();
  }

  /** Trying again at once would find the disk as full as before, so that is left to the next wake(). */
  #failed(cause: unknown): void {
    if (!(cause instanceof DiskFull)) {
      this.#parts.failed(cause);
      return;
    }
    this.#refuseRequests(cause);
    this.#parts.diskFull(cause);
  }

  async #flushOldest(): Promise<boolean> {
    // Flushing on while level 0 is far too full would only make every read slower.
    if (this.#isEnded() || !this.mayFlush || !this.#isOldestClosed()) return false;
    const { events, host, tree } = this.#parts;
    const oldest = tree.immutables.at(-1)!;
    const startMillis = host.clock.monotonicMillis();
    events.emit({ type: "flush-begin", memtableBytes: oldest.memtable.bytes });
    const result = await this.#merge({
      kind: "flush",
      memtable: oldest.memtable,
      inputs: [],
      beneath: tree.version.levels,
      outputLevel: 0,
      tableBytesTarget: Infinity,
      grandparents: [],
    });
    const told = {
      type: "flush-end",
      tables: (result?.tables ?? []).map(eventTable),
      millis: host.clock.monotonicMillis() - startMillis,
    } as const;
    if (result === undefined) {
      events.emit({ ...told, outcome: "given-up" });
      return true;
    }
    const { lastSequence } = oldest;
    const logNumber = this.#nextLogAfter(oldest);
    const edit = { added: result.tables, logNumber, lastSequence };
    if (!(await this.#installMade(edit, oldest))) {
      events.emit({ ...told, outcome: "given-up" });
      return true;
    }
    this.#parts.retireLog(oldest.logNumber);
    this.#flushes++;
    this.#bytesFlushed += bytesOf(result.tables);
    this.traffic.wrote(result.tables);
    for (const table of result.tables) {
      events.emit({ type: "table-created", by: "flush", table: eventTable(table) });
    }
    events.emit({ ...told, outcome: "done" });
    this.#parts.flushed();
    return true;
  }

  /** The oldest log that is still needed once this memtable is in a table. */
  #nextLogAfter(oldest: FlushSource): number {
    const { immutables } = this.#parts.tree;
    const younger = immutables[immutables.indexOf(oldest) - 1];
    return younger?.logNumber ?? this.#parts.activeLog();
  }

  async #compact(job: CompactionJob): Promise<void> {
    const { events, host } = this.#parts;
    const { inputs, isDrop = false, isMove, outputLevel, why } = job;
    const startMillis = host.clock.monotonicMillis();
    events.emit({
      type: "compaction-begin",
      why,
      inputs: inputs.map(eventTable),
      outputLevel,
      isMove,
    });
    const made = await this.#runJob(job);
    if (made !== undefined && !isMove && !isDrop) {
      this.traffic.read(inputs);
      this.traffic.wrote(made);
      for (const table of made) {
        events.emit({ type: "table-created", by: "compaction", table: eventTable(table) });
      }
    }
    events.emit({
      type: "compaction-end",
      outcome: made === undefined ? "given-up" : "done",
      tables: (made ?? []).map(eventTable),
      outputLevel,
      millis: host.clock.monotonicMillis() - startMillis,
    });
  }

  /** Gives the tables that are in the output level now; undefined if the work was given up. */
  async #runJob(job: CompactionJob): Promise<readonly TableMeta[] | undefined> {
    const { tables } = this.#parts;
    const { outputLevel } = job;
    const removed = job.inputs.map((table) => table.fileNumber);
    if (job.isDrop === true) {
      if (!(await this.#install({ removed }))) return undefined;
      this.#drops += removed.length;
      await this.#retire(removed);
      return [];
    }
    if (job.isMove) {
      const added = job.inputs.map((table) => ({ ...table, level: job.outputLevel }));
      if (!(await this.#install({ removed, added }))) return undefined;
      this.#moves++;
      this.traffic.moved(job.outputLevel, added.length);
      return added;
    }
    let made: readonly TableMeta[];
    const release = tables.hold(removed);
    try {
      const result = await this.#merge({
        kind: "merge",
        memtable: undefined,
        inputs: job.inputs,
        // What stays in level 0 may lie beneath an output of level 0.
        beneath: beneathInputs(
          this.#parts.tree.version,
          outputLevel === 0 ? 0 : outputLevel + 1,
          job.inputs,
        ),
        outputLevel,
        tableBytesTarget: outputLevel === 0 ? Infinity : this.#parts.settings.tableBytesTarget,
        grandparents: job.grandparents ?? [],
      });
      if (result === undefined) return undefined;
      if (!(await this.#installMade({ removed, added: result.tables }))) return undefined;
      this.#compactions++;
      this.#bytesCompacted += bytesOf(result.tables);
      made = result.tables;
    } finally {
      release();
    }
    await this.#retire(removed);
    return made;
  }

  /** Removing a file takes its time, so each has a turn of its own. */
  async #retire(fileNumbers: readonly number[]): Promise<void> {
    const { host, tables } = this.#parts;
    for (const number of fileNumbers) {
      tables.retire(number);
      await host.timers.pause();
    }
  }

  /** Has the tables written and synced, with their names, and opens them; undefined if the work was given up. */
  async #merge(work: Omit<MergeJob, "views" | "writer">): Promise<MergeResult | undefined> {
    const { runner, tables, tree, views, visible } = this.#parts;
    const mayBegin = visible();
    const deeper = tree.version.levels.slice(work.outputLevel + 1);
    const isBottom = work.outputLevel > 0 && deeper.every((level) => level.length === 0);
    const writer = this.#parts.tableOptions(isBottom);
    const result = await runner.run({ ...work, views: views.sequences(), writer });
    for (const table of result.tables) {
      assert(table.level <= LEVEL_LAST, "a table is of a level that exists");
      assert(table.largestSequence <= mayBegin, "only what every later view sees is merged");
    }
    if (!result.isGivenUp) return (await this.#open(result.tables)) ? result : undefined;
    for (const table of result.tables) tables.removeTable(table.fileNumber);
    return undefined;
  }

  /** Opens new tables, each in a turn of its own: it takes a millisecond. False: the work is given up, they are removed. */
  async #open(added: readonly TableMeta[]): Promise<boolean> {
    const { host, tables } = this.#parts;
    let opened = 0;
    for (const table of added) {
      if (this.#isEnded()) break;
      tables.open(table);
      opened++;
      if (added.length > 1) await host.timers.pause();
    }
    if (!this.#isEnded()) return true;
    for (const [at, table] of added.entries()) {
      if (at < opened) tables.retire(table.fileNumber);
      else tables.removeTable(table.fileNumber);
    }
    return false;
  }

  /** Like #install(), of tables that are new: where the disk was full, nothing refers to them, and they go. */
  async #installMade(
    edit: VersionEdit & { readonly added: readonly TableMeta[] },
    flushed?: FlushSource,
  ): Promise<boolean> {
    try {
      return await this.#install(edit, flushed);
    } catch (cause) {
      if (cause instanceof DiskFull) {
        for (const { fileNumber } of edit.added) this.#parts.tables.retire(fileNumber);
      }
      throw cause;
    }
  }

  /**
   * Records the edit, and only then shows the new version to readers. Its tables are open. False: something failed
   * meanwhile, so that nothing is shown, and nothing may be removed, since the edit may be on the disk.
   */
  #install(edit: VersionEdit, flushed?: FlushSource): Promise<boolean> {
    const { numbers, record, tree } = this.#parts;
    // Flushes and compactions end independently of each other; their edits go one after another.
    return this.betweenEdits(async () => {
      if (this.#failure !== undefined) return false;
      await record({ ...edit, nextFileNumber: numbers.next });
      if (this.#failure !== undefined) return false;
      tree.install(applyEdit(tree.version, edit), flushed);
      // A table more may ask for a compaction; one less may let a flush go on.
      this.wake();
      return true;
    });
  }
}
