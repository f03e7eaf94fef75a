/**
 * What KotobaDB is to reach, row by row, as demands on a run's figures. A goal is met when all its demands are; which of
 * them is not, and by how much, is worked out from the run (judge.ts) and never written here.
 */
import type { SuiteName } from "../kit/index.ts";

/** Of which stores the best one is the measure: all that keep their data, or those named here. */
export type Peers = "persistent" | readonly string[];

export interface At {
  readonly suite: SuiteName;
  readonly workload: string;
  /** Whose figure it is. Default: KotobaDB's. */
  readonly store?: string;
}
export type Demand = At &
  (
    | { readonly is: "times the best"; readonly least: number; readonly of: Peers }
    /** In the unit of the workload. */
    | { readonly is: "at most"; readonly most: number }
    | { readonly is: "p99.9 at most"; readonly mostMicros: number }
    /** Of what the machine allows, as limits.ts counts it. */
    | { readonly is: "share of the limit"; readonly least: number }
    /** No more than any of these peers, and what our cache was allowed to take. */
    | { readonly is: "below the peers"; readonly of: readonly string[]; readonly plusBytes: number }
  );

export interface Goal {
  readonly title: string;
  readonly wants: string;
  readonly demands: readonly Demand[];
  /** What bounds it and what would change it; shown where the goal is not met. */
  readonly bound?: string;
}

const SQLITE = ["better-sqlite3", "better-sqlite3 (JSON)"];
const LSM_BINDINGS = ["rocksdb", "rocksdb-native", "classic-level"];

const best = (
  suite: SuiteName,
  workloads: readonly string[],
  least: number,
  of: Peers = "persistent",
): Demand[] => workloads.map((workload) => ({ suite, workload, is: "times the best", least, of }));

const keyvalue = (workloads: readonly string[], least: number, of?: Peers): Demand[] =>
  best("keyvalue", workloads, least, of);
const documents = (workloads: readonly string[], least: number, of?: Peers): Demand[] =>
  best("documents", workloads, least, of);

const keyValueGoals: readonly Goal[] = [
  {
    title: "KV fillrandom, overwrite (batched, buffered)",
    wants: ">= 2x the best LSM binding, >= 3x lmdb",
    demands: [
      ...keyvalue(["fillrandom", "overwrite"], 2, LSM_BINDINGS),
      ...keyvalue(["fillrandom", "overwrite"], 3, ["lmdb"]),
    ],
  },
  { title: "KV fillseq", wants: ">= 1.2x the best", demands: keyvalue(["fillseq"], 1.2) },
  {
    title: "KV put awaited one by one, buffered",
    wants: ">= 2x the best",
    demands: keyvalue(["put, awaited"], 2),
  },
  {
    title: "KV durable, 1 writer / 64 writers",
    wants: ">= 1.3x / >= 3x the best, and >= 90 % of what the measured sync rate allows",
    demands: [
      ...keyvalue(["put, durable"], 1.3),
      ...keyvalue(["put, durable, 64 writers"], 3),
      { suite: "keyvalue", workload: "put, durable", is: "share of the limit", least: 0.9 },
      {
        suite: "keyvalue",
        workload: "put, durable, 64 writers",
        is: "share of the limit",
        least: 0.9,
      },
    ],
  },
  {
    title: "KV get hot / zipfian / missing / reopened",
    wants: ">= 1.5x lmdb",
    demands: keyvalue(["get, hot", "get, zipfian", "get, missing", "get, reopened"], 1.5, ["lmdb"]),
  },
  {
    title: "KV full scan / prefix 100 / seek + 10 / reverse",
    wants: ">= 1.5x lmdb",
    demands: keyvalue(
      ["scan of all", "prefix of 100", "seek and 10", "scan of all, reverse"],
      1.5,
      ["lmdb"],
    ),
  },
  {
    title: "YCSB A-F",
    wants: "first on each",
    demands: keyvalue(["YCSB A", "YCSB B", "YCSB C", "YCSB D", "YCSB E", "YCSB F"], 1),
  },
];

