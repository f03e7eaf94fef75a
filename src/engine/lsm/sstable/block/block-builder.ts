/** Gathers sorted entries and lays them out as a block; block-reader.ts holds the table of its bytes. */
import { assert } from "../../../../base/index.ts";
import type { Bytes } from "../../../../base/index.ts";
import { KIND_PUT, U16_MAX, writeU16, writeU32, writeU48 } from "../../codec/index.ts";
import {
  BLOCK_HEADER_BYTES,
  ENTRY_FIXED_BYTES,
  HEAD_BYTES,
  NARROW_TRAILER_SPREAD_MAX,
} from "./block-reader.ts";

/** Grows within the first block to what the blocks of its table need. */
const FIRST_BYTES = 1_024;
const FIRST_ENTRIES = 16;

export class BlockBuilder {
  #count = 0;
  /** Keys and values of the entries, whole, one after another: key 0, value 0, key 1, … */
  #bytes: Bytes = new Uint8Array(FIRST_BYTES);
  #used = 0;
  #keyEnds: Int32Array = new Int32Array(FIRST_ENTRIES);
  #valueEnds: Int32Array = new Int32Array(FIRST_ENTRIES);
  #sequences: Float64Array = new Float64Array(FIRST_ENTRIES);
  #kinds: Bytes = new Uint8Array(FIRST_ENTRIES);

  #prefix = 0;
  #keyBytes = 0;
  #keyBytesMin = Infinity;
  #sequenceMin = Infinity;
  #sequenceMax = 0;
  #hasDelete = false;

  get count(): number {
    return this.#count;
  }

