/**
 * How far compaction is behind: about how many bytes it has to write until every level is within its target. Pure.
 *
 * What a level has too much goes into the next one, together with the share of that level that it overlaps; so a byte
 * that is too much high up is counted once for each level that it must still sink through.
 */
import { LEVEL_LAST, bytesOf } from "./version.ts";
import type { Version } from "./version.ts";
import type { LevelTargets } from "./policy/level-targets.ts";

export function compactionDebtBytes(
  version: Version,
  l0TablesTrigger: number,
  { base, targets }: LevelTargets,
): number {
  const level0 = version.levels[0]!;
  // Below the trigger level 0 is as it should be.
  let sinking = level0.length < l0TablesTrigger ? 0 : bytesOf(level0);
  let debt = sinking === 0 ? 0 : sinking + bytesOf(version.levels[base]!);
  for (let level = base; level < LEVEL_LAST; level++) {
    const own = bytesOf(version.levels[level]!);
    const tooMuch = own + sinking - targets[level]!;
    if (tooMuch <= 0) {
      sinking = 0;
      continue;
    }
    const below = bytesOf(version.levels[level + 1]!);
    debt += tooMuch * (1 + below / Math.max(own + sinking, 1));
    sinking = tooMuch;
  }
  return Math.round(debt);
}
