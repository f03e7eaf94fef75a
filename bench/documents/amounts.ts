/** How much is done, by the size of the run and what a store is spared. */
import type { Scope, Size } from "../kit/index.ts";
import type { DocumentEntry } from "./entries.ts";

export interface Amounts {
  readonly documents: number;
  readonly gets: number;
  readonly ranges: number;
  readonly counts: number;
  readonly pages: number;
  readonly writes: number;
  readonly durableWrites: number;
  /** Of 64 writers at once. */
  readonly concurrentWrites: number;
  readonly liveUpdates: number;
  readonly ingested: number;
}

const full: Amounts = {
  documents: 100_000,
  gets: 100_000,
  ranges: 10_000,
  counts: 10_000,
  pages: 500,
  writes: 20_000,
  durableWrites: 2_000,
  concurrentWrites: 12_800,
  liveUpdates: 2_000,
  ingested: 100_000,
};
const short: Amounts = {
  documents: 100_000,
  gets: 30_000,
  ranges: 3_000,
  counts: 3_000,
  pages: 200,
  writes: 5_000,
  durableWrites: 300,
  concurrentWrites: 3_200,
  liveUpdates: 500,
  ingested: 30_000,
};
const bySize: Readonly<Record<Size, Amounts>> = { full, short, check: short };

export function amountsOf(entry: DocumentEntry, { rows, size }: Scope): Amounts {
  const base = bySize[size];
  const share = entry.share ?? 1;
  const scaled = Object.fromEntries(
    // At least as many as there are writers at once.
    Object.entries(base).map(([name, n]) => [name, Math.max(64, Math.round(n * share))]),
  ) as unknown as Amounts;
  const documents = Math.min(rows ?? base.documents, entry.documentsMax ?? Infinity);
  return { ...scaled, documents };
}
