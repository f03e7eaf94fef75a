/**
 * Which compaction to run next: a function of the version and of a few values beside it, so that every choice can be
 * printed and repeated. How a policy chooses stands in policy/.
 *
 * In this order: tables that can go without being read, since that is free and makes room; what the policy wants; tables
 * that are older than wanted; tables that are mostly deletes.
 */
import { LEVEL_LAST, tablesOf } from "./version.ts";
import type { Version } from "./version.ts";
import { NOTHING_ELSE } from "./policy/job.ts";
import type { CompactionJob, PickSettings, PickState } from "./policy/job.ts";
import { pickLeveled } from "./policy/leveled.ts";
import { pickFifo, pickLazyLeveled, pickTiered } from "./policy/runs.ts";
import { pickDense, pickDrop, pickOld } from "./policy/triggers.ts";

export { jobText } from "./policy/job.ts";
export { levelScore } from "./policy/level-targets.ts";
export type { CompactionJob, PickSettings, PickState } from "./policy/job.ts";

const policies = {
  leveled: pickLeveled,
  "lazy-leveled": pickLazyLeveled,
  tiered: pickTiered,
  fifo: pickFifo,
} as const;

export function pickCompaction(
  version: Version,
  settings: PickSettings,
  state: PickState = NOTHING_ELSE,
): CompactionJob | undefined {
  return (
    pickDrop(version, state) ??
    policies[settings.policy](version, settings, state) ??
    pickOld(version, settings, state) ??
    pickDense(version, settings, state)
  );
}

/** Everything into one sorted run, in the last level: drops all that no snapshot needs. */
export function pickEverything(version: Version): CompactionJob | undefined {
  const inputs = tablesOf(version);
  if (inputs.length === 0) return undefined;
  const why = "a full compaction was asked for";
  return { why, inputs, outputLevel: LEVEL_LAST, isMove: false };
}
