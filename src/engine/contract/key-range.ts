/** Ranges of keys: half-open [start, end); end undefined means to the end of the keyspace. */
import { compareBytes, copyBytes, nextKey, prefixEnd } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";

export interface KeyRange {
  readonly start: Bytes;
  readonly end: Bytes | undefined;
}

/** All keys that begin with `prefix`. */
export function prefixRange(prefix: Bytes): KeyRange {
  return { start: prefix, end: prefixEnd(prefix) };
}

/** The range that holds this one key. */
export function singleKeyRange(key: Bytes): KeyRange {
  return { start: key, end: nextKey(key) };
}

/** With bytes of its own: for whoever needs the range after the call that handed it in (law 9). */
export function copyOfRange({ start, end }: KeyRange): KeyRange {
  return { start: copyBytes(start), end: end === undefined ? undefined : copyBytes(end) };
}

export function rangeContains(range: KeyRange, key: Bytes): boolean {
  return (
    compareBytes(key, range.start) >= 0 &&
    (range.end === undefined || compareBytes(key, range.end) < 0)
  );
}

export function rangesOverlap(a: KeyRange, b: KeyRange): boolean {
  return (
    (a.end === undefined || compareBytes(b.start, a.end) < 0) &&
    (b.end === undefined || compareBytes(a.start, b.end) < 0)
  );
}

export function isEmptyRange(range: KeyRange): boolean {
  return range.end !== undefined && compareBytes(range.start, range.end) >= 0;
}
