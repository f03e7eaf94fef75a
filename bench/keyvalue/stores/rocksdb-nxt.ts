/**
 * RocksDB, through @nxtedition/rocksdb, whose calls that answer at once are several times quicker than those that promise:
 * those are used, though they are its own and not of the level interface.
 */
import type { RocksLevel } from "@nxtedition/rocksdb";
import { stampAt, sumOf } from "../key-value-store.ts";
import type { KeyValueStore, Row, ScanRange, Tally } from "../key-value-store.ts";
import { CACHE_BYTES } from "./cache.ts";
import type { KeyValueEntry } from "./entry.ts";

const PAGE_ROWS = 1_000;
const ENCODED = { keyEncoding: "buffer", valueEncoding: "buffer" } as const;

export const rocksdbNxt: KeyValueEntry = {
  name: "rocksdb",
  durability: { buffered: "process", durable: "power" },
  persistent: true,
  share: 0.25,
  specifier: () => "@nxtedition/rocksdb",
  note: "@nxtedition/rocksdb: zstd, memtables of 64 MB, every call blocks the thread",
  open: async (directory, durable, cacheBytes = CACHE_BYTES) => {
    const { RocksLevel } = await import("@nxtedition/rocksdb");
    const database = new RocksLevel(directory, {
      ...ENCODED,
      createIfMissing: true,
      cacheSize: cacheBytes,
      // Without a compaction style RocksDB's own write buffer of 64 MB holds.
      parallelism: 2,
      // Packing the log costs more than it saves where it is read only after a crash.
      walCompression: false,
    });
    await database.open();
    return new RocksStore(database, durable);
  },
};

class RocksStore implements KeyValueStore {
  readonly #database: RocksLevel;
  readonly #safety: { readonly sync: boolean };

  constructor(database: RocksLevel, sync: boolean) {
    this.#database = database;
    this.#safety = { sync };
  }

  put(key: Buffer, value: Buffer): void {
    const batch = this.#database.batch();
    batch._put(key, value);
    batch._writeSync(this.#safety);
  }

  write(rows: readonly Row[]): void {
    const batch = this.#database.batch();
    for (const { key, value } of rows) batch._put(key, value);
    batch._writeSync(this.#safety);
  }

  remove(keys: readonly Buffer[]): void {
    const batch = this.#database.batch();
    for (const key of keys) batch._del(key);
    batch._writeSync(this.#safety);
  }

  stamp(key: Buffer): number {
    const [value] = this.#database._getManySync([key], ENCODED);
    return value === undefined ? -1 : stampAt(value, 0);
  }

  scan({ end, limit, reverse, start }: ScanRange): Tally {
    const iterator = this.#database._iterator({
      ...ENCODED,
      gte: start,
      lt: end,
      reverse,
      keys: true,
      values: true,
      limit: limit === Infinity ? -1 : limit,
      highWaterMarkBytes: 1_024 * 1_024,
    });
    let rows = 0;
    let sum = 0;
    for (;;) {
      const page = iterator._nextvSync(Math.min(limit, PAGE_ROWS));
      for (let i = 0; i < page.rows.length; i += 2) {
        sum += sumOf(page.rows[i]!, page.rows[i + 1]!);
      }
      rows += page.rows.length / 2;
      if (page.finished || rows >= limit) break;
    }
    iterator._closeSync();
    return { rows, sum };
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
