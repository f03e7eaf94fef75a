/** What the workloads of one store stand on: its rows, where its data lies, and how much of each is done. */
import type { DataRead, Recorder, Scope, Size } from "../kit/index.ts";
import type { KeyValueStore, Row } from "./key-value-store.ts";
import type { Rows } from "./rows.ts";
import type { RowSizes } from "./rows.ts";

export const SMALL: RowSizes = { keyBytes: 16, valueBytes: 100 };
export const LARGE: RowSizes = { keyBytes: 24, valueBytes: 400 };

/** Rows of a commit, where writes are batched. */
export const BATCH_ROWS = 1_000;

/** How often each thing is done. */
export interface Counts {
  readonly rows: number;
  /** Of a store that was just opened: what they bring into its caches is part of what they cost, so all do as many. */
  readonly coldGets: number;
  readonly gets: number;
  readonly puts: number;
  readonly seeks: number;
  readonly prefixes: number;
  readonly syncs: number;
  readonly syncsTogether: number;
  readonly ycsb: number;
  readonly ycsbScans: number;
  /** Puts of the ingest, each of a row that is new. */
  readonly ingested: number;
}

const COUNTS: Readonly<Record<Size, Omit<Counts, "coldGets" | "ingested">>> = {
  short: {
    rows: 100_000,
    gets: 100_000,
    puts: 40_000,
    seeks: 5_000,
    prefixes: 1_000,
    syncs: 400,
    syncsTogether: 6_400,
    ycsb: 30_000,
    ycsbScans: 2_000,
  },
  full: {
    rows: 1_000_000,
    gets: 500_000,
    puts: 300_000,
    seeks: 30_000,
    prefixes: 6_000,
    syncs: 2_000,
    syncsTogether: 32_000,
    ycsb: 150_000,
    ycsbScans: 8_000,
  },
  check: {
    rows: 200_000,
    gets: 400_000,
    puts: 200_000,
    seeks: 40_000,
    prefixes: 10_000,
    syncs: 400,
    syncsTogether: 25_600,
    ycsb: 200_000,
    ycsbScans: 10_000,
  },
};

const FEWEST = 64;

/** With `rows` given, all in proportion. `share`: of what is done an operation at a time, all but the first gets. */
export function countsOf({ rows, size }: Pick<Scope, "rows" | "size">, share = 1): Counts {
  const whole = COUNTS[size];
  const scale = rows === undefined ? 1 : rows / whole.rows;
  const part = (count: number, of: number): number =>
    of === 1 ? count : Math.max(FEWEST, Math.round(count * of));
  const count = rows ?? whole.rows;
  return {
    rows: count,
    coldGets: Math.ceil(part(whole.gets, scale) / 5),
    gets: part(whole.gets, scale * share),
    puts: part(whole.puts, scale * share),
    seeks: part(whole.seeks, scale * share),
    prefixes: part(whole.prefixes, scale * share),
    syncs: part(whole.syncs, share),
    syncsTogether: part(whole.syncsTogether, share),
    ycsb: part(whole.ycsb, scale * share),
    ycsbScans: part(whole.ycsbScans, scale * share),
    ingested: Math.min(count, part(count, share)),
  };
}

/** An open store and the rows it is to hold. */
export interface Ground {
  readonly store: KeyValueStore;
  readonly rows: Rows;
  readonly recorder: Recorder;
  readonly counts: Counts;
  /** What the store was told to take for blocks or pages, if it can be told. */
  readonly cacheBytes: number;
}

/** What workloads read that read all rows, or any of this share of them. */
export function dataOf({ cacheBytes, rows }: Ground, share = 1): DataRead {
  return { bytes: rows.bytes * share, cacheBytes };
}

/** Writes rows in the order given, batched; resolves when all are acknowledged. */
export async function writeRows(
  store: KeyValueStore,
  order: Uint32Array,
  rowOf: (n: number) => Row,
): Promise<void> {
  for (let from = 0; from < order.length; from += BATCH_ROWS) {
    const batch: Row[] = [];
    for (let i = from; i < Math.min(from + BATCH_ROWS, order.length); i++) {
      batch.push(rowOf(order[i]!));
    }
    const answer = store.write(batch);
    if (answer instanceof Promise) await answer;
  }
}

/** What went wrong when a store answered with something else than was written. */
export function wrongAnswer(what: string, expected: unknown, found: unknown): Error {
  return new Error(`wrong answer to ${what}: ${String(found)} instead of ${String(expected)}`);
}
