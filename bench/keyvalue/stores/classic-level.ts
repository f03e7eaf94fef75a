/** LevelDB, through classic-level: gets at once, everything else on its threads. */
import type { ClassicLevel } from "classic-level";
import { stampAt, sumOf, tallyOf } from "../key-value-store.ts";
import type { KeyValueStore, Row, ScanRange, Tally } from "../key-value-store.ts";
import { CACHE_BYTES } from "./cache.ts";
import type { KeyValueEntry } from "./entry.ts";

/** What the binding itself fetches at a time when asked for all. */
const PAGE_ROWS = 1_000;

export const classicLevel: KeyValueEntry = {
  name: "classic-level",
  durability: { buffered: "process", durable: "power" },
  persistent: true,
  share: 0.25,
  specifier: () => "classic-level",
  note: "write buffer of 16 MB",
  open: async (directory, durable, cacheBytes = CACHE_BYTES) => {
    const { ClassicLevel } = await import("classic-level");
    const database = new ClassicLevel<Buffer, Buffer>(directory, {
      keyEncoding: "buffer",
      valueEncoding: "buffer",
      cacheSize: cacheBytes,
      writeBufferSize: 16 * 1_024 * 1_024,
    });
    await database.open();
    return new LevelStore(database, durable);
  },
};

class LevelStore implements KeyValueStore {
  readonly #database: ClassicLevel<Buffer, Buffer>;
  readonly #safety: { readonly sync: boolean };

  constructor(database: ClassicLevel<Buffer, Buffer>, sync: boolean) {
    this.#database = database;
    this.#safety = { sync };
  }

  put(key: Buffer, value: Buffer): Promise<void> {
    return this.#database.put(key, value, this.#safety);
  }

  write(rows: readonly Row[]): Promise<void> {
    const batch = this.#database.batch();
    for (const { key, value } of rows) batch.put(key, value);
    return batch.write(this.#safety);
  }

  remove(keys: readonly Buffer[]): Promise<void> {
    const batch = this.#database.batch();
    for (const key of keys) batch.del(key);
    return batch.write(this.#safety);
  }

  stamp(key: Buffer): number {
    const value = this.#database.getSync(key);
    return value === undefined ? -1 : stampAt(value, 0);
  }

  async scan({ end, limit, reverse, start }: ScanRange): Promise<Tally> {
    const bounds = { gte: start, lt: end, reverse };
    const iterator = this.#database.iterator(limit === Infinity ? bounds : { ...bounds, limit });
    try {
      if (limit <= PAGE_ROWS) return tallyOf(await iterator.nextv(limit));
      let rows = 0;
      let sum = 0;
      for (;;) {
        const page = await iterator.nextv(PAGE_ROWS);
        if (page.length === 0) return { rows, sum };
        rows += page.length;
        for (const [key, value] of page) sum += sumOf(key, value);
      }
    } finally {
      await iterator.close();
    }
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
