/**
 * The prefixes of keys that join a table's filter, so that a scan over keys with one prefix can pass a table by.
 *
 * The engine knows no fields, only bytes; so prefixes have fixed lengths. The usual ones serve the keys of collections
 * (docs/FORMAT.md): after one byte each for collection, kind of row and index, 4 bytes tell a boolean or a type, 7 a string
 * of two letters, 12 a number, a date, or eight letters.
 */
import type { Bytes } from "../../../../base/index.ts";

export const PREFIX_LENGTHS: readonly number[] = [4, 7, 12];
/** A filter names so many lengths at most. */
export const PREFIX_LENGTHS_MAX = 4;
export const PREFIX_BYTES_MAX = 255;

/** May these be the lengths of prefixes: few, from 1 to 255, each longer than the one before? */
export function arePrefixLengths(lengths: readonly number[]): boolean {
  return (
    lengths.length <= PREFIX_LENGTHS_MAX &&
    lengths.every(
      (length, i) =>
        Number.isInteger(length) && length > (lengths[i - 1] ?? 0) && length <= PREFIX_BYTES_MAX,
    )
  );
}

/** How many first bytes of `start` all keys in [start, end) have; end undefined is the end of the keyspace. */
export function sharedPrefixLength(start: Bytes, end: Bytes | undefined): number {
  if (end === undefined) return 0;
  const max = Math.min(start.length, end.length);
  let shared = 0;
  while (shared < max && start[shared] === end[shared]) shared++;
  // An end that is a prefix with its last byte one higher, as ranges of a prefix have: that byte is shared too.
  const isNext = shared < max && end.length === shared + 1 && end[shared] === start[shared]! + 1;
  return isNext ? shared + 1 : shared;
}
