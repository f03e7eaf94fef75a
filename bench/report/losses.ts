/**
 * Why a row is lost, where we know: a profile, a count, a limit. Shown beside the row only in runs that lose it; rows with
 * the very same text stand together, with the text once.
 */
import type { SuiteName } from "../kit/index.ts";

/** By suite and workload. */
export type LossReasons = Readonly<Partial<Record<SuiteName, Readonly<Record<string, string>>>>>;

export const lossReasons: LossReasons = {
  keyvalue: {
    "open and first get":
      "A file that is mapped into memory is opened without reading it; a log-structured store reads its manifest, the top of each table's index and what its log holds.",
  },
};
