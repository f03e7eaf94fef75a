// Versions
export {
  LEVEL_LAST,
  applyEdit,
  bytesOf,
  overlapping,
  tableIndexFor,
  tablesOf,
  versionOf,
  versionProblems,
  versionText,
} from "./version.ts";
export type { Version } from "./version.ts";
export { OpenTables } from "./open-tables.ts";
export { LevelCursor } from "./level-cursor.ts";
// Deciding
export { jobText, pickCompaction, pickEverything } from "./pick-compaction.ts";
export type { CompactionJob } from "./pick-compaction.ts";
export { KeepOrDrop, isInOldestStratum, stratumOf } from "./keep-or-drop.ts";
export { OlderBeneath } from "./older-beneath.ts";
// Doing
export { mergeTables } from "./merge-tables.ts";
export type { MergeResult } from "./merge-tables.ts";
export { Slices } from "./slices.ts";
