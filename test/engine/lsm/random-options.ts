/**
 * Settings at random, each from values that force its paths: memtables of a few entries, tables of a few blocks, levels
 * of a few tables. The type asks for every setting there is, so a new one joins all random tests or does not compile.
 */
import * as fc from "fast-check";
import type { LsmOptions } from "../../../src/engine/lsm/index.ts";
import { isAvailable } from "../../../src/engine/lsm/sstable/index.ts";
import type { Compression } from "../../../src/engine/lsm/sstable/index.ts";

/**
 * Not drawn: where the database is, who listens, and an engine that refuses to write; nor whether a sync may block the
 * thread, since by default both come up, for a commit alone and for several.
 */
type Drawn = Required<
  Omit<LsmOptions, "path" | "host" | "onEvent" | "readOnly" | "quickSyncMicros">
>;

const compressions = (["none", "fast", "dense", "zstd"] satisfies Compression[]).filter((one) =>
  isAvailable(one),
);

const values: { readonly [Name in keyof Drawn]: readonly Drawn[Name][] } = {
  // Sizes: the first of each is the least.
  flushBytesMax: [1_024, 3_000, 20_000],
  closeFlushBytesMax: [0, 10_000, 64 * 1_024 * 1_024],
  walFileBytes: [512, 4_096, 100_000],
  blockCacheBytesMax: [64 * 1_024, 128 * 1_024, 1_048_576],
  levelBaseBytes: [1_024, 4_096, 50_000],
  tableBytesTarget: [1_024, 4_096, 32_768],
  blockBytes: [128, 1_000, 8_192],
  loadBytesMax: [1_024, 10_000],
  recentCommitsBytesMax: [1_048_576, 67_108_864],
  compactionDebtBytesSlow: [65_536, 1_048_576],
  // Nothing is merged but small tables with "fifo", and that is tested by itself: it loses data by design.
  policy: ["leveled", "lazy-leveled", "tiered"],
  fifoBytesMax: [1_024],
  profile: ["balanced", "write-heavy", "read-heavy", "memory-constrained"],
  maxSstables: [2, 3, 5],
  l0TablesTrigger: [2, 3, 6],
  minCompactionFiles: [2, 3, 4],
  levelFanOut: [2, 3, 10],
  tombstoneDensePercent: [1, 50, 100],
  periodicMillis: [0, 2_000],
  openTablesMax: [8, 20],
  slowReadMicros: [0, 200, 1_000_000],
  compression: compressions,
  bottomCompression: compressions,
  prefixFilterBytes: [[], [1], [1, 2, 5], [2, 4, 7, 12]],
  limits: ["local", "portable"],
  durability: ["durable", "buffered", "memory"],
  recovery: ["strict", "point-in-time", "salvage"],
  changeLog: [{}, { bytesMax: 1_024 }, { bytesMax: 4_096, millisMax: 60_000 }],
  transactionMillisMax: [60_000, 3_600_000],
  sliceMillis: [0, 1],
  // Only a host that has threads starts one; the one in memory has none.
  backgroundThread: ["auto", "off"],
  backgroundThreadBytesMin: [0, 1_048_576],
};

/** What is never left to its default, which is made for more data than a test has. */
const always = [
  "flushBytesMax",
  "blockCacheBytesMax",
  "tableBytesTarget",
  "levelBaseBytes",
] as const;

/** Options of one opening; a failure shrinks towards defaults and small sizes. */
export type RandomOptions = Partial<Drawn>;
const drawn = fc.record(
  Object.fromEntries(
    Object.entries(values).map(([name, list]) => [name, fc.constantFrom<unknown>(...list)]),
  ),
  { requiredKeys: [...always] },
);
/** A change log rules out bulk loads, so most have none. */
export const randomOptions: fc.Arbitrary<RandomOptions> = fc
  .tuple(drawn, fc.integer({ min: 0, max: 1 }))
  .map(([all, dice]) => {
    const { changeLog, ...options } = consistent(all as RandomOptions);
    return dice === 0 || changeLog === undefined ? options : { ...options, changeLog };
  });

/** At least as many files are compacted as may lie there: what else is refused. */
function consistent(options: RandomOptions): RandomOptions {
  if (options.minCompactionFiles === undefined) return options;
  // The least that a profile asks for is 3.
  const trigger = options.l0TablesTrigger ?? options.maxSstables ?? 3;
  return { ...options, minCompactionFiles: Math.min(options.minCompactionFiles, trigger) };
}

function optionsOfSeed(seed: number): RandomOptions {
  const [options = {}] = fc.sample(randomOptions, { seed, numRuns: 1 });
  return options;
}

/** So many sets of options that are always the same; every policy is among the first three. */
export function someOptions(first: number, count: number): readonly RandomOptions[] {
  const policies = values.policy;
  return Array.from({ length: count }, (_, i) => ({
    ...optionsOfSeed(first + i),
    policy: policies[(first + i) % policies.length]!,
  }));
}
