/** Whoever runs flushes and compactions: this thread, or another one. */
import type { MergeResult } from "../compaction/index.ts";
import type { MergeJob } from "./merge-job.ts";

export interface JobRunner {
  /** Gives the tables that were written, durable; of a job that was given up, those that are to be removed. */
  run(job: MergeJob): Promise<MergeResult>;
  /** Gives up what is under way, at its next step, and all that comes. */
  giveUp(): void;
  /** Lets go of everything; no job is under way any more. */
  close(): Promise<void>;
  readonly stats: Readonly<Record<string, number>>;
}

export const GIVEN_UP: MergeResult = {
  tables: [],
  isGivenUp: true,
  entriesRead: 0,
  entriesKept: 0,
};
