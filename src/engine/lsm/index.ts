export { LsmEngine } from "./lsm-engine.ts";
export { openLsmEngine } from "./open.ts";
export type { LsmOptions } from "./settings/index.ts";
export type {
  EventTable,
  HistogramFigures,
  LevelReport,
  LsmEvent,
  LsmReport,
} from "./report/index.ts";
export type { RecoveryMode } from "./recovery/index.ts";
export { LSM_LIMITS } from "./settings/index.ts";
// Looking at a database that nobody has open
export { dumpDatabase, dumpFile, verifyDatabase } from "./inspect/index.ts";
export type { DatabaseVerification, Progress, VerifyOptions } from "./inspect/index.ts";
export type { CheckpointOptions, CheckpointResult } from "./checkpoint/index.ts";
// The world below
export { nodeHost } from "./host/index.ts";
export type { Host } from "./host/index.ts";
