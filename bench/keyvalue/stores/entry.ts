/** What a key-value store says of itself. */
import type { StoreEntry } from "../../kit/index.ts";
import type { KeyValueStore } from "../key-value-store.ts";

export interface KeyValueEntry extends StoreEntry<KeyValueStore> {
  /** What a program imports to use it. */
  readonly specifier: () => string;
  /** Only what it takes on the disk is of interest. */
  readonly onlySize?: boolean;
  /** `cacheBytes`: for blocks or pages, where the store has a cache of its own. Default: CACHE_BYTES. */
  readonly open: (
    directory: string,
    durable: boolean,
    cacheBytes?: number,
  ) => Promise<KeyValueStore>;
}
