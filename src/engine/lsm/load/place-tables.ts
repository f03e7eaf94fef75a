/**
 * Where loaded tables go. Pure: what there is in, places out.
 *
 * Always true: of every key, what a table is placed above is older than the load, and nothing older lies above it. So a
 * lookup that goes from new to old finds the loaded row where it expects it.
 */
import { compareByteRanges, compareBytes } from "../../../base/index.ts";
import { LEVEL_LAST, overlapping } from "../compaction/index.ts";
import type { Version } from "../compaction/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import type { Memtable } from "../memtable/index.ts";

/** The deepest level down to which nothing touches the keys of the table; 0 if level 0 or 1 does. */
function deepestLevelFor(version: Version, table: TableMeta): number {
  const span = { smallest: table.smallestKey, largest: table.largestKey };
  for (let level = 0; level <= LEVEL_LAST; level++) {
    if (overlapping(version.levels[level]!, span).length > 0) return Math.max(0, level - 1);
  }
  return LEVEL_LAST;
}

/** The tables at their levels, all read at `sequence`. They are of one sorted run, so they do not touch each other. */
export function placeTables(
  version: Version,
  tables: readonly TableMeta[],
  sequence: number,
): readonly TableMeta[] {
  return tables.map((table) => ({
    ...table,
    level: deepestLevelFor(version, table),
    smallestSequence: sequence,
    largestSequence: sequence,
  }));
}

/** Whether the memtable holds anything between the first and the last key of one of the tables. */
export function touchesMemtable(memtable: Memtable, tables: readonly TableMeta[]): boolean {
  if (memtable.isEmpty) return false;
  const cursor = memtable.cursor();
  try {
    for (const { smallestKey, largestKey } of tables) {
      cursor.seek(smallestKey);
      if (!cursor.valid || largestKey === undefined) continue;
      const { keyBuffer, keyEnd, keyStart } = cursor;
      const { length } = largestKey;
      if (compareByteRanges(keyBuffer, keyStart, keyEnd, largestKey, 0, length) <= 0) return true;
    }
  } finally {
    cursor.close();
  }
  return memtable.rangeDeletes.some(({ end, start }) =>
    tables.some(
      ({ largestKey, smallestKey }) =>
        (largestKey === undefined || compareBytes(start, largestKey) <= 0) &&
        (end === undefined || compareBytes(smallestKey, end) < 0),
    ),
  );
}
