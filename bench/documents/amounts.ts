/** How much is done, by the size of the run and what a store is spared. */
import type { Scope, Size } from "../kit/index.ts";
import type { DocumentEntry } from "./document-entry.ts";

export interface Amounts {
  readonly documents: number;
  readonly gets: number;
  readonly ranges: number;
  readonly pages: number;
  /** What is run before, at most, so that the code is compiled. */
  readonly trials: number;
  /** So long may a workload that only reads take; a slow store is asked less. */
  readonly millis: number;
  readonly writes: number;
  readonly durableWrites: number;
  /** Of 64 writers at once. */
  readonly concurrentWrites: number;
  readonly liveUpdates: number;
  readonly ingested: number;
}

const full: Amounts = {
  documents: 100_000,
  gets: 200_000,
  ranges: 20_000,
  pages: 2_000,
  trials: 5_000,
  millis: 4_000,
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
  pages: 200,
  trials: 2_000,
  millis: 1_000,
  writes: 3_000,
  durableWrites: 300,
  concurrentWrites: 3_200,
  liveUpdates: 300,
  ingested: 20_000,
};
/** One store alone, which is to be told from itself: longer, but for what the disk's noise would hide anyway. */
const check: Amounts = {
  ...full,
  millis: 2_000,
  writes: 10_000,
  durableWrites: 300,
  ingested: 50_000,
};
const bySize: Readonly<Record<Size, Amounts>> = { full, short, check };

/** What a store that is asked for a share does less of. What is durable is little, and waits for the disk with all. */
const shared = ["gets", "writes", "concurrentWrites", "liveUpdates", "ingested"] as const;
const FEWEST = 64;
/** Less time for a workload that reads would be told by chance. */
const MILLIS_LEAST = 500;

export function amountsOf({ documentsMax, share = 1 }: DocumentEntry, scope: Scope): Amounts {
  const amounts: { -readonly [name in keyof Amounts]: number } = { ...bySize[scope.size] };
  for (const name of shared) amounts[name] = Math.max(FEWEST, Math.round(amounts[name] * share));
  amounts.millis = Math.max(Math.min(MILLIS_LEAST, amounts.millis), amounts.millis * share);
  amounts.documents = Math.min(scope.rows ?? amounts.documents, documentsMax ?? Infinity);
  return amounts;
}
