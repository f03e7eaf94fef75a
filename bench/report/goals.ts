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
    bound:
      "Rows are packed for the log, checked, and put into a sorted memtable in JavaScript, some 1.2 µs for each; a thread beside flushes and compacts, on the second of two processors. What would change it: native code, or a memtable that is sorted only when it is read or flushed, which would make the first read after writes pay.",
    demands: [
      ...keyvalue(["fillrandom", "overwrite"], 2, LSM_BINDINGS),
      ...keyvalue(["fillrandom", "overwrite"], 3, ["lmdb"]),
    ],
  },
  {
    title: "KV fillseq",
    wants: ">= 1.2x the best",
    bound:
      "Rising keys are taken faster than one thread writes them to tables: a memtable of 16 MB is filled in 100 ms, and takes longer to be compressed, checked and synced, so that writers wait for a third of the time. Without compression 1.35 million rows a second were reached where 1.05 were with it; but tables of rising keys only move down the levels, and would stay uncompressed. lmdb appends to the last page of a file that is mapped into memory. What would change it: a second thread that flushes, where there are more than two processors.",
    demands: keyvalue(["fillseq"], 1.2),
  },
  {
    title: "KV put awaited one by one, buffered",
    wants: ">= 2x the best",
    bound:
      "An awaited put passes one turn of the event loop and one write call, five of its six microseconds, so that it survives the process when it is acknowledged. Writing before the turn was tried: 1.09 times as fast, and no write is shared then. rocksdb's binding writes in the call and lets nobody else run. What would change it: `durability: 'memory'`, for programs that can bear to lose the last puts when they end.",
    demands: keyvalue(["put, awaited"], 2),
  },
  {
    title: "KV durable, 1 writer / 64 writers",
    wants: ">= 1.3x / >= 3x the best, and >= 90 % of what the measured sync rate allows",
    bound:
      "One writer: between two syncs lie a turn of the event loop and the commit, some 20 µs. 64 writers: their common sync carries 9 KB instead of 132 bytes and takes about twice as long as the one that is the limit; all of them wait for it, so that the 3 µs of each commit come on top. With more writers both grow: it is no limit of commits a second. What would change it: little for one writer, who is at the limit but for that turn; for many, writing the next commits while a sync is under way, on disks that take both at once.",
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
    bound:
      "After opening, the first use of each block costs a read, a checksum and LZ4, some 15 µs for 8 KiB; a file that is mapped into memory is used as it lies. A tenth of the rows are read here, which meets each block about seven times. What has been read once is found as in the other rows. A hot get is 0.46 µs: the key is hashed and compared, the value copied, for it belongs to the caller. What would change it: a file that is mapped into memory, which Node has not without native code; a get that lends the value instead of copying it (`read`, which documents use).",
    demands: keyvalue(["get, hot", "get, zipfian", "get, missing", "get, reopened"], 1.5, ["lmdb"]),
  },
  {
    title: "KV full scan / prefix 100 / seek + 10 / reverse",
    wants: ">= 1.5x lmdb",
    bound:
      "A scan merges the memtable and the tables of level 0 with the levels below, and gives whole pages that belong to the caller. A seek finds its place in each of those runs before its first row. What would change it: fewer runs, by compacting level 0 sooner, at the cost of writing; or remembering the places of seeks as those of gets are.",
    demands: keyvalue(
      ["scan of all", "prefix of 100", "seek and 10", "scan of all, reverse"],
      1.5,
      ["lmdb"],
    ),
  },
  {
    title: "YCSB A-F",
    wants: "first on each",
    bound:
      "Each write is awaited, and passes a turn of the event loop and a write call, so that a crash of the process takes nothing back; lmdb writes into its mapped file in the same call. D, where one in twenty operations is such a write and reads go to what was just written, has the most of it for what its gets cost; E is scans of some fifty rows. What would change it: `durability: 'memory'`.",
    demands: keyvalue(["YCSB A", "YCSB B", "YCSB C", "YCSB D", "YCSB E", "YCSB F"], 1),
  },
];

