/** Versions that change as an engine changes them, without any data: what a job leaves is made up from what it read. */
import fc from "fast-check";
import { compareBytes } from "../../../../src/base/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import { applyEdit } from "../../../../src/engine/lsm/compaction/index.ts";
import type {
  CompactionJob,
  PickSettings,
  Version,
} from "../../../../src/engine/lsm/compaction/index.ts";
import type { TableMeta } from "../../../../src/engine/lsm/manifest/index.ts";

const TABLE_BYTES = 1_000;

export const settingsCase: fc.Arbitrary<PickSettings> = fc.record({
  policy: fc.constantFrom("leveled", "lazy-leveled", "tiered", "fifo"),
  l0TablesTrigger: fc.integer({ min: 2, max: 8 }),
  minCompactionFiles: fc.constant(2),
  levelBaseBytes: fc.constantFrom(2_000, 4_000, 20_000),
  levelFanOut: fc.integer({ min: 2, max: 10 }),
  tableBytesTarget: fc.constant(TABLE_BYTES),
  fifoBytesMax: fc.constantFrom(5_000, 50_000),
  tombstoneDensePercent: fc.integer({ min: 1, max: 100 }),
  periodicMillis: fc.constantFrom(0, 5),
});

export function keyOf(n: number): Bytes {
  return Uint8Array.of(n >> 8, n & 0xff);
}
function numberOf(key: Bytes): number {
  return key[0]! * 256 + key[1]!;
}

export interface TableParts {
  readonly fileNumber: number;
  readonly start: number;
  readonly end: number;
  readonly fileBytes: number;
  readonly sequence: number;
  readonly tombstones?: number;
  readonly denseBlocks?: number;
  readonly writtenAtMillis?: number;
}

/** A table over the keys from `start` to `end`, fresh from a memtable. */
export function tableOf(parts: TableParts): TableMeta {
  return {
    fileNumber: parts.fileNumber,
    level: 0,
    fileBytes: parts.fileBytes,
    entries: 100,
    rangeDeletes: 0,
    smallestKey: keyOf(parts.start),
    largestKey: keyOf(parts.end),
    smallestSequence: parts.sequence,
    largestSequence: parts.sequence + 9,
    tombstones: parts.tombstones ?? 0,
    dataBlocks: 10,
    denseBlocks: parts.denseBlocks ?? 0,
    rawBytes: parts.fileBytes,
    writtenAtMillis: parts.writtenAtMillis ?? 0,
    fileCrc: 0,
  };
}

/** What a merge may write: tables of the target size over the keys of its inputs, in key order, without overlap. */
export function outputsOf(job: CompactionJob, next: () => number, now: number): TableMeta[] {
  if (job.isMove) return job.inputs.map((table) => ({ ...table, level: job.outputLevel }));
  const start = Math.min(...job.inputs.map((table) => numberOf(table.smallestKey)));
  const end = Math.max(...job.inputs.map((table) => numberOf(table.largestKey!)));
  const bytes = job.inputs.reduce((sum, table) => sum + table.fileBytes, 0);
  const room = end - start + 1;
  const count =
    job.outputLevel === 0 ? 1 : Math.min(room, Math.max(1, Math.round(bytes / TABLE_BYTES)));
  const isLast = job.outputLevel === 6;
  const sum = (of: (table: TableMeta) => number): number =>
    isLast ? 0 : Math.floor(job.inputs.reduce((all, table) => all + of(table), 0) / count);
  return Array.from({ length: count }, (_, i): TableMeta => ({
    ...job.inputs[0]!,
    fileNumber: next(),
    level: job.outputLevel,
    fileBytes: Math.max(1, Math.floor(bytes / count)),
    smallestKey: keyOf(start + Math.floor((room * i) / count)),
    largestKey: keyOf(start + Math.floor((room * (i + 1)) / count) - 1),
    smallestSequence: Math.min(...job.inputs.map((table) => table.smallestSequence)),
    largestSequence: Math.max(...job.inputs.map((table) => table.largestSequence)),
    tombstones: sum((table) => table.tombstones),
    denseBlocks: Math.min(
      10,
      sum((table) => table.denseBlocks),
    ),
    writtenAtMillis: now,
  }));
}

export function afterJob(
  version: Version,
  job: CompactionJob,
  next: () => number,
  now: number,
): Version {
  const removed = job.inputs.map((table) => table.fileNumber);
  return applyEdit(version, {
    removed,
    added: job.isDrop === true ? [] : outputsOf(job, next, now),
  });
}

/**
 * Pairs of tables where something deeper may be newer of the same key, or of which no reader could tell which is newer.
 * Tables are told apart by the sequences that they hold; a merge holds those of all of its inputs.
 */
export function overtaken(version: Version): readonly string[] {
  const runs = version.levels.flatMap((tables, level) =>
    level === 0 ? tables.map((table) => [table]) : [tables],
  );
  const problems: string[] = [];
  for (const [index, upper] of runs.entries()) {
    for (const lower of runs.slice(index + 1)) {
      for (const above of upper) {
        for (const below of lower) {
          if (!shareKeys(above, below)) continue;
          if (below.smallestSequence <= above.largestSequence) continue;
          problems.push(`table ${below.fileNumber} lies below table ${above.fileNumber}`);
        }
      }
    }
  }
  return problems;
}

function shareKeys(a: TableMeta, b: TableMeta): boolean {
  return (
    compareBytes(a.smallestKey, b.largestKey!) <= 0 &&
    compareBytes(b.smallestKey, a.largestKey!) <= 0
  );
}
