/**
 * Which compaction to run next: a function of the version alone, so that every choice can be printed and repeated.
 *
 * A level's score is how full it is: tables against the trigger in level 0, bytes against the target in deeper levels.
 * The fullest level of score 1 or more is compacted into the one below it; among equals the upper one, since it is read
 * first. From level 0 all tables go at once: their keys overlap, and taking all keeps newer data above older. From
 * a deeper level goes the table that drags along the fewest bytes of the next level, as a share of its own.
 */
import { compareBytes } from "../../../base/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import { LEVEL_LAST, bytesOf, overlapping, spanOf, tableText, tablesOf } from "./version.ts";
import type { Version } from "./version.ts";

export interface PickSettings {
  readonly l0TablesTrigger: number;
  readonly levelBaseBytes: number;
  readonly levelFanOut: number;
}

export interface CompactionJob {
  readonly why: string;
  /** What is merged, newer before older where keys overlap. */
  readonly inputs: readonly TableMeta[];
  readonly outputLevel: number;
  /** The one input can simply be listed in the next level. */
  readonly isMove: boolean;
}

/** How many bytes a level may hold before it is compacted. */
export function levelBytesTarget(level: number, settings: PickSettings): number {
  return settings.levelBaseBytes * settings.levelFanOut ** (level - 1);
}

/** How full a level is; at 1 and above it wants compaction. The last level never does. */
export function levelScore(version: Version, level: number, settings: PickSettings): number {
  if (level === LEVEL_LAST) return 0;
  const tables = version.levels[level]!;
  if (level === 0) return tables.length / settings.l0TablesTrigger;
  return bytesOf(tables) / levelBytesTarget(level, settings);
}

export function pickCompaction(
  version: Version,
  settings: PickSettings,
): CompactionJob | undefined {
  let fullest = -1;
  let score = 1;
  for (let level = 0; level < LEVEL_LAST; level++) {
    const own = levelScore(version, level, settings);
    if (own > score || (own === score && fullest === -1)) {
      fullest = level;
      score = own;
    }
  }
  if (fullest === -1) return undefined;
  const why = `level ${fullest} has score ${score.toFixed(2)}`;
  return fullest === 0 ? pickAllOfLevel0(version, why) : pickCheapest(version, fullest, why);
}

/** Everything into one sorted run, at the deepest level that is in use: drops all that no snapshot needs. */
export function pickEverything(version: Version): CompactionJob | undefined {
  const inputs = tablesOf(version);
  if (inputs.length === 0) return undefined;
  const deepest = version.levels.findLastIndex((tables) => tables.length > 0);
  const outputLevel = Math.max(1, deepest);
  return { why: "a full compaction was asked for", inputs, outputLevel, isMove: false };
}

function pickAllOfLevel0(version: Version, why: string): CompactionJob {
  const upper = version.levels[0]!;
  const lower = overlapping(version.levels[1]!, spanOf(upper));
  return { why, inputs: [...upper, ...lower], outputLevel: 1, isMove: false };
}

function pickCheapest(version: Version, level: number, why: string): CompactionJob {
  const below = version.levels[level + 1]!;
  let best: { readonly table: TableMeta; readonly lower: readonly TableMeta[] } | undefined;
  let bestRatio = Infinity;
  for (const table of version.levels[level]!) {
    const lower = overlapping(below, spanOf([table]));
    const ratio = bytesOf(lower) / table.fileBytes;
    if (ratio < bestRatio) {
      best = { table, lower };
      bestRatio = ratio;
    }
  }
  // A level of score 1 or more is not empty, so there is a best table.
  const { table, lower } = best!;
  // Rewriting a table full of deletes gets rid of them; moving it would carry them down for nothing.
  const isMove = lower.length === 0 && table.tombstones + table.rangeDeletes === 0;
  return { why, inputs: [table, ...lower], outputLevel: level + 1, isMove };
}

/** A job as text, for golden tests and logs. */
export function jobText(job: CompactionJob | undefined): string {
  if (job === undefined) return "nothing to do";
  const lines = [
    `${job.isMove ? "move" : "merge"} into level ${job.outputLevel}, because ${job.why}`,
  ];
  for (const table of job.inputs.toSorted(byLevelAndKey)) {
    lines.push(`  level ${table.level}: ${tableText(table)}`);
  }
  return lines.join("\n");
}

function byLevelAndKey(a: TableMeta, b: TableMeta): number {
  return a.level - b.level || compareBytes(a.smallestKey, b.smallestKey);
}
