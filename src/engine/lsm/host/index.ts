export { storageFailure } from "./host.ts";
export type {
  BackgroundThread,
  Clock,
  DirectoryLock,
  FileHandle,
  FileSystem,
  Host,
  OpenMode,
  Threads,
  Timers,
} from "./host.ts";
export { nodeHost } from "./node-host.ts";
export { makerOfThread } from "./node-threads.ts";
export type { MakerOfThread } from "./node-threads.ts";
// For tests
export { MemoryHost } from "./memory-host.ts";
export type { Fault } from "./memory-handle.ts";
export type { Unsynced } from "./memory-host.ts";
