/**
 * Background work: writes full memtables to tables, compacts tables, and records both in the manifest.
 *
 * Always true:
 * (1) One worker at a time. It does a slice of work, then lets others go first.
 * (2) Order of durability: table data synced, directory synced, manifest edit synced; only then is the log or the table
 *     that it replaces removed. A crash between any two of these loses nothing.
 * (3) A failure ends all writing: nothing is installed or tried again after it, and no file goes that was ever referred to.
 *     A full disk is no failure: what was written in vain goes, and the work is tried again, as new files, when somebody
 *     asks for room.
 * (4) A flush never waits for a compaction: it is done between two slices of it.
 */
import { assert } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { DiskFull } from "../contract/index.ts";
import { pathIn, tableName } from "./codec/index.ts";
import type { OpenViews } from "./commit/index.ts";
import {
  LEVEL_LAST,
  OlderBeneath,
  Slices,
  applyEdit,
  mergeTables,
  pickCompaction,
  pickEverything,
} from "./compaction/index.ts";
import type { CompactionJob, MergeResult, OpenTables } from "./compaction/index.ts";
import { mergeCursor } from "./cursor/index.ts";
import type { Cursor, RangeDelete } from "./cursor/index.ts";
import type { Host } from "./host/index.ts";
import type { TableMeta, VersionEdit } from "./manifest/index.ts";
import { L0_STOP_FACTOR } from "./options.ts";
import type { LsmSettings } from "./options.ts";
import type { FileNumbers } from "./recovery/index.ts";
import { TableWriter } from "./sstable/index.ts";
import type { Immutable, Tree } from "./tree.ts";

export interface MaintenanceParts {
  readonly host: Host;
  readonly directory: string;
  readonly storeId: Bytes;
  readonly settings: LsmSettings;
  readonly tree: Tree;
  readonly tables: OpenTables;
  readonly views: OpenViews;
  readonly numbers: FileNumbers;
  /** Makes an edit durable. DiskFull: it has not happened. */
  readonly record: (edit: VersionEdit) => Promise<void>;
  /** A log is needed no more: all it holds is in tables, durably. */
  readonly retireLog: (logNumber: number) => void;
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
  resolve(): void;
  reject(reason: unknown): void;
}

