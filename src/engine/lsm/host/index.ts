export { storageFailure } from "./host.ts";
export type { Clock, DirectoryLock, FileHandle, FileSystem, Host, OpenMode } from "./host.ts";
export { nodeHost } from "./node-host.ts";
// For tests
export { MemoryHost } from "./memory-host.ts";
export type { Fault } from "./memory-handle.ts";
export type { Unsynced } from "./memory-host.ts";
