/**
 * lmdb. Buffered means noSync here: the default syncs for every awaited put. Its file may then be damaged by a power cut,
 * which no other store's buffered mode risks.
 */
import type { RootDatabase } from "lmdb";
import { join } from "node:path";
import { stampAt, sumOf } from "../key-value-store.ts";
import type { KeyValueStore, Row, ScanRange, Tally } from "../key-value-store.ts";
import type { KeyValueEntry } from "./entry.ts";

export const lmdb: KeyValueEntry = {
  name: "lmdb",
  durability: { buffered: "process", durable: "power" },
  persistent: true,
  specifier: () => "lmdb",
  note: "buffered: noSync, which a power cut may damage; no cache of its own but the system's",
  open: async (directory, durable) => {
    const { open } = await import("lmdb");
    const options = { keyEncoding: "binary", encoding: "binary" } as const;
    const safety = durable ? { overlappingSync: false } : { noSync: true };
    return new LmdbStore(
      open<Buffer, Buffer>({ path: join(directory, "data.mdb"), ...options, ...safety }),
      durable,
    );
  },
};

class LmdbStore implements KeyValueStore {
  readonly #database: RootDatabase<Buffer, Buffer>;
  readonly #durable: boolean;

  constructor(database: RootDatabase<Buffer, Buffer>, durable: boolean) {
    this.#database = database;
    this.#durable = durable;
  }

  /** In its own thread where it has to sync, so that writers share one; at once, which is far quicker, where not. */
  put(key: Buffer, value: Buffer): unknown {
    if (this.#durable) return this.#database.put(key, value);
    return this.#database.putSync(key, value);
  }

  write(rows: readonly Row[]): unknown {
    return this.#database.transactionSync(() => {
      for (const { key, value } of rows) this.#database.putSync(key, value);
    });
  }

  remove(keys: readonly Buffer[]): unknown {
    return this.#database.transactionSync(() => {
      for (const key of keys) this.#database.removeSync(key);
    });
  }

  /** The buffer is good until the next get. */
  stamp(key: Buffer): number {
    const value = this.#database.getBinaryFast(key);
    return value === undefined ? -1 : stampAt(value, 0);
  }

  scan({ end, limit, reverse, start }: ScanRange): Tally {
    const options = limit === Infinity ? {} : { limit };
    let rows = 0;
    let sum = 0;
    // Backwards, lmdb's bounds change places.
    const bounds = reverse
      ? { start: end, exclusiveStart: true, end: start, inclusiveEnd: true }
      : { start, end };
    for (const { key, value } of this.#database.getRange({ ...bounds, reverse, ...options })) {
      rows++;
      sum += sumOf(key, value);
    }
    return { rows, sum };
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
