// The contract: what an engine gives
export { PORTABLE_LIMITS } from "./contract/index.ts";
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
} from "./contract/index.ts";
// Helpers for those who write an engine
export {
  EMPTY_DONE_PAGE,
  PageBuilder,
  isEmptyRange,
  prefixRange,
  rangeContains,
  rangesOverlap,
  singleKeyRange,
} from "./contract/index.ts";
export type { KeyRange } from "./contract/index.ts";
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
} from "./contract/index.ts";
export type { StorageCode } from "./contract/index.ts";
// Engines
export { MemoryEngine } from "./memory/index.ts";
export type { MemoryEngineOptions } from "./memory/index.ts";
export {
  LSM_LIMITS,
  LsmEngine,
  dumpDatabase,
  dumpFile,
  openLsmEngine,
  verifyDatabase,
} from "./lsm/index.ts";
export type {
  CheckpointOptions,
  CheckpointResult,
  DatabaseVerification,
  EventTable,
  HistogramFigures,
  LevelReport,
  LsmEvent,
  LsmOptions,
  LsmReport,
  Progress,
  VerifyOptions,
} from "./lsm/index.ts";
// From one engine to another
export {
  CopyDiffers,
  CopyOvertaken,
  TargetNotEmpty,
  compareEngines,
  copyEngine,
  refuseFilledTarget,
} from "./copy/index.ts";
export type {
  CopyOptions,
  CopyProgress,
  CopyResult,
  EngineComparison,
  RowDifference,
  RowFigures,
} from "./copy/index.ts";
// What the local engine stands on
export { nodeHost } from "./lsm/index.ts";
export type { Host } from "./lsm/index.ts";
