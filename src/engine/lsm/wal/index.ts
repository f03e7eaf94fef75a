export { WalWriter } from "./wal-writer.ts";
export { LogFiles } from "./log-files.ts";
export { NextLog } from "./next-log.ts";
export { readWal, readWals } from "./wal-reader.ts";
export type { DamagePolicy, ExpectedLogs, WalEnd } from "./wal-reader.ts";
export { keepLog, readLogPiece } from "./keep-log.ts";
export type { LogSpan } from "./keep-log.ts";
export type { WalOp } from "./wal-format.ts";
export { dumpWal } from "./dump-wal.ts";
