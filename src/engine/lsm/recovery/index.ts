export { FileNumbers } from "./file-numbers.ts";
export { firstFreeNumber, listFiles, logsToReplay, orphans } from "./directory-files.ts";
export { insertEntries, replayLogs } from "./replay-logs.ts";