  /** At most so many bytes the payload has after one more entry; exact while no key is shorter than prefix and head. */
  sizeWith(
    key: Bytes,
    start: number,
    end: number,
    sequence: number,
    kind: number,
    valueLength: number,
  ): number {
    const count = this.#count + 1;
    const keyLength = end - start;
    const prefix = this.#sharedPrefix(key, start, end);
    const isPlain =
      !this.#hasDelete &&
      kind === KIND_PUT &&
      (this.#count === 0 || (this.#sequenceMin === sequence && this.#sequenceMax === sequence));
    const spread = Math.max(this.#sequenceMax, sequence) - Math.min(this.#sequenceMin, sequence);
    const width = isPlain ? 0 : spread <= NARROW_TRAILER_SPREAD_MAX ? 4 : 8;
    const inHeads = Math.min(this.#keyBytesMin, keyLength) >= prefix + HEAD_BYTES ? HEAD_BYTES : 0;
    const values = this.#used - this.#keyBytes + valueLength;
    return (
      BLOCK_HEADER_BYTES +
      prefix +
      count * (ENTRY_FIXED_BYTES + width - prefix - inHeads) +
      4 +
      this.#keyBytes +
      keyLength +
      values
    );
  }

  /**
   * HOT: bench/micro/lsm-storage. Adds key[keyStart, keyEnd) with value[valueStart, valueEnd); the caller keeps the
   * order.
   */
  add(
    key: Bytes,
    keyStart: number,
    keyEnd: number,
    sequence: number,
    kind: number,
    value: Bytes,
    valueStart: number,
    valueEnd: number,
  ): void {
    const keyLength = keyEnd - keyStart;
    assert(keyLength <= U16_MAX, "keys are limited long before 64 KiB");
    this.#prefix = this.#sharedPrefix(key, keyStart, keyEnd);
    const i = this.#count++;
    if (i === this.#kinds.length) this.#growEntries();
    this.#reserve(keyLength + valueEnd - valueStart);
    copyInto(this.#bytes, this.#used, key, keyStart, keyEnd);
    this.#keyEnds[i] = this.#used + keyLength;
    copyInto(this.#bytes, this.#used + keyLength, value, valueStart, valueEnd);
    this.#used += keyLength + valueEnd - valueStart;
    this.#valueEnds[i] = this.#used;
    this.#sequences[i] = sequence;
    this.#kinds[i] = kind;
    this.#keyBytes += keyLength;
    if (keyLength < this.#keyBytesMin) this.#keyBytesMin = keyLength;
    if (sequence < this.#sequenceMin) this.#sequenceMin = sequence;
    if (sequence > this.#sequenceMax) this.#sequenceMax = sequence;
    if (kind !== KIND_PUT) this.#hasDelete = true;
  }

  /** At least so many bytes of room finish() needs. */
  get sizeMax(): number {
    return (
      BLOCK_HEADER_BYTES + this.#prefix + this.#count * (ENTRY_FIXED_BYTES + 8) + 4 + this.#used
    );
  }

  /** Writes the payload to target[0, …), gives its length and begins anew. */
  finish(target: Bytes): number {
    const count = this.#count;
    const prefix = this.#prefix;
    assert(count > 0, "a block has an entry");
    const spread = this.#sequenceMax - this.#sequenceMin;
    const width =
      spread === 0 && !this.#hasDelete ? 0 : spread <= NARROW_TRAILER_SPREAD_MAX ? 4 : 8;
    target.fill(0, 0, BLOCK_HEADER_BYTES);
    writeU32(target, 0, count);
    writeU16(target, 4, prefix);
    target[6] = width;
    writeU48(target, 8, this.#sequenceMin);
    copyInto(target, BLOCK_HEADER_BYTES, this.#bytes, 0, prefix);
    const heads = BLOCK_HEADER_BYTES + prefix;
    const rests = heads + 4 * count;
    const bounds = rests + 2 * count;
    const trailers = bounds + 4 * count + 4;
    const entries = trailers + width * count;
    let keyStart = 0;
    let at = entries;
    writeU32(target, bounds, 0);
    for (let i = 0; i < count; i++) {
      const restStart = keyStart + prefix;
      const keyEnd = this.#keyEnds[i]!;
      const valueEnd = this.#valueEnds[i]!;
      writeU32(target, heads + 4 * i, this.#head(restStart, keyEnd));
      writeU16(target, rests + 2 * i, keyEnd - restStart);
      if (width > 0) this.#writeTrailer(target, trailers + width * i, width, i);
      // Suffix and value lie side by side here too; a key that ends within its head has no suffix.
      const from = Math.min(restStart + HEAD_BYTES, keyEnd);
      copyInto(target, at, this.#bytes, from, valueEnd);
      at += valueEnd - from;
      writeU32(target, bounds + 4 * i + 4, at - entries);
      keyStart = valueEnd;
    }
    this.#reset();
    return at;
  }

  #writeTrailer(target: Bytes, at: number, width: number, i: number): void {
    const offset = this.#sequences[i]! - this.#sequenceMin;
    writeU32(target, at, (((offset % 0x4000_0000) << 2) | this.#kinds[i]!) >>> 0);
    if (width === 8) writeU32(target, at + 4, Math.floor(offset / 0x4000_0000));
  }

  #head(start: number, end: number): number {
    const bytes = this.#bytes;
    let head = 0;
    for (let i = start; i < start + HEAD_BYTES; i++) head = (head << 8) | (i < end ? bytes[i]! : 0);
    return head >>> 0;
  }

  /** What all keys share once this one is among them. Sorted keys share what the first and the last do. */
  #sharedPrefix(key: Bytes, start: number, end: number): number {
    if (this.#count === 0) return end - start;
    const max = Math.min(this.#prefix, end - start);
    const bytes = this.#bytes;
    let i = 0;
    while (i < max && bytes[i] === key[start + i]) i++;
    return i;
  }

  #reserve(more: number): void {
    const needed = this.#used + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, needed));
    grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
  }

  #growEntries(): void {
    const size = this.#kinds.length * 2;
    const keyEnds = new Int32Array(size);
    keyEnds.set(this.#keyEnds);
    this.#keyEnds = keyEnds;
    const valueEnds = new Int32Array(size);
    valueEnds.set(this.#valueEnds);
    this.#valueEnds = valueEnds;
    const sequences = new Float64Array(size);
    sequences.set(this.#sequences);
    this.#sequences = sequences;
    const kinds = new Uint8Array(size);
    kinds.set(this.#kinds);
    this.#kinds = kinds;
  }

  #reset(): void {
    this.#count = 0;
    this.#used = 0;
    this.#prefix = 0;
    this.#keyBytes = 0;
    this.#keyBytesMin = Infinity;
    this.#sequenceMin = Infinity;
    this.#sequenceMax = 0;
    this.#hasDelete = false;
  }
}

/** Short runs by a loop: a view for `set` costs more than the copy itself. */
function copyInto(target: Bytes, at: number, source: Bytes, start: number, end: number): void {
  if (end - start > 64) {
    target.set(source.subarray(start, end), at);
    return;
  }
  for (let i = start; i < end; i++) target[at++] = source[i]!;
}
