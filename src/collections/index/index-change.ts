/**
 * What a changed document changes in an index: pure. Entries that stay as they are give nothing.
 *
 * Always true: after deleting `deletes` and putting `puts` the index holds exactly the new document's entries, if it held
 * exactly the old one's before; and no key stands in both.
 */
import { compareBytes, equalBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { IndexEntry } from "./index-entries.ts";

export interface IndexChange {
  readonly deletes: readonly Bytes[];
  readonly puts: readonly IndexEntry[];
  /** Of the puts those whose key must not be taken: it is exclusive, and this document did not hold it before. */
  readonly claims: readonly IndexEntry[];
}

/** Both lists are in the order of their keys, each key once. */
export function indexChange(
  before: readonly IndexEntry[],
  after: readonly IndexEntry[],
): IndexChange {
  if (before.length === 0) return { deletes: NO_KEYS, puts: after, claims: exclusiveOf(after) };
  if (after.length === 0)
    return { deletes: before.map(keyOf), puts: NO_ENTRIES, claims: NO_ENTRIES };
  const deletes: Bytes[] = [];
  const puts: IndexEntry[] = [];
  const claims: IndexEntry[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    const old = before[i];
    const now = after[j];
    const order = old === undefined ? 1 : now === undefined ? -1 : compareBytes(old.key, now.key);
    if (order < 0) {
      deletes.push(old!.key);
      i++;
    } else if (order > 0) {
      puts.push(now!);
      if (now!.exclusive) claims.push(now!);
      j++;
    } else {
      if (!equalBytes(old!.value, now!.value)) puts.push(now!);
      i++;
      j++;
    }
  }
  return { deletes, puts, claims };
}

const NO_KEYS: readonly Bytes[] = Object.freeze([]);
const NO_ENTRIES: readonly IndexEntry[] = Object.freeze([]);

function keyOf(entry: IndexEntry): Bytes {
  return entry.key;
}

/** In most indexes a document has one entry. */
function exclusiveOf(entries: readonly IndexEntry[]): readonly IndexEntry[] {
  if (entries.length === 1) return entries[0]!.exclusive ? entries : NO_ENTRIES;
  return entries.filter((entry) => entry.exclusive);
}
