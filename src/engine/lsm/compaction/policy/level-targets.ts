/**
 * How much each level may hold, derived from what the database holds.
 *
 * Data begins in the last level. While that is small, level 0 is compacted straight into it. When it outgrows the base size,
 * the level above becomes the base with a tenth of it, and so on up: so the levels are always in the proportion of the
 * fan-out, and all levels above the last hold about a ninth of it: space amplification stays near 1.11 at every size,
 * which fixed targets reach only just before a level more is needed.
 */
import { LEVEL_LAST, bytesOf } from "../version.ts";
import type { Version } from "../version.ts";
import type { PickSettings } from "./job.ts";

export interface LevelTargets {
  /** Where level 0 goes: nothing lies between level 0 and this one. */
  readonly base: number;
  /** targets[n]: bytes that level n may hold. Of level 0 and of the last one it says nothing. */
  readonly targets: readonly number[];
}

export function levelTargets(version: Version, settings: PickSettings): LevelTargets {
  const { levelBaseBytes, levelFanOut } = settings;
  const bytes = version.levels.map(bytesOf);
  let size = Math.max(...bytes.slice(1));
  let wanted = LEVEL_LAST;
  while (wanted > 1 && size > levelBaseBytes) {
    size /= levelFanOut;
    wanted--;
  }
  size = Math.max(size, levelBaseBytes / levelFanOut);
  const targets = bytes.map((_, level) =>
    // A level above the base drains: it was the base of a larger database, or of other settings.
    level < wanted ? 0 : size * levelFanOut ** (level - wanted),
  );
  const filled = bytes.findIndex((own, level) => level > 0 && own > 0);
  return { base: filled === -1 ? wanted : Math.min(wanted, filled), targets };
}

/** How full a level is; at 1 and above it wants compaction. The last level never does. */
export function levelScore(version: Version, level: number, settings: PickSettings): number {
  return scoreOf(version, level, settings, levelTargets(version, settings));
}

export function scoreOf(
  version: Version,
  level: number,
  settings: PickSettings,
  { targets }: LevelTargets,
): number {
  if (level === LEVEL_LAST) return 0;
  const tables = version.levels[level]!;
  const bytes = bytesOf(tables);
  if (level === 0) {
    return Math.max(tables.length / settings.l0TablesTrigger, bytes / settings.levelBaseBytes);
  }
  const target = targets[level]!;
  if (target === 0) return bytes > 0 ? 1 : 0;
  return bytes / target;
}
