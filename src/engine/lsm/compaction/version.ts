/**
 * Which tables make up the database, by level. Plain values: an edit makes a new version and leaves the old one as it is.
 *
 * Always true:
 * (1) Level 0 holds tables newest first, by their largest sequence; their keys may overlap, and for every key, what a
 *     table holds of it is newer than what those after it hold. Their sequences may interlace: a load takes one between
 *     those of a memtable that has none of its keys. Where keys overlap, no two have the same largest one. File numbers
 *     say nothing: a merge of old tables gets a higher one than a flush before it.
 * (2) Each deeper level holds tables in key order whose keys do not overlap. Where a table ends with a range delete, its
 *     largestKey is the delete's excluded end; so the next table may begin at that same key.
 * (3) For every key, what a level holds of it is newer than what any deeper level holds.
 */
import { compareBytes, hex } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import type { TableMeta, VersionEdit } from "../manifest/index.ts";

/** Level 0 and six more: with a fan-out of 10 the last one starts at 64 MiB * 10^5. */
const LEVELS = 7;
export const LEVEL_LAST: number = LEVELS - 1;

export interface Version {
  /** levels[n] are the tables of level n; always LEVELS of them. */
  readonly levels: readonly (readonly TableMeta[])[];
}

export function versionOf(tables: readonly TableMeta[]): Version {
  const levels = Array.from({ length: LEVELS }, (): TableMeta[] => []);
  for (const table of tables) levels[table.level]!.push(table);
  return { levels: levels.map((list, level) => list.toSorted(orderOf(level))) };
}

export function applyEdit(version: Version, edit: VersionEdit): Version {
  const removed = new Set(edit.removed);
  const kept = tablesOf(version).filter((table) => !removed.has(table.fileNumber));
  return versionOf([...kept, ...(edit.added ?? [])]);
}

export function tablesOf(version: Version): readonly TableMeta[] {
  return version.levels.flat();
}

/**
 * The sorted runs of level 0, newest first. A table is a run, but tables of equal largest sequences are one: they are of
 * one load, and share no key. Merged apart, an output that reaches down to what is older would lie at the same place in
 * time as those that were left, and above or beneath them by chance.
 */
export function level0Runs(version: Version): readonly (readonly TableMeta[])[] {
  const runs: TableMeta[][] = [];
  for (const table of version.levels[0]!) {
    const newest = runs.at(-1);
    if (newest?.[0]!.largestSequence === table.largestSequence) newest.push(table);
    else runs.push([table]);
  }
  return runs;
}

export function bytesOf(tables: readonly TableMeta[]): number {
  let bytes = 0;
  for (const table of tables) bytes += table.fileBytes;
  return bytes;
}

function orderOf(level: number): (a: TableMeta, b: TableMeta) => number {
  if (level === 0) {
    return (a, b) => b.largestSequence - a.largestSequence || b.fileNumber - a.fileNumber;
  }
  return (a, b) => compareBytes(a.smallestKey, b.smallestKey);
}

/** The keys from `smallest` to `largest`, both inclusive; largest undefined: to the end of the keyspace. */
export interface KeySpan {
  readonly smallest: Bytes;
  readonly largest: Bytes | undefined;
}

/** The span of several tables; undefined for none. */
export function spanOf(tables: readonly TableMeta[]): KeySpan | undefined {
  const [first, ...rest] = tables;
  if (first === undefined) return undefined;
  let smallest = first.smallestKey;
  let largest = first.largestKey;
  for (const table of rest) {
    if (compareBytes(table.smallestKey, smallest) < 0) smallest = table.smallestKey;
    if (largest === undefined || table.largestKey === undefined) largest = undefined;
    else if (compareBytes(table.largestKey, largest) > 0) largest = table.largestKey;
  }
  return { smallest, largest };
}

export function overlaps(table: TableMeta, span: KeySpan): boolean {
  return (
    (span.largest === undefined || compareBytes(table.smallestKey, span.largest) <= 0) &&
    (table.largestKey === undefined || compareBytes(table.largestKey, span.smallest) >= 0)
  );
}

