/** The stores of the suite, each with what a reader has to know of it. */
import type { DocumentEntry } from "./document-entry.ts";
import { validated } from "./validated.ts";

const sqlite = "WAL, 64 MiB of cache, the file mapped, prepared statements";
const nothing = { buffered: "nothing", durable: undefined } as const;
const logged = { buffered: "process", durable: "power" } as const;

export const entries: readonly DocumentEntry[] = [
  {
    name: "kotobadb",
    durability: logged,
    persistent: true,
    isLarge: true,
    note: "validation by zod, typed documents and their ids are part of every figure",
    open: async (directory, durable) =>
      (await import("./stores/kotobadb.ts")).openKotoba(directory, durable, false),
  },
  {
    name: "kotobadb (counting)",
    durability: logged,
    persistent: true,
    note: "the same with an index that counts people by role",
    open: async (directory, durable) =>
      (await import("./stores/kotobadb.ts")).openKotoba(directory, durable, true),
  },
  {
    name: "better-sqlite3",
    durability: logged,
    persistent: true,
    isLarge: true,
    note: `columns; ${sqlite}; synchronous NORMAL, durable FULL`,
    open: async (directory, durable) =>
      (await import("./stores/sqlite.ts")).openColumns(directory, durable, false),
  },
  {
    name: "better-sqlite3 (counting)",
    durability: logged,
    persistent: true,
    share: 0.25,
    note: "the same with triggers that count people by role",
    onlyFull: true,
    open: async (directory, durable) =>
      (await import("./stores/sqlite.ts")).openColumns(directory, durable, true),
  },
  {
    name: "better-sqlite3 with zod",
    durability: logged,
    persistent: true,
    share: 0.25,
    note: "better-sqlite3, and every document goes through the same zod schema before it is written",
    onlyFull: true,
    onlyWrites: true,
    open: async (directory, durable) =>
      validated(await (await import("./stores/sqlite.ts")).openColumns(directory, durable, false)),
  },
  {
    name: "better-sqlite3 (JSON)",
    durability: logged,
    persistent: true,
    share: 0.25,
    note: `documents as JSON, indexes on generated columns; ${sqlite}`,
    open: async (directory, durable) =>
      (await import("./stores/sqlite.ts")).openJson(directory, durable),
  },
  {
    name: "drizzle",
    specifier: "drizzle-orm/better-sqlite3",
    durability: logged,
    persistent: true,
    share: 0.25,
    note: `on better-sqlite3, every query prepared; ${sqlite}`,
    open: async (directory, durable) =>
      (await import("./stores/drizzle.ts")).openDrizzle(directory, durable),
  },
  {
    name: "lmdb",
    durability: logged,
    persistent: true,
    note: "indexes by hand; it syncs for every commit also where it is not asked to, only later",
    open: async (directory, durable) =>
      (await import("./stores/lmdb.ts")).openLmdb(directory, durable, true),
  },
  {
    name: "lmdb (no sync)",
    durability: { buffered: "process", durable: undefined },
    persistent: true,
    isLarge: true,
    note: "indexes by hand; a power cut may damage the file, not only take back what was newest",
    open: async (directory, durable) =>
      (await import("./stores/lmdb.ts")).openLmdb(directory, durable, false),
  },
  {
    name: "lmdb (no sync) with zod",
    durability: { buffered: "process", durable: undefined },
    persistent: true,
    share: 0.25,
    note: "lmdb (no sync), and every document goes through the same zod schema before it is written",
    onlyFull: true,
    onlyWrites: true,
    open: async (directory, durable) =>
      validated(await (await import("./stores/lmdb.ts")).openLmdb(directory, durable, false)),
  },
  {
    name: "classic-level",
    durability: logged,
    persistent: true,
    share: 0.25,
    note: "indexes by hand in atomic batches, JSON; no transactions: locks by key of our own, no isolation of reads",
    open: async (directory, durable) =>
      (await import("./stores/classic-level.ts")).openClassicLevel(directory, durable),
  },
  {
    name: "nedb",
    specifier: "@seald-io/nedb",
    durability: { buffered: "process", durable: undefined },
    persistent: true,
    onlyFull: true,
    share: 0.1,
    note: "all documents in memory, changes appended to a file that is never synced; no compound ranges; $inc for the transaction",
    open: async (directory) => (await import("./stores/nedb.ts")).openNedb(directory),
  },
  {
    name: "pouchdb",
    specifier: "pouchdb",
    durability: { buffered: "process", durable: undefined },
    persistent: true,
    onlyFull: true,
    documentsMax: 20_000,
    share: 0.01,
    note: "on LevelDB, never synced; the email is the id; a view is the compound index; 20,000 documents at most",
    open: async (directory) => (await import("./stores/pouchdb.ts")).openPouch(directory),
  },
  {
    name: "pglite",
    specifier: "@electric-sql/pglite",
    durability: { buffered: "process", durable: undefined },
    persistent: true,
    onlyFull: true,
    documentsMax: 20_000,
    share: 0.05,
    note: "PostgreSQL in WebAssembly on files, relaxedDurability; it never syncs; 20,000 documents at most",
    open: async (directory) => (await import("./stores/pglite.ts")).openPglite(directory),
  },
  {
    name: "lokijs",
    specifier: "lokijs",
    durability: nothing,
    persistent: false,
    onlyFull: true,
    share: 0.1,
    note: "in memory; gives out its own objects, not copies; no compound index and no transactions",
    open: async () => (await import("./stores/lokijs.ts")).openLoki(),
  },
  {
    name: "rxdb",
    specifier: "rxdb",
    durability: nothing,
    persistent: false,
    onlyFull: true,
    documentsMax: 20_000,
    share: 0.05,
    note: "memory storage, as no free one on Node persists; the email is the primary key; no transactions; 20,000 documents at most",
    open: async () => (await import("./stores/rxdb.ts")).openRxdb(),
  },
  {
    name: "dexie",
    specifier: "dexie",
    durability: nothing,
    persistent: false,
    onlyFull: true,
    documentsMax: 20_000,
    share: 0.05,
    note: "on fake-indexeddb, which is in memory; 20,000 documents at most",
    open: async () => (await import("./stores/dexie.ts")).openDexie(),
  },
];
