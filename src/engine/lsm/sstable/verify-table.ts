/** Reads all of a table and checks it against itself. Slow and thorough: for `verify` commands and tests. */
import { compareBytes, hex } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { CorruptionError } from "../../contract/index.ts";
import { KIND_DELETE, crc32 } from "../codec/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import { HANDLE_BYTES, hexU32, readHandle } from "./block/block-frame.ts";
import { BlockReader } from "./block/block-reader.ts";
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

interface Place {
  readonly key: Bytes;
  readonly sequence: number;
}

class TableCheck {
  readonly problems: string[] = [];
  readonly #parts: TableParts;
  #entries = 0;
  #tombstones = 0;
  #keys = 0;
  #dataBlocks = 0;
  #indexPartitions = 0;
  #keyBytes = 0;
  #valueBytes = 0;
  #smallestSequence = Infinity;
  #largestSequence = 0;
  #last: Place | undefined;
  #lastUserKey: Bytes | undefined;

  constructor(parts: TableParts) {
    this.#parts = parts;
    for (const { sequence } of parts.rangeDeletes) this.#seeSequence(sequence);
  }

  fileCrc(expected: number): void {
    const bytes = new Uint8Array(READ_BYTES);
    const { file, fileBytes } = this.#parts;
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
      const handle = readHandle(index.bytes, index.valueStart(i));
      const bound = { key: index.keyAt(i), sequence: index.sequence(i) };
      const before = this.#last;
      try {
        const block = new BlockReader();
        const valueBytes = depth === 0 ? HANDLE_BYTES : undefined;
        const { bytes, view } = readBlock(this.#parts.file, handle, valueBytes);
        block.attach(bytes, view, 0);
        if (depth === 0) {
          this.#indexPartitions++;
          this.level(block, 1);
        } else {
          this.#dataBlocks++;
          this.#entriesOf(block, handle.offset);
        }
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
        this.#report(error.offset, `expected ${error.expected}, found ${error.found}`);
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

  #entriesOf(block: BlockReader, offset: number): void {
    const { filter } = this.#parts;
    for (let i = 0; i < block.count; i++) {
      const key = block.keyAt(i);
      const place = { key, sequence: block.sequence(i) };
      const order = this.#last === undefined ? -1 : comparePlaces(this.#last, place);
      // An index key may equal the last entry of its own block, never an entry of the next.
      if (order >= 0) this.#report(offset, `entry ${i}, key ${hex(key)}, is out of order`);
      if (this.#lastUserKey === undefined || compareBytes(this.#lastUserKey, key) !== 0) {
        this.#keys++;
        this.#lastUserKey = key;
        if (!filter.mayHold(key, 0, key.length)) {
          this.#report(offset, `the filter denies the key ${hex(key)}`);
        }
      }
      this.#last = place;
      this.#entries++;
      if (block.kind(i) === KIND_DELETE) {
        this.#tombstones++;
        if (block.valueStart(i) !== block.valueEnd(i)) {
          this.#report(offset, `the delete of key ${hex(key)} has a value`);
        }
      }
      this.#keyBytes += key.length;
      this.#valueBytes += block.valueEnd(i) - block.valueStart(i);
      this.#seeSequence(place.sequence);
    }
  }

  totals(meta: TableMeta): void {
    const { properties, footer } = this.#parts;
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
    this.#smallestSequence = Math.min(this.#smallestSequence, sequence);
    this.#largestSequence = Math.max(this.#largestSequence, sequence);
  }
  #report(offset: number, what: string): void {
    this.problems.push(`${this.#parts.file.path} at ${offset}: ${what}`);
  }
}

function comparePlaces(a: Place, b: Place): number {
  const byKey = compareBytes(a.key, b.key);
  return byKey !== 0 ? byKey : b.sequence - a.sequence;
}
