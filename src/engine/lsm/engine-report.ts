/** The report of an engine, put together from what its parts count. */
import { bytesOf, levelScore, tablesOf } from "./compaction/index.ts";
import type { EngineParts } from "./opened-database.ts";
import { readAmplification, spaceAmplification, writeAmplification } from "./report/index.ts";
import type { LevelReport, LsmReport } from "./report/index.ts";
import type { WriteSide } from "./write-side.ts";

/** What the engine itself counts. */
interface Readers {
  readonly lookups: number;
  readonly pages: number;
  readonly openViews: number;
  readonly oldestLag: number;
  readonly snapshots: number;
  readonly oldestSnapshotMillis: number;
}

export function engineReport(parts: EngineParts, writes: WriteSide, readers: Readers): LsmReport {
  const { events, tables, tree } = parts;
  const counted = writes.stats;
  const figure = (name: string): number => counted[name] ?? 0;
  const listed = tablesOf(tree.version);
  const cache = tables.cache.stats;
  const { bytesMax, bytesUsed, evictions, hits, misses } = cache;
  return {
    isReadOnly: writes.isReadOnly,
    isFailed: figure("isFailed") !== 0,
    sequence: writes.newest,
    syncedSequence: figure("syncedSequence"),
    tables: listed.length,
    totalBytes: bytesOf(listed),
    levels: levelReports(parts, writes),
    amplification: amplificationOf(parts, writes, readers.lookups),
    memtables: {
      activeBytes: tree.active.bytes,
      activeEntries: tree.active.entries,
      waiting: tree.immutables.length,
      waitingBytes: tree.immutables.reduce((sum, { memtable }) => sum + memtable.bytes, 0),
    },
    ...writesReport(writes),
    reads: {
      lookups: readers.lookups,
      pages: readers.pages,
      cache: {
        hits,
        misses,
        evictions,
        bytesUsed,
        bytesMax,
        kinds: {
          data: { hits: cache.dataHits, misses: cache.dataMisses },
          index: { hits: cache.indexHits, misses: cache.indexMisses },
          large: { hits: cache.largeHits, misses: cache.largeMisses },
        },
      },
      disk: tables.cache.reads.stats,
      pinnedBytes: tables.stats.pinnedBytes,
      filter: tables.filter,
    },
    background: {
      flushes: figure("flushes"),
      bytesFlushed: figure("bytesFlushed"),
      compactions: figure("compactions"),
      bytesCompacted: figure("bytesCompacted"),
      moves: figure("moves"),
      removalsWaiting: tables.pendingRemovals,
    },
    stalls: writes.stalls,
    views: {
      open: readers.openViews,
      oldestLag: readers.oldestLag,
      snapshots: readers.snapshots,
      oldestSnapshotMillis: readers.oldestSnapshotMillis,
    },
    listenerFailures: events.listenerFailures,
  };
}

function writesReport(writes: WriteSide): Pick<LsmReport, "log" | "commits"> {
  const { stats } = writes;
  const figure = (name: string): number => stats[name] ?? 0;
  return {
    log: {
      number: figure("logNumber"),
      bytes: figure("logBytes"),
      bytesTotal: figure("logBytesTotal"),
      writes: figure("writes"),
      syncs: figure("syncs"),
      syncMillis: writes.syncMillis,
      commitsOfSync: writes.commitsOfSync,
    },
    commits: {
      count: figure("commits"),
      bytes: writes.bytesCommitted,
      conflicts: figure("conflicts"),
      recent: figure("recentCommits"),
      recentBytes: figure("recentCommitsBytes"),
      waitingForTurn: figure("waitingForGate"),
    },
  };
}

/** Levels that hold something, or that something passed through. */
function levelReports({ settings, tree }: EngineParts, writes: WriteSide): LevelReport[] {
  const { version } = tree;
  const idle = { bytesRead: 0, bytesWritten: 0, tablesWritten: 0, tablesMoved: 0 };
  return version.levels.flatMap((tables, level) => {
    const traffic = writes.traffic.levels[level];
    const isUsed = tables.length > 0 || (traffic !== undefined && traffic.bytesWritten > 0);
    if (!isUsed) return [];
    const sum = (name: "entries" | "tombstones" | "rangeDeletes"): number =>
      tables.reduce((total, table) => total + table[name], 0);
    return {
      level,
      tables: tables.length,
      bytes: bytesOf(tables),
      entries: sum("entries"),
      tombstones: sum("tombstones"),
      rangeDeletes: sum("rangeDeletes"),
      score: levelScore(version, level, settings),
      ...(traffic ?? idle),
    };
  });
}

function amplificationOf(
  { tables, tree }: EngineParts,
  writes: WriteSide,
  lookups: number,
): LsmReport["amplification"] {
  const { bytesCommitted, stats } = writes;
  const figure = (name: string): number => stats[name] ?? 0;
  const written = figure("logBytesTotal") + figure("bytesFlushed") + figure("bytesCompacted");
  const { levels } = tree.version;
  const deeper = levels.slice(1).filter((list) => list.length > 0).length;
  const memtables = (tree.active.isEmpty ? 0 : 1) + tree.immutables.length;
  return {
    write: writeAmplification(written, bytesCommitted),
    read: readAmplification(tables.filter.passed, lookups),
    sortedRuns: memtables + levels[0]!.length + deeper,
    space: spaceAmplification(levels.map(bytesOf)),
  };
}
