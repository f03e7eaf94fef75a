/**
 * The leveled policy: each level but the first is one sorted run, and the fullest level goes down.
 *
 * (1) From level 0 all tables go at once: their keys overlap, and taking all keeps newer data above older.
 * (2) Where that would rewrite many times what it brings, or where the way down is taken, the newest tables of level 0 are
 *     merged among themselves instead, which makes reading cheaper at a small price.
 * (3) From a deeper level goes the table that drags along the fewest bytes of the next level, as a share of its own.
 * (4) What overlaps nothing is moved, not rewritten, unless rewriting would get rid of its deletes.
 */
import type { TableMeta } from "../../manifest/index.ts";
import {
  LEVEL_LAST,
  bytesOf,
  level0Runs,
  overlapping,
  overlappingInLevel,
  spanOf,
} from "../version.ts";
import type { Version } from "../version.ts";
import { grandparentBytesMax } from "./grandparent-cut.ts";
import { isFree } from "./job.ts";
import type { CompactionJob, PickSettings, PickState } from "./job.ts";
import { levelTargets, scoreOf } from "./level-targets.ts";

export function pickLeveled(
  version: Version,
  settings: PickSettings,
  state: PickState,
): CompactionJob | undefined {
  const targets = levelTargets(version, settings);
  const scores = version.levels
    .map((_, level) => ({ level, score: scoreOf(version, level, settings, targets) }))
    .filter(({ score }) => score >= 1)
    // Among equals the upper one, since it is read first.
    .toSorted((a, b) => b.score - a.score || a.level - b.level);
  for (const { level, score } of scores) {
    const why = `level ${level} has score ${score.toFixed(2)}`;
    const job =
      level === 0
        ? pickLevel0(version, settings, state, why)
        : pickCheapest(version, level, settings, state, why);
    if (job !== undefined) return job;
  }
  return undefined;
}

/** All of level 0 down to the base level, or some of it into one table of level 0. */
function pickLevel0(
  version: Version,
  settings: PickSettings,
  state: PickState,
  why: string,
): CompactionJob | undefined {
  const upper = version.levels[0]!;
  const { base } = levelTargets(version, settings);
  const lower = overlappingInLevel(version.levels[base]!, spanOf(upper));
  const isDear = bytesOf(lower) > settings.levelFanOut * bytesOf(upper);
  const isBlocked = !isFree(upper, state) || !isFree(lower, state);
  if (isDear || isBlocked) {
    const within = pickWithinLevel0(version, settings, state, isBlocked);
    if (within !== undefined || isBlocked) return within;
  }
  return jobDown(version, upper, lower, base, settings, why);
}

/** The newest tables of level 0 as long as each makes the merge cheaper for the number of tables that it saves. */
function pickWithinLevel0(
  version: Version,
  settings: PickSettings,
  state: PickState,
  isBlocked: boolean,
): CompactionJob | undefined {
  const runs = level0Runs(version);
  const first = runs.findIndex((run) => isFree(run, state));
  if (first === -1) return undefined;
  const inputs = [...runs[first]!];
  let bytes = bytesOf(inputs);
  let price = Infinity;
  for (const run of runs.slice(first + 1)) {
    const next = (bytes + bytesOf(run)) / inputs.length;
    if (next > price || !isFree(run, state)) break;
    inputs.push(...run);
    bytes += bytesOf(run);
    price = next;
  }
  if (inputs.length < Math.max(2, settings.minCompactionFiles)) return undefined;
  const why = isBlocked
    ? "level 0 is full and its way down is taken"
    : "level 0 is full of little, and its way down is dear";
  return { why, inputs, outputLevel: 0, isMove: false };
}

/** The table of `level` that costs the least to send down. */
export function pickCheapest(
  version: Version,
  level: number,
  settings: PickSettings,
  state: PickState,
  why: string,
): CompactionJob | undefined {
  let best: { readonly table: TableMeta; readonly lower: readonly TableMeta[] } | undefined;
  let bestRatio = Infinity;
  for (const table of version.levels[level]!) {
    const lower = overlappingInLevel(version.levels[level + 1]!, spanOf([table]));
    const ratio = bytesOf(lower) / table.fileBytes;
    if (ratio >= bestRatio || !isFree([table], state) || !isFree(lower, state)) continue;
    best = { table, lower };
    bestRatio = ratio;
  }
  if (best === undefined) return undefined;
  return jobDown(version, [best.table], best.lower, level + 1, settings, why);
}

/** `upper` into `outputLevel`, where `lower` is what it overlaps there. */
function jobDown(
  version: Version,
  upper: readonly TableMeta[],
  lower: readonly TableMeta[],
  outputLevel: number,
  settings: PickSettings,
  why: string,
): CompactionJob {
  const inputs = [...upper, ...lower];
  const deeper = version.levels.slice(outputLevel + 1);
  const span = spanOf(inputs);
  const grandparents = overlappingInLevel(deeper[0] ?? [], span);
  const isMove =
    lower.length === 0 &&
    areDisjoint(upper) &&
    upper.every((table) => mayMove(table, deeper, settings));
  if (isMove) return { why, inputs, outputLevel, isMove };
  return { why, inputs, outputLevel, isMove, ...(grandparents.length > 0 && { grandparents }) };
}

function areDisjoint(tables: readonly TableMeta[]): boolean {
  return tables.every((table) => overlapping(tables, spanOf([table])).length === 1);
}

function mayMove(
  table: TableMeta,
  deeper: readonly (readonly TableMeta[])[],
  settings: PickSettings,
): boolean {
  const beneath = deeper.map((tables) => overlappingInLevel(tables, spanOf([table])));
  if (table.tombstones + table.rangeDeletes > 0 && beneath.every((tables) => tables.length === 0)) {
    // Its deletes hide nothing any more: rewritten, it is rid of them.
    return false;
  }
  return bytesOf(beneath[0] ?? []) <= grandparentBytesMax(settings.tableBytesTarget);
}

/** One table out of its turn: into the next level, or in the last one rewritten where it is. */
export function pickTable(
  version: Version,
  table: TableMeta,
  settings: PickSettings,
  state: PickState,
  why: string,
): CompactionJob | undefined {
  if (!isFree([table], state)) return undefined;
  if (table.level === 0) {
    const job = pickLevel0(version, settings, state, why);
    return job?.outputLevel === 0 ? undefined : job;
  }
  if (table.level === LEVEL_LAST) {
    return { why, inputs: [table], outputLevel: LEVEL_LAST, isMove: false };
  }
  const lower = overlappingInLevel(version.levels[table.level + 1]!, spanOf([table]));
  if (!isFree(lower, state)) return undefined;
  return jobDown(version, [table], lower, table.level + 1, settings, why);
}
