/**
 * The bytes of a memtable's entries, one after another in one growing buffer: no object for an entry.
 *
 * A record, in memory only, at a multiple of 4, numbers in the host's byte order:
 *
 *   offset  size  what
 *   0       4     key length
 *   4       4     value length
 *   8       4     sequence, low 32 bits
 *   12      4     sequence, high 13 bits, times 256, plus the kind
 *   16      …     key, then value, then 0 to 3 unused bytes
 *
 * Always true:
 * (1) A record never changes once written. When the buffer grows, records keep their offsets, and the old buffer stays
 *     right for whoever still reads it.
 * (2) Offset 0 is never a record.
 * (3) After release() nothing can be read: whoever comes late fails, and never sees what the memory holds next.
 */
import { EMPTY_BYTES, assert } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { newMemory } from "./memory.ts";
import type { Memory } from "./memory.ts";

const HEADER_BYTES = 16;
const FIRST_BYTES = 16 * 1_024;
const NOTHING_USED = 8;
/** The buffer doubles up to this step, then grows by it, so that no more than this lies unused. */
const GROWTH_BYTES_MAX = 64 * 1_024 * 1_024;
/** Offsets are 32-bit signed. A commit of 256 MiB on top of a full memtable stays far below. */
const ARENA_BYTES_MAX = 2 ** 31 - 8;

/** What another thread needs to read the records. */
export interface ArenaImage {
  readonly memory: Memory;
  readonly used: number;
}

export class EntryArena {
  bytes: Bytes;
  /** The same memory, to read four bytes of a key at a time in big-endian order. */
  view: DataView;
  #words: Int32Array;
  #used: number;
  #isReleased = false;

  /** `memory`: to begin with; of it the first `used` bytes hold records. The arena begins small, and grows as it must. */
  constructor(memory: Memory = newMemory(FIRST_BYTES), used: number = NOTHING_USED) {
    this.bytes = new Uint8Array(memory);
    this.view = new DataView(memory);
    this.#words = new Int32Array(memory);
    this.#used = used;
  }

  /** Gives its memory back. */
  release(): Memory {
    const memory = this.bytes.buffer;
    this.bytes = EMPTY_BYTES;
    this.view = new DataView(EMPTY_BYTES.buffer);
    this.#words = new Int32Array(0);
    this.#isReleased = true;
    return memory;
  }

  get image(): ArenaImage {
    return { memory: this.bytes.buffer, used: this.#used };
  }
  get used(): number {
    return this.#used;
  }

  /** Writes a record and gives its offset. */
  add(sequence: number, kind: number, key: Bytes, value: Bytes): number {
    const record = this.#write(sequence, kind, key, value.length);
    this.bytes.set(value, record + HEADER_BYTES + key.length);
    this.#used = (record + HEADER_BYTES + key.length + value.length + 3) & ~3;
    return record;
  }

  /** Writes a record to compare others with. The next add or probe overwrites it. */
  probe(key: Bytes, sequence: number): number {
    return this.#write(sequence, 0, key, 0);
  }

  keyStart(record: number): number {
    return record + HEADER_BYTES;
  }
  keyLength(record: number): number {
    return this.#words[record >>> 2]!;
  }
  valueStart(record: number): number {
    return record + HEADER_BYTES + this.#words[record >>> 2]!;
  }
  valueLength(record: number): number {
    return this.#words[(record >>> 2) + 1]!;
  }
  sequence(record: number): number {
    const word = record >>> 2;
    return (this.#words[word + 3]! >>> 8) * 0x1_0000_0000 + (this.#words[word + 2]! >>> 0);
  }
  kind(record: number): number {
    return this.#words[(record >>> 2) + 3]! & 0xff;
  }

  /** HOT: bench/micro/lsm-storage. The order of entries: key ascending, sequence descending. */
  compare(a: number, b: number): number {
    const byKey = this.compareKeys(a, b);
    return byKey !== 0 ? byKey : this.sequence(b) - this.sequence(a);
  }

  /** HOT: bench/micro/lsm-storage. Four bytes a step; big-endian words order as their bytes do. */
  compareKeys(a: number, b: number): number {
    const aLength = this.#words[a >>> 2]!;
    const bLength = this.#words[b >>> 2]!;
    const shared = aLength < bLength ? aLength : bLength;
    const { view, bytes } = this;
    const aKey = a + HEADER_BYTES;
    const bKey = b + HEADER_BYTES;
    let i = 0;
    for (; i + 4 <= shared; i += 4) {
      const aWord = view.getUint32(aKey + i);
      const bWord = view.getUint32(bKey + i);
      if (aWord !== bWord) return aWord < bWord ? -1 : 1;
    }
    for (; i < shared; i++) {
      const difference = bytes[aKey + i]! - bytes[bKey + i]!;
      if (difference !== 0) return difference;
    }
    return aLength - bLength;
  }

  /** How many bytes the two keys have in common at their start. */
  commonPrefix(a: number, b: number): number {
    const shared = Math.min(this.keyLength(a), this.keyLength(b));
    const { bytes } = this;
    const aKey = a + HEADER_BYTES;
    const bKey = b + HEADER_BYTES;
    let i = 0;
    while (i < shared && bytes[aKey + i] === bytes[bKey + i]) i++;
    return i;
  }

  /** Four bytes of the key from `prefix` on as one number that orders as they do; bytes past its end count as 0. */
  head(record: number, prefix: number): number {
    const left = this.keyLength(record) - prefix;
    const at = record + HEADER_BYTES + prefix;
    if (left >= 4) return this.view.getUint32(at);
    let head = 0;
    for (let i = 0; i < 4; i++) head = (head << 8) | (i < left ? this.bytes[at + i]! : 0);
    return head >>> 0;
  }

  #write(sequence: number, kind: number, key: Bytes, valueLength: number): number {
    const record = this.#used;
    this.#reserve(record + HEADER_BYTES + key.length + valueLength + 4);
    const words = this.#words;
    const word = record >>> 2;
    words[word] = key.length;
    words[word + 1] = valueLength;
    words[word + 2] = sequence >>> 0;
    words[word + 3] = (Math.floor(sequence / 0x1_0000_0000) << 8) | kind;
    copyInto(this.bytes, record + HEADER_BYTES, key);
    return record;
  }

  #reserve(end: number): void {
    if (end <= this.bytes.length) return;
    assert(!this.#isReleased, "a memtable that was given back is neither read nor written");
    assert(end <= ARENA_BYTES_MAX, "a memtable is flushed long before 2 GiB");
    const size = this.bytes.length;
    const grown = Math.max(size + Math.min(size, GROWTH_BYTES_MAX), (end + 7) & ~7);
    const memory = newMemory(Math.min(grown, ARENA_BYTES_MAX));
    const bytes = new Uint8Array(memory);
    bytes.set(this.bytes.subarray(0, this.#used));
    this.bytes = bytes;
    this.view = new DataView(memory);
    this.#words = new Int32Array(memory);
  }
}

/** Short runs by a loop: below some 32 bytes `set` costs more. */
function copyInto(target: Bytes, at: number, source: Bytes): void {
  const { length } = source;
  if (length > 32) target.set(source, at);
  else for (let i = 0; i < length; i++) target[at + i] = source[i]!;
}
