/**
 * Writes one table, from sorted entries to a synced file:
 *
 *   data blocks, and after each 8 KiB of index entries an index partition; pieces of the filter, if it is large; filter;
 *   range deletes; top index; properties; footer
 *
 * Always true:
 * (1) Entries come in order: key ascending, sequence descending, no two equal. Checked for each.
 * (2) An index entry is a key at or after the last entry of its block and before the next block's first. Its sequence is
 *     that of the block's last entry if the key is that entry's, else 0: so index entries order as entries do, and a
 *     search for (key, sequence) finds the only block that can hold the answer.
 * (3) Nothing of a table is used before finish() has returned.
 */
import {
  EMPTY_BYTES,
  assert,
  compareByteRanges,
  compareBytes,
  copyBytes,
} from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { KIND_DELETE, KIND_PUT, crc32 } from "../codec/index.ts";
import type { PointKind } from "../codec/index.ts";
import { MAX_SEQUENCE } from "../cursor/index.ts";
import type { RangeDelete } from "../cursor/index.ts";
import type { FileHandle, Host } from "../host/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import { BlockBuilder } from "./block/block-builder.ts";
import {
  DATA_HANDLE_BYTES,
  FRAME_BYTES,
  HANDLE_BYTES,
  sealBlock,
  writeDataHandle,
  writeHandle,
} from "./block/block-frame.ts";
import type { BlockHandle } from "./block/block-frame.ts";
import { FilterBuilder } from "./block/filter-builder.ts";
import { PREFIX_LENGTHS } from "./block/key-prefix.ts";
import { BlockCompressor } from "./compression/block-compressor.ts";
import { CODEC_PLAIN } from "./compression/block-codec.ts";
import type { Compression } from "./compression/block-codec.ts";
import { encodeFooter } from "./footer.ts";
import { encodeProperties, isDense } from "./properties.ts";
import type { TableProperties } from "./properties.ts";
import { encodeRangeDeletes } from "./range-delete-block.ts";
import { shortSeparator } from "./separator.ts";

/** With its frame a block fills a slot of the cache. A larger entry gets a block of its own. */
const BLOCK_BYTES: number = 8 * 1_024;
const NO_BLOCK: BlockHandle = { offset: 0, length: 0, crc: 0, rawLength: 0 };
/** The file is written in pieces of about this size. */
const WRITE_BYTES = 256 * 1_024;
const PENDING_BYTES_MAX: number = WRITE_BYTES + 2 * BLOCK_BYTES;
/** Most tables of a small database are smaller than a piece. */
const PENDING_BYTES_FIRST = 8 * 1_024;

export interface TableWriterOptions {
  /** Size of a block with its frame, in bytes; default 8 KiB, which is also the largest that shares the cache's slab. */
  readonly blockBytes?: number;
  /** How data blocks are stored; default "none". A block that would not become smaller by an eighth stays as it is. */
  readonly compression?: Compression;
  /** Lengths of the prefixes of keys that join the filter; default 4, 7 and 12; none: scans always read the table. */
  readonly prefixFilterBytes?: readonly number[];
}

export class TableWriter {
  readonly path: string;
  readonly #host: Host;
  readonly #file: FileHandle;
  readonly #fileNumber: number;
  readonly #storeId: Bytes;
  readonly #payloadMax: number;

  readonly #data = new BlockBuilder();
  readonly #partition = new BlockBuilder();
  readonly #top = new BlockBuilder();
  readonly #filter: FilterBuilder;
  readonly #rangeDeletes: RangeDelete[] = [];

  /** Bytes for the file from #written on, not yet written. */
  #pending: Bytes = new Uint8Array(PENDING_BYTES_FIRST);
  #pendingBytes = 0;
  #written = 0;
  #fileCrc = 0;
  /** Where a block is laid out before it joins #pending. */
  #scratch: Bytes = new Uint8Array(2 * BLOCK_BYTES);
  readonly #compression: Compression;
  readonly #compressor: BlockCompressor;
  readonly #handleBytes: Bytes = new Uint8Array(DATA_HANDLE_BYTES);

  /** The last entry of #partition, which becomes its entry in the top index. */
  #partitionEnd: Bytes = EMPTY_BYTES;
  #partitionEndSequence = 0;
  #firstKey: Bytes = EMPTY_BYTES;
  #lastKey: Bytes = new Uint8Array(256);
  #lastKeyLength = 0;
  #lastSequence = 0;
  #entries = 0;
  #tombstones = 0;
  #keys = 0;
  #keyBytes = 0;
  #valueBytes = 0;
  #dataBlocks = 0;
  #denseBlocks = 0;
  /** Deletes before the present data block. */
  #tombstonesBefore = 0;
  #dataRawBytes = 0;
  #dataBytes = 0;
  #compressedBlocks = 0;
  #indexBytes = 0;
  #indexPartitions = 0;
  #smallestSequence: number = MAX_SEQUENCE;
  #largestSequence = 0;
  #state: "open" | "finished" | "abandoned" = "open";

