/**
 * All that is readable: the memtable that takes writes, those on their way to a table, and the tables of the present
 * version. Reading is synchronous from here down, so every lookup and every page sees one structure, whole. Where the
 * disk is slow it stops instead of waiting (BLOCK_MISSING), and is repeated from above.
 *
 * Always true:
 * (1) Of any key, the active memtable holds newer versions than the immutable ones, those newer than level 0, and so on
 *     down; the first source that has a version at or below the reader's sequence has the one that counts.
 * (2) `structure` changes whenever sources are exchanged. A scan that goes on after that opens its cursors anew.
 */
import { assert } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import type { KeyRange } from "../../contract/index.ts";
import { KIND_PUT } from "../codec/index.ts";
import type { Entry } from "../codec/index.ts";
import { LevelCursor, tableIndexFor, tablesOf, versionOf } from "../compaction/index.ts";
import type { OpenTables, Version } from "../compaction/index.ts";
import { BLOCK_MISSING, RangeDeleteIndex, mergeCursor } from "../cursor/index.ts";
import type { Cursor, PointResult } from "../cursor/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import { MemoryPool, Memtable } from "../memtable/index.ts";
import { insertEntries } from "../recovery/index.ts";
import { hashKey } from "../sstable/index.ts";
import type { BlockReads, KeyHash, TableReader } from "../sstable/index.ts";
import { EmptySpans } from "./empty-spans.ts";

/** A memtable that takes no more entries, and the log that holds them until they are in a table. */
export interface Immutable {
  readonly memtable: Memtable;
  readonly logNumber: number;
  /** Of its newest commit. */
  readonly lastSequence: number;
}

interface Level {
  readonly tables: readonly TableMeta[];
  readonly readers: readonly TableReader[];
}

/** Scans read blocks where they lie, a page in a turn. */
const IN_PLACE = { inPlace: true } as const;

export class Tree {
  readonly #tables: OpenTables;
  readonly #memory: MemoryPool | undefined;
  #active: Memtable;
  /** Newest first. */
  #immutables: readonly Immutable[] = [];
  #version: Version = versionOf([]);
  /** Newest first, then the deeper levels that hold something. */
  #level0: readonly TableReader[] = [];
  #deeper: readonly Level[] = [];
  #tableRangeDeletes = new RangeDeleteIndex();
  readonly #emptySpans: EmptySpans = new EmptySpans();
  #structure = 0;
  /** The largest sequence in the tables of the version. */
  #newestInTables = 0;
  readonly #hash: KeyHash = new Uint32Array(2);
  #flushedSequence: number;

  /**
   * All commits up to `flushedSequence` are in tables. `memtableBytes`: at which size a memtable is set aside; undefined
   * where nothing is written.
   */
  constructor(tables: OpenTables, flushedSequence: number, memtableBytes?: number) {
    this.#tables = tables;
    this.#flushedSequence = flushedSequence;
    // While the next log is made, the memtable takes some more; pages that are never touched cost nothing.
    const memoryBytes = memtableBytes === undefined ? 0 : (memtableBytes * 1.5 + 7) & ~7;
    this.#memory = memoryBytes === 0 ? undefined : new MemoryPool(memoryBytes);
    this.#active = new Memtable(this.#memory?.take());
  }

  /** Whether reads should run under an errand. */
  get reads(): BlockReads {
    return this.#tables.cache.reads;
  }
  get active(): Memtable {
    return this.#active;
  }
  get immutables(): readonly Immutable[] {
    return this.#immutables;
  }
  get version(): Version {
    return this.#version;
  }
  get structure(): number {
    return this.#structure;
  }

  /** All commits up to this one are in tables. */
  get flushedSequence(): number {
    return this.#flushedSequence;
  }
  /** All commits up to this one have left the active memtable. */
  get rotatedSequence(): number {
    return this.#immutables[0]?.lastSequence ?? this.#flushedSequence;
  }

  /** Takes in what logs held, oldest first, before anything was read or written. */
  adopt(memtables: readonly Memtable[], lastSequence: number): void {
    this.#immutables = memtables
      .map((memtable) => ({ memtable, logNumber: 0, lastSequence }))
      .toReversed();
    this.#structure++;
  }

