// Versions
export {
  LEVEL_LAST,
  applyEdit,
  bytesOf,
  overlapping,
  spanOf,
  tableIndexFor,
  tablesOf,
  versionOf,
  versionProblems,
  versionText,
} from "./version.ts";
export type { Version } from "./version.ts";
export { OpenTables } from "./open-tables.ts";
export { LevelCursor } from "./level-cursor.ts";
export type { CursorSource } from "./level-cursor.ts";
// Deciding
export { compactionDebtBytes } from "./debt.ts";
export { jobText, levelScore, pickCompaction, pickEverything } from "./pick-compaction.ts";
export { pickRange } from "./pick-range.ts";
export { levelTargets } from "./policy/level-targets.ts";
export { GrandparentCut } from "./policy/grandparent-cut.ts";
export type { CompactionPolicy } from "./policy/job.ts";
export type { CompactionJob, PickSettings, PickState } from "./pick-compaction.ts";
export { KeepOrDrop, isInOldestStratum, stratumOf } from "./keep-or-drop.ts";
export type { ViewSequences } from "./keep-or-drop.ts";
export { OlderBeneath } from "./older-beneath.ts";
// Doing
export { mergeTables } from "./merge-tables.ts";
export type { MergeParts } from "./merge-tables.ts";
export type { MergeResult } from "./merge-tables.ts";
export { Slices } from "./slices.ts";
