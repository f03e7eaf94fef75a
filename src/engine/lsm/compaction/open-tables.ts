/**
 * The tables that are open, by file number, and the files that nobody needs any more.
 *
 * Always true:
 * (1) Every table of the present version is open.
 * (2) A table that left the version is closed and its file removed as soon as nobody holds it, not before. Reads are
 *     synchronous and always use the present version, so only work that spans turns (a compaction, verify) holds any.
 * (3) A file that cannot be removed is tried again with the next one; what is left is swept at the next open.
 */
import { assert } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { pathIn, tableName } from "../codec/index.ts";
import type { Host } from "../host/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import type { FilterReport, LsmEvents } from "../report/index.ts";
import { BlockCache, TableReader } from "../sstable/index.ts";

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
  /** Of tables that are gone. */
  readonly #formerFilter = { refused: 0, passed: 0, mistaken: 0 };
  readonly #underWay = new Map<string, Promise<void>>();
  readonly cache: BlockCache;

  constructor(parts: {
    readonly host: Host;
    readonly directory: string;
    readonly storeId: Bytes;
    readonly blockCacheBytesMax: number;
    readonly events: LsmEvents;
  }) {
    this.#events = parts.events;
    this.#host = parts.host;
    this.#directory = parts.directory;
    this.#storeId = parts.storeId;
    this.cache = new BlockCache(parts.blockCacheBytesMax);
  }

  /** How many are open; more than the version lists while some are held. */
  get size(): number {
    return this.#tables.size;
  }
  get pendingRemovals(): number {
    return this.#removals.size;
  }

  /** How useful filters were since opening, over all tables. */
  get filter(): FilterReport {
    const sum = { ...this.#formerFilter };
    for (const { reader } of this.#tables.values()) addFilter(sum, reader);
    return sum;
  }

  open(meta: TableMeta): void {
    assert(!this.#tables.has(meta.fileNumber), "a table is opened once");
    const path = this.#pathOf(meta.fileNumber);
    const reader = TableReader.open(this.#host, path, meta, this.#storeId, this.cache);
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
    addFilter(this.#formerFilter, table.reader);
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

function addFilter(
  sum: { refused: number; passed: number; mistaken: number },
  { stats }: TableReader,
): void {
  sum.refused += stats.filterRefused;
  sum.passed += stats.filterPassed;
  sum.mistaken += stats.filterMistaken;
}
