/**
 * Reads a block of entries where it lies. Data blocks and both levels of the index share this payload:
 *
 *   offset          size   what
 *   0               4      n: number of entries, u32, at least 1
 *   4               2      p: length of the prefix that all keys share, u16
 *   6               1      w: bytes of a trailer, u8: 0, 4 or 8
 *   7               1      0
 *   8               6      s: smallest sequence in the block, u48
 *   14              2      0
 *   16              p      the shared prefix
 *   16 + p          4 n    heads, u32 each: the number whose big-endian bytes are the 4 key bytes after the prefix,
 *                          missing bytes as 0
 *   H + 4 n         2 n    rests, u16 each: key length minus p
 *   R + 2 n         4 n+4  bounds, u32 each, from the start of the entries: entry i is [bound i, bound i + 1)
 *   B + 4 n + 4     w n    trailers, little-endian: (sequence - s) * 4 + kind. None if w is 0: all are puts of sequence s
 *   T + w n         …      entries, one after another: the key after prefix and head (rest - 4 bytes, or none), the value
 *
 * Fixed numbers are little-endian. Keys order as entries do: key ascending, sequence descending, no two equal.
 *
 * Worked example: put "ab" = "X" of sequence 5 and delete "ac" of sequence 6:
 *   02 00 00 00  01 00  04 00  05 00 00 00 00 00  00 00   n 2, p 1, w 4, s 5
 *   61                                                    prefix "a"
 *   00 00 00 62  00 00 00 63                              heads "b" and "c"
 *   01 00  01 00                                          rests
 *   00 00 00 00  01 00 00 00  01 00 00 00                 bounds
 *   01 00 00 00  06 00 00 00                              trailers: +0 put, +1 delete
 *   58                                                    "X"
 *
 * Always true: a BlockReader is attached only to a payload that blockProblem() found well formed, so that its methods
 * stay inside the payload for any key.
 */
import { EMPTY_BYTES } from "../../../../base/index.ts";
import type { Bytes } from "../../../../base/index.ts";
import { KIND_DELETE, KIND_PUT } from "../../codec/index.ts";
import { MAX_SEQUENCE, NO_VIEW } from "../../cursor/index.ts";

export const BLOCK_HEADER_BYTES = 16;
/** What an entry takes beside trailer, key bytes and value: head, rest and bound. */
export const ENTRY_FIXED_BYTES = 10;
export const HEAD_BYTES = 4;

/** The largest sequence difference that a trailer of 4 bytes holds. */
export const NARROW_TRAILER_SPREAD_MAX: number = 2 ** 30 - 1;

export class BlockReader {
  bytes: Bytes = EMPTY_BYTES;
  view: DataView = NO_VIEW;
  count = 0;
  /** Where the payload begins. */
  start = 0;
  prefixStart = 0;
  prefixLength = 0;
  #base = 0;
  #width = 0;
  #heads = 0;
  #rests = 0;
  #bounds = 0;
  #trailers = 0;
  #entries = 0;

  /** Turns to the payload at `start` of `bytes`; `view` shows the same memory from its first byte. */
  attach(bytes: Bytes, view: DataView, start: number): void {
    this.bytes = bytes;
    this.view = view;
    this.start = start;
    this.count = view.getUint32(start, true);
    this.prefixLength = view.getUint16(start + 4, true);
    this.#width = bytes[start + 6]!;
    this.#base = view.getUint32(start + 8, true) + view.getUint16(start + 12, true) * 0x1_0000_0000;
    this.prefixStart = start + BLOCK_HEADER_BYTES;
    this.#heads = this.prefixStart + this.prefixLength;
    this.#rests = this.#heads + 4 * this.count;
    this.#bounds = this.#rests + 2 * this.count;
    this.#trailers = this.#bounds + 4 * this.count + 4;
    this.#entries = this.#trailers + this.#width * this.count;
  }

