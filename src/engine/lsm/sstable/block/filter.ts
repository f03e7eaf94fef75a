/**
 * Says of most absent keys that a table does not hold them, without reading a block. A blocked Bloom filter: all bits of
 * a key lie in one line of 512 bits, which is one cache line, so a lookup costs one miss at most.
 *
 *   offset  size      what
 *   0       4         number of lines, u32
 *   4       4         0
 *   8       64 each   lines; bit b of a line is bit b % 8 of its byte b / 8
 *
 * There are 16 bits for each distinct user key, rounded up to lines; no key, no line. A key has two hashes of 32 bits
 * (hashKey). The first chooses the line: floor(first * lines / 2^32). The second gives 8 bits of it: take its upper 9
 * bits, multiply it by 9E3779B1 modulo 2^32, and so on.
 *
 * Worked example: the key "kotoba" has the hashes D0ED8F1D and 7097C874. In a filter of one line it sets the bits
 * 0, 127, 130, 222, 225, 333, 390, 406.
 */
import { assert } from "../../../../base/index.ts";
import type { Bytes } from "../../../../base/index.ts";
import { readU32, writeU32 } from "../../codec/index.ts";

const HEADER_BYTES = 8;
const LINE_BYTES = 64;
/** Gives 0.07 to 0.09 % of false positives, below the 0.1 % that is promised. */
const BITS_PER_KEY = 16;
const PROBES = 8;
const NEXT_PROBE = 0x9e3779b1;
const TWO_32 = 0x1_0000_0000;
/** Up to this many lines first * lines is exact in a double. */
const LINES_MAX = 2 ** 21;

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

export class FilterBuilder {
  /** Two hashes for each key. */
  #hashes: Uint32Array = new Uint32Array(2_048);
  #keys = 0;

  /** Adds a key; the caller leaves out repetitions, which sorted input shows. */
  add(key: Bytes, start: number, end: number): void {
    if (this.#keys * 2 === this.#hashes.length) {
      const grown = new Uint32Array(this.#hashes.length * 2);
      grown.set(this.#hashes);
      this.#hashes = grown;
    }
    hashKey(key, start, end, hashes);
    this.#hashes[this.#keys * 2] = hashes[0]!;
    this.#hashes[this.#keys * 2 + 1] = hashes[1]!;
    this.#keys++;
  }

  get bytes(): number {
    return HEADER_BYTES + LINE_BYTES * linesFor(this.#keys);
  }

  /** The payload, with `room` bytes after it. */
  finish(room: number): Bytes {
    const lines = linesFor(this.#keys);
    const payload = new Uint8Array(this.bytes + room);
    writeU32(payload, 0, lines);
    for (let i = 0; i < this.#keys; i++) {
      const line = lineStart(this.#hashes[2 * i]!, lines);
      let probe = this.#hashes[2 * i + 1]!;
      for (let k = 0; k < PROBES; k++) {
        const bit = probe >>> 23;
        payload[line + (bit >>> 3)]! |= 1 << (bit & 7);
        probe = Math.imul(probe, NEXT_PROBE);
      }
    }
    return payload;
  }
}

export class Filter {
  readonly #payload: Bytes;
  readonly #lines: number;

  /** From a payload that filterProblem() found well formed. */
  constructor(payload: Bytes) {
    this.#payload = payload;
    this.#lines = readU32(payload, 0);
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
}

/** Why a payload of this length is no filter; undefined if it is one. */
export function filterProblem(payload: Bytes, length: number): string | undefined {
  if (length < HEADER_BYTES) return "a filter shorter than its header";
  if (readU32(payload, 4) !== 0) return "unknown flags";
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