  /** Creates the file; fails if it exists. */
  constructor(
    host: Host,
    path: string,
    fileNumber: number,
    storeId: Bytes,
    options: TableWriterOptions = {},
  ) {
    this.#host = host;
    this.path = path;
    this.#fileNumber = fileNumber;
    this.#storeId = storeId;
    this.#payloadMax = (options.blockBytes ?? BLOCK_BYTES) - FRAME_BYTES;
    this.#filter = new FilterBuilder(options.prefixFilterBytes ?? PREFIX_LENGTHS);
    this.#compression = options.compression ?? "none";
    this.#compressor = new BlockCompressor(this.#compression);
    this.#file = host.files.open(path, "create");
  }

  /** About how large the file is, were it finished here. */
  get fileBytes(): number {
    return this.#written + this.#pendingBytes + this.#data.sizeMax + this.#filter.bytes;
  }
  get entries(): number {
    return this.#entries;
  }
  get rangeDeletes(): number {
    return this.#rangeDeletes.length;
  }

  /** HOT: bench/micro/lsm-storage. Adds an entry after all entries added before; the bytes are copied. */
  add(
    key: Bytes,
    keyStart: number,
    keyEnd: number,
    sequence: number,
    kind: PointKind,
    value: Bytes,
    valueStart: number,
    valueEnd: number,
  ): void {
    assert(kind === KIND_PUT || kind === KIND_DELETE, "range deletes are added apart");
    const valueLength = valueEnd - valueStart;
    const data = this.#data;
    // A new key goes to the filter once, whatever number of versions it has.
    const isNewKey = this.#checkOrder(key, keyStart, keyEnd, sequence);
    if (
      data.count > 0 &&
      data.sizeWith(key, keyStart, keyEnd, sequence, kind, valueLength) > this.#payloadMax
    ) {
      this.#finishData(key, keyStart, keyEnd);
    }
    data.add(key, keyStart, keyEnd, sequence, kind, value, valueStart, valueEnd);
    if (isNewKey) {
      this.#filter.add(key, keyStart, keyEnd);
      this.#keys++;
      this.#keepLastKey(key, keyStart, keyEnd);
    }
    this.#lastSequence = sequence;
    this.#entries++;
    if (kind === KIND_DELETE) this.#tombstones++;
    this.#keyBytes += keyEnd - keyStart;
    this.#valueBytes += valueLength;
    this.#seeSequence(sequence);
  }

