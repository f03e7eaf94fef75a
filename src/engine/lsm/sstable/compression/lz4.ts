/**
 * The block format of LZ4 (lz4_Block_format.md of the LZ4 project), in plain TypeScript: fast enough to stand between a
 * cold read and the disk, and without an addon or a WebAssembly file that bundlers lose. docs/decisions/0006 has the numbers.
 *
 * A block is a row of sequences: a token (literals in the upper four bits, match length - 4 in the lower; 15 goes on in
 * further bytes until one is below 255), the literals, and the match's distance backwards, u16 little-endian. The last
 * sequence has literals only. A match starts at least 12 bytes before the end, and the last 5 bytes are literals.
 *
 * Always true: lz4Decompress() reads only source[start, end) and writes only target[at, at + length), whatever the bytes.
 */
import type { Bytes } from "../../../../base/index.ts";

const HASH_BITS = 12;
const HASH_SHIFT = 32 - HASH_BITS;
const HASH_FACTOR = 0x9e3779b1;
const DISTANCE_MAX = 0xffff;
const MATCH_MIN = 4;
/** No match begins in the last 12 bytes, none reaches into the last 5. */
const MATCH_START_MARGIN = 12;
const LITERALS_LAST = 5;
const POSITION_MAX = 0x7fff_ffff;
/** What is decompressed is copied in steps of so many bytes, up to runs so long: beyond, a call into the runtime pays. */
const STEP = 16;
const LONG_RUN = 512;

/** Where four bytes with this hash were last seen, counted from #epoch, so that it need not be cleared for each block. */
const seen = new Int32Array(1 << HASH_BITS);
let epoch = 0;

/**
 * HOT: bench/micro/lsm-storage. Compresses source[0, length) to target[0, …) and gives the length there; 0 if it would
 * be more than `limit`. `view` shows the same memory as `source`. The same input gives the same output, always.
 */
export function lz4Compress(
  source: Bytes,
  view: DataView,
  length: number,
  target: Bytes,
  limit: number,
): number {
  if (length <= MATCH_START_MARGIN) return 0;
  if (epoch + length + DISTANCE_MAX >= POSITION_MAX) {
    seen.fill(0);
    epoch = 0;
  }
  const base = epoch + 1;
  // Positions of earlier blocks lie before 0 from here on.
  epoch += length + 1;
  const startMax = length - MATCH_START_MARGIN;
  const matchMax = length - LITERALS_LAST;
  let at = 0;
  let anchor = 0;
  let out = 0;
  let misses = 0;
  while (at <= startMax) {
    const word = view.getInt32(at, true);
    const hash = Math.imul(word, HASH_FACTOR) >>> HASH_SHIFT;
    let from = seen[hash]! - base;
    seen[hash] = at + base;
    if (from < 0 || at - from > DISTANCE_MAX || view.getInt32(from, true) !== word) {
      // Where nothing was found for long, steps grow: bytes that do not compress are passed over quickly.
      at += 1 + (misses++ >>> 5);
      continue;
    }
    misses = 0;
    while (at > anchor && from > 0 && source[at - 1] === source[from - 1]) {
      at--;
      from--;
    }
    let end = at + MATCH_MIN;
    let other = from + MATCH_MIN;
    while (end + 4 <= matchMax && view.getInt32(end, true) === view.getInt32(other, true)) {
      end += 4;
      other += 4;
    }
    while (end < matchMax && source[end] === source[other]) {
      end++;
      other++;
    }
    const matchRest = end - at - MATCH_MIN;
    // What both lengths, the literals, the token and the distance take at most.
    if (out + at - anchor + ((at - anchor) >>> 7) + (matchRest >>> 7) + 8 > limit) return 0;
    out = writeLiterals(source, anchor, at, target, out, matchRest < 15 ? matchRest : 15);
    target[out++] = at - from;
    target[out++] = (at - from) >>> 8;
    if (matchRest >= 15) out = writeLength(target, out, matchRest - 15);
    at = end;
    anchor = end;
    if (at <= startMax) {
      // One position inside of the match, so that what follows a repetition is found again too.
      const inside = Math.imul(view.getInt32(at - 2, true), HASH_FACTOR) >>> HASH_SHIFT;
      seen[inside] = at - 2 + base;
    }
  }
  if (out + length - anchor + ((length - anchor) >>> 7) + 3 > limit) return 0;
  return writeLiterals(source, anchor, length, target, out, 0);
}

/** Token and literals source[from, to); gives the end. */
function writeLiterals(
  source: Bytes,
  from: number,
  to: number,
  target: Bytes,
  at: number,
  matchBits: number,
): number {
  const count = to - from;
  let out = at;
  target[out++] = ((count < 15 ? count : 15) << 4) | matchBits;
  if (count >= 15) out = writeLength(target, out, count - 15);
  copyRun(source, from, to, target, out);
  return out + count;
}

