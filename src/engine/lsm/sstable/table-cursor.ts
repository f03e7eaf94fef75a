/**
 * Walks a table's entries through both levels of its index.
 *
 * Always true:
 * (1) The key is a copy. Index partition and data block are read where they lie in the cache, kept there (#…Start), or
 *     are copies of the cursor's own: where it was not asked to use the cache so, or the cache could not keep them.
 * (2) What is kept is so in one turn of the cache. Later the block is found again, in its place or anew: by resume(), or
 *     by the seek of a cursor that had stopped at a missing block.
 * (3) While valid, #entryAt is an entry of the data block that entry #partitionAt of the partition points to, which entry
 *     #topAt of the top index points to.
 */
import { EMPTY_BYTES } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { MAX_SEQUENCE, NO_VIEW, stepOverHidden, stepOverHiddenBack } from "../cursor/index.ts";
import type { Cursor } from "../cursor/index.ts";
import { DATA_HANDLE_BYTES } from "./block/block-frame.ts";
import { BlockReader } from "./block/block-reader.ts";

export interface TableCursorSource {
  /** Undefined: the table has no point entries. */
  readonly topIndex: BlockReader | undefined;
  /** No entry has a larger sequence. */
  readonly largestSequence: number;
  /** What is added to the sequence that an entry says. */
  readonly loadedAt: number;
  /** The cache's memory, to read lent blocks in. */
  readonly slab: Bytes;
  readonly slabView: DataView;
  /**
   * Where in the slab the block begins that entry i of an index points to, kept there until letGo() or the end of the
   * turn; -1: it is to be copied.
   */
  readonly turn: number;
  lendBlock(index: BlockReader, i: number, valueBytes: number | undefined): number;
  letGo(start: number): void;
  /** Copies the block that entry i of an index points to into `target`, or into a larger buffer; gives the one used. */
  copyBlock(index: BlockReader, i: number, target: Bytes, valueBytes: number | undefined): Bytes;
}

const NO_TOP = new BlockReader();
/** A cursor with room for a longer key is not used again, so that long keys do not stay in memory. */
const KEY_BYTES_KEPT_MAX = 1_024;
/** No block is lent. */
const NOT_LENT = -1;

export class TableCursor implements Cursor {
  readonly #source: TableCursorSource;
  readonly #onClose: ((cursor: TableCursor) => void) | undefined;
  #isClosed = false;
  readonly #top: BlockReader;
  readonly #partition = new BlockReader();
  readonly #data = new BlockReader();
  /** Where in the slab they begin, and since which turn they are kept. */
  #partitionStart = NOT_LENT;
  #partitionTurn = 0;
  #dataStart = NOT_LENT;
  #dataTurn = 0;
  #partitionBytes: Bytes = EMPTY_BYTES;
  #dataBytes: Bytes = EMPTY_BYTES;
  #dataView: DataView | undefined;
  /** -1: no partition is loaded; then no data block is either. */
  #topAt = -1;
  #partitionAt = -1;
  #entryAt = 0;

  valid = false;
  keyBuffer: Bytes = new Uint8Array(64);
  readonly keyStart: number = 0;
  keyEnd = 0;
  sequence = 0;
  kind = 0;
  valueBuffer: Bytes = EMPTY_BYTES;
  valueStart = 0;
  valueEnd = 0;
  valueView: DataView = NO_VIEW;

  /** `onClose`: told of each close; whoever opens it again must be its only owner from then on. */
  constructor(source: TableCursorSource, onClose?: (cursor: TableCursor) => void) {
    this.#source = source;
    this.#onClose = onClose;
    this.#top = source.topIndex ?? NO_TOP;
  }

