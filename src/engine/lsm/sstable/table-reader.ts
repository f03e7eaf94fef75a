/**
 * Reads one table: point lookups, cursors, checks.
 *
 * Always true:
 * (1) Nothing from the file is used before its checksum and its form were checked; what does not hold is a
 *     CorruptionError with file and offset.
 * (2) The filter's own block, top index and range deletes stay in memory from open() to close(); other blocks, pieces of
 *     the filter among them, live in the cache.
 */
import { compareBytes, equalBytes, hex } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import type { Cursor, PointResult, RangeDelete } from "../cursor/index.ts";
import { RangeDeleteIndex } from "../cursor/index.ts";
import { storageFailure } from "../host/index.ts";
import type { FileSystem } from "../host/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import type { BlockCache, BlockKind, LargeBlock } from "./block/block-cache.ts";
import { DATA_BLOCK, INDEX_BLOCK, SLOT_BYTES } from "./block/block-cache.ts";
import { DATA_HANDLE_BYTES, FRAME_BYTES } from "./block/block-frame.ts";
import type { BlockHandle } from "./block/block-frame.ts";
import { BlockReader, blockProblem } from "./block/block-reader.ts";
import { countEntries } from "./block/count-entries.ts";
import type { BlockHome, Errand } from "./block/errand.ts";
import { Filter } from "./block/filter.ts";
import type { KeyHash } from "./block/filter.ts";
import { FilterPieces } from "./block/filter-pieces.ts";
import type { TableProperties } from "./properties.ts";
import { TableCursor } from "./table-cursor.ts";
import type { TableCursorSource } from "./table-cursor.ts";
import { readBlock, readBlockAsync, readTableParts } from "./table-parts.ts";
import type { TableParts } from "./table-parts.ts";
import { verifyTable } from "./verify-table.ts";

export interface TableStats {
  /** Lookups that the filter let through. */
  readonly filterPassed: number;
  /** Lookups that the filter answered. */
  readonly filterRefused: number;
  /** Lookups that the filter let through for nothing. */
  readonly filterMistaken: number;
  /** Scans of a range that filter and bounds kept away from the table. */
  readonly rangesRefused: number;
}

/** How a cursor treats the blocks that it reads. */
export interface TableCursorOptions {
  /** false: leaves the cache as it is; for compactions and checks, which read all of a table once. Default true. */
  readonly fillCache?: boolean;
  /**
   * true: reads blocks where they lie in the cache, which are kept there until its turn ends: see Cursor.resume(). For
   * scans, to which copies of two blocks for each table would be most of the work. Default false.
   */
  readonly inPlace?: boolean;
}

export class TableReader implements BlockHome {
  readonly meta: TableMeta;
  readonly #parts: TableParts;
  readonly #filter: Filter;
  readonly #filterPieces: FilterPieces;
  readonly #cache: BlockCache;
  readonly owner: number;
  /** Of a table that a load made: at which sequence all its entries are read, though it says 0. Else 0. */
  readonly #loadedAt: number;
  readonly #rangeDeleteIndex: RangeDeleteIndex;
  readonly #blocksInPlace: TableCursorSource;
  /** A cursor in place that was closed, for the next scan: to make one anew was a fifth of a short scan. */
  #spare: TableCursor | undefined;
  readonly #partition = new BlockReader();
  readonly #data = new BlockReader();
  /** Which entry of its block the last get() found. */
  foundEntry = 0;
  #filterPassed = 0;
  #filterRefused = 0;
  #filterMistaken = 0;
  #rangesRefused = 0;
  #isClosed = false;

  private constructor(parts: TableParts, meta: TableMeta, cache: BlockCache) {
    this.meta = meta;
    this.#parts = parts;
    this.#cache = cache;
    this.owner = cache.register();
    this.#filterPieces = new FilterPieces(parts.file, cache, this.owner);
    this.#filter = new Filter(parts.filter, this.#filterPieces);
    this.#loadedAt = parts.properties.largestSequence === 0 ? meta.largestSequence : 0;
    this.#rangeDeleteIndex = RangeDeleteIndex.build(parts.rangeDeletes);
    this.#blocksInPlace = this.#lendingBlocks();
  }

