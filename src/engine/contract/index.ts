// Reading and writing
export { PORTABLE_LIMITS } from "./storage-engine.ts";
export type {
  BeginOptions,
  BlindPlan,
  BulkLoadOptions,
  Capabilities,
  ChangeSet,
  CommitListener,
  CommitPlan,
  CommitResult,
  Decode,
  Durability,
  EngineTransaction,
  Limits,
  MergeHow,
  MultiScan,
  Page,
  ReadView,
  RefPage,
  RefScan,
  Requirement,
  Scan,
  ScanOptions,
  Snapshot,
  SnapshotOptions,
  StorageEngine,
  Version,
  WriteOp,
} from "./storage-engine.ts";
// Ranges of keys
export {
  copyOfRange,
  isEmptyRange,
  prefixRange,
  rangeContains,
  rangesOverlap,
  singleKeyRange,
} from "./key-range.ts";
export type { KeyRange } from "./key-range.ts";
// Sizes
export { checkLimits, checkRowLimits } from "./plan-limits.ts";
// Requirements
export { requirementHolds } from "./requirement.ts";
// The turn of exclusive transactions
export { CommitGate } from "./commit-gate.ts";
// Number cells
export { NUMBER_CELL_BYTES, combineCells, mergeCell } from "./number-cell.ts";
// Pages
export { EMPTY_DONE_PAGE, PageBuilder } from "./page-builder.ts";
// Tokens of commits
export { COMMIT_TOKENS, isTokenKey } from "./commit-tokens.ts";
// Unfinished copies
export { COPY_MARK_KEY, refuseUnfinishedCopy } from "./unfinished-copy.ts";
// Errors
export {
  CONFLICT,
  PRESUMED_WRONGLY,
  Conflict,
  CorruptionError,
  DatabaseLocked,
  DiskFull,
  RequirementFailed,
  StorageError,
  changesTooOld,
} from "./engine-error.ts";
export type { StorageCode } from "./engine-error.ts";
