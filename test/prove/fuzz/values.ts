/** Small words that the decoders of the fuzzer share. */
import { concatBytes } from "../../../src/base/index.ts";
import type { Bytes } from "../../../src/base/index.ts";
import type { Input } from "./decoder.ts";

const encoder = new TextEncoder();

export function bytesOf(text: string): Bytes {
  return encoder.encode(text);
}

export function joined(...parts: readonly Bytes[]): Bytes {
  return concatBytes(...parts);
}

let shown: { readonly bytes: Bytes; readonly buffer: Buffer } | undefined;

/** The input as text: every byte a character, or half of the time as UTF-8. */
export function textOf(input: Input): string {
  if (shown?.bytes !== input.bytes) {
    const { buffer, byteOffset, byteLength } = input.bytes;
    shown = { bytes: input.bytes, buffer: Buffer.from(buffer, byteOffset, byteLength) };
  }
  return input.choice & 2
    ? shown.buffer.toString("utf8", 0, input.length)
    : shown.buffer.toString("latin1", 0, input.length);
}

/** Throws unless a[aStart, aEnd) are the first bytes of b up to bEnd. */
export function needEqual(
  a: Bytes,
  aStart: number,
  aEnd: number,
  b: Bytes,
  bEnd: number,
  otherwise: string,
): void {
  let isEqual = aEnd - aStart === bEnd;
  for (let i = 0; isEqual && i < bEnd; i++) isEqual = a[aStart + i] === b[i];
  if (!isEqual) throw new Error(otherwise);
}
