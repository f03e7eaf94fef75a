/** RocksDB, through rocksdb-native: all calls are answered by its threads, and none of them can be asked to sync. */
import type RocksDB from "rocksdb-native";
import { stampAt, sumOf } from "../key-value-store.ts";
import type { KeyValueStore, Row, ScanRange, Tally } from "../key-value-store.ts";
import type { KeyValueEntry } from "./entry.ts";

const PAGE_ROWS = 1_000;

export const rocksdbNative: KeyValueEntry = {
  name: "rocksdb-native",
  durability: { buffered: "process", durable: undefined },
  persistent: true,
  share: 0.05,
  specifier: () => "rocksdb-native",
  onlyFull: true,
  note: "its settings as they come; the size of its cache cannot be set",
  open: async (directory) => {
    const { default: RocksDB } = await import("rocksdb-native");
    const database = new RocksDB(directory);
    await database.ready();
    return new RocksNativeStore(database);
  },
};

class RocksNativeStore implements KeyValueStore {
  readonly #database: RocksDB;

  constructor(database: RocksDB) {
    this.#database = database;
  }

  put(key: Buffer, value: Buffer): Promise<void> {
    return this.#database.put(key, value);
  }

  async write(rows: readonly Row[]): Promise<void> {
    const batch = this.#database.write({ capacity: rows.length, autoDestroy: true });
    for (const { key, value } of rows) batch.tryPut(key, value);
    await batch.flush();
  }

  async remove(keys: readonly Buffer[]): Promise<void> {
    const batch = this.#database.write({ capacity: keys.length, autoDestroy: true });
    for (const key of keys) batch.tryDelete(key);
    await batch.flush();
  }

  async stamp(key: Buffer): Promise<number> {
    const value = await this.#database.get(key);
    return value === null ? -1 : stampAt(value, 0);
  }

  async scan({ end, limit, reverse, start }: ScanRange): Promise<Tally> {
    const options = { limit, reverse, capacity: Math.min(limit, PAGE_ROWS) };
    let rows = 0;
    let sum = 0;
    for await (const { key, value } of this.#database.iterator({ gte: start, lt: end }, options)) {
      rows++;
      sum += sumOf(key, value);
    }
    return { rows, sum };
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