  /** Adds a range delete, in any order; the bytes are copied. An empty range is left out. */
  addRangeDelete(rangeDelete: RangeDelete): void {
    const { start, end, sequence } = rangeDelete;
    if (end !== undefined && compareBytes(start, end) >= 0) return;
    this.#rangeDeletes.push({
      start: copyBytes(start),
      end: end === undefined ? undefined : copyBytes(end),
      sequence,
    });
    this.#seeSequence(sequence);
  }

  /** Writes the rest, syncs the file on this thread and closes it. The caller syncs the directory. */
  finish(level: number): TableMeta {
    const meta = this.#writeRest(level);
    this.#file.syncNow();
    this.#file.close();
    return meta;
  }

  /** Like finish(), but other work runs while the file is synced. */
  async finishInBackground(level: number): Promise<TableMeta> {
    const meta = this.#writeRest(level);
    await this.#file.sync();
    this.#file.close();
    return meta;
  }

  /** Closes and removes the file; for a job that failed, also in finish(). Idempotent. */
  abandon(): void {
    if (this.#state === "abandoned") return;
    this.#state = "abandoned";
    this.#file.close();
    this.#host.files.remove(this.path);
  }

  #writeRest(level: number): TableMeta {
    assert(this.#state === "open", "a table is finished once");
    assert(this.#entries + this.#rangeDeletes.length > 0, "an empty table is abandoned");
    this.#state = "finished";
    if (this.#data.count > 0) this.#finishData(EMPTY_BYTES, 0, -1);
    if (this.#partition.count > 0) this.#finishPartition();
    const filter = this.#filter.finish((bytes, length) => this.#append(bytes, length));
    const rangeDeletes = encodeRangeDeletes(this.#rangeDeletes, FRAME_BYTES);
    const rangeDeletesHandle = this.#append(rangeDeletes.bytes, rangeDeletes.length);
    const [smallestKey, largestKey] = this.#keyRange();
    const topIndex = this.#top.count > 0 ? this.#appendBlock(this.#top) : NO_BLOCK;
    this.#indexBytes += topIndex.length;
    const properties = {
      ...this.#counts(),
      filterBytes: filter.bytes,
      rangeDeleteBytes: rangeDeletesHandle.length,
      smallestKey,
      largestKey,
    };
    const encoded = encodeProperties(properties, FRAME_BYTES);
    const propertiesHandle = this.#append(encoded.bytes, encoded.length);
    const footer = {
      topIndex,
      filter: filter.handle,
      rangeDeletes: rangeDeletesHandle,
      properties: propertiesHandle,
      fileNumber: this.#fileNumber,
      storeId: this.#storeId,
    };
    this.#appendRaw(encodeFooter(footer, this.#written + this.#pendingBytes));
    this.#writePending();
    return {
      fileNumber: this.#fileNumber,
      level,
      fileBytes: this.#written,
      entries: this.#entries,
      rangeDeletes: this.#rangeDeletes.length,
      smallestKey,
      largestKey,
      smallestSequence: this.#smallestSequence,
      largestSequence: this.#largestSequence,
      tombstones: this.#tombstones,
      dataBlocks: this.#dataBlocks,
      denseBlocks: this.#denseBlocks,
      rawBytes: this.#keyBytes + this.#valueBytes,
      writtenAtMillis: Math.max(0, Math.trunc(this.#host.clock.nowMillis())),
      fileCrc: this.#fileCrc,
    };
  }

  #counts(): Omit<
    TableProperties,
    "smallestKey" | "largestKey" | "filterBytes" | "rangeDeleteBytes"
  > {
    return {
      entries: this.#entries,
      tombstones: this.#tombstones,
      rangeDeletes: this.#rangeDeletes.length,
      keys: this.#keys,
      dataBlocks: this.#dataBlocks,
      indexPartitions: this.#indexPartitions,
      keyBytes: this.#keyBytes,
      valueBytes: this.#valueBytes,
      smallestSequence: this.#smallestSequence,
      largestSequence: this.#largestSequence,
      denseBlocks: this.#denseBlocks,
      dataRawBytes: this.#dataRawBytes,
      dataBytes: this.#dataBytes,
      compressedBlocks: this.#compressedBlocks,
      indexBytes: this.#indexBytes,
      writtenAtMillis: Math.max(0, Math.trunc(this.#host.clock.nowMillis())),
      compression: this.#compression,
    };
  }

  /** First and last key touched. A range delete counts with its end, which it does not touch: there is no last key before it. */
  #keyRange(): readonly [Bytes, Bytes | undefined] {
    const hasEntries = this.#entries > 0;
    let smallest = hasEntries ? this.#firstKey : this.#rangeDeletes[0]!.start;
    let largest: Bytes | undefined = copyBytes(this.#lastKey, 0, this.#lastKeyLength);
    if (!hasEntries) largest = smallest;
    for (const { start, end } of this.#rangeDeletes) {
      if (compareBytes(start, smallest) < 0) smallest = start;
      if (largest === undefined) continue;
      if (end === undefined || compareBytes(end, largest) > 0) largest = end;
    }
    return [smallest, largest];
  }

  /** True if the key is another than the last one's. */
  #checkOrder(key: Bytes, start: number, end: number, sequence: number): boolean {
    assert(sequence >= 0 && sequence <= MAX_SEQUENCE, "a sequence has at most 45 bits");
    if (this.#entries === 0) {
      this.#firstKey = copyBytes(key, start, end);
      return true;
    }
    const order = compareByteRanges(this.#lastKey, 0, this.#lastKeyLength, key, start, end);
    assert(
      order < 0 || (order === 0 && sequence < this.#lastSequence),
      "a table's entries come in order",
    );
    return order !== 0;
  }

  #keepLastKey(key: Bytes, start: number, end: number): void {
    const length = end - start;
    if (length > this.#lastKey.length) this.#lastKey = new Uint8Array(length * 2);
    for (let i = 0; i < length; i++) this.#lastKey[i] = key[start + i]!;
    this.#lastKeyLength = length;
  }

  #seeSequence(sequence: number): void {
    if (sequence < this.#smallestSequence) this.#smallestSequence = sequence;
    if (sequence > this.#largestSequence) this.#largestSequence = sequence;
  }

  /** Ends the data block. The next one begins with next[nextStart, nextEnd); nextEnd -1: none follows. */
  #finishData(next: Bytes, nextStart: number, nextEnd: number): void {
    this.#countBlock(this.#data.count);
    const handle = this.#appendData();
    let separator = this.#lastKey;
    let length = this.#lastKeyLength;
    let sequence = this.#lastSequence;
    const short =
      nextEnd < 0
        ? undefined
        : shortSeparator(this.#lastKey, this.#lastKeyLength, next, nextStart, nextEnd);
    if (short !== undefined) {
      separator = copyBytes(this.#lastKey, 0, short.length);
      separator[short.length - 1] = short.lastByte;
      length = short.length;
      sequence = 0;
    }
    const partition = this.#partition;
    const size = partition.sizeWith(separator, 0, length, sequence, KIND_PUT, DATA_HANDLE_BYTES);
    if (partition.count > 0 && size > this.#payloadMax) this.#finishPartition();
    writeDataHandle(this.#handleBytes, 0, handle);
    partition.add(
      separator,
      0,
      length,
      sequence,
      KIND_PUT,
      this.#handleBytes,
      0,
      DATA_HANDLE_BYTES,
    );
    this.#partitionEnd = copyBytes(separator, 0, length);
    this.#partitionEndSequence = sequence;
  }

  #countBlock(entries: number): void {
    const deletes = this.#tombstones - this.#tombstonesBefore;
    this.#tombstonesBefore = this.#tombstones;
    this.#dataBlocks++;
    if (isDense(deletes, entries)) this.#denseBlocks++;
  }

  #finishPartition(): void {
    const handle = this.#appendBlock(this.#partition);
    this.#indexPartitions++;
    this.#indexBytes += handle.length;
    const key = this.#partitionEnd;
    const sequence = this.#partitionEndSequence;
    writeHandle(this.#handleBytes, 0, handle);
    this.#top.add(key, 0, key.length, sequence, KIND_PUT, this.#handleBytes, 0, HANDLE_BYTES);
  }

  /** Adds the data block to the file, compressed if that pays. */
  #appendData(): BlockHandle {
    const compressor = this.#compressor;
    const room = compressor.room(this.#data.sizeMax + FRAME_BYTES);
    const rawLength = this.#data.finish(room);
    const length = compressor.compress(rawLength);
    const offset = this.#written + this.#pendingBytes;
    const { codec, stored } = compressor;
    this.#dataRawBytes += rawLength;
    this.#dataBytes += length;
    if (codec !== CODEC_PLAIN) this.#compressedBlocks++;
    const handle = sealBlock(stored, length, this.#fileNumber, offset, codec, rawLength);
    this.#appendRaw(stored.subarray(0, length + FRAME_BYTES));
    return handle;
  }

  #appendBlock(builder: BlockBuilder): BlockHandle {
    const size = builder.sizeMax + FRAME_BYTES;
    if (size > this.#scratch.length) this.#scratch = new Uint8Array(size);
    return this.#append(this.#scratch, builder.finish(this.#scratch));
  }

  /** Seals the payload bytes[0, length), which has room for its frame after it, and adds it to the file. */
  #append(bytes: Bytes, length: number): BlockHandle {
    const offset = this.#written + this.#pendingBytes;
    const handle = sealBlock(bytes, length, this.#fileNumber, offset);
    this.#appendRaw(bytes.subarray(0, length + FRAME_BYTES));
    return handle;
  }

  #appendRaw(bytes: Bytes): void {
    if (this.#pendingBytes + bytes.length > PENDING_BYTES_MAX) this.#writePending();
    if (bytes.length > PENDING_BYTES_MAX) {
      this.#write(bytes);
      return;
    }
    this.#reserve(this.#pendingBytes + bytes.length);
    this.#pending.set(bytes, this.#pendingBytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= WRITE_BYTES) this.#writePending();
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#pending.length) return;
    const doubled = Math.max(bytes, 2 * this.#pending.length);
    const grown = new Uint8Array(Math.min(doubled, PENDING_BYTES_MAX));
    grown.set(this.#pending.subarray(0, this.#pendingBytes));
    this.#pending = grown;
  }

  #writePending(): void {
    if (this.#pendingBytes === 0) return;
    this.#write(this.#pending.subarray(0, this.#pendingBytes));
    this.#pendingBytes = 0;
  }
  #write(bytes: Bytes): void {
    this.#file.write(bytes, 0, bytes.length, this.#written);
    this.#fileCrc = crc32(bytes, 0, bytes.length, this.#fileCrc);
    this.#written += bytes.length;
  }
}
