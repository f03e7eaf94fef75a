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

export const lossReasons: LossReasons = {
  keyvalue: {
    close:
      "What is in memory is written to a table, so that the next opening has no log to replay, and the room for logs to come is given back.",
    "open and first get": OPENING,
    "peak memory": MEMORY,
  },
  documents: {
    "count in a range":
      "Each key of the range is stepped over and held against newer versions and deletes of it, 0.3 µs a row, after some 20 µs for the query itself; a B-tree's entries need neither. A count that an index keeps is one row.",
    "count of a group":
      "No index has the field, so that every document is read and decoded; SQLite skips to the one column. An index that counts answers it from one row: kotobadb (counting).",
    "pages of 50 in order":
      "As for the compound range: decoding 50 documents, finding them by 50 lookups, and the query itself.",
    "transactions, contended, buffered":
      "Optimistic transactions that meet run again, and wait for each other's turns of the event loop; a synchronous call meets nobody.",
    open: OPENING,
    "open, a million documents": OPENING,
    "peak memory": MEMORY,
  },
};
