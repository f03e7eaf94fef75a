export { LsmEngine } from "./lsm-engine.ts";
export { openLsmEngine } from "./open.ts";
export type { LsmOptions } from "./options.ts";
export type { RecoveryMode } from "./recovery/index.ts";
export { LSM_LIMITS } from "./limits.ts";
export { dumpDatabase } from "./dump-database.ts";
// The world below
export { MemoryHost, nodeHost } from "./host/index.ts";
export type { Fault, Host, Unsynced } from "./host/index.ts";