/** Short runs by a loop: a view for `set` costs more than the copy itself. */
function copyRun(source: Bytes, from: number, to: number, target: Bytes, at: number): void {
  if (to - from > 32) target.set(source.subarray(from, to), at);
  else for (let i = from, out = at; i < to; i++) target[out++] = source[i]!;
}

function writeLength(target: Bytes, at: number, rest: number): number {
  let out = at;
  let left = rest;
  for (; left >= 255; left -= 255) target[out++] = 255;
  target[out++] = left;
  return out;
}

/**
 * HOT: bench/micro/lsm-storage. Writes the `length` bytes that source[start, end) stands for to target[at, at +
 * length); false if it stands for anything else. The views show the same memory as the bytes.
 */
export function lz4Decompress(
  source: Bytes,
  sourceView: DataView,
  start: number,
  end: number,
  target: Bytes,
  targetView: DataView,
  at: number,
  length: number,
): boolean {
  let from = start;
  let to = at;
  const toEnd = at + length;
  // Up to here short runs may be copied in words, whatever lies behind them: it stays inside, and is overwritten.
  const fromEasy = end - 18;
  const toEasy = toEnd - 36;
  for (;;) {
    if (from >= end) return false;
    const token = source[from++]!;
    let literals = token >>> 4;
    if (literals < 15 && from <= fromEasy && to <= toEasy) {
      copyWords(sourceView, from, targetView, to, literals > 8);
      from += literals;
      to += literals;
    } else {
      if (literals === 15) {
        const after = lengthEnd(source, from, end);
        if (after < 0) return false;
        literals = longLength(source, from, after);
        from = after;
      }
      if (literals > end - from || literals > toEnd - to) return false;
      if (literals <= end - from - STEP && literals <= toEnd - to - STEP && literals <= LONG_RUN) {
        copySteps(sourceView, from, targetView, to, literals);
      } else copyRun(source, from, from + literals, target, to);
      from += literals;
      to += literals;
      if (from === end) return to === toEnd;
      if (end - from < 2) return false;
    }
    const distance = source[from]! | (source[from + 1]! << 8);
    from += 2;
    let count = (token & 15) + MATCH_MIN;
    if (count === 15 + MATCH_MIN) {
      const after = lengthEnd(source, from, end);
      if (after < 0) return false;
      count = MATCH_MIN + longLength(source, from, after);
      from = after;
    }
    if (distance === 0 || distance > to - at || count > toEnd - to) return false;
    if (count <= 16 && distance >= 4 && to <= toEasy) {
      copyWords(targetView, to - distance, targetView, to, count > 8);
    } else if (distance >= STEP && count <= toEnd - to - STEP && count <= LONG_RUN) {
      copySteps(targetView, to - distance, targetView, to, count);
    } else repeat(target, to, distance, count);
    to += count;
  }
}

/** The plain way, for what is near the end, very long, or repeats itself. */
function repeat(target: Bytes, to: number, distance: number, count: number): void {
  const back = to - distance;
  if (count > 48 && distance >= count) target.copyWithin(to, back, back + count);
  else for (let i = 0; i < count; i++) target[to + i] = target[back + i]!;
}

/** Copies 8 or 16 bytes in words, the first one first: right where both places overlap, if they lie a word apart. */
function copyWords(
  source: DataView,
  from: number,
  target: DataView,
  to: number,
  isLong: boolean,
): void {
  target.setInt32(to, source.getInt32(from, true), true);
  target.setInt32(to + 4, source.getInt32(from + 4, true), true);
  if (!isLong) return;
  target.setInt32(to + 8, source.getInt32(from + 8, true), true);
  target.setInt32(to + 12, source.getInt32(from + 12, true), true);
}

/**
 * Copies `count` bytes and up to 15 behind them, which both sides have: right where both places overlap, if they lie a
 * step apart.
 */
function copySteps(
  source: DataView,
  start: number,
  target: DataView,
  at: number,
  count: number,
): void {
  const end = start + count;
  for (let from = start, to = at; from < end; from += STEP, to += STEP) {
    target.setInt32(to, source.getInt32(from, true), true);
    target.setInt32(to + 4, source.getInt32(from + 4, true), true);
    target.setInt32(to + 8, source.getInt32(from + 8, true), true);
    target.setInt32(to + 12, source.getInt32(from + 12, true), true);
  }
}

/** Where the bytes of a length end: after the first one below 255; -1 if none is. */
function lengthEnd(source: Bytes, start: number, end: number): number {
  for (let at = start; at < end; at++) if (source[at] !== 255) return at + 1;
  return -1;
}
/** The length that begins with 15 in the token and goes on in source[start, end). */
function longLength(source: Bytes, start: number, end: number): number {
  return 15 + 255 * (end - start - 1) + source[end - 1]!;
}
