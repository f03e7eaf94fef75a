// Looking at a database that nobody has open
export { dumpDatabase, dumpFile } from "./dump-database.ts";
export { verifyDatabase } from "./verify-database.ts";
export type { DatabaseVerification, Progress, VerifyOptions } from "./verify-database.ts";
// Looking at one that is open
export { verifyOpenFiles } from "./verify-open.ts";
