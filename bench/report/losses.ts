/**
 * Why a row is lost, where we know: a profile, a count, a limit. Shown beside the row only in runs that lose it; rows with
 * the very same text stand together, with the text once.
 */
import type { SuiteName } from "../kit/index.ts";

/** By suite and workload. */
export type LossReasons = Readonly<Partial<Record<SuiteName, Readonly<Record<string, string>>>>>;

const OPENING =
  "A file that is mapped into memory is opened without reading it; a log-structured store reads its manifest and the top of each table's index, and makes a new log and a new manifest, durably.";
const MEMORY =
  "The cache that was asked for, memtables of 16 MB, three at most, and the heap of the runtime, which is collected late.";

const GOAL = "Told with its goal, above.";
const OWN_THREAD =
  "Writes are packed and put into the memtable in the program's own thread; the bindings in front hand them to a thread of theirs.";

export const lossReasons: LossReasons = {
  keyvalue: {
    close:
      "What is in memory is written to a table, so that the next opening has no log to replay, and the room for logs to come is given back.",
    fillseq: GOAL,
    "get, hot": GOAL,
    "get, reopened": GOAL,
    "get, ten times the cache":
      "Nine gets in ten read a block by a system call, check and decompress it; lmdb's file is mapped, and the system's page cache holds all of it.",
    "import, cold":
      "JavaScript, the project's own and zod's, is read and compiled; a binding is one library that is loaded.",
    "ingest, longest stall of the event loop": GOAL,
    "ingest, p99.9 turn of the event loop": OWN_THREAD,
    "ingest, put awaited": "As for awaited puts.",
    "open and first get": OPENING,
    "peak memory": MEMORY,
    "put, awaited": GOAL,
    "seek and 10": GOAL,
    "size on disk": GOAL,
    "YCSB D": GOAL,
    "YCSB E": GOAL,
  },
  documents: {
    "bulk insert": GOAL,
    "compound range, limit 20": GOAL,
    "count in a range":
      "Each key of the range is stepped over and held against newer versions and deletes of it, 0.3 µs a row, after some 20 µs for the query itself; a B-tree's entries need neither. A count that an index keeps is one row.",
    "count of a group":
      "No index has the field, so that every document is read and decoded; SQLite skips to the one column. An index that counts answers it from one row: kotobadb (counting).",
    "delete one, durable": GOAL,
    "find by unique key": GOAL,
    "get by id": GOAL,
    "ingest, longest stall": GOAL,
    "insert one, durable": GOAL,
    "memory, holding a million documents": GOAL,
    "memory, holding the documents": GOAL,
    "pages of 50 in order":
      "As for the compound range: decoding 50 documents, finding them by 50 lookups, and the query itself.",
    "transactions, contended, buffered":
      "Optimistic transactions that meet run again, and wait for each other's turns of the event loop; a synchronous call meets nobody.",
    "transactions, contended, durable":
      "lmdb runs transactions that wait one behind the other and commits them together, with one sync; ours run side by side, and those that meet run again.",
    "transaction, buffered": GOAL,
    "transaction, durable": GOAL,
    "update one, durable": GOAL,
    open: OPENING,
    "open, a million documents": OPENING,
    "peak memory": MEMORY,
  },
};
