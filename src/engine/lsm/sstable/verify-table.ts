/** Reads all of a table and checks it against itself. Slow and thorough: for `verify` commands and tests. */
import { compareByteRanges, hex } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { CorruptionError } from "../../contract/index.ts";
import { KIND_DELETE, crc32 } from "../codec/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import { DATA_HANDLE_BYTES, hexU32, readDataHandle, readHandle } from "./block/block-frame.ts";
import type { BlockHandle } from "./block/block-frame.ts";
import { BlockReader } from "./block/block-reader.ts";
import { piecesIn, wholeFilter } from "./block/filter.ts";
import type { Filter } from "./block/filter.ts";
import { isDense } from "./properties.ts";
import { readBlock } from "./table-parts.ts";
import type { TableParts } from "./table-parts.ts";

const READ_BYTES = 256 * 1_024;

/** The problems found, each a sentence with file and place; none if all is well. */
export function verifyTable(parts: TableParts, meta: TableMeta): readonly string[] {
  const check = new TableCheck(parts);
  check.fileCrc(meta.fileCrc);
  if (parts.topIndex !== undefined) check.level(parts.topIndex, 0);
  check.totals(meta);
  return check.problems;
}

/** Where an entry or an index key sorts: `key` is key[0, keyLength). */
interface Place {
  readonly key: Bytes;
  readonly keyLength: number;
  readonly sequence: number;
}

/** The place of one entry after another, in one buffer. */
class EntryPlace implements Place {
  key: Bytes = new Uint8Array(256);
  keyLength = 0;
  sequence = 0;

  /** `hasPrefix`: the buffer holds another entry of this block. */
  load(block: BlockReader, i: number, hasPrefix: boolean): void {
    const prefix = block.prefixLength;
    this.keyLength = prefix + block.rest(i);
    const isTooSmall = this.keyLength > this.key.length;
    if (isTooSmall) this.key = new Uint8Array(2 * this.keyLength);
    if (isTooSmall || !hasPrefix) block.copyPrefix(this.key);
    block.copyRest(i, this.key, prefix);
    this.sequence = block.sequence(i);
  }
}

class TableCheck {
  readonly problems: string[] = [];
  readonly #parts: TableParts;
  readonly #filter: Filter;
  #entries = 0;
  #tombstones = 0;
  #keys = 0;
  #dataBlocks = 0;
  #indexPartitions = 0;
  #dataRawBytes = 0;
  #dataBytes = 0;
  #compressedBlocks = 0;
  #denseBlocks = 0;
  #indexBytes = 0;
  #keyBytes = 0;
  #valueBytes = 0;
  #smallestSequence = Infinity;
  #largestSequence = 0;
  /** The last entry or index key that was passed. */
  #last: Place | undefined;
  #lastEntry = new EntryPlace();
  #spare = new EntryPlace();

  constructor(parts: TableParts) {
    this.#parts = parts;
    this.#filter = wholeFilter(parts.filter, (piece) => this.#readPiece(piece));
    for (const { sequence } of parts.rangeDeletes) this.#seeSequence(sequence);
  }