  /**
   * Opens a table that the manifest knows. CorruptionError: the file is not what was written, or another table, or of
   * another database. StorageError FormatTooNew: a newer KotobaDB wrote it.
   */
  static open(
    host: { readonly files: Pick<FileSystem, "open"> },
    path: string,
    meta: TableMeta,
    storeId: Bytes,
    cache: BlockCache,
  ): TableReader {
    const file = host.files.open(path, "read");
    try {
      const parts = readTableParts(file, meta.fileBytes);
      checkIdentity(parts, meta, storeId);
      return new TableReader(parts, meta, cache);
    } catch (error) {
      file.close();
      throw storageFailure(error, path);
    }
  }

  /** May the table hold point entries with keys in [start, end)? Asked before a scan opens it; may throw BLOCK_MISSING. */
  mayHoldRange(start: Bytes, end: Bytes | undefined): boolean {
    const { largestKey, smallestKey } = this.meta;
    if (this.#parts.topIndex === undefined) return false;
    if (end !== undefined && compareBytes(smallestKey, end) >= 0) return false;
    if (largestKey !== undefined && compareBytes(largestKey, start) < 0) return false;
    if (this.#filter.mayHoldRange(start, end)) return true;
    this.#rangesRefused++;
    return false;
  }

  /** In the order of their starts. */
  get rangeDeletes(): readonly RangeDelete[] {
    return this.#parts.rangeDeletes;
  }
  get rangeDeleteIndex(): RangeDeleteIndex {
    return this.#rangeDeleteIndex;
  }
  get properties(): TableProperties {
    return this.#parts.properties;
  }
  get stats(): TableStats {
    return {
      filterPassed: this.#filterPassed,
      filterRefused: this.#filterRefused,
      filterMistaken: this.#filterMistaken,
      rangesRefused: this.#rangesRefused,
    };
  }

  /**
   * HOT: bench/micro/lsm-storage. Finds the newest entry of `key` whose sequence is at most `maxSequence`, a delete as
   * well as a put, and fills `out`; false if there is none. `hash` is what hashKey() gives of the key. Range deletes are
   * not applied. The bytes hold until the next read through the same cache.
   */
  get(key: Bytes, hash: KeyHash, maxSequence: number, out: PointResult): boolean {
    const { topIndex } = this.#parts;
    if (topIndex === undefined || this.#loadedAt > maxSequence) return false;
    if (!this.#filter.mayHoldHashed(hash)) {
      this.#filterRefused++;
      return false;
    }
    this.#filterPassed++;
    if (this.#find(topIndex, key, maxSequence, out)) return true;
    this.#filterMistaken++;
    return false;
  }

  /**
   * About how many rows the table has in [start, end): entries that are no deletes. What is not in the cache is read only
   * while reads are quick, and of data blocks the two at the start only.
   */
  estimateRows(start: Bytes, end: Bytes | undefined): number {
    const { properties, topIndex } = this.#parts;
    const { largestKey, smallestKey } = this.meta;
    if (topIndex === undefined) return 0;
    if (end !== undefined && compareBytes(smallestKey, end) >= 0) return 0;
    if (largestKey !== undefined && compareBytes(largestKey, start) < 0) return 0;
    const { dataBlocks, entries, tombstones } = properties;
    const isWhole = compareBytes(start, smallestKey) <= 0;
    const isToEnd =
      end === undefined || (largestKey !== undefined && compareBytes(largestKey, end) < 0);
    if (isWhole && isToEnd) return entries - tombstones;
    const mayRead = !this.#cache.reads.isSlow;
    const counted = countEntries(
      {
        topIndex,
        dataBlocks,
        entries,
        partition: (top) => {
          const isThere = this.#reach(this.#partition, topIndex, top, DATA_HANDLE_BYTES, mayRead);
          return isThere ? this.#partition : undefined;
        },
        data: (partition, i, isWorthReading) => {
          if (isLargeAt(partition, i)) return "large";
          const may = mayRead && isWorthReading;
          return this.#reach(this.#data, partition, i, undefined, may) ? this.#data : undefined;
        },
      },
      start,
      isToEnd ? undefined : end,
    );
    return counted * (1 - tombstones / entries);
  }

  /** Turns `block` to the block that entry i of `index` points to, if it is in the cache or may be read. */
  #reach(
    block: BlockReader,
    index: BlockReader,
    i: number,
    valueBytes: number | undefined,
    mayRead: boolean,
  ): boolean {
    const offset = index.handleOffset(index.valueStart(i));
    if (!mayRead && !this.#cache.holds(this.owner, offset)) return false;
    try {
      this.#load(block, index, i, valueBytes);
      return true;
    } catch {
      // It is told to whoever needs the block: a guess needs none.
      return false;
    }
  }

  /** Has read what get() needs first. True: a get() of this key goes beyond the filter, as far as can be told. */
  askSoon(key: Bytes, errand: Errand): boolean {
    return this.#parts.topIndex !== undefined && this.#filter.askSoon(key, errand);
  }

  #find(topIndex: BlockReader, key: Bytes, maxSequence: number, out: PointResult): boolean {
    const t = topIndex.lowerBound(key, maxSequence);
    if (t === topIndex.count) return false;
    const partition = this.#partition;
    this.#load(partition, topIndex, t, DATA_HANDLE_BYTES);
    const p = partition.lowerBound(key, maxSequence);
    if (p === partition.count) return false;
    const data = this.#data;
    this.#load(data, partition, p, undefined);
    const d = data.lowerBound(key, maxSequence);
    if (d === data.count || !data.isKeyAt(d, key)) return false;
    out.sequence = data.sequence(d) + this.#loadedAt;
    out.kind = data.kind(d);
    out.buffer = data.bytes;
    out.start = data.valueStart(d);
    out.end = data.valueEnd(d);
    this.foundEntry = d;
    return true;
  }

  /** Of the block that the last get() found its entry in: where it begins in the cache's memory; -1 if it is too large. */
  get foundBlock(): number {
    const { bytes, start } = this.#data;
    return bytes === this.#cache.slab ? start : -1;
  }

  /**
   * A cursor over the entries. It copies each block that it stands on, so that evictions do not touch it, unless it is
   * asked to read them in place.
   */
  cursor({ fillCache = true, inPlace = false }: TableCursorOptions = {}): Cursor {
    if (!inPlace) return new TableCursor(this.#blocksCopied(fillCache));
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined) spare.reopen();
    return spare ?? new TableCursor(this.#blocksInPlace, (cursor) => (this.#spare = cursor));
  }

  /** Made once: a scan opens a cursor in every table. */
  #lendingBlocks(): TableCursorSource {
    const cache = this.#cache;
    return {
      ...this.#blocksCopied(true),
      get turn() {
        return cache.turn;
      },
      lendBlock: (index, i, valueBytes) => this.#lendBlock(index, i, valueBytes),
      letGo: (start) => cache.letGo(start),
    };
  }
  #blocksCopied(fillCache: boolean): TableCursorSource {
    return {
      topIndex: this.#parts.topIndex,
      largestSequence: this.meta.largestSequence,
      loadedAt: this.#loadedAt,
      slab: this.#cache.slab,
      slabView: this.#cache.view,
      turn: 0,
      lendBlock: () => -1,
      letGo: () => undefined,
      copyBlock: (index, i, target, valueBytes) =>
        this.#copyBlock(index, i, target, valueBytes, fillCache),
    };
  }

  /**
   * Memory that is taken from open() to close(): top index and what of the filter does not live in the cache, and about as
   * much as the range deletes.
   */
  get pinnedBytes(): number {
    const { footer } = this.#parts;
    return this.#filter.bytes + footer.topIndex.length + footer.rangeDeletes.length;
  }

  /** Reads the whole file, past the cache, and checks it; gives the problems found, none if all is well. */
  verify(): readonly string[] {
    return verifyTable(this.#parts, this.meta);
  }

  /** Cursors of this table must be closed before. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#filterPieces.close();
    this.#cache.forget(this.owner);
    this.#parts.file.close();
  }

  holds(handle: BlockHandle): boolean {
    return this.#cache.holds(this.owner, handle.offset);
  }

  async readLater(handle: BlockHandle, valueBytes: number | undefined): Promise<Bytes> {
    const block = await readBlockAsync(this.#parts.file, handle, valueBytes);
    // A large one is kept when a lookup uses it; a scan would sweep out all the others.
    const fits = block.bytes.length <= SLOT_BYTES;
    if (fits && !this.#isClosed && !this.holds(handle)) {
      const { slab } = this.#cache;
      this.#cache.claim(this.owner, handle.offset, (start) => slab.set(block.bytes, start));
    }
    return block.bytes;
  }

  /** Turns `block` to the block that entry i of `index` points to, from the cache or the file. */
  #load(block: BlockReader, index: BlockReader, i: number, valueBytes: number | undefined): void {
    const cache = this.#cache;
    const at = index.valueStart(i);
    const offset = index.handleOffset(at);
    const length = index.handleLength(at);
    // Only handles of data blocks, whose values may have any length, say how long the payload is.
    const rawLength = valueBytes === undefined ? index.handleRawLength(at) : length;
    if (rawLength + FRAME_BYTES <= SLOT_BYTES) {
      let start = cache.find(this.owner, offset, kindOf(valueBytes));
      if (start < 0)
        start = this.#claim(offset, length, rawLength, index.handleCrc(at), valueBytes);
      block.attach(cache.slab, cache.view, start);
      return;
    }
    const handle = { offset, length, rawLength, crc: index.handleCrc(at) };
    const large = cache.findLarge(this.owner, offset) ?? this.#readLarge(handle, valueBytes);
    block.attach(large.bytes, large.view, 0);
  }

  /** The place in the cache of a block that was not there. */
  #claim(
    offset: number,
    length: number,
    rawLength: number,
    crc: number,
    valueBytes: number | undefined,
  ): number {
    const { file } = this.#parts;
    const cache = this.#cache;
    const { reads } = cache;
    file.checkHandle(offset, length, rawLength);
    const arrived = reads.errand?.take(this, { offset, length, rawLength, crc }, valueBytes);
    return cache.claim(this.owner, offset, (start) => {
      if (arrived !== undefined) {
        cache.slab.set(arrived, start);
        return;
      }
      const before = reads.starts();
      file.read(cache.slab, cache.view, start, offset, length, rawLength, crc);
      reads.took(before);
      const problem = blockProblem(cache.slab, cache.view, start, rawLength, valueBytes);
      if (problem !== undefined) throw file.damaged(offset, "a well-formed block", problem);
    });
  }

  #readLarge(handle: BlockHandle, valueBytes: number | undefined): LargeBlock {
    const { reads } = this.#cache;
    const bytes = reads.errand?.take(this, handle, valueBytes);
    if (bytes !== undefined) {
      const arrived = { bytes, view: new DataView(bytes.buffer) };
      this.#cache.keepLarge(this.owner, handle.offset, arrived);
      return arrived;
    }
    const before = reads.starts();
    const large = readBlock(this.#parts.file, handle, valueBytes);
    reads.took(before);
    this.#cache.keepLarge(this.owner, handle.offset, large);
    return large;
  }

  /** Where in the cache a block lies, and stays until the turn is over; -1: it is too large, or too many are kept. */
  #lendBlock(index: BlockReader, i: number, valueBytes: number | undefined): number {
    const cache = this.#cache;
    const at = index.valueStart(i);
    const offset = index.handleOffset(at);
    const length = index.handleLength(at);
    const rawLength = valueBytes === undefined ? index.handleRawLength(at) : length;
    if (rawLength + FRAME_BYTES > SLOT_BYTES) return -1;
    const { errand } = cache.reads;
    if (errand !== undefined && valueBytes === undefined) this.#readAhead(errand, index, i);
    let start = cache.find(this.owner, offset, kindOf(valueBytes));
    if (start < 0) start = this.#claim(offset, length, rawLength, index.handleCrc(at), valueBytes);
    return cache.keep(start) ? start : -1;
  }

