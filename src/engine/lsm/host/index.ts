export { storageFailure } from "./host.ts";
export type {
  BackgroundThread,
  Clock,
  DirectoryLock,
  FileHandle,
  FileSystem,
  Host,
  OpenMode,
  Random,
  Threads,
  Timers,
} from "./host.ts";
export { nodeHost, nodeTimers } from "./node-host.ts";
export { makerOfThread } from "./node-threads.ts";
export type { MakerOfThread } from "./node-threads.ts";
