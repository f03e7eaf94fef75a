import type { KeyValueEntry } from "./entry.ts";
import { kotobadb } from "./kotobadb.ts";
import { lmdb } from "./lmdb.ts";

export { CACHE_BYTES } from "./cache.ts";
export type { KeyValueEntry } from "./entry.ts";

export const stores: readonly KeyValueEntry[] = [kotobadb, lmdb];
