/**
 * Work beside the policy's own: tables that go without being read, tables that are mostly deletes, tables that are old.
 *
 * None of it can be asked for again when it is done: what is dropped is gone; a rewrite in the last level leaves no delete
 * that every view sees; and what is rewritten is new.
 */
import { compareBytes } from "../../../../base/index.ts";
import type { RangeDelete } from "../../cursor/index.ts";
import type { TableMeta } from "../../manifest/index.ts";
import { LEVEL_LAST, tablesOf } from "../version.ts";
import type { Version } from "../version.ts";
import type { CompactionJob, PickSettings, PickState } from "./job.ts";
import { pickTable } from "./leveled.ts";

/**
 * Tables that range deletes hide wholly from everybody. The deletes stay where they are, so what is older still in deeper
 * levels stays hidden too.
 */
export function pickDrop(version: Version, state: PickState): CompactionJob | undefined {
  const seen = state.rangeDeletes
    .filter((one) => one.sequence <= state.oldestSequence)
    .toSorted((a, b) => compareBytes(a.start, b.start));
  if (seen.length === 0) return undefined;
  const inputs = tablesOf(version).filter(
    (table) => !state.busy.has(table.fileNumber) && isHidden(table, seen),
  );
  if (inputs.length === 0) return undefined;
  const why = "newer range deletes hide all of it";
  return { why, inputs, outputLevel: 0, isMove: false, isDrop: true };
}

/** Whether newer ones of the range deletes, which come in order of their starts, cover the table without a gap. */
function isHidden(table: TableMeta, deletes: readonly RangeDelete[]): boolean {
  let covered = table.smallestKey;
  for (const { start, end, sequence } of deletes) {
    if (sequence <= table.largestSequence) continue;
    if (compareBytes(start, covered) > 0) return false;
    if (end === undefined) return true;
    if (compareBytes(end, covered) > 0) covered = end;
    if (table.largestKey !== undefined && compareBytes(covered, table.largestKey) > 0) return true;
  }
  return false;
}

/** The oldest table that was written longer ago than is wanted. */
export function pickOld(
  version: Version,
  settings: PickSettings,
  state: PickState,
): CompactionJob | undefined {
  const { periodicMillis } = settings;
  if (periodicMillis === 0) return undefined;
  const old = eligible(version, settings)
    .filter((table) => table.writtenAtMillis + periodicMillis <= state.nowMillis)
    .toSorted((a, b) => a.writtenAtMillis - b.writtenAtMillis || a.fileNumber - b.fileNumber);
  return firstJob(old, (table) =>
    pickTable(version, table, settings, state, `table ${table.fileNumber} is older than wanted`),
  );
}

/** The table with the largest share of blocks full of deletes that every view sees. */
export function pickDense(
  version: Version,
  settings: PickSettings,
  state: PickState,
): CompactionJob | undefined {
  const dense = eligible(version, settings)
    .filter((table) => table.level > 0 && table.largestSequence <= state.oldestSequence)
    .filter((table) => densePercent(table) >= settings.tombstoneDensePercent)
    .toSorted((a, b) => densePercent(b) - densePercent(a) || a.fileNumber - b.fileNumber);
  return firstJob(dense, (table) => {
    const why = `${densePercent(table).toFixed(0)} % of table ${table.fileNumber} is dense with deletes`;
    return pickTable(version, table, settings, state, why);
  });
}

/** A range delete in the last level hides nothing any more, so it counts as all of its table. */
function densePercent(table: TableMeta): number {
  if (table.rangeDeletes > 0 && table.level === LEVEL_LAST) return 100;
  return table.dataBlocks === 0 ? 0 : (table.denseBlocks / table.dataBlocks) * 100;
}

/** Where runs are whole, single tables cannot go down by themselves; those of the last level can be rewritten. */
function eligible(version: Version, settings: PickSettings): readonly TableMeta[] {
  if (settings.policy === "leveled") return tablesOf(version);
  return settings.policy === "fifo" ? [] : version.levels[LEVEL_LAST]!;
}

function firstJob(
  tables: readonly TableMeta[],
  pick: (table: TableMeta) => CompactionJob | undefined,
): CompactionJob | undefined {
  for (const table of tables) {
    const job = pick(table);
    if (job !== undefined) return job;
  }
  return undefined;
}
