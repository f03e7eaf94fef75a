/**
 * The writer's side of one background thread: sends it jobs and hands back what it answers.
 *
 * Always true:
 * (1) Every job settles: with the thread's answer, or with ThreadLost when the thread has ended; then nobody writes the
 *     job's files any more.
 * (2) The process stays alive for the thread while a job is under way, and not otherwise.
 */
import type { MergeResult } from "../../compaction/index.ts";
import type { BackgroundThread, Threads } from "../../host/index.ts";
import { revivedError } from "./border.ts";
import type { PostedJob, ThreadAnswer, ThreadSetup } from "./border.ts";

/** The thread ended before it answered; the job can be run again. Never leaves the maintenance room. */
export class ThreadLost extends Error {
  constructor(cause: unknown) {
    super("The background thread ended before its job did.", { cause });
  }
}

interface Waiting {
  resolve(result: MergeResult): void;
  reject(reason: unknown): void;
}

export class ThreadRunner {
  readonly #thread: BackgroundThread;
  readonly #waiting = new Map<number, Waiting>();
  #lost: ThreadLost | undefined;

  /** Throws if no thread can be started. */
  constructor(threads: Threads, source: string, setup: ThreadSetup) {
    this.#thread = threads.start(source, setup, {
      message: (message) => this.#answered(message as ThreadAnswer),
      ended: (cause) => this.#ended(cause),
    });
  }

  run(job: PostedJob): Promise<MergeResult> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== undefined) {
        reject(this.#lost);
        return;
      }
      // Sent first: what cannot be sent is nobody's to wait for.
      this.#thread.post(job);
      this.#waiting.set(job.id, { resolve, reject });
      this.#thread.keepAlive(true);
    });
  }

  stop(): Promise<void> {
    return this.#thread.stop();
  }

  #answered(answer: ThreadAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (this.#waiting.size === 0) this.#thread.keepAlive(false);
    if ("result" in answer) waiting?.resolve(answer.result);
    else waiting?.reject(revivedError(answer.error));
  }

  #ended(cause: unknown): void {
    this.#lost = new ThreadLost(cause);
    for (const waiting of this.#waiting.values()) waiting.reject(this.#lost);
    this.#waiting.clear();
  }
}