  head(i: number): number {
    return this.view.getUint32(this.#heads + 4 * i, true);
  }
  /** Length of the key after the prefix. */
  rest(i: number): number {
    return this.view.getUint16(this.#rests + 2 * i, true);
  }
  sequence(i: number): number {
    const at = this.#trailers + this.#width * i;
    if (this.#width === 0) return this.#base;
    const low = this.view.getUint32(at, true);
    if (this.#width === 4) return this.#base + (low >>> 2);
    const high = this.view.getUint32(at + 4, true);
    return this.#base + high * 0x4000_0000 + (low >>> 2);
  }
  kind(i: number): number {
    return this.#width === 0 ? KIND_PUT : this.bytes[this.#trailers + this.#width * i]! & 3;
  }
  /** Where the key goes on after prefix and head. */
  suffixStart(i: number): number {
    return this.#entries + this.view.getUint32(this.#bounds + 4 * i, true);
  }
  valueStart(i: number): number {
    const rest = this.rest(i);
    return this.suffixStart(i) + (rest > HEAD_BYTES ? rest - HEAD_BYTES : 0);
  }
  valueEnd(i: number): number {
    return this.#entries + this.view.getUint32(this.#bounds + 4 * i + 4, true);
  }

  /** The fields of the handle at `at`, where a value of an index begins; no object for a lookup. */
  handleOffset(at: number): number {
    return this.view.getUint32(at, true) + this.view.getUint16(at + 4, true) * 0x1_0000_0000;
  }
  handleLength(at: number): number {
    return this.view.getUint32(at + 6, true);
  }
  handleCrc(at: number): number {
    return this.view.getUint32(at + 10, true);
  }
  /** Only of a data block's handle. */
  handleRawLength(at: number): number {
    return this.view.getUint32(at + 14, true);
  }

  /** HOT: bench/micro/lsm-storage. The first entry at or after (key, sequence); `count` if all are before it. */
  lowerBound(key: Bytes, sequence: number): number {
    const prefixOrder = this.#comparePrefix(key);
    if (prefixOrder !== 0) return prefixOrder < 0 ? 0 : this.count;
    const head = keyHead(key, this.prefixLength);
    const view = this.view;
    const heads = this.#heads;
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = view.getUint32(heads + 4 * middle, true);
      if (other < head) low = middle + 1;
      else if (other > head) high = middle;
      else if (this.#compareTail(middle, key, sequence) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  isKeyAt(i: number, key: Bytes): boolean {
    return (
      key.length === this.prefixLength + this.rest(i) &&
      this.#comparePrefix(key) === 0 &&
      this.head(i) === keyHead(key, this.prefixLength) &&
      this.#compareSuffix(i, key) === 0
    );
  }

  /** Writes the key after the prefix to target[at, …) and gives its end. */
  copyRest(i: number, target: Bytes, at: number): number {
    const head = this.head(i);
    const end = at + this.rest(i);
    let to = at;
    for (let shift = 24; shift >= 0 && to < end; shift -= 8) target[to++] = head >>> shift;
    const { bytes } = this;
    for (let from = this.suffixStart(i); to < end;) target[to++] = bytes[from++]!;
    return end;
  }
  copyPrefix(target: Bytes): void {
    const { bytes, prefixStart, prefixLength } = this;
    for (let i = 0; i < prefixLength; i++) target[i] = bytes[prefixStart + i]!;
  }
  /** A copy of the whole key. */
  keyAt(i: number): Bytes {
    const key = new Uint8Array(this.prefixLength + this.rest(i));
    this.copyPrefix(key);
    this.copyRest(i, key, this.prefixLength);
    return key;
  }

  /** Negative or positive as the key sorts before or after all keys with the block's prefix. */
  #comparePrefix(key: Bytes): number {
    const { bytes, prefixStart, prefixLength } = this;
    const shared = key.length < prefixLength ? key.length : prefixLength;
    for (let i = 0; i < shared; i++) {
      const difference = key[i]! - bytes[prefixStart + i]!;
      if (difference !== 0) return difference;
    }
    return key.length < prefixLength ? -1 : 0;
  }

  /** Compares entry i with (key, sequence), where prefix and head are known to be equal. */
  #compareTail(i: number, key: Bytes, sequence: number): number {
    const byKey = this.#compareSuffix(i, key);
    return byKey !== 0 ? byKey : sequence - this.sequence(i);
  }
  #compareSuffix(i: number, key: Bytes): number {
    const { bytes } = this;
    const rest = this.rest(i);
    const keyRest = key.length - this.prefixLength;
    const shared = rest < keyRest ? rest : keyRest;
    const from = this.suffixStart(i) - HEAD_BYTES;
    for (let k = HEAD_BYTES; k < shared; k++) {
      const difference = bytes[from + k]! - key[this.prefixLength + k]!;
      if (difference !== 0) return difference;
    }
    return rest - keyRest;
  }
}

/** Four bytes of the key from `at` on as a number that orders as they do. */
function keyHead(key: Bytes, at: number): number {
  const left = key.length - at;
  if (left >= HEAD_BYTES) {
    return ((key[at]! << 24) | (key[at + 1]! << 16) | (key[at + 2]! << 8) | key[at + 3]!) >>> 0;
  }
  let head = 0;
  for (let i = 0; i < HEAD_BYTES; i++) head = (head << 8) | (i < left ? key[at + i]! : 0);
  return head >>> 0;
}

/**
 * Why the payload at [start, start + length) is no block of entries, in words; undefined if it is one. Run once for each
 * block read from disk, even under a right checksum, so that no number in it is believed. `valueBytes` is the length that
 * each value must have, where it is known (the index holds handles).
 */
export function blockProblem(
  bytes: Bytes,
  view: DataView,
  start: number,
  length: number,
  valueBytes: number | undefined,
): string | undefined {
  if (length < BLOCK_HEADER_BYTES) return "a block shorter than its header";
  const count = view.getUint32(start, true);
  const prefix = view.getUint16(start + 4, true);
  const width = bytes[start + 6]!;
  if (count === 0) return "a block without entries";
  if (width !== 0 && width !== 4 && width !== 8) return `trailers of ${width} bytes`;
  const base = view.getUint32(start + 8, true) + view.getUint16(start + 12, true) * 0x1_0000_0000;
  if (base > MAX_SEQUENCE) return `the smallest sequence ${base}`;
  if (bytes[start + 7] !== 0 || view.getUint16(start + 14, true) !== 0) return "unknown flags";
  const heads = start + BLOCK_HEADER_BYTES + prefix;
  const entries = heads + (ENTRY_FIXED_BYTES + width) * count + 4;
  const end = start + length;
  if (entries > end) return `${count} entries in ${length} bytes`;
  const rests = heads + 4 * count;
  const bounds = rests + 2 * count;
  const trailers = bounds + 4 * count + 4;
  if (view.getUint32(bounds, true) !== 0) return "a first entry that does not come first";
  if (view.getUint32(bounds + 4 * count, true) !== end - entries) {
    return "a last entry that does not end with the block";
  }
  let bound = 0;
  let lastHead = 0;
  for (let i = 0; i < count; i++) {
    const next = view.getUint32(bounds + 4 * i + 4, true);
    const rest = view.getUint16(rests + 2 * i, true);
    const suffix = rest > HEAD_BYTES ? rest - HEAD_BYTES : 0;
    if (next < bound + suffix) return `entry ${i} with a key longer than itself`;
    if (valueBytes !== undefined && next - bound - suffix !== valueBytes) {
      return `entry ${i} with a value of ${next - bound - suffix} bytes`;
    }
    bound = next;
    const head = view.getUint32(heads + 4 * i, true);
    if (head < lastHead) return `entry ${i} out of order`;
    lastHead = head;
    if (width === 0) continue;
    const kind = bytes[trailers + width * i]! & 3;
    if (kind !== KIND_PUT && kind !== KIND_DELETE) return `entry ${i} of kind ${kind}`;
    if (width === 4) continue;
    const high = view.getUint32(trailers + width * i + 4, true) * 0x4000_0000;
    if (base + high > MAX_SEQUENCE) return `entry ${i} of sequence ${base + high} or more`;
  }
  return undefined;
}
