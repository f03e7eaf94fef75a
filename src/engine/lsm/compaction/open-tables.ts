/**
 * The tables that are open, by file number, and the files that nobody needs any more.
 *
 * Always true:
 * (1) Every table of the present version is open: the top of its index and the way to its filter are in memory. Its file
 *     may be closed meanwhile, see table-files.ts.
 * (2) A table that left the version is closed and its file removed as soon as nobody holds it, not before. Lookups and
 *     pages always use the present version, and begin again with it after they have waited for a block; so only work that
 *     spans turns otherwise (a compaction, verify) holds any.
 * (3) A file that cannot be removed is tried again with the next one; what is left is swept at the next open.
 */
import { assert } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { pathIn, tableName } from "../codec/index.ts";
import type { Host } from "../host/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import type { FilterReport, LsmEvents } from "../report/index.ts";
import { BlockCache, BlockReads, KnownPlaces, TableReader } from "../sstable/index.ts";
import type { TableStats } from "../sstable/index.ts";
import { TableFiles } from "./table-files.ts";

/** Of the memory for blocks: an entry of 16 bytes to some 240 bytes of rows. */
const PLACES_PART = 1 / 16;

interface OpenTable {
  readonly reader: TableReader;
  holders: number;
  isObsolete: boolean;
}

export class OpenTables {
  readonly #host: Host;
  readonly #directory: string;
  readonly #storeId: Bytes;
  readonly #tables = new Map<number, OpenTable>();
  /** Files to remove, and those of them whose removal is under way. */
  readonly #removals = new Set<string>();
  readonly #events: LsmEvents;
  readonly #underWay = new Map<string, Promise<void>>();
  readonly cache: BlockCache;
  /** Takes its share of the memory for blocks. */
  readonly places: KnownPlaces;
  readonly #files: TableFiles;
  /** Of tables that were closed since. */
  #closedStats: TableStats = {
    filterPassed: 0,
    filterRefused: 0,
    filterMistaken: 0,
    rangesRefused: 0,
  };

  constructor(parts: {
    readonly host: Host;
    readonly directory: string;
    readonly storeId: Bytes;
    readonly blockCacheBytesMax: number;
    readonly events: LsmEvents;
    readonly slowReadMicros: number;
    readonly openTablesMax: number;
  }) {
    this.#events = parts.events;
    this.#host = parts.host;
    this.#directory = parts.directory;
    this.#storeId = parts.storeId;
    this.#files = new TableFiles(parts.host.files, parts.openTablesMax);
    const reads = new BlockReads(parts.host.clock, parts.slowReadMicros);
    const placesBytesMax = parts.blockCacheBytesMax * PLACES_PART;
    this.cache = new BlockCache(parts.blockCacheBytesMax - placesBytesMax, reads);
    this.places = new KnownPlaces(this.cache, placesBytesMax);
  }

  /** How many are open; more than the version lists while some are held. */
  get size(): number {
    return this.#tables.size;
  }
  get pendingRemovals(): number {
    return this.#removals.size;
  }

  /** Figures of all tables since the database was opened; those of memory and files are of now. */
  get stats(): Readonly<
    Record<keyof TableStats | "pinnedBytes" | "openFiles" | "filesReopened", number>
  > {
    let sum = this.#closedStats;
    let pinnedBytes = 0;
    for (const { reader } of this.#tables.values()) {
      sum = sumOf(sum, reader.stats);
      pinnedBytes += reader.pinnedBytes;
    }
    return { ...sum, pinnedBytes, ...this.#files.stats };
  }
  /** How useful filters were since opening, over all tables. */
  get filter(): FilterReport {
    const { filterMistaken, filterPassed, filterRefused } = this.stats;
    return { refused: filterRefused, passed: filterPassed, mistaken: filterMistaken };
  }

  open(meta: TableMeta): void {
    assert(!this.#tables.has(meta.fileNumber), "a table is opened once");
    const path = this.#pathOf(meta.fileNumber);
    const reader = TableReader.open({ files: this.#files }, path, meta, this.#storeId, this.cache);
    this.#tables.set(meta.fileNumber, { reader, holders: 0, isObsolete: false });
  }

  reader(fileNumber: number): TableReader {
    return this.#entry(fileNumber).reader;
  }

  /** Keeps tables from going until the release that is returned is called. */
  hold(fileNumbers: readonly number[]): () => void {
    for (const number of fileNumbers) this.#entry(number).holders++;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      for (const number of fileNumbers) {
        const table = this.#tables.get(number);
        // After close() nothing is left to give back.
        if (table === undefined) continue;
        table.holders--;
        this.#dropIfUnused(number, table);
      }
    };
  }

  /** Says that a table has left the version. */
  retire(fileNumber: number): void {
    const table = this.#entry(fileNumber);
    table.isObsolete = true;
    this.#dropIfUnused(fileNumber, table);
  }

  /** Removes a file that nothing refers to, in the background. */
  remove(path: string): void {
    this.#removals.add(path);
    for (const one of this.#removals) {
      if (!this.#underWay.has(one)) this.#underWay.set(one, this.#remove(one));
    }
  }

  /** When no removal is under way any more. */
  async removed(): Promise<void> {
    await Promise.all(this.#underWay.values());
  }

  /** Never fails. */
  async #remove(path: string): Promise<void> {
    try {
      await this.#host.files.removeInBackground(path);
      this.#removals.delete(path);
    } catch {
      // It may be held by a virus scanner or a backup; it stays in the set, and stats() shows how many do.
      if (this.#isGone(path)) this.#removals.delete(path);
    } finally {
      this.#underWay.delete(path);
    }
  }

  #isGone(path: string): boolean {
    try {
      return !this.#host.files.exists(path);
    } catch {
      return false;
    }
  }

  removeTable(fileNumber: number): void {
    this.remove(this.#pathOf(fileNumber));
  }

  close(): void {
    for (const { reader } of this.#tables.values()) reader.close();
    this.#tables.clear();
  }

  #dropIfUnused(number: number, table: OpenTable): void {
    if (!table.isObsolete || table.holders > 0) return;
    this.#tables.delete(number);
    this.#closedStats = sumOf(this.#closedStats, table.reader.stats);
    table.reader.close();
    this.removeTable(number);
    this.#events.emit({ type: "table-deleted", fileNumber: number });
  }

  #entry(fileNumber: number): OpenTable {
    const table = this.#tables.get(fileNumber);
    assert(table !== undefined, "the table of a version is open");
    return table;
  }

  #pathOf(fileNumber: number): string {
    return pathIn(this.#directory, tableName(fileNumber));
  }
}

function sumOf(a: TableStats, b: TableStats): TableStats {
  return {
    filterPassed: a.filterPassed + b.filterPassed,
    filterRefused: a.filterRefused + b.filterRefused,
    filterMistaken: a.filterMistaken + b.filterMistaken,
    rangesRefused: a.rangesRefused + b.rangesRefused,
  };
}