  /** Copies a block to `target`, or to a larger buffer if it is too small, and gives that buffer. */
  #copyBlock(
    index: BlockReader,
    i: number,
    target: Bytes,
    valueBytes: number | undefined,
    fillCache: boolean,
  ): Bytes {
    const cache = this.#cache;
    const at = index.valueStart(i);
    const offset = index.handleOffset(at);
    const length = index.handleLength(at);
    const rawLength = valueBytes === undefined ? index.handleRawLength(at) : length;
    const crc = index.handleCrc(at);
    const size = rawLength + FRAME_BYTES;
    const { file } = this.#parts;
    file.checkHandle(offset, length, rawLength);
    const { errand } = cache.reads;
    if (errand !== undefined && valueBytes === undefined) this.#readAhead(errand, index, i);
    const own = size <= target.length ? target : new Uint8Array(roomFor(size));
    if (size <= SLOT_BYTES) {
      let start = cache.find(this.owner, offset, kindOf(valueBytes));
      if (start < 0 && fillCache) start = this.#claim(offset, length, rawLength, crc, valueBytes);
      if (start >= 0) {
        own.set(cache.slab.subarray(start, start + rawLength));
        return own;
      }
    }
    // Large blocks are read for a cursor alone: a scan over large values would sweep out all that lookups keep.
    const arrived = errand?.take(this, { offset, length, rawLength, crc }, valueBytes);
    if (arrived !== undefined) {
      own.set(arrived.subarray(0, rawLength));
      return own;
    }
    // Compactions read in order, which is quick on any disk and says nothing of a lookup.
    const before = fillCache ? cache.reads.starts() : 0;
    const view = new DataView(own.buffer);
    file.read(own, view, 0, offset, length, rawLength, crc);
    if (fillCache) cache.reads.took(before);
    const problem = blockProblem(own, view, 0, rawLength, valueBytes);
    if (problem !== undefined) throw file.damaged(offset, "a well-formed block", problem);
    return own;
  }

  /** Has the data blocks read that a scan comes to after the one of entry i; those of the next partition are not known. */
  #readAhead(errand: Errand, index: BlockReader, i: number): void {
    const step = errand.ahead < 0 ? -1 : 1;
    const last = errand.ahead + step;
    for (let k = step; k !== last; k += step) {
      if (i + k < 0 || i + k >= index.count) return;
      const at = index.valueStart(i + k);
      const offset = index.handleOffset(at);
      const length = index.handleLength(at);
      const rawLength = index.handleRawLength(at);
      errand.wantSoon(this, { offset, length, rawLength, crc: index.handleCrc(at) }, undefined);
    }
  }
}