  seekToFirst(): void {
    this.valid = false;
    if (this.#top.count === 0) return;
    this.#loadPartition(0);
    this.#loadData(0);
    this.#show(0);
  }
  seekToLast(): void {
    this.valid = false;
    if (this.#top.count === 0) return;
    this.#loadPartition(this.#top.count - 1);
    this.#loadData(this.#partition.count - 1);
    this.#show(this.#data.count - 1);
  }
  seek(key: Bytes): void {
    this.valid = false;
    if (!this.#loadBlockOf(key)) return;
    const entry = this.#data.lowerBound(key, MAX_SEQUENCE);
    // The key may lie between the block's last entry and the index key above it.
    if (entry === this.#data.count) this.#nextBlock();
    else this.#show(entry);
  }
  seekBefore(key: Bytes): void {
    this.valid = false;
    if (!this.#loadBlockOf(key)) {
      this.seekToLast();
      return;
    }
    const entry = this.#data.lowerBound(key, MAX_SEQUENCE);
    if (entry === 0) this.#prevBlock();
    else this.#show(entry - 1);
  }

  next(): void {
    if (this.#entryAt + 1 < this.#data.count) this.#show(this.#entryAt + 1);
    else this.#nextBlock();
  }
  prev(): void {
    if (this.#entryAt > 0) this.#show(this.#entryAt - 1);
    else this.#prevBlock();
  }

  skipHidden(end: Bytes | undefined, sequence: number): void {
    if (this.#source.largestSequence >= sequence) stepOverHidden(this, end, sequence);
    else if (end === undefined) this.valid = false;
    else this.seek(end);
  }
  skipHiddenBack(start: Bytes, sequence: number): void {
    if (this.#source.largestSequence >= sequence) stepOverHiddenBack(this, start, sequence);
    else this.seekBefore(start);
  }

  resume(): void {
    if (!this.valid || (this.#hasPartition && this.#hasData)) return;
    const partition = this.#partitionAt;
    this.valid = false;
    this.#loadPartition(this.#topAt);
    this.#loadData(partition);
    this.#show(this.#entryAt);
  }

  /** To be used again after close(). */
  reopen(): void {
    this.#isClosed = false;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.valid = false;
    this.#topAt = -1;
    this.#partitionAt = -1;
    this.#leavePartition();
    this.#leaveData();
    this.#partitionBytes = EMPTY_BYTES;
    this.#dataBytes = EMPTY_BYTES;
    this.#dataView = undefined;
    if (this.keyBuffer.length <= KEY_BYTES_KEPT_MAX) this.#onClose?.(this);
  }

  /** Loads the only block that can hold the first entry at or after `key`; false if all entries are before it. */
  #loadBlockOf(key: Bytes): boolean {
    const top = this.#top.lowerBound(key, MAX_SEQUENCE);
    if (top === this.#top.count) return false;
    this.#loadPartition(top);
    const partition = this.#partition.lowerBound(key, MAX_SEQUENCE);
    // The top index says that the partition's last key is at or after this one; a damaged index may lie.
    this.#loadData(Math.min(partition, this.#partition.count - 1));
    return true;
  }

  #nextBlock(): void {
    this.valid = false;
    if (this.#partitionAt + 1 < this.#partition.count) this.#loadData(this.#partitionAt + 1);
    else if (this.#topAt + 1 < this.#top.count) {
      this.#loadPartition(this.#topAt + 1);
      this.#loadData(0);
    } else return;
    this.#show(0);
  }
  #prevBlock(): void {
    this.valid = false;
    if (this.#partitionAt > 0) this.#loadData(this.#partitionAt - 1);
    else if (this.#topAt > 0) {
      this.#loadPartition(this.#topAt - 1);
      this.#loadData(this.#partition.count - 1);
    } else return;
    this.#show(this.#data.count - 1);
  }

  /** Are they where they were attached? */
  get #hasPartition(): boolean {
    return this.#partitionStart === NOT_LENT || this.#partitionTurn === this.#source.turn;
  }
  get #hasData(): boolean {
    return this.#dataStart === NOT_LENT || this.#dataTurn === this.#source.turn;
  }

  #loadPartition(top: number): void {
    if (this.#topAt === top && this.#hasPartition) return;
    this.#topAt = -1;
    this.#partitionAt = -1;
    this.#leavePartition();
    const source = this.#source;
    const start = source.lendBlock(this.#top, top, DATA_HANDLE_BYTES);
    if (start === NOT_LENT) {
      const bytes = source.copyBlock(this.#top, top, this.#partitionBytes, DATA_HANDLE_BYTES);
      this.#partitionBytes = bytes;
      this.#partition.attach(bytes, new DataView(bytes.buffer), 0);
    } else {
      this.#partitionStart = start;
      this.#partitionTurn = source.turn;
      this.#partition.attach(source.slab, source.slabView, start);
    }
    this.#topAt = top;
  }

  #loadData(partition: number): void {
    if (this.#partitionAt === partition && this.#hasData) return;
    this.#partitionAt = -1;
    this.#leaveData();
    const source = this.#source;
    const start = source.lendBlock(this.#partition, partition, undefined);
    if (start === NOT_LENT) this.#copyData(partition);
    else {
      this.#dataStart = start;
      this.#dataTurn = source.turn;
      this.#data.attach(source.slab, source.slabView, start);
    }
    this.#partitionAt = partition;
    this.valueBuffer = this.#data.bytes;
    this.valueView = this.#data.view;
    this.#reserveKey(this.#data.prefixLength);
    this.#data.copyPrefix(this.keyBuffer);
  }

  #copyData(partition: number): void {
    const bytes = this.#source.copyBlock(this.#partition, partition, this.#dataBytes, undefined);
    if (bytes !== this.#dataBytes || this.#dataView === undefined) {
      this.#dataBytes = bytes;
      this.#dataView = new DataView(bytes.buffer);
    }
    this.#data.attach(bytes, this.#dataView, 0);
  }

  #leavePartition(): void {
    if (this.#partitionStart !== NOT_LENT && this.#hasPartition) {
      this.#source.letGo(this.#partitionStart);
    }
    this.#partitionStart = NOT_LENT;
  }
  #leaveData(): void {
    if (this.#dataStart !== NOT_LENT && this.#hasData) this.#source.letGo(this.#dataStart);
    this.#dataStart = NOT_LENT;
  }

  /** HOT: bench/micro/lsm-storage. */
  #show(entry: number): void {
    const data = this.#data;
    const prefix = data.prefixLength;
    const end = prefix + data.rest(entry);
    if (end > this.keyBuffer.length) this.#reserveKey(end);
    data.copyRest(entry, this.keyBuffer, prefix);
    this.#entryAt = entry;
    this.keyEnd = end;
    this.sequence = data.sequence(entry) + this.#source.loadedAt;
    this.kind = data.kind(entry);
    this.valueStart = data.valueStart(entry);
    this.valueEnd = data.valueEnd(entry);
    this.valid = true;
  }

  #reserveKey(length: number): void {
    if (length <= this.keyBuffer.length) return;
    const grown = new Uint8Array(length * 2);
    grown.set(this.keyBuffer);
    this.keyBuffer = grown;
  }
}