export function overlapping(
  tables: readonly TableMeta[],
  span: KeySpan | undefined,
): readonly TableMeta[] {
  return span === undefined ? [] : tables.filter((table) => overlaps(table, span));
}

/** The same for a level >= 1, whose order it uses: `tables` is a level, whole. */
export function overlappingInLevel(
  tables: readonly TableMeta[],
  span: KeySpan | undefined,
): readonly TableMeta[] {
  if (span === undefined) return [];
  let start = Math.max(0, tableIndexFor(tables, span.smallest));
  // A table that ends with a range delete touches, by its excluded end, the key that the next one begins with.
  while (start > 0 && overlaps(tables[start - 1]!, span)) start--;
  if (start < tables.length && !overlaps(tables[start]!, span)) start++;
  let end = start;
  while (end < tables.length && overlaps(tables[end]!, span)) end++;
  return tables.slice(start, end);
}

/** The table of a level >= 1 that alone can hold `key`: the last one that begins at or before it; -1 if none does. */
export function tableIndexFor(tables: readonly TableMeta[], key: Bytes): number {
  let start = 0;
  let end = tables.length;
  while (start < end) {
    const middle = (start + end) >>> 1;
    if (compareBytes(tables[middle]!.smallestKey, key) <= 0) start = middle + 1;
    else end = middle;
  }
  return start - 1;
}

/** The broken invariants, in words; none if all is well. */
export function versionProblems(version: Version): readonly string[] {
  const problems: string[] = [];
  const seen = new Set<number>();
  for (const [level, tables] of version.levels.entries()) {
    for (const [index, table] of tables.entries()) {
      const name = `table ${table.fileNumber} of level ${level}`;
      if (seen.has(table.fileNumber)) problems.push(`${name} is listed twice`);
      seen.add(table.fileNumber);
      if (table.level !== level) problems.push(`${name} says it is of level ${table.level}`);
      const { largestKey } = table;
      if (largestKey !== undefined && compareBytes(table.smallestKey, largestKey) > 0) {
        problems.push(`${name} ends before it begins`);
      }
      if (level === 0) problems.push(...sequenceProblems(table, tables.slice(index + 1)));
      const next = tables[index + 1];
      if (level > 0 && next !== undefined && !isBefore(table, next)) {
        problems.push(`${name} overlaps table ${next.fileNumber}`);
      }
    }
  }
  return problems;
}

/** Of two tables of level 0 that share keys, one is the newer; see (1). */
function sequenceProblems(table: TableMeta, older: readonly TableMeta[]): readonly string[] {
  return overlapping(older, spanOf([table]))
    .filter((other) => other.largestSequence >= table.largestSequence)
    .map(
      (other) =>
        `table ${table.fileNumber} of level 0 shares sequences with table ${other.fileNumber}`,
    );
}

function isBefore(table: TableMeta, next: TableMeta): boolean {
  if (table.largestKey === undefined) return false;
  const order = compareBytes(table.largestKey, next.smallestKey);
  return order < 0 || (order === 0 && table.rangeDeletes > 0);
}

/** One line a table, for dumps and golden tests. */
export function versionText(version: Version): string {
  const lines: string[] = [];
  for (const [level, tables] of version.levels.entries()) {
    if (tables.length === 0) continue;
    lines.push(`level ${level}: ${tables.length} tables, ${bytesOf(tables)} bytes`);
    for (const table of tables) lines.push(`  ${tableText(table)}`);
  }
  return lines.length === 0 ? "no tables" : lines.join("\n");
}

export function tableText(table: TableMeta): string {
  const end = table.largestKey === undefined ? "end of keyspace" : hex(table.largestKey, 16);
  const deletes = table.tombstones + table.rangeDeletes;
  return (
    `${table.fileNumber}: ${hex(table.smallestKey, 16)} to ${end}, ` +
    `sequences ${table.smallestSequence} to ${table.largestSequence}, ${table.entries} entries, ` +
    `${deletes} deletes, ${table.fileBytes} bytes`
  );
}
