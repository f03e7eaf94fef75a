/** Words about byte strings. Keys order as unsigned bytes, a prefix before its extensions. */

export type Bytes = Uint8Array;

export const EMPTY_BYTES: Bytes = new Uint8Array(0);

const HEX_OF: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

/** Negative, zero or positive as `a` sorts before, with or after `b`. */
export function compareBytes(a: Bytes, b: Bytes): number {
  return compareByteRanges(a, 0, a.length, b, 0, b.length);
}

/** Compares a[aStart, aEnd) with b[bStart, bEnd) without making views of them. */
export function compareByteRanges(
  a: Bytes,
  aStart: number,
  aEnd: number,
  b: Bytes,
  bStart: number,
  bEnd: number,
): number {
  const aLength = aEnd - aStart;
  const bLength = bEnd - bStart;
  const shared = aLength < bLength ? aLength : bLength;
  for (let i = 0; i < shared; i++) {
    const difference = a[aStart + i]! - b[bStart + i]!;
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

export function equalBytes(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

/** 32 bits, signed, that depend on all bytes: for tables in memory only. It is never written, so it may change. */
export function hashBytes(bytes: Bytes): number {
  let hash = 0x811c9dc5 ^ bytes.length;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash ^ (hash >>> 15);
}

export function concatBytes(...parts: readonly Bytes[]): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** A copy that shares no memory with its source. Never `slice` of a Buffer, which would share it. */
export function copyBytes(source: Bytes, start = 0, end: number = source.length): Bytes {
  const length = end - start;
  const copy = new Uint8Array(length);
  // A view for `set` costs more than to copy a key by a loop.
  if (length > 32) copy.set(source.subarray(start, end));
  else for (let i = 0; i < length; i++) copy[i] = source[start + i]!;
  return copy;
}

/** The first key after `key`: itself followed by a zero byte. */
export function nextKey(key: Bytes): Bytes {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

/** The first key that does not start with `prefix`; undefined if there is none (an empty prefix, or FF bytes only). */
export function prefixEnd(prefix: Bytes): Bytes | undefined {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length--;
  if (length === 0) return undefined;
  const end = copyBytes(prefix, 0, length);
  end[length - 1] = end[length - 1]! + 1;
  return end;
}

/** Bytes as a hexadecimal string, cut after `bytesMax` bytes: for error messages and dumps. */
export function hex(bytes: Bytes, bytesMax = 64): string {
  const shown = bytes.length > bytesMax ? bytes.subarray(0, bytesMax) : bytes;
  let text = "";
  for (const byte of shown) text += HEX_OF[byte]!;
  return bytes.length > bytesMax ? `${text}…(${bytes.length} bytes)` : text;
}