  /** Takes in one commit, whole, in this turn. */
  insert(sequence: number, entries: readonly Entry[]): void {
    insertEntries(this.#active, sequence, entries);
  }

  /** Sets the full memtable aside and starts the next one. */
  rotate(logNumber: number, lastSequence: number): void {
    this.#immutables = [{ memtable: this.#active, logNumber, lastSequence }, ...this.#immutables];
    this.#active = new Memtable(this.#memory?.take());
    this.#structure++;
  }

  /** Makes `version` the present one; its tables are open. `flushed` is the memtable that is now in a table. */
  install(version: Version, flushed?: Immutable): void {
    if (flushed !== undefined) {
      assert(this.#immutables.at(-1) === flushed, "the oldest memtable is flushed first");
      this.#immutables = this.#immutables.slice(0, -1);
      this.#flushedSequence = flushed.lastSequence;
      // Lookups use what is present, and a scan that began before sees by #structure that it must begin anew.
      this.#memory?.give(flushed.memtable.release());
    }
    const readersOf = (tables: readonly TableMeta[]): TableReader[] =>
      tables.map((table) => this.#tables.reader(table.fileNumber));
    this.#version = version;
    this.#level0 = readersOf(version.levels[0]!);
    this.#deeper = version.levels
      .slice(1)
      .filter((tables) => tables.length > 0)
      .map((tables) => ({ tables, readers: readersOf(tables) }));
    this.#tableRangeDeletes = new RangeDeleteIndex();
    this.#newestInTables = 0;
    for (const table of tablesOf(version)) {
      this.#newestInTables = Math.max(this.#newestInTables, table.largestSequence);
      if (table.rangeDeletes === 0) continue;
      for (const one of this.#tables.reader(table.fileNumber).rangeDeletes) {
        this.#tableRangeDeletes.add(one);
      }
    }
    this.#tables.places.forget(this.#newestInTables);
    this.#structure++;
  }

  /**
   * HOT: bench/micro/lsm-engine.ts. Finds what `key` holds at `sequence` and fills `out`; false if it holds nothing.
   * The bytes hold until the next read.
   */
  get(key: Bytes, sequence: number, out: PointResult): boolean {
    try {
      if (!this.#newestVersion(key, sequence, out) || out.kind !== KIND_PUT) return false;
      return this.#coveredBy(key, sequence) <= out.sequence;
    } catch (error) {
      if (error === BLOCK_MISSING) this.#askSoon(key);
      throw error;
    }
  }

  /** The lookup stopped at a block: has the filters read that it comes to next, so that it does not wait for each. */
  #askSoon(key: Bytes): void {
    const { errand } = this.reads;
    if (errand === undefined) return;
    for (const reader of this.#level0) if (reader.askSoon(key, errand)) return;
    for (const { tables, readers } of this.#deeper) {
      const at = tableIndexFor(tables, key);
      if (at >= 0 && readers[at]!.askSoon(key, errand)) return;
    }
  }

  /**
   * All sources that may hold keys of the range as one cursor; the caller closes it, and calls beginPage() before each
   * time that it reads on. It may give keys outside of the range, but not all of them.
   */
  cursor(range: KeyRange): Cursor {
    const { end, start } = range;
    const cursors: Cursor[] = [this.#active.cursor()];
    for (const { memtable } of this.#immutables) cursors.push(memtable.cursor());
    let isMissing = false;
    // On a slow disk a piece of a filter may be missing; all tables are asked before the scan waits for any.
    const addTable = (reader: TableReader): void => {
      try {
        if (reader.mayHoldRange(start, end)) cursors.push(reader.cursor(IN_PLACE));
      } catch (error) {
        if (error !== BLOCK_MISSING) throw error;
        isMissing = true;
      }
    };
    for (const reader of this.#level0) addTable(reader);
    for (const { tables, readers } of this.#deeper) {
      const first = Math.max(0, tableIndexFor(tables, start));
      const last = end === undefined ? tables.length - 1 : tableIndexFor(tables, end);
      if (first === last) {
        addTable(readers[first]!);
      } else if (first < last) {
        cursors.push(
          new LevelCursor(tables.slice(first, last + 1), readers.slice(first, last + 1), IN_PLACE),
        );
      }
    }
    if (isMissing) throw BLOCK_MISSING;
    return mergeCursor(cursors);
  }

  /**
   * About how many rows lie in the range: the entries of all sources together. What is overwritten counts as often as it
   * was written, and what is deleted counts until a compaction has met it.
   */
  estimateRows(range: KeyRange): number {
    const { end, start } = range;
    let rows = this.#active.estimateEntries(range);
    for (const { memtable } of this.#immutables) rows += memtable.estimateEntries(range);
    for (const reader of this.#level0) rows += reader.estimateRows(start, end);
    for (const { tables, readers } of this.#deeper) {
      const first = Math.max(0, tableIndexFor(tables, start));
      const last = end === undefined ? tables.length - 1 : tableIndexFor(tables, end);
      for (let i = first; i <= last; i++) {
        const { entries, tombstones } = tables[i]!;
        const isInside = i > first && i < last;
        rows += isInside ? entries - tombstones : readers[i]!.estimateRows(start, end);
      }
    }
    return Math.round(rows);
  }

  /** A page of a scan comes next, in one go: the blocks that it stands on stay in the cache until the next page. */
  beginPage(): void {
    this.#tables.cache.beginTurn();
  }

  /** How many spans are remembered in which there is nothing. */
  get emptySpans(): number {
    return this.#emptySpans.count;
  }

  /** Nothing that a reader at this sequence sees lies in the span. */
  learnEmpty(span: KeyRange, sequence: number): void {
    this.#emptySpans.learn(span, sequence);
  }

  /** What hides entries of the range from readers; indexes that are empty are left out. */
  rangeDeletes(range: KeyRange): readonly RangeDeleteIndex[] {
    const found: RangeDeleteIndex[] = [];
    const add = (index: RangeDeleteIndex): void => {
      if (!index.isEmpty) found.push(index);
    };
    if (this.#emptySpans.count > 0) add(this.#emptySpans.within(range));
    add(this.#active.rangeDeleteIndex);
    for (const { memtable } of this.#immutables) add(memtable.rangeDeleteIndex);
    add(this.#tableRangeDeletes);
    return found;
  }

  #newestVersion(key: Bytes, sequence: number, out: PointResult): boolean {
    if (this.#active.get(key, sequence, out)) return true;
    for (const { memtable } of this.#immutables) {
      if (memtable.get(key, sequence, out)) return true;
    }
    const hash = this.#hash;
    hashKey(key, 0, key.length, hash);
    const { places } = this.#tables;
    if (places.find(key, hash, sequence, out)) return true;
    const reader = this.#readerOfNewest(key, hash, sequence, out);
    if (reader === undefined) return false;
    // Of a reader that does not see all tables, it may not be the newest.
    if (sequence >= this.#newestInTables) {
      places.learn(hash, reader.foundBlock, reader.foundEntry, out);
    }
    return true;
  }
  /** The table that has the newest version, which fills `out`. */
  #readerOfNewest(
    key: Bytes,
    hash: KeyHash,
    sequence: number,
    out: PointResult,
  ): TableReader | undefined {
    for (const reader of this.#level0) if (reader.get(key, hash, sequence, out)) return reader;
    for (const { tables, readers } of this.#deeper) {
      const at = tableIndexFor(tables, key);
      if (at >= 0 && readers[at]!.get(key, hash, sequence, out)) return readers[at];
    }
    return undefined;
  }

  /** The newest range delete that a reader at `sequence` sees over the key; 0 if there is none. */
  #coveredBy(key: Bytes, sequence: number): number {
    let newest = this.#tableRangeDeletes.covers(key, 0, key.length, sequence);
    newest = Math.max(newest, this.#active.rangeDeleteIndex.covers(key, 0, key.length, sequence));
    for (const { memtable } of this.#immutables) {
      newest = Math.max(newest, memtable.rangeDeleteIndex.covers(key, 0, key.length, sequence));
    }
    return newest;
  }
}
