/** Which workloads share a chart. A workload that a run does not have is left out, and a chart without any. */
import type { SuiteName } from "../kit/index.ts";

export interface ChartSpec {
  /** Of the file, without its folder and ending. */
  readonly name: string;
  readonly title: string;
  readonly suite: SuiteName;
  readonly workloads: readonly string[];
}

export const charts: readonly ChartSpec[] = [
  {
    name: "keyvalue-fills",
    title: "Key-value: batched writes, buffered",
    suite: "keyvalue",
    workloads: [
      "fillseq",
      "fillrandom",
      "overwrite",
      "delete, batched",
      "fillrandom, 24 + 400 bytes",
    ],
  },
  {
    name: "keyvalue-puts",
    title: "Key-value: single puts, buffered and durable",
    suite: "keyvalue",
    workloads: ["put, awaited", "put, durable", "put, durable, 64 writers"],
  },
  {
    name: "keyvalue-gets",
    title: "Key-value: gets",
    suite: "keyvalue",
    workloads: [
      "get, hot",
      "get, random",
      "get, zipfian",
      "get, missing",
      "get, reopened",
      "get, ten times the cache",
    ],
  },
  {
    name: "keyvalue-scans",
    title: "Key-value: scans",
    suite: "keyvalue",
    workloads: ["scan of all", "scan of all, reverse", "prefix of 100", "seek and 10"],
  },
  {
    name: "keyvalue-ycsb",
    title: "Key-value: YCSB",
    suite: "keyvalue",
    workloads: ["YCSB A", "YCSB B", "YCSB C", "YCSB D", "YCSB E", "YCSB F"],
  },
  {
    name: "keyvalue-room",
    title: "Key-value: stalls, room, opening",
    suite: "keyvalue",
    workloads: [
      "ingest, longest stall of the event loop",
      "size on disk",
      "peak memory",
      "open and first get",
    ],
  },
  {
    name: "documents-reads",
    title: "Documents: reads",
    suite: "documents",
    workloads: [
      "get by id",
      "find by unique key",
      "compound range, limit 20",
      "count in a range",
      "count of a group",
      "pages of 50 in order",
    ],
  },
  {
    name: "documents-writes",
    title: "Documents: writes, buffered",
    suite: "documents",
    workloads: [
      "bulk insert",
      "insert one, buffered",
      "update one, buffered",
      "transaction, buffered",
      "transactions, contended, buffered",
      "delete one, buffered",
    ],
  },
  {
    name: "documents-durable",
    title: "Documents: writes, durable",
    suite: "documents",
    workloads: [
      "insert one, durable",
      "update one, durable",
      "transaction, durable",
      "delete one, durable",
      "insert, 64 at once, durable",
    ],
  },
  {
    name: "documents-room",
    title: "Documents: stalls, room, opening",
    suite: "documents",
    workloads: ["ingest, longest stall", "size on disk", "peak memory", "open"],
  },
];
