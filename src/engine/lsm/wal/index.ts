export { WalWriter } from "./wal-writer.ts";
export { readWal, readWals } from "./wal-reader.ts";
export type { WalEnd } from "./wal-reader.ts";
export type { WalOp } from "./wal-format.ts";
export { dumpWal } from "./dump-wal.ts";
