/** The stores of the suite, each with what a reader has to know of it. */
import type { StoreEntry } from "../kit/index.ts";
import type { DocumentStore } from "./document-store.ts";

export interface DocumentEntry extends StoreEntry<DocumentStore> {
  /** At most so many documents, for a store that would take the whole time for itself. */
  readonly documentsMax?: number;
  /** The share of the operations that it is asked for, for the same reason. Default 1. */
  readonly share?: number;
}

const sqlite = "WAL, 64 MiB of cache, the file mapped, prepared statements";
const logged = { buffered: "process", durable: "power" } as const;

export const entries: readonly DocumentEntry[] = [
  {
    name: "kotobadb",
    durability: logged,
    persistent: true,
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
    note: `columns; ${sqlite}; synchronous NORMAL, durable FULL`,
    open: async (directory, durable) =>
      (await import("./stores/sqlite.ts")).openColumns(directory, durable, false),
  },
  {
    name: "better-sqlite3 (counting)",
    durability: logged,
    persistent: true,
    note: "the same with triggers that count people by role",
    onlyFull: true,
    open: async (directory, durable) =>
      (await import("./stores/sqlite.ts")).openColumns(directory, durable, true),
  },
  {
    name: "better-sqlite3 (JSON)",
    durability: logged,
    persistent: true,
    note: `documents as JSON, indexes on generated columns; ${sqlite}`,
    open: async (directory, durable) =>
      (await import("./stores/sqlite.ts")).openJson(directory, durable),
  },
  {
    name: "drizzle",
    durability: logged,
    persistent: true,
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
    note: "indexes by hand; a power cut may damage the file, not only take back what was newest",
    open: async (directory, durable) =>
      (await import("./stores/lmdb.ts")).openLmdb(directory, durable, false),
  },
  {
    name: "classic-level",
    durability: logged,
    persistent: true,
    note: "indexes by hand in atomic batches, JSON; no transactions: locks by key of our own, no isolation of reads",
    open: async (directory, durable) =>
      (await import("./stores/classic-level.ts")).openClassicLevel(directory, durable),
  },
];
