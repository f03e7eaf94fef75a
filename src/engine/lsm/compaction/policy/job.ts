/** What a policy is told and what it answers. Plain values, so that every choice can be printed and repeated. */
import { compareBytes } from "../../../../base/index.ts";
import type { RangeDelete } from "../../cursor/index.ts";
import type { TableMeta } from "../../manifest/index.ts";
import { tableText } from "../version.ts";

export type CompactionPolicy = "leveled" | "lazy-leveled" | "tiered" | "fifo";

/** Those of the engine's settings that decide; options.ts says what they mean. */
export interface PickSettings {
  readonly policy: CompactionPolicy;
  readonly l0TablesTrigger: number;
  readonly minCompactionFiles: number;
  readonly levelBaseBytes: number;
  readonly levelFanOut: number;
  readonly tableBytesTarget: number;
  readonly fifoBytesMax: number;
  readonly tombstoneDensePercent: number;
  readonly periodicMillis: number;
}

/** What matters beside the version at this moment. */
export interface PickState {
  /** File numbers of tables that are inputs of a job under way. */
  readonly busy: ReadonlySet<number>;
  /** Every view that is open, and every later one, sees all commits up to this sequence. */
  readonly oldestSequence: number;
  readonly nowMillis: number;
  /** Those of all tables of the version. */
  readonly rangeDeletes: readonly RangeDelete[];
}

export const NOTHING_ELSE: PickState = {
  busy: new Set(),
  oldestSequence: 0,
  nowMillis: 0,
  rangeDeletes: [],
};

export interface CompactionJob {
  readonly why: string;
  /** What is merged; in level 0 a run of neighbours, so that nothing that stays lies between two of them. */
  readonly inputs: readonly TableMeta[];
  /** 0: the outputs are one table. */
  readonly outputLevel: number;
  /** The inputs can simply be listed in the output level. */
  readonly isMove: boolean;
  /** The inputs go without being read; there is no output. */
  readonly isDrop?: boolean;
  /** The tables beneath the output that overlap it: outputs are cut so that none of them overlaps too many. */
  readonly grandparents?: readonly TableMeta[];
}

/** A job as text, for golden tests and logs. */
export function jobText(job: CompactionJob | undefined): string {
  if (job === undefined) return "nothing to do";
  const lines = [`${headline(job)}, because ${job.why}`];
  for (const table of job.inputs.toSorted(byLevelAndKey)) {
    lines.push(`  level ${table.level}: ${tableText(table)}`);
  }
  const numbers = (job.grandparents ?? []).map((table) => table.fileNumber);
  if (numbers.length > 0) lines.push(`  cut by tables ${numbers.join(", ")}`);
  return lines.join("\n");
}

function headline(job: CompactionJob): string {
  if (job.isDrop === true) return "drop";
  return `${job.isMove ? "move" : "merge"} into level ${job.outputLevel}`;
}

function byLevelAndKey(a: TableMeta, b: TableMeta): number {
  return a.level - b.level || compareBytes(a.smallestKey, b.smallestKey);
}

export function isFree(tables: readonly TableMeta[], state: PickState): boolean {
  return !tables.some((table) => state.busy.has(table.fileNumber));
}

/** Bytes for people. */
export function bytesText(bytes: number): string {
  return bytes < 1_048_576
    ? `${Math.round(bytes / 1_024)} KiB`
    : `${(bytes / 1_048_576).toFixed(1)} MiB`;
}
