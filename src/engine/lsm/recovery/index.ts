export { FileNumbers } from "./file-numbers.ts";
export {
  firstFreeNumber,
  listFiles,
  logsPromised,
  logsToReplay,
  orphans,
} from "./directory-files.ts";
export type { DirectoryFile } from "./directory-files.ts";
export { RecoveryNotes } from "./recovery-report.ts";
export type { RecoveryMode, RecoveryReport } from "./recovery-report.ts";
export { rebuildState } from "./rebuild-state.ts";
export { insertEntries, replayLogs } from "./replay-logs.ts";