export class Maintenance {
  readonly #parts: MaintenanceParts;
  #running: Promise<void> | undefined;
  #stopped: { readonly cause: unknown } | undefined;
  #failure: { readonly cause: unknown } | undefined;
  /** Full compactions asked for and not begun. */
  #requests: Request[] = [];
  /** Those whose compaction is under way. */
  #served: Request[] = [];
  #flushes = 0;
  #compactions = 0;
  #moves = 0;
  #bytesFlushed = 0;
  #bytesCompacted = 0;

  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
  }

  get stats(): Readonly<Record<string, number>> {
    return {
      flushes: this.#flushes,
      compactions: this.#compactions,
      moves: this.#moves,
      bytesFlushed: this.#bytesFlushed,
      bytesCompacted: this.#bytesCompacted,
    };
  }

  /** Looks for work, now or when the present work is done. */
  wake(): void {
    if (this.#isEnded() || this.#running !== undefined) return;
    this.#running = this.#run();
  }

  /** Compacts everything into one sorted run. */
  compactAll(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const ended = this.#failure ?? this.#stopped;
      if (ended !== undefined) {
        reject(ended.cause as Error);
        return;
      }
      this.#requests.push({ resolve, reject });
      this.wake();
    });
  }

  /** Ends background work because something failed. */
  fail(cause: unknown): void {
    this.#failure ??= { cause };
    this.#refuseRequests(cause);
  }

  /** Gives up what is under way and waits until it has. */
  async stop(reason: unknown): Promise<void> {
    this.#stopped ??= { cause: reason };
    await this.#running;
    this.#refuseRequests(reason);
  }

  #isEnded(): boolean {
    return this.#stopped !== undefined || this.#failure !== undefined;
  }

  #refuseRequests(reason: unknown): void {
    const waiting = [...this.#served.splice(0), ...this.#requests.splice(0)];
    for (const request of waiting) request.reject(reason);
  }

  /** Never rejects: a failure is handed to the engine. */
  async #run(): Promise<void> {
    let isDiskFull = false;
    try {
      // Whoever woke us finishes its own turn first.
      await this.#parts.host.timers.pause();
      while (await this.#workOnce()) {
        // One piece of work after another.
      }
    } catch (cause) {
      isDiskFull = cause instanceof DiskFull;
      if (cause instanceof DiskFull) {
        for (const request of this.#served.splice(0)) request.reject(cause);
        this.#running = undefined;
        this.#parts.diskFull(cause);
      } else this.#parts.failed(cause);
    } finally {
      if (!isDiskFull) this.#running = undefined;
    }
    // Trying again at once would find the disk as full as before.
    if (isDiskFull) return;
    // What came between the last look and here found us still running.
    if (this.#hasWork()) this.wake();
  }

  #hasWork(): boolean {
    return !this.#isEnded() && (this.#mayFlush() || this.#requests.length > 0);
  }

  async #workOnce(): Promise<boolean> {
    if (this.#isEnded()) return false;
    const { settings, tree } = this.#parts;
    if (this.#mayFlush()) {
      await this.#flushOldest();
      return true;
    }
    if (this.#requests.length > 0) {
      await this.#serveRequests();
      return true;
    }
    const job = pickCompaction(tree.version, settings);
    if (job === undefined) return false;
    await this.#compact(job);
    return true;
  }

  async #serveRequests(): Promise<void> {
    this.#served = this.#requests.splice(0);
    const job = pickEverything(this.#parts.tree.version);
    if (job !== undefined) {
      await this.#compact(job);
      // Given up, so that it is not done: stop() or fail() answers those who asked.
      if (this.#isEnded()) return;
    }
    for (const request of this.#served.splice(0)) request.resolve();
  }

  /** Flushing on while level 0 is far too full would only make every read slower. */
  #mayFlush(): boolean {
    const { settings, tree } = this.#parts;
    const isStopped = tree.version.levels[0]!.length >= settings.l0TablesTrigger * L0_STOP_FACTOR;
    const oldest = tree.immutables.at(-1);
    const isClosed = oldest !== undefined && oldest.lastSequence <= this.#parts.closedUpTo();
    return isClosed && !isStopped;
  }

  async #flushOldest(): Promise<void> {
    const { host, tree } = this.#parts;
    const oldest = tree.immutables.at(-1)!;
    const result = await this.#merge({
      cursor: oldest.memtable.cursor(),
      rangeDeletes: oldest.memtable.rangeDeletes,
      inputs: [],
      beneathFrom: 0,
      outputLevel: 0,
      tableBytesTarget: Infinity,
      between: () => this.#isEnded(),
    });
    if (result === undefined) return;
    const { lastSequence } = oldest;
    const logNumber = this.#nextLogAfter(oldest);
    await this.#install({ added: result.tables, logNumber, lastSequence }, oldest);
    this.#parts.retireLog(oldest.logNumber);
    this.#flushes++;
    this.#bytesFlushed += bytesOf(result.tables);
    this.#parts.flushed();
    await host.timers.pause();
  }

  /** The oldest log that is still needed once this memtable is in a table. */
  #nextLogAfter(oldest: Immutable): number {
    const { immutables } = this.#parts.tree;
    const younger = immutables[immutables.indexOf(oldest) - 1];
    return younger?.logNumber ?? this.#parts.activeLog();
  }

  async #compact(job: CompactionJob): Promise<void> {
    const { tables } = this.#parts;
    const removed = job.inputs.map((table) => table.fileNumber);
    if (job.isMove) {
      const added = job.inputs.map((table) => ({ ...table, level: job.outputLevel }));
      await this.#install({ removed, added });
      this.#moves++;
      return;
    }
    const release = tables.hold(removed);
    try {
      const result = await this.#merge({
        cursor: mergeCursor(
          removed.map((number) => tables.reader(number).cursor({ fillCache: false })),
        ),
        rangeDeletes: removed.flatMap((number) => tables.reader(number).rangeDeletes),
        inputs: job.inputs,
        beneathFrom: job.outputLevel + 1,
        outputLevel: job.outputLevel,
        tableBytesTarget: this.#parts.settings.tableBytesTarget,
        between: () => this.#flushBetween(),
      });
      if (result === undefined) return;
      await this.#install({ removed, added: result.tables });
      this.#compactions++;
      this.#bytesCompacted += bytesOf(result.tables);
      for (const number of removed) tables.retire(number);
    } finally {
      release();
    }
  }

  async #flushBetween(): Promise<boolean> {
    while (!this.#isEnded() && this.#mayFlush()) await this.#flushOldest();
    return this.#isEnded();
  }

  /** Writes and syncs the outputs and their names; undefined if the work was given up. */
  async #merge(work: {
    readonly cursor: Cursor;
    readonly rangeDeletes: readonly RangeDelete[];
    readonly inputs: readonly TableMeta[];
    readonly beneathFrom: number;
    readonly outputLevel: number;
    readonly tableBytesTarget: number;
    readonly between: () => Promise<boolean> | boolean;
  }): Promise<MergeResult | undefined> {
    const { host, settings, tree, views, visible } = this.#parts;
    const mayBegin = visible();
    const made: number[] = [];
    const result = await this.#removingIfFull(made, () =>
      mergeTables({
        cursor: work.cursor,
        rangeDeletes: work.rangeDeletes,
        views: views.sequences(),
        beneath: new OlderBeneath(tree.version, work.beneathFrom, work.inputs),
        newTable: () => this.#newTable(made),
        outputLevel: work.outputLevel,
        tableBytesTarget: work.tableBytesTarget,
        slices: new Slices(host, settings.sliceMillis),
        between: work.between,
      }),
    );
    if (result.isGivenUp || this.#isEnded()) {
      for (const table of result.tables) this.#parts.tables.removeTable(table.fileNumber);
      return undefined;
    }
    for (const table of result.tables) {
      assert(table.level <= LEVEL_LAST, "a table is of a level that exists");
      assert(table.largestSequence <= mayBegin, "only what every later view sees is merged");
    }
    if (result.tables.length > 0) {
      await this.#removingIfFull(made, () =>
        host.files.syncDirectoryInBackground(this.#parts.directory),
      );
    }
    return result;
  }

  /** On a full disk, tables that were written in vain go: nothing refers to them yet. */
  async #removingIfFull<T>(made: readonly number[], work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof DiskFull) this.#removeTables(made);
      throw cause;
    }
  }

  #removeTables(numbers: readonly number[]): void {
    const { directory, host, tables } = this.#parts;
    for (const number of numbers) {
      if (host.files.exists(pathIn(directory, tableName(number)))) tables.removeTable(number);
    }
  }

  #newTable(made: number[]): TableWriter {
    const { directory, host, numbers, storeId } = this.#parts;
    const number = numbers.take();
    made.push(number);
    return new TableWriter(host, pathIn(directory, tableName(number)), number, storeId);
  }

  /** Opens the new tables, records the edit, and only then shows the new version to readers. */
  async #install(edit: VersionEdit, flushed?: Immutable): Promise<void> {
    const { numbers, record, tables, tree } = this.#parts;
    const made = (edit.added ?? []).filter(
      ({ fileNumber }) => edit.removed?.includes(fileNumber) !== true,
    );
    for (const table of made) tables.open(table);
    try {
      await record({ ...edit, nextFileNumber: numbers.next });
    } catch (cause) {
      // Only then it is known that nothing refers to them.
      if (cause instanceof DiskFull) for (const table of made) tables.retire(table.fileNumber);
      throw cause;
    }
    tree.install(applyEdit(tree.version, edit), flushed);
  }
}

function bytesOf(tables: readonly TableMeta[]): number {
  let bytes = 0;
  for (const table of tables) bytes += table.fileBytes;
  return bytes;
}
