/**
 * Bytes to and from the server. What is sent is binary: a list of bytes is one parameter of type bytea[]. What comes back
 * is the server's text, \x and two digits a byte, for the package takes all columns as text and would change others.
 *
 * bytea[] in binary, all numbers big-endian, 32 bits:
 *
 *   offset  size  what
 *   0       4     dimensions: 1; 0 for an empty list, which ends behind the type
 *   4       4     1 if an element is null: 0
 *   8       4     type of the elements: 17, bytea
 *   12      4     how many
 *   16      4     number of the first: 1
 *   20      ...   each element: its length (4), then its bytes
 *
 * Example: the list of 61 and nothing is
 * 00000001 00000000 00000011 00000002 00000001 00000001 61 00000000.
 */
import { EMPTY_BYTES } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";

const BYTEA = 17;
const HEAD_BYTES = 20;

export function bytesList(list: readonly Bytes[]): Bytes {
  let length = HEAD_BYTES;
  for (const bytes of list) length += 4 + bytes.length;
  const packed = new Uint8Array(list.length === 0 ? 12 : length);
  const view = new DataView(packed.buffer);
  view.setInt32(0, list.length === 0 ? 0 : 1);
  view.setInt32(8, BYTEA);
  if (list.length === 0) return packed;
  view.setInt32(12, list.length);
  view.setInt32(16, 1);
  let at = HEAD_BYTES;
  for (const bytes of list) {
    view.setInt32(at, bytes.length);
    packed.set(bytes, at + 4);
    at += 4 + bytes.length;
  }
  return packed;
}

/** A list of numbers, as the server reads it from text. */
export function numberList(numbers: readonly (number | bigint | string)[]): string {
  return `{${numbers.join(",")}}`;
}

/** How many bytes the server's text stands for. */
export function bytesLength(text: string): number {
  return (text.length - 2) / 2;
}

/** The bytes of the server's text, in memory of their own. */
export function bytesOfText(text: string): Bytes {
  if (text.length === 2) return EMPTY_BYTES;
  const bytes = new Uint8Array(bytesLength(text));
  writeText(text, Buffer.from(bytes.buffer), 0);
  return bytes;
}

/** Writes the bytes of the server's text; answers with the place behind them. */
export function writeText(text: string, target: Buffer, at: number): number {
  return at + target.write(text.slice(2), at, "hex");
}
