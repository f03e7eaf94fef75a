/** What the workloads of one store stand on: its rows, where its data lies, and how much of each is done. */
import type { Recorder, Scope, Size } from "../kit/index.ts";
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
  readonly gets: number;
  readonly puts: number;
  readonly seeks: number;
  readonly prefixes: number;
  readonly syncs: number;
  readonly syncsTogether: number;
  readonly ycsb: number;
  readonly ycsbScans: number;
}

const COUNTS: Readonly<Record<Size, Counts>> = {
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

/** With `rows` given, all in proportion. */
export function countsOf(scope: Scope): Counts {
  const counts = COUNTS[scope.size];
  if (scope.rows === undefined) return counts;
  const share = scope.rows / counts.rows;
  const scaled = (count: number): number => Math.max(64, Math.round(count * share));
  return {
    rows: scope.rows,
    gets: scaled(counts.gets),
    puts: scaled(counts.puts),
    seeks: scaled(counts.seeks),
    prefixes: scaled(counts.prefixes),
    syncs: counts.syncs,
    syncsTogether: counts.syncsTogether,
    ycsb: scaled(counts.ycsb),
    ycsbScans: scaled(counts.ycsbScans),
  };
}

/** An open store and the rows it is to hold. */
export interface Ground {
  readonly store: KeyValueStore;
  readonly rows: Rows;
  readonly recorder: Recorder;
  readonly counts: Counts;
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
