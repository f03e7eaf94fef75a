/**
 * Says of most absent keys that a table does not hold them, without reading a block of rows. A blocked Bloom filter: all
 * bits of a key lie in one line of 512 bits, which is one cache line, so a lookup costs one miss at most.
 *
 *   offset  size      what
 *   0       4         number of lines, u32
 *   4       4         lengths of the prefixes that were added too, u8 each, rising, then zeros
 *   8       64 each   the lines, if there are at most 254; bit b of a line is bit b % 8 of its byte b / 8
 *   8       14 each   if there are more: handles (block-frame.ts) of the pieces
 *
 * A piece is a block of its own, of 127 lines and nothing else; the last one has what remains. A table keeps the block
 * above in memory from open() to close(), and a piece only as long as the cache does: so memory does not grow with the
 * number of keys, but for 14 bytes to 3,600 of them, and a small table is asked at no cost but its bits.
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
import { readU32 } from "../../codec/index.ts";
import { SLOT_BYTES } from "./block-cache.ts";
import { FRAME_BYTES, HANDLE_BYTES, readHandle } from "./block-frame.ts";
import type { BlockHandle } from "./block-frame.ts";
import type { Errand } from "./errand.ts";
import type { FilterPieces } from "./filter-pieces.ts";
import { PREFIX_LENGTHS_MAX, arePrefixLengths, sharedPrefixLength } from "./key-prefix.ts";

export const HEADER_BYTES = 8;
export const PREFIX_LENGTHS_AT = 4;
export const LINE_BYTES = 64;
/** As many as a slot of the cache takes. */
export const PIECE_LINES = 127;
/** Up to here a filter is not cut: two pieces would take as much memory, and cost a search in the cache. */
export const WHOLE_LINES_MAX: number = 2 * PIECE_LINES;
export const PROBES = 8;
export const NEXT_PROBE = 0x9e3779b1;
const TWO_32 = 0x1_0000_0000;
/** Up to this many lines first * lines is exact in a double. */
export const LINES_MAX: number = 2 ** 21;

assert(PREFIX_LENGTHS_AT + PREFIX_LENGTHS_MAX === HEADER_BYTES, "the lengths fill the header");
assert(PIECE_LINES * LINE_BYTES + FRAME_BYTES <= SLOT_BYTES, "a piece with its frame fits a slot");

/** Two numbers. */
export type KeyHash = Uint32Array;
const hashes: KeyHash = new Uint32Array(2);

/**
 * HOT: bench/micro/lsm-storage. Two hashes of key[start, end), to out[0] and out[1]. Words of 4 bytes, little-endian,
 * the last one filled up with zeros; both lanes take in all of them, after the manner of MurmurHash3. On disk: never
 * changes.
 */
