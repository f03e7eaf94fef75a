/**
 * Which limit of the machine stands above a workload, and how far the workload got: what part of the limit it reached. A
 * limit is what one thread of Node reaches that does only this; nothing says that a store can.
 */
import type { SuiteName } from "../kit/index.ts";
import type { ResultRow } from "./results.ts";

interface Bound {
  readonly limit: string;
  /** How much of the limit's unit one operation needs: operations for a rate, bytes for MB/s. */
  readonly needs: number;
}

const ROW_BYTES = 116;
const LARGE_ROW_BYTES = 424;
const WRITE = "write of 1 MiB pieces, synced at the end";
const APPEND = "write of 132 bytes, not synced";
const SYNC = "sync of 132 bytes, room made ahead";
const GETS = "the benchmark's own loop of gets";
const BLOCK = "read of 8 KiB from the page cache";
const STREAM = "read of 1 MiB pieces from the page cache";
const DECODE = "decode of a document";
const ENCODE = "encode of a document";

const bounds: Readonly<Record<Exclude<SuiteName, "limits">, Readonly<Record<string, Bound>>>> = {
  keyvalue: {
    fillseq: { limit: WRITE, needs: ROW_BYTES },
    fillrandom: { limit: WRITE, needs: ROW_BYTES },
    overwrite: { limit: WRITE, needs: ROW_BYTES },
    "fillrandom, 24 + 400 bytes": { limit: WRITE, needs: LARGE_ROW_BYTES },
    "put, awaited": { limit: APPEND, needs: 1 },
    "ingest, put awaited": { limit: APPEND, needs: 1 },
    "put, durable": { limit: SYNC, needs: 1 },
    // Sixty-four that wait share a sync.
    "put, durable, 64 writers": { limit: SYNC, needs: 1 / 64 },
    "get, hot": { limit: GETS, needs: 1 },
    "get, random": { limit: GETS, needs: 1 },
    "get, zipfian": { limit: GETS, needs: 1 },
    "get, missing": { limit: GETS, needs: 1 },
    "get, reopened": { limit: BLOCK, needs: 1 },
    "get, ten times the cache": { limit: BLOCK, needs: 1 },
    "scan of all": { limit: STREAM, needs: ROW_BYTES },
    "scan of all, reverse": { limit: STREAM, needs: ROW_BYTES },
    "scan of all, ten times the cache": { limit: STREAM, needs: LARGE_ROW_BYTES },
    "prefix of 100": { limit: BLOCK, needs: (100 * ROW_BYTES) / 8_192 },
    "seek and 10": { limit: BLOCK, needs: 1 },
  },
  documents: {
    "bulk insert": { limit: ENCODE, needs: 1 },
    "get by id": { limit: DECODE, needs: 1 },
    "find by unique key": { limit: DECODE, needs: 1 },
    "compound range, limit 20": { limit: DECODE, needs: 20 },
    "pages of 50 in order": { limit: DECODE, needs: 50 },
    "insert one, buffered": { limit: APPEND, needs: 1 },
    "update one, buffered": { limit: APPEND, needs: 1 },
    "delete one, buffered": { limit: APPEND, needs: 1 },
    "transaction, buffered": { limit: APPEND, needs: 1 },
    "insert one, durable": { limit: SYNC, needs: 1 },
    "update one, durable": { limit: SYNC, needs: 1 },
    "delete one, durable": { limit: SYNC, needs: 1 },
    "transaction, durable": { limit: SYNC, needs: 1 },
    "insert, 64 at once, durable": { limit: SYNC, needs: 1 / 64 },
  },
};

export interface Share {
  readonly limit: string;
  /** What the limit allows, in operations of the workload per second. */
  readonly allows: number;
}

/** Undefined: no limit is told for the workload, or it was not measured. */
export function limitOf(
  suite: SuiteName,
  workload: string,
  rows: readonly ResultRow[],
): Share | undefined {
  const bound = suite === "limits" ? undefined : bounds[suite][workload];
  if (bound === undefined) return undefined;
  const row = rows.find((one) => one.suite === "limits" && one.workload === bound.limit);
  const [cell] = row === undefined ? [] : [...row.cells.values()];
  if (row === undefined || cell === undefined) return undefined;
  const unitsEachSecond = row.unit === "MB/s" ? cell.median * 1e6 : cell.median;
  return { limit: bound.limit, allows: unitsEachSecond / bound.needs };
}
