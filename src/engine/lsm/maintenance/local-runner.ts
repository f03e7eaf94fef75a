/**
 * Runs jobs on the thread that it lives on, in slices: the writer's own thread, or a background thread.
 *
 * Always true: while a flush is under way, merges stand still between two of their slices.
 */
import type { MergeResult } from "../compaction/index.ts";
import { GIVEN_UP } from "./job-runner.ts";
import { runMerge } from "./run-merge.ts";
import type { RunnableJob, Workbench } from "./run-merge.ts";

export class LocalRunner {
  readonly #bench: Workbench;
  readonly #isGivenUp: () => boolean;
  #flushing = 0;
  #waiting: (() => void)[] = [];

  constructor(bench: Workbench, isGivenUp: () => boolean) {
    this.#bench = bench;
    this.#isGivenUp = isGivenUp;
  }

  run(job: RunnableJob): Promise<MergeResult> {
    return job.kind === "flush" ? this.#flush(job) : this.#merge(job);
  }

  async #flush(job: RunnableJob): Promise<MergeResult> {
    this.#flushing++;
    try {
      return await runMerge(this.#bench, job, this.#isGivenUp);
    } finally {
      this.#flushing--;
      if (this.#flushing === 0) for (const goOn of this.#waiting.splice(0)) goOn();
    }
  }

  async #merge(job: RunnableJob): Promise<MergeResult> {
    const between = async (): Promise<boolean> => {
      while (this.#flushing > 0 && !this.#isGivenUp()) {
        await new Promise<void>((goOn) => this.#waiting.push(goOn));
      }
      return this.#isGivenUp();
    };
    if (await between()) return GIVEN_UP;
    return runMerge(this.#bench, job, between);
  }
}
