/**
 * What one entry of a log or table says. The numbers are on disk and never change their meaning; 0 is never a kind, so
 * that zeroed disk is never an entry.
 */
import type { Bytes } from "../../../base/index.ts";

/** The key holds the value; an empty value is a value. */
export const KIND_PUT = 1;
/** The key holds nothing (a point tombstone). The value is empty. */
export const KIND_DELETE = 2;
/** All keys in [key, value) hold nothing. */
export const KIND_DELETE_RANGE = 3;
/** All keys from `key` to the end of the keyspace hold nothing. The value is empty. */
export const KIND_DELETE_TO_END = 4;

export type PointKind = typeof KIND_PUT | typeof KIND_DELETE;
type RangeKind = typeof KIND_DELETE_RANGE | typeof KIND_DELETE_TO_END;
export type EntryKind = PointKind | RangeKind;

/** One op of a commit as storage knows it; see the kinds for what `key` and `value` mean. */
export interface Entry {
  readonly kind: EntryKind;
  readonly key: Bytes;
  readonly value: Bytes;
}

export function isEntryKind(kind: number): kind is EntryKind {
  return kind >= KIND_PUT && kind <= KIND_DELETE_TO_END;
}

const kindNames = ["none", "put", "delete", "deleteRange", "deleteToEnd"] as const;

/** For dumps and errors. */
export function entryKindName(kind: number): string {
  return kindNames[kind] ?? `kind ${kind}`;
}