const documentGoals: readonly Goal[] = [
  {
    title: "documents: get by id, find by unique key",
    wants: ">= 1.3x the best, validation and typed decode included",
    demands: documents(["get by id", "find by unique key"], 1.3),
  },
  {
    title: "documents: compound range, limit 20",
    wants: ">= 1.5x the best",
    demands: documents(["compound range, limit 20"], 1.5),
  },
  {
    title: "documents: bulk insert with 2 indexes, validated",
    wants: ">= 1.5x better-sqlite3, >= 1.2x lmdb without sync",
    demands: [
      ...documents(["bulk insert"], 1.5, SQLITE),
      ...documents(["bulk insert"], 1.2, ["lmdb (no sync)"]),
    ],
  },
  {
    title: "documents: insert/update/delete/transaction, buffered",
    wants: ">= 3x better-sqlite3",
    demands: documents(
      [
        "insert one, buffered",
        "update one, buffered",
        "delete one, buffered",
        "transaction, buffered",
      ],
      3,
      SQLITE,
    ),
  },
  {
    title: "documents: the same, durable; 64 concurrent durable",
    wants: ">= 1.2x the best; >= 4x",
    demands: [
      ...documents(
        [
          "insert one, durable",
          "update one, durable",
          "delete one, durable",
          "transaction, durable",
        ],
        1.2,
      ),
      ...documents(["insert, 64 at once, durable"], 4),
    ],
  },
  {
    title: "count with a filter that a count index answers",
    wants: ">= 100x a scan",
    demands: [
      {
        suite: "documents",
        workload: "count of a group",
        store: "kotobadb (counting)",
        is: "times the best",
        least: 100,
        of: ["kotobadb"],
      },
    ],
  },
  {
    title: "open 1,000,000 documents",
    wants: "<= 20 ms, and independent of size",
    demands: ["open", "open, a million documents"].map((workload): Demand => ({
      suite: "documents",
      workload,
      is: "at most",
      most: 20,
    })),
  },
];

const otherGoals: readonly Goal[] = [
  {
    title: "longest event-loop stall while ingesting at full speed",
    wants: "<= 10 ms, p99.9 of awaited puts <= 2 ms",
    demands: [
      {
        suite: "keyvalue",
        workload: "ingest, longest stall of the event loop",
        is: "at most",
        most: 10,
      },
      {
        suite: "keyvalue",
        workload: "ingest, put awaited",
        is: "p99.9 at most",
        mostMicros: 2_000,
      },
      { suite: "documents", workload: "ingest, longest stall", is: "at most", most: 10 },
    ],
  },
  {
    title: "size on disk",
    wants: "smallest of all uncompressed peers; with compression <= half of better-sqlite3",
    demands: [
      {
        suite: "keyvalue",
        workload: "size on disk",
        store: "kotobadb (uncompressed)",
        is: "times the best",
        least: 1,
        of: ["lmdb", "better-sqlite3"],
      },
      ...keyvalue(["size on disk"], 2, ["better-sqlite3"]),
      ...documents(["size on disk"], 2, SQLITE),
    ],
  },
  {
    title: "memory while holding 1,000,000 documents",
    wants: "below lmdb's and SQLite's resident size plus the cache asked for",
    demands: [
      {
        suite: "documents",
        workload: "memory, holding a million documents",
        is: "below the peers",
        of: ["lmdb (no sync)", "better-sqlite3"],
        // The block cache that the suite asks for.
        plusBytes: 64 * 1_024 * 1_024,
      },
    ],
  },
  {
    title: "import 'kotobadb'",
    wants: "<= 100 ms cold",
    demands: [{ suite: "keyvalue", workload: "import, cold", is: "at most", most: 100 }],
  },
];

export const goals: readonly Goal[] = [...keyValueGoals, ...documentGoals, ...otherGoals];