/** Is the data block that entry i of a partition points to too large for the cache's slots? Then it holds one large value. */
function isLargeAt(partition: BlockReader, i: number): boolean {
  return partition.handleRawLength(partition.valueStart(i)) + FRAME_BYTES > SLOT_BYTES;
}

/** Blocks of one table are about as large as each other: the next one shall mostly fit, too. */
function roomFor(size: number): number {
  return size > SLOT_BYTES ? size : Math.min(2 * size, SLOT_BYTES);
}

/** Only the values of an index have a size that is known beforehand. */
function kindOf(valueBytes: number | undefined): BlockKind {
  return valueBytes === undefined ? DATA_BLOCK : INDEX_BLOCK;
}

/** Is this the table that the manifest means? */
function checkIdentity(parts: TableParts, meta: TableMeta, storeId: Bytes): void {
  const { file, footer, properties } = parts;
  const expect = (what: string, expected: string | number, found: string | number): void => {
    if (expected === found) return;
    throw file.damaged(file.blocksEnd, `${what} ${expected}`, `${what} ${found}`);
  };
  expect("file number", meta.fileNumber, footer.fileNumber);
  if (!equalBytes(storeId, footer.storeId)) {
    expect("store id", hex(storeId), hex(footer.storeId));
  }
  expect("entries", meta.entries, properties.entries);
  expect("range deletes", meta.rangeDeletes, properties.rangeDeletes);
  expect("range deletes", meta.rangeDeletes, parts.rangeDeletes.length);
  // What a load made says 0; only the manifest knows at which sequence it was added.
  if (properties.largestSequence > 0) {
    expect("largest sequence", meta.largestSequence, properties.largestSequence);
  }
}
