/**
 * Says of most absent keys that a table does not hold them, without reading a block. A blocked Bloom filter: all bits of
 * a key lie in one line of 512 bits, which is one cache line, so a lookup costs one miss at most.
 *
 *   offset  size      what
 *   0       4         number of lines, u32
 *   4       4         lengths of the prefixes that were added too, u8 each, rising, then zeros
 *   8       64 each   lines; bit b of a line is bit b % 8 of its byte b / 8
 *
 * There are 18 bits for each distinct user key and for each distinct prefix, rounded up to lines; no key, no line. A prefix
 * is added as if it were a key. A length of which more than half of the keys have prefixes of their own is left out: it
 * would cost much and say little. A key has two hashes of 32 bits
 * (hashKey). The first chooses the line: floor(first * lines / 2^32). The second gives 8 bits of it: take its upper 9
 * bits, multiply it by 9E3779B1 modulo 2^32, and so on.
 *
 * Worked example: the key "kotoba" has the hashes D0ED8F1D and 7097C874. In a filter of one line it sets the bits
 * 0, 127, 130, 222, 225, 333, 390, 406.
 */
import { assert } from "../../../../base/index.ts";
import type { Bytes } from "../../../../base/index.ts";
import { readU32, writeU32 } from "../../codec/index.ts";
import { PREFIX_LENGTHS_MAX, arePrefixLengths, sharedPrefixLength } from "./key-prefix.ts";

const HEADER_BYTES = 8;
const PREFIX_LENGTHS_AT = 4;
const LINE_BYTES = 64;
/** Gives 0.05 % of false positives, with a margin below the 0.1 % that is promised (16 bits: 0.07 to 0.09 %). */
const BITS_PER_KEY = 18;
/** A length with more prefixes for each key than this is left out. */
const PREFIXES_PER_KEY_MAX = 1 / 2;
const PROBES = 8;
const NEXT_PROBE = 0x9e3779b1;
const TWO_32 = 0x1_0000_0000;
/** Up to this many lines first * lines is exact in a double. */
const LINES_MAX = 2 ** 21;

assert(PREFIX_LENGTHS_AT + PREFIX_LENGTHS_MAX === HEADER_BYTES, "the lengths fill the header");

const hashes = new Uint32Array(2);

/**
 * HOT: bench/lsm-storage. Two hashes of key[start, end), to out[0] and out[1]. Words of 4 bytes, little-endian, the last
 * one filled up with zeros; both lanes take in all of them, after the manner of MurmurHash3. On disk: never changes.
 */
export function hashKey(key: Bytes, start: number, end: number, out: Uint32Array): void {
  let a = end - start;
  let b = 0x85ebca77 ^ (end - start);
  let i = start;
  while (i < end) {
    let word: number;
    if (i + 4 <= end) {
      word = key[i]! | (key[i + 1]! << 8) | (key[i + 2]! << 16) | (key[i + 3]! << 24);
    } else {
      word = key[i]!;
      if (i + 1 < end) word |= key[i + 1]! << 8;
      if (i + 2 < end) word |= key[i + 2]! << 16;
    }
    i += 4;
    const forA = Math.imul(word, 0xcc9e2d51);
    a ^= Math.imul((forA << 15) | (forA >>> 17), 0x1b873593);
    a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0;
    const forB = Math.imul(word, 0x239b961b);
    b ^= Math.imul((forB << 16) | (forB >>> 16), 0xab0e9789);
    b = (Math.imul((b << 17) | (b >>> 15), 5) + 0x561ccd1b) | 0;
  }
  a = (a + b) | 0;
  b = (b + a) | 0;
  out[0] = mix(a);
  out[1] = mix(b);
}

/** The finalizer of MurmurHash3: each bit of the input stirs all of the output. */
function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** A growing row of pairs of hashes. */
class Hashes {
  pairs: Uint32Array = new Uint32Array(256);
  count = 0;

  add(key: Bytes, start: number, end: number): void {
    if (this.count * 2 === this.pairs.length) {
      const grown = new Uint32Array(this.pairs.length * 2);
      grown.set(this.pairs);
      this.pairs = grown;
    }
    hashKey(key, start, end, hashes);
    this.pairs[this.count * 2] = hashes[0]!;
    this.pairs[this.count * 2 + 1] = hashes[1]!;
    this.count++;
  }
}

export class FilterBuilder {
  readonly #prefixLengths: readonly number[];
  readonly #keys = new Hashes();
  readonly #prefixes: readonly Hashes[];
  /** The longest prefix of the last key, to see which are new: keys come in order. */
  readonly #last: Bytes;
  #lastLength = 0;

  /** @param prefixLengths Of the prefixes that join; see arePrefixLengths(). */
  constructor(prefixLengths: readonly number[] = []) {
    this.#prefixLengths = prefixLengths;
    this.#prefixes = prefixLengths.map(() => new Hashes());
    this.#last = new Uint8Array(prefixLengths.at(-1) ?? 0);
  }

