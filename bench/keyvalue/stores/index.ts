import { betterSqlite3 } from "./better-sqlite3.ts";
import { classicLevel } from "./classic-level.ts";
import type { KeyValueEntry } from "./entry.ts";
import { kotobadb, kotobadbUncompressed } from "./kotobadb.ts";
import { lmdb } from "./lmdb.ts";
import { rocksdbNative } from "./rocksdb-native.ts";
import { rocksdbNxt } from "./rocksdb-nxt.ts";

export { CACHE_BYTES } from "./cache.ts";
export type { KeyValueEntry } from "./entry.ts";

export const stores: readonly KeyValueEntry[] = [
  kotobadb,
  kotobadbUncompressed,
  lmdb,
  rocksdbNxt,
  rocksdbNative,
  classicLevel,
  betterSqlite3,
];
