/** SQLite as an ordered map, through better-sqlite3: a table without row ids, prepared statements, a log ahead of writes. */
import type Database from "better-sqlite3";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { stampAt, tallyOf } from "../key-value-store.ts";
import type { KeyValueStore, Row, ScanRange, Tally } from "../key-value-store.ts";
import { CACHE_BYTES } from "./cache.ts";
import type { KeyValueEntry } from "./entry.ts";

export const betterSqlite3: KeyValueEntry = {
  name: "better-sqlite3",
  durability: { buffered: "process", durable: "power" },
  persistent: true,
  specifier: () => "better-sqlite3",
  note: "WAL, synchronous NORMAL when buffered and FULL when durable, 2 GB of mmap; every call blocks the thread",
  open: async (directory, durable, cacheBytes = CACHE_BYTES) => {
    const { default: Sqlite } = await import("better-sqlite3");
    mkdirSync(directory, { recursive: true });
    const database = new Sqlite(join(directory, "data.sqlite"));
    database.pragma("journal_mode = WAL");
    database.pragma(`synchronous = ${durable ? "FULL" : "NORMAL"}`);
    database.pragma(`cache_size = ${-Math.ceil(cacheBytes / 1_024)}`);
    database.pragma(`mmap_size = ${2 * 1_024 * 1_024 * 1_024}`);
    database.exec("create table if not exists rows (k blob primary key, v blob) without rowid");
    return new SqliteStore(database);
  },
};

type Pair = [Buffer, Buffer];

class SqliteStore implements KeyValueStore {
  readonly #database: Database.Database;
  readonly #put: Database.Statement<Pair>;
  readonly #get: Database.Statement<[Buffer], Buffer>;
  readonly #up: Database.Statement<[Buffer, Buffer, number], Pair>;
  readonly #down: Database.Statement<[Buffer, Buffer, number], Pair>;
  readonly #writeAll: (rows: readonly Row[]) => void;
  readonly #removeAll: (keys: readonly Buffer[]) => void;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#put = database.prepare<Pair>("insert or replace into rows values (?, ?)");
    this.#get = database.prepare<[Buffer], Buffer>("select v from rows where k = ?").pluck();
    const scan = "select k, v from rows where k >= ? and k < ? order by k";
    this.#up = database.prepare<[Buffer, Buffer, number], Pair>(`${scan} limit ?`).raw();
    this.#down = database.prepare<[Buffer, Buffer, number], Pair>(`${scan} desc limit ?`).raw();
    const remove = database.prepare<[Buffer]>("delete from rows where k = ?");
    this.#writeAll = database.transaction((rows: readonly Row[]) => {
      for (const { key, value } of rows) this.#put.run(key, value);
    });
    this.#removeAll = database.transaction((keys: readonly Buffer[]) => {
      for (const key of keys) remove.run(key);
    });
  }

  put(key: Buffer, value: Buffer): void {
    this.#put.run(key, value);
  }

  write(rows: readonly Row[]): void {
    this.#writeAll(rows);
  }

  remove(keys: readonly Buffer[]): void {
    this.#removeAll(keys);
  }

  stamp(key: Buffer): number {
    const value = this.#get.get(key);
    return value === undefined ? -1 : stampAt(value, 0);
  }

  scan({ end, limit, reverse, start }: ScanRange): Tally {
    const statement = reverse ? this.#down : this.#up;
    if (limit === Infinity) return tallyOf(statement.iterate(start, end, -1));
    return tallyOf(statement.all(start, end, limit));
  }

  close(): void {
    this.#database.close();
  }
}