export function hashKey(key: Bytes, start: number, end: number, out: KeyHash): void {
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

export class Filter {
  readonly #payload: Bytes;
  readonly #lines: number;
  /** Undefined: all lines lie in the payload. */
  readonly #pieces: FilterPieces | undefined;
  /** Longest first. */
  readonly prefixLengths: readonly number[];

  /**
   * From a payload that filterProblem() found well formed; `pieces`: where its pieces are found, if it was cut. Or from
   * one that holds all lines, whatever their number.
   */
  constructor(payload: Bytes, pieces?: FilterPieces) {
    this.#payload = payload;
    this.#lines = readU32(payload, 0);
    this.#pieces = this.#lines > WHOLE_LINES_MAX ? pieces : undefined;
    this.prefixLengths = prefixLengthsIn(payload).toReversed();
  }

  /** What stays in memory. */
  get bytes(): number {
    const rest = this.#pieces === undefined ? this.#lines * LINE_BYTES : handleBytes(this.#lines);
    return HEADER_BYTES + rest;
  }

  /** False: the key was never added. Reads a piece that is not in the cache, or throws BLOCK_MISSING. */
  mayHold(key: Bytes, start: number, end: number): boolean {
    hashKey(key, start, end, hashes);
    return this.mayHoldHashed(hashes);
  }

  /** HOT: bench/micro/lsm-storage. mayHold() of the key that hashKey() gave these of: a lookup asks table after table. */
  mayHoldHashed(hash: KeyHash): boolean {
    const lines = this.#lines;
    if (lines === 0) return false;
    const line = lineOf(hash[0]!, lines);
    let probe = hash[1]!;
    const pieces = this.#pieces;
    let bits = this.#payload;
    let at = HEADER_BYTES + line * LINE_BYTES;
    if (pieces !== undefined) {
      const piece = Math.floor(line / PIECE_LINES);
      at = (line - piece * PIECE_LINES) * LINE_BYTES;
      at += pieces.find(bits, HEADER_BYTES + piece * HANDLE_BYTES);
      bits = pieces.slab;
    }
    for (let k = 0; k < PROBES; k++) {
      const bit = probe >>> 23;
      if ((bits[at + (bit >>> 3)]! & (1 << (bit & 7))) === 0) return false;
      probe = Math.imul(probe, NEXT_PROBE);
    }
    return true;
  }

  /**
   * Has the piece read that mayHold() will need. True: it is in memory and lets the key through, so whoever asks table
   * after table need not look further ahead.
   */
  askSoon(key: Bytes, errand: Errand): boolean {
    const pieces = this.#pieces;
    if (pieces !== undefined) {
      hashKey(key, 0, key.length, hashes);
      const piece = Math.floor(lineOf(hashes[0]!, this.#lines) / PIECE_LINES);
      const handle = readHandle(this.#payload, HEADER_BYTES + piece * HANDLE_BYTES);
      if (!pieces.holds(handle)) {
        errand.wantSoon(pieces, handle, undefined);
        return false;
      }
    }
    return this.mayHold(key, 0, key.length);
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

/**
 * A filter with all of its lines in memory, for checks. `read` gives a piece, at least its payload; one that it does not
 * give denies no key.
 */
export function wholeFilter(
  payload: Bytes,
  read: (piece: BlockHandle) => Bytes | undefined,
): Filter {
  const pieces = piecesIn(payload);
  if (pieces.length === 0) return new Filter(payload);
  const whole = new Uint8Array(HEADER_BYTES + readU32(payload, 0) * LINE_BYTES).fill(0xff);
  whole.set(payload.subarray(0, HEADER_BYTES));
  let at = HEADER_BYTES;
  for (const piece of pieces) {
    const lines = read(piece);
    if (lines !== undefined) whole.set(lines.subarray(0, piece.length), at);
    at += piece.length;
  }
  return new Filter(whole);
}

/** Why a payload of this length is no filter; undefined if it is one. */
export function filterProblem(payload: Bytes, length: number): string | undefined {
  if (length < HEADER_BYTES) return "a filter shorter than its header";
  if (!arePrefixLengths(prefixLengthsIn(payload))) return "lengths of prefixes out of order";
  const lines = readU32(payload, 0);
  const rest = lines > WHOLE_LINES_MAX ? handleBytes(lines) : lines * LINE_BYTES;
  if (length !== HEADER_BYTES + rest || lines > LINES_MAX)
    return `${lines} lines in ${length} bytes`;
  let left = lines;
  for (const piece of piecesIn(payload)) {
    const expected = Math.min(left, PIECE_LINES) * LINE_BYTES;
    if (piece.length !== expected) return `a piece of ${piece.length} bytes, not ${expected}`;
    left -= PIECE_LINES;
  }
  return undefined;
}

/** The pieces of a filter that was cut, in order; none if it was not. */
export function piecesIn(payload: Bytes): readonly BlockHandle[] {
  const lines = readU32(payload, 0);
  if (lines <= WHOLE_LINES_MAX) return [];
  return Array.from({ length: pieceCount(lines) }, (_, i) =>
    readHandle(payload, HEADER_BYTES + i * HANDLE_BYTES),
  );
}

/** Rising. */
export function prefixLengthsIn(payload: Bytes): number[] {
  const lengths = [...payload.subarray(PREFIX_LENGTHS_AT, HEADER_BYTES)];
  while (lengths.at(-1) === 0) lengths.pop();
  return lengths;
}

function pieceCount(lines: number): number {
  return Math.ceil(lines / PIECE_LINES);
}
function handleBytes(lines: number): number {
  return pieceCount(lines) * HANDLE_BYTES;
}

/** The line of a key whose first hash this is. */
export function lineOf(hash: number, lines: number): number {
  return Math.floor((hash * lines) / TWO_32);
}