  /** HOT: bench/lsm-storage. Adds a key; they come in order and none twice. */
  add(key: Bytes, start: number, end: number): void {
    this.#keys.add(key, start, end);
    const last = this.#last;
    if (last.length === 0) return;
    const length = end - start < last.length ? end - start : last.length;
    const max = length < this.#lastLength ? length : this.#lastLength;
    let shared = 0;
    while (shared < max && last[shared] === key[start + shared]) shared++;
    for (let i = shared; i < length; i++) last[i] = key[start + i]!;
    this.#lastLength = length;
    const lengths = this.#prefixLengths;
    for (let i = lengths.length - 1; i >= 0 && lengths[i]! > shared; i--) {
      if (lengths[i]! <= length) this.#prefixes[i]!.add(key, start, start + lengths[i]!);
    }
  }

  /** About how large the payload will be. */
  get bytes(): number {
    return HEADER_BYTES + LINE_BYTES * linesFor(this.#added());
  }
  /** The lengths of prefixes that will be in it. */
  get prefixLengths(): readonly number[] {
    return this.#prefixLengths.filter((_, i) => this.#joins(this.#prefixes[i]!));
  }

  /** The payload, with `room` bytes after it. */
  finish(room: number): Bytes {
    const lines = linesFor(this.#added());
    const payload = new Uint8Array(HEADER_BYTES + LINE_BYTES * lines + room);
    writeU32(payload, 0, lines);
    payload.set(this.prefixLengths, PREFIX_LENGTHS_AT);
    setBits(payload, lines, this.#keys);
    for (const prefixes of this.#prefixes) {
      if (this.#joins(prefixes)) setBits(payload, lines, prefixes);
    }
    return payload;
  }

  #joins({ count }: Hashes): boolean {
    return count > 0 && count <= this.#keys.count * PREFIXES_PER_KEY_MAX;
  }
  #added(): number {
    let count = this.#keys.count;
    for (const prefixes of this.#prefixes) if (this.#joins(prefixes)) count += prefixes.count;
    return count;
  }
}

function setBits(payload: Bytes, lines: number, { count, pairs }: Hashes): void {
  for (let i = 0; i < count; i++) {
    const line = lineStart(pairs[2 * i]!, lines);
    let probe = pairs[2 * i + 1]!;
    for (let k = 0; k < PROBES; k++) {
      const bit = probe >>> 23;
      payload[line + (bit >>> 3)]! |= 1 << (bit & 7);
      probe = Math.imul(probe, NEXT_PROBE);
    }
  }
}

export class Filter {
  readonly #payload: Bytes;
  readonly #lines: number;
  /** Longest first. */
  readonly prefixLengths: readonly number[];

  /** From a payload that filterProblem() found well formed. */
  constructor(payload: Bytes) {
    this.#payload = payload;
    this.#lines = readU32(payload, 0);
    this.prefixLengths = lengthsIn(payload).toReversed();
  }

  get bytes(): number {
    return HEADER_BYTES + this.#lines * LINE_BYTES;
  }

  /** HOT: bench/lsm-storage. False: the key was never added. */
  mayHold(key: Bytes, start: number, end: number): boolean {
    if (this.#lines === 0) return false;
    hashKey(key, start, end, hashes);
    const line = lineStart(hashes[0]!, this.#lines);
    const payload = this.#payload;
    let probe = hashes[1]!;
    for (let k = 0; k < PROBES; k++) {
      const bit = probe >>> 23;
      if ((payload[line + (bit >>> 3)]! & (1 << (bit & 7))) === 0) return false;
      probe = Math.imul(probe, NEXT_PROBE);
    }
    return true;
  }

  /** False: no key in [start, end) was ever added. True where the range is not one of a prefix that is long enough. */
  mayHoldRange(start: Bytes, end: Bytes | undefined): boolean {
    const { prefixLengths } = this;
    if (prefixLengths.length === 0) return this.#lines > 0;
    const shared = sharedPrefixLength(start, end);
    for (const length of prefixLengths) {
      if (length <= shared) return this.mayHold(start, 0, length);
    }
    return true;
  }
}

function lengthsIn(payload: Bytes): number[] {
  const lengths = [...payload.subarray(PREFIX_LENGTHS_AT, HEADER_BYTES)];
  while (lengths.at(-1) === 0) lengths.pop();
  return lengths;
}

/** Why a payload of this length is no filter; undefined if it is one. */
export function filterProblem(payload: Bytes, length: number): string | undefined {
  if (length < HEADER_BYTES) return "a filter shorter than its header";
  if (!arePrefixLengths(lengthsIn(payload))) return "lengths of prefixes out of order";
  const lines = readU32(payload, 0);
  return length === HEADER_BYTES + lines * LINE_BYTES && lines <= LINES_MAX
    ? undefined
    : `${lines} lines in ${length} bytes`;
}

function linesFor(keys: number): number {
  const lines = Math.ceil((keys * BITS_PER_KEY) / (LINE_BYTES * 8));
  assert(lines <= LINES_MAX, "a table is cut long before 67 million keys");
  return lines;
}

function lineStart(hash: number, lines: number): number {
  return HEADER_BYTES + Math.floor((hash * lines) / TWO_32) * LINE_BYTES;
}
