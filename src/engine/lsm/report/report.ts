/**
 * The state of an engine as one value, for people, dashboards and the command. Everything counted counts from opening.
 *
 * Amplification is what the structure costs beside the plain data:
 *   write   bytes given to the disk (log, flushes, compactions) for each byte of keys and values that was committed
 *   read    tables that a point lookup had to search, on average; and the sorted runs that a scan merges now
 *   space   bytes of all tables for each byte of the deepest level, which holds about one version of everything
 */
import type { HistogramFigures } from "./histogram.ts";
import type { LevelTraffic } from "./traffic.ts";

export interface LevelReport extends LevelTraffic {
  readonly level: number;
  readonly tables: number;
  readonly bytes: number;
  readonly entries: number;
  readonly tombstones: number;
  readonly rangeDeletes: number;
  /** How full the level is: at 1 and above it is compacted. */
  readonly score: number;
}

export interface LsmReport {
  readonly isReadOnly: boolean;
  /** A write, a sync or background work failed; no commit is taken since. */
  readonly isFailed: boolean;
  /** Of the newest commit. */
  readonly sequence: number;
  readonly syncedSequence: number;
  readonly tables: number;
  readonly totalBytes: number;
  /** Levels that hold something or did. */
  readonly levels: readonly LevelReport[];
  readonly amplification: {
    /** Undefined until something was committed. */
    readonly write: number | undefined;
    /** Undefined until something was looked up. */
    readonly read: number | undefined;
    readonly sortedRuns: number;
    /** Undefined while nothing lies below level 0. */
    readonly space: number | undefined;
  };
  readonly memtables: {
    readonly activeBytes: number;
    readonly activeEntries: number;
    /** Full, and on their way to a table. */
    readonly waiting: number;
    readonly waitingBytes: number;
  };
  readonly log: {
    readonly number: number;
    readonly bytes: number;
    readonly bytesTotal: number;
    readonly writes: number;
    readonly syncs: number;
    /** How long syncs took, in milliseconds. */
    readonly syncMillis: HistogramFigures | undefined;
    /** How many commits one sync covered. */
    readonly commitsOfSync: HistogramFigures | undefined;
  };
  readonly commits: {
    readonly count: number;
    readonly bytes: number;
    readonly conflicts: number;
    /** Remembered to validate open transactions. */
    readonly recent: number;
    readonly recentBytes: number;
    readonly waitingForTurn: number;
  };
  readonly reads: {
    readonly lookups: number;
    readonly pages: number;
    readonly cache: CacheReport;
    readonly filter: FilterReport;
    readonly disk: DiskReadReport;
    /** The tops of the indexes of all tables, and small filters: they stay in memory while the tables are there. */
    readonly pinnedBytes: number;
  };
  readonly background: {
    readonly flushes: number;
    readonly bytesFlushed: number;
    readonly compactions: number;
    readonly bytesCompacted: number;
    readonly moves: number;
    readonly removalsWaiting: number;
  };
  /** Commits that waited for room in memory, in milliseconds. */
  readonly stalls: HistogramFigures;
  readonly views: {
    /** Transactions and snapshots that have read and are open. */
    readonly open: number;
    /** How many commits the oldest of them is behind: all that was overwritten since is kept for it. */
    readonly oldestLag: number;
    readonly snapshots: number;
    readonly oldestSnapshotMillis: number;
  };
  readonly listenerFailures: number;
}

interface CacheReport {
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  readonly bytesUsed: number;
  readonly bytesMax: number;
  readonly kinds: Readonly<
    Record<"data" | "index" | "large", { readonly hits: number; readonly misses: number }>
  >;
}

interface DiskReadReport {
  /** Blocks that were read where they were needed. */
  readonly readsNow: number;
  /** Blocks that were read beside the thread, since the disk was slow: waited for, and read ahead. */
  readonly readsLater: number;
  readonly readsAhead: number;
  /** What reads took of late on average. */
  readonly readMicros: number;
  /** How often the disk was found to be slow. */
  readonly slowTurns: number;
}

export interface FilterReport {
  /** Lookups in a table that its filter answered with no. */
  readonly refused: number;
  /** Lookups that it let through. */
  readonly passed: number;
  /** Those let through for nothing. */
  readonly mistaken: number;
}

/** Bytes written for each byte committed. */
export function writeAmplification(written: number, committed: number): number | undefined {
  return committed === 0 ? undefined : written / committed;
}

/** Tables searched for each lookup. */
export function readAmplification(searched: number, lookups: number): number | undefined {
  return lookups === 0 ? undefined : searched / lookups;
}

/** Bytes of all levels for each byte of the deepest one; undefined where only level 0 has tables. */
export function spaceAmplification(levelBytes: readonly number[]): number | undefined {
  const deepest = levelBytes.findLastIndex((bytes) => bytes > 0);
  if (deepest < 1) return undefined;
  return levelBytes.reduce((sum, bytes) => sum + bytes, 0) / levelBytes[deepest]!;
}