const documentGoals: readonly Goal[] = [
  {
    title: "documents: get by id, find by unique key",
    wants: ">= 1.3x the best, validation and typed decode included",
    bound:
      "Of the 1.8 µs of a get, a third finds the row, a quarter decodes and checks it; the rest is the promise, the view of one state, and reading the id. The peer in front answers at once, without a promise, and unpacks what stands under a key made by hand. What would change it: a door that answers without promises.",
    demands: documents(["get by id", "find by unique key"], 1.3),
  },
  {
    title: "documents: compound range, limit 20",
    wants: ">= 1.5x the best",
    bound:
      "65 µs: some 13 for decoding 20 documents of 15 fields, 13 for finding them, 12 for scanning the index, and 20 for parsing the filter, planning by statistics and the view, which peers do once (a prepared statement) or not at all (keys made by hand). An index that covers the query spares the finding. Plans were not cached (decision 0010): what could be kept is a tenth of this. What would change it: a query that a program prepares once and runs with other values, as SQLite's statements are.",
    demands: documents(["compound range, limit 20"], 1.5),
  },
  {
    title: "documents: bulk insert with 2 indexes, validated",
    wants: ">= 1.5x better-sqlite3, >= 1.2x lmdb without sync",
    bound:
      "12 µs a document, in a flat profile: packing 13 %, three rows into the memtable 14 %, looking for equal keys of the unique index 9 %, decoding what is handed back 6 %, collecting garbage 10 %, the rest validation, ids and index keys. The peers of the row neither validate nor hand back documents. What would change it: handing back nothing (`load` does so), packing on another thread where there is a third processor.",
    demands: [
      ...documents(["bulk insert"], 1.5, SQLITE),
      ...documents(["bulk insert"], 1.2, ["lmdb (no sync)"]),
    ],
  },
  {
    title: "documents: insert/update/delete/transaction, buffered",
    wants: ">= 3x better-sqlite3",
    bound:
      "14 to 19 µs, of which a turn of the event loop and a write call are 5: a write is acknowledged when it survives the process, and others take their turn in between. A transaction runs the program's code over a view of its own and is checked against every commit since; better-sqlite3 is one synchronous call that lets nobody else run. What would change it: several operations in one transaction share all of that; a door without promises.",
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
    bound:
      "A commit waits for one sync, and so does everybody's: of 160 µs that an update takes once the cache is filled, 130 are the sync. These rows are the first 2,000 operations of a kind after opening, so that most of them meet a block for the first time: a get that does takes 29 µs instead of 2 (a read, a checksum, LZ4), where the peers' files are mapped into memory. What would change it: nothing that leaves a sync to each commit can reach the ratio that is asked for; several operations in one transaction, or writers at the same time, share a sync.",
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
    bound:
      "The number is read from one row; what is left is the query's own way: parsing, planning, a view.",
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
    bound:
      "The manifest, the foot and the top of the index of each table (0.05 ms each), a new log and manifest with their syncs: 6 ms in a process that has opened one before, the first document included; code that runs for the first time is as much again, and more. A million documents take less than a tenth longer than a hundred thousand. What would change it: code that is compiled ahead (the runtime's compile cache, which Node has from 22.1 on).",
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
    bound:
      "Collections of garbage of 1 to 2 ms come regularly; the longest turns are those in which the two processors were with the flush and with others. What would change it: a third processor; smaller memtables, at the cost of more merging.",
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
    bound:
      "LZ4 at all levels, chosen for the speed of reading: `bottomCompression: 'dense'` takes a quarter less room, and gets that miss the cache twice as long (decision 0006). Every index entry carries its whole key, so that it can be read without the others. What would change it: that option, or entries kept as what differs from the one before.",
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
    bound:
      "The runtime takes 42 MB and the packages 23, before any document; the rest is blocks in the cache.",
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
    bound:
      "Reading and compiling JavaScript: the project's own is one file, zod is most of the rest.",
    demands: [{ suite: "keyvalue", workload: "import, cold", is: "at most", most: 100 }],
  },
];

export const goals: readonly Goal[] = [...keyValueGoals, ...documentGoals, ...otherGoals];
