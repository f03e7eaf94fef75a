/**
 * The policies that count sorted runs: a table of level 0 is one run, or all those of one load, a deeper level is one run.
 * Neighbouring runs are merged into the deepest level above the next older run; so what a level holds of a key stays newer than what a deeper
 * one holds, and readers need not know the policy.
 *
 * tiered        runs of like size are merged; all of them, when what is above the oldest is twice as large as it
 * lazy-leveled  tiered above, one leveled run at the end. Level 5 only passes on: when the runs above hold as much as the
 *               fan-out allows, they become level 5 in one merge, which then drains into the last one table by table
 * fifo          nothing is rewritten but small new tables; beyond a total size the oldest tables are dropped whole
 */
import type { TableMeta } from "../../manifest/index.ts";
import {
  LEVEL_LAST,
  bytesOf,
  level0Runs,
  overlappingInLevel,
  spanOf,
  tablesOf,
} from "../version.ts";
import type { Version } from "../version.ts";
import { bytesText } from "./job.ts";
import type { CompactionJob, PickSettings, PickState } from "./job.ts";
import { pickCheapest } from "./leveled.ts";

/** Tiered: so many times the oldest run may lie above it; space amplification stays below 1 + this. */
const TIERED_ABOVE_MAX = 2;
/** Runs are of like size while the next older one is at most so many times as large as all newer ones together. */
const LIKE_SIZE = 1.01;
/** The level that passes the upper runs on to the last one. */
const STAGING: number = LEVEL_LAST - 1;

interface Run {
  readonly level: number;
  readonly tables: readonly TableMeta[];
  readonly bytes: number;
}

/** Newest first; only levels up to `levelMax`. */
function runsOf(version: Version, levelMax: number): readonly Run[] {
  return version.levels.slice(0, levelMax + 1).flatMap((all, level) => {
    const runs = level === 0 ? level0Runs(version) : all.length === 0 ? [] : [all];
    return runs.map((tables) => ({ level, tables, bytes: bytesOf(tables) }));
  });
}

export function pickTiered(
  version: Version,
  settings: PickSettings,
  state: PickState,
): CompactionJob | undefined {
  const runs = runsOf(version, LEVEL_LAST);
  if (runs.length < settings.l0TablesTrigger || state.busy.size > 0) return undefined;
  const oldest = runs.at(-1)!;
  const above = bytesIn(runs) - oldest.bytes;
  if (above > TIERED_ABOVE_MAX * oldest.bytes) {
    const why = `${bytesText(above)} lie above the ${bytesText(oldest.bytes)} of the oldest run`;
    return mergeOf(version, runs, 0, runs.length, LEVEL_LAST, why);
  }
  return pickLikeRuns(version, runs, settings, LEVEL_LAST);
}

export function pickLazyLeveled(
  version: Version,
  settings: PickSettings,
  state: PickState,
): CompactionJob | undefined {
  if (state.busy.size > 0) return undefined;
  const { l0TablesTrigger, levelBaseBytes, levelFanOut } = settings;
  const runs = runsOf(version, STAGING - 1);
  // Readers have waited long enough for the staging level to drain.
  if (runs.length >= 2 * l0TablesTrigger) {
    return pickLikeRuns(version, runs, settings, STAGING - 1);
  }
  if (version.levels[STAGING]!.length > 0) {
    return pickCheapest(version, STAGING, settings, state, `level ${STAGING} only passes on`);
  }
  const last = bytesOf(version.levels[LEVEL_LAST]!);
  const upper = bytesIn(runs);
  if (runs.length > 0 && upper >= Math.max(last / levelFanOut, levelBaseBytes)) {
    const why = `${bytesText(upper)} lie above the ${bytesText(last)} of the last level`;
    const bottom = last === 0 ? LEVEL_LAST : STAGING;
    return mergeOf(version, runs, 0, runs.length, bottom, why);
  }
  if (runs.length < l0TablesTrigger) return undefined;
  return pickLikeRuns(version, runs, settings, STAGING - 1);
}

export function pickFifo(
  version: Version,
  settings: PickSettings,
  state: PickState,
): CompactionJob | undefined {
  const all = tablesOf(version);
  const total = bytesOf(all);
  if (total > settings.fifoBytesMax) {
    const oldestFirst = all
      .filter((table) => !state.busy.has(table.fileNumber))
      .toSorted((a, b) => b.level - a.level || a.largestSequence - b.largestSequence);
    let left = total;
    const inputs: TableMeta[] = [];
    for (const table of oldestFirst) {
      if (left <= settings.fifoBytesMax) break;
      inputs.push(table);
      left -= table.fileBytes;
    }
    const why = `${bytesText(total)} are more than fifoBytesMax`;
    if (inputs.length > 0) return { why, inputs, outputLevel: 0, isMove: false, isDrop: true };
  }
  const level0 = level0Runs(version);
  const isLarge = (table: TableMeta): boolean => table.fileBytes >= settings.tableBytesTarget;
  const large = level0.findIndex((run) => run.some(isLarge));
  const small = (large === -1 ? level0 : level0.slice(0, large)).flat();
  if (small.length < settings.l0TablesTrigger || state.busy.size > 0) return undefined;
  return { why: "many new tables are small", inputs: small, outputLevel: 0, isMove: false };
}

/** Runs of like size, else as many of the newest as there are too many. */
function pickLikeRuns(
  version: Version,
  runs: readonly Run[],
  settings: PickSettings,
  bottom: number,
): CompactionJob | undefined {
  const width = Math.max(2, settings.minCompactionFiles);
  for (let start = 0; start + width <= runs.length; start++) {
    let bytes = runs[start]!.bytes;
    let end = start + 1;
    while (end < runs.length && runs[end]!.bytes <= bytes * LIKE_SIZE) bytes += runs[end++]!.bytes;
    if (end - start < width) continue;
    return mergeOf(version, runs, start, end, bottom, `${end - start} runs are of like size`);
  }
  const count = Math.min(runs.length, Math.max(2, runs.length - settings.l0TablesTrigger + 2));
  return mergeOf(version, runs, 0, count, bottom, `there are ${runs.length} runs`);
}

function mergeOf(
  version: Version,
  runs: readonly Run[],
  start: number,
  end: number,
  bottom: number,
  why: string,
): CompactionJob {
  const merged = runs.slice(start, end);
  const next = runs[end];
  const inputs = merged.flatMap((run) => run.tables);
  const outputLevel = next === undefined ? bottom : Math.max(0, next.level - 1);
  const [only] = merged;
  // One run is what the merge would make, so it only changes its place; deletes go when it meets what they hide.
  const isMove = merged.length === 1 && only!.level < outputLevel;
  const grandparents = overlappingInLevel(version.levels[outputLevel + 1] ?? [], spanOf(inputs));
  const cuts = outputLevel > 0 && !isMove && grandparents.length > 0;
  return { why, inputs, outputLevel, isMove, ...(cuts && { grandparents }) };
}

function bytesIn(runs: readonly Run[]): number {
  return runs.reduce((sum, run) => sum + run.bytes, 0);
}
