/**
 * One flush or compaction, as a plain description: what is read, what must stay readable, what is written. Whoever runs
 * it, on whatever thread, needs nothing else but the files.
 *
 * Always true:
 * (1) The outputs read as the inputs do for every view named, and for all that begin at or after the sequence that was
 *     visible when the job was described; so a job that was lost with its thread can be run again as it stands.
 * (2) `beneath` names at least every table below the output that may hold something older of a key. Flushes and other
 *     jobs that end meanwhile only add what is newer, or take away.
 */
import type { Bytes } from "../../../base/index.ts";
import { bytesOf, overlapping, spanOf } from "../compaction/index.ts";
import type { Version, ViewSequences } from "../compaction/index.ts";
import type { Cursor, RangeDelete } from "../cursor/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import type { Memtable } from "../memtable/index.ts";
import type { TableWriterOptions } from "../sstable/index.ts";

/** What a memtable is to a job. */
export interface JobEntries {
  readonly rangeDeletes: readonly RangeDelete[];
  cursor(): Cursor;
}

export interface MergeJob {
  /** A flush goes before merges, also before one that is under way. */
  readonly kind: "flush" | "merge";
  /** What is flushed; undefined for a merge. */
  readonly memtable: Memtable | undefined;
  /** The tables that are merged. */
  readonly inputs: readonly TableMeta[];
  /** What open views read at, ascending. */
  readonly views: ViewSequences;
  /** By level: the tables that may hold older versions, deletes of which must stay. */
  readonly beneath: readonly (readonly TableMeta[])[];
  readonly outputLevel: number;
  /** Infinity: one table takes all. */
  readonly tableBytesTarget: number;
  /** The tables beneath the outputs that overlap them: outputs are cut so that none overlaps too many of these. */
  readonly grandparents: readonly TableMeta[];
  readonly writer: TableWriterOptions;
}

/** Where the files of a database are, and whose they are. */
export interface StorePlace {
  readonly directory: string;
  readonly storeId: Bytes;
}

/** About how much work it is, in bytes to read. */
export function jobBytes(job: MergeJob): number {
  return (job.memtable?.bytes ?? 0) + bytesOf(job.inputs);
}

/** The tables from level `from` on that touch the keys of the inputs, but not the inputs themselves. */
export function beneathInputs(
  version: Version,
  from: number,
  inputs: readonly TableMeta[],
): readonly (readonly TableMeta[])[] {
  const numbers = new Set(inputs.map((table) => table.fileNumber));
  const span = spanOf(inputs);
  return version.levels
    .slice(from)
    .map((tables) => overlapping(tables, span).filter((one) => !numbers.has(one.fileNumber)));
}
