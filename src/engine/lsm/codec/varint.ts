/**
 * Whole numbers from 0 to 2^53 - 1 in one to eight bytes (LEB128): seven bits a byte, the lowest first, the high bit set
 * on all bytes but the last. Worked example: 300 is AC 02.
 *
 * Each number has one spelling: a last byte of zero (except for 0 itself) is refused when read, so that two different
 * byte strings never mean the same record.
 */
import type { Bytes } from "../../../base/index.ts";

export const VARINT_BYTES_MAX = 8;

export function varintLength(value: number): number {
  let length = 1;
  while (value >= 128) {
    value = Math.floor(value / 128);
    length++;
  }
  return length;
}

/** Writes `value` at `at` and returns the offset after it. The buffer has room for VARINT_BYTES_MAX more bytes. */
export function writeVarint(bytes: Bytes, at: number, value: number): number {
  while (value >= 0x8000_0000) {
    bytes[at++] = (value % 128) | 0x80;
    value = Math.floor(value / 128);
  }
  while (value >= 128) {
    bytes[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  bytes[at++] = value;
  return at;
}

/** What the last readVarint read ended at: a result of two numbers without an object for it. */
export interface VarintEnd {
  /** The offset after the number. */
  at: number;
}

/**
 * Reads a number from bytes[at, end) and stores where it ended. Gives -1 where there is none: bytes that run out,
 * numbers above 2^53 - 1, or a longer spelling than needed.
 */
export function readVarint(bytes: Bytes, at: number, end: number, after: VarintEnd): number {
  if (at < end && bytes[at]! < 128) {
    after.at = at + 1;
    return bytes[at]!;
  }
  let value = 0;
  let scale = 1;
  for (let i = at; i < end && i < at + VARINT_BYTES_MAX; i++) {
    const byte = bytes[i]!;
    value += (byte & 0x7f) * scale;
    if (byte < 128) {
      after.at = i + 1;
      return byte === 0 || value > Number.MAX_SAFE_INTEGER ? -1 : value;
    }
    scale *= 128;
  }
  return -1;
}