  #readPiece(piece: BlockHandle): Bytes | undefined {
    try {
      return this.#parts.file.readOwn(piece);
    } catch (error) {
      this.#reportDamage(error);
      return undefined;
    }
  }

  fileCrc(expected: number): void {
    const { file, fileBytes } = this.#parts;
    const bytes = new Uint8Array(Math.min(READ_BYTES, fileBytes));
    let crc = 0;
    for (let offset = 0; offset < fileBytes;) {
      const read = file.readRaw(bytes, offset);
      if (read === 0) return this.#report(offset, `the file ends before ${fileBytes} bytes`);
      crc = crc32(bytes, 0, read, crc);
      offset += read;
    }
    if (crc !== expected) {
      this.#report(0, `the file's checksum is ${hexU32(crc)}, not ${hexU32(expected)}`);
    }
  }

  /** Walks an index: depth 0 is the top, whose entries point to partitions; depth 1 a partition. */
  level(index: BlockReader, depth: number): void {
    for (let i = 0; i < index.count; i++) {
      const at = index.valueStart(i);
      const handle = depth === 0 ? readHandle(index.bytes, at) : readDataHandle(index.bytes, at);
      const key = index.keyAt(i);
      const bound = { key, keyLength: key.length, sequence: index.sequence(i) };
      const before = this.#last;
      try {
        const block = new BlockReader();
        const valueBytes = depth === 0 ? DATA_HANDLE_BYTES : undefined;
        const { bytes, view } = readBlock(this.#parts.file, handle, valueBytes);
        block.attach(bytes, view, 0);
        if (depth === 0) {
          this.#indexPartitions++;
          this.#indexBytes += handle.length;
          this.level(block, 1);
        } else {
          this.#countBlock(handle);
          const tombstones = this.#tombstones;
          this.#entriesOf(block, handle.offset);
          if (isDense(this.#tombstones - tombstones, block.count)) this.#denseBlocks++;
        }
      } catch (error) {
        this.#reportDamage(error);
      }
      // The next block's entries are held against the bound, so that it lies between the two blocks.
      if (this.#last !== undefined && comparePlaces(this.#last, bound) > 0) {
        this.#report(handle.offset, `the index key ${hex(bound.key)} is before its block's end`);
      }
      if (before !== undefined && comparePlaces(before, bound) >= 0) {
        this.#report(handle.offset, `the index key ${hex(bound.key)} is out of order`);
      }
      this.#last = bound;
    }
  }

  #countBlock({ length, rawLength }: BlockHandle): void {
    this.#dataBlocks++;
    this.#dataRawBytes += rawLength;
    this.#dataBytes += length;
    if (length !== rawLength) this.#compressedBlocks++;
  }

  /** HOT: bench/micro/lsm-storage. Two buffers take turns for the keys; nothing is made for an entry that is right. */
  #entriesOf(block: BlockReader, offset: number): void {
    for (let i = 0; i < block.count; i++) {
      const last = this.#lastEntry;
      const entry = this.#spare;
      entry.load(block, i, i > 1);
      const isFirst = this.#entries === 0;
      // Keys of one block begin with its prefix.
      const byKey = isFirst ? -1 : compareKeys(last, entry, i > 0 ? block.prefixLength : 0);
      let order = byKey !== 0 ? byKey : entry.sequence - last.sequence;
      // An index key may equal the last entry of its own block, never an entry of the next.
      if (i === 0 && this.#last !== undefined) order = comparePlaces(this.#last, entry);
      if (order >= 0) this.#report(offset, `entry ${i}, key ${keyText(entry)}, is out of order`);
      if (byKey !== 0) {
        this.#keys++;
        if (!this.#filter.mayHold(entry.key, 0, entry.keyLength)) {
          this.#report(offset, `the filter denies the key ${keyText(entry)}`);
        }
      }
      this.#lastEntry = entry;
      this.#spare = last;
      this.#entries++;
      this.#count(block, i, offset, entry);
    }
    this.#last = this.#lastEntry;
  }

  #count(block: BlockReader, i: number, offset: number, entry: EntryPlace): void {
    const valueBytes = block.valueEnd(i) - block.valueStart(i);
    if (block.kind(i) === KIND_DELETE) {
      this.#tombstones++;
      if (valueBytes > 0) this.#report(offset, `the delete of key ${keyText(entry)} has a value`);
    }
    this.#keyBytes += entry.keyLength;
    this.#valueBytes += valueBytes;
    this.#seeSequence(entry.sequence);
  }

  totals(meta: TableMeta): void {
    const { filter, properties, footer } = this.#parts;
    const counted = {
      entries: this.#entries,
      tombstones: this.#tombstones,
      rangeDeletes: this.#parts.rangeDeletes.length,
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
      indexBytes: this.#indexBytes + footer.topIndex.length,
      filterBytes: piecesIn(filter).reduce(
        (sum, piece) => sum + piece.length,
        footer.filter.length,
      ),
      rangeDeleteBytes: footer.rangeDeletes.length,
    };
    for (const name of Object.keys(counted) as (keyof typeof counted)[]) {
      const stored = properties[name];
      if (stored !== counted[name]) {
        const { offset } = footer.properties;
        this.#report(offset, `the properties say ${name} ${stored}, counted ${counted[name]}`);
      }
    }
    const inMeta = [
      "entries",
      "tombstones",
      "rangeDeletes",
      "smallestSequence",
      "largestSequence",
    ] as const;
    // What a load made says sequence 0; only the manifest knows at which one it was added.
    const isLoaded = properties.largestSequence === 0;
    for (const name of inMeta) {
      if (isLoaded && name.endsWith("Sequence")) continue;
      if (meta[name] !== properties[name]) {
        this.#report(0, `the manifest says ${name} ${meta[name]}, the table ${properties[name]}`);
      }
    }
  }

  #seeSequence(sequence: number): void {
    if (sequence < this.#smallestSequence) this.#smallestSequence = sequence;
    if (sequence > this.#largestSequence) this.#largestSequence = sequence;
  }
  #reportDamage(error: unknown): void {
    if (!(error instanceof CorruptionError)) throw error;
    this.#report(error.offset, `expected ${error.expected}, found ${error.found}`);
  }
  #report(offset: number, what: string): void {
    this.problems.push(`${this.#parts.file.path} at ${offset}: ${what}`);
  }
}

function comparePlaces(a: Place, b: Place): number {
  const byKey = compareKeys(a, b);
  return byKey !== 0 ? byKey : b.sequence - a.sequence;
}
/** `from`: so many bytes are known to be equal. */
function compareKeys(a: Place, b: Place, from = 0): number {
  return compareByteRanges(a.key, from, a.keyLength, b.key, from, b.keyLength);
}
function keyText({ key, keyLength }: Place): string {
  return hex(key.subarray(0, keyLength));
}
