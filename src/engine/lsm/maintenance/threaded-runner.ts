/**
 * Runs jobs in a background thread where that is worth it and possible, else on the writer's own thread in slices.
 *
 * Always true:
 * (1) The thread is started by the first job that is large enough: a small database never has one.
 * (2) A thread that died is replaced a bounded number of times, and its job is run again from its description; what it
 *     had begun to write is removed first. After that this thread does the work: slower, never wrong.
 * (3) What a job began to write and did not finish is removed, also when the job failed.
 */
import { pathIn, tableName } from "../codec/index.ts";
import type { MergeResult, OpenTables } from "../compaction/index.ts";
import type { Host } from "../host/index.ts";
import type { FileNumbers } from "../recovery/index.ts";
import { postedJob } from "./thread/border.ts";
import { GIVEN_UP } from "./job-runner.ts";
import type { JobRunner } from "./job-runner.ts";
import { LocalRunner } from "./local-runner.ts";
import { jobBytes } from "./merge-job.ts";
import type { MergeJob, StorePlace } from "./merge-job.ts";
import { OutputClaims } from "./thread/output-claims.ts";
import { ThreadLost, ThreadRunner } from "./thread/thread-runner.ts";

/** So many threads may die in the life of an engine before it does the work itself. */
const LOSSES_MAX = 3;

export interface ThreadedRunnerParts extends StorePlace {
  readonly host: Host;
  readonly tables: OpenTables;
  readonly numbers: FileNumbers;
  readonly settings: {
    readonly sliceMillis: number;
    readonly backgroundThread: "auto" | "off";
    readonly backgroundThreadBytesMin: number;
  };
  /** The script of the thread; undefined: there is none. */
  readonly source: string | undefined;
}

export class ThreadedRunner implements JobRunner {
  readonly #parts: ThreadedRunnerParts;
  readonly #local: LocalRunner;
  readonly #giveUp: Int32Array<SharedArrayBuffer> | undefined;
  #isGivenUp = false;
  #thread: ThreadRunner | undefined;
  #lastId = 0;
  #losses = 0;
  #starts = 0;
  #jobsInThread = 0;

  constructor(parts: ThreadedRunnerParts) {
    this.#parts = parts;
    const { directory, host, settings, storeId, tables } = parts;
    this.#giveUp =
      typeof SharedArrayBuffer === "function"
        ? new Int32Array(new SharedArrayBuffer(4))
        : undefined;
    const { sliceMillis } = settings;
    this.#local = new LocalRunner(
      {
        host,
        directory,
        storeId,
        sliceMillis,
        openInput: ({ fileNumber }) => ({
          reader: tables.reader(fileNumber),
          done: () => undefined,
        }),
      },
      () => this.#isGivenUp,
    );
  }

  get stats(): Readonly<Record<string, number>> {
    return {
      backgroundThreads: this.#thread === undefined ? 0 : 1,
      backgroundThreadStarts: this.#starts,
      backgroundThreadLosses: this.#losses,
      backgroundThreadJobs: this.#jobsInThread,
    };
  }

  async run(job: MergeJob): Promise<MergeResult> {
    while (this.#mayUseThread(job)) {
      const result = await this.#runInThread(job);
      if (result !== undefined) return result;
    }
    if (this.#isGivenUp) return GIVEN_UP;
    const begun: number[] = [];
    const takeNumber = (): number => {
      const number = this.#parts.numbers.take();
      begun.push(number);
      return number;
    };
    try {
      return await this.#local.run({ ...job, takeNumber });
    } catch (error) {
      this.#discard(begun);
      throw error;
    }
  }

  giveUp(): void {
    this.#isGivenUp = true;
    if (this.#giveUp !== undefined) Atomics.store(this.#giveUp, 0, 1);
  }

  async close(): Promise<void> {
    await this.#thread?.stop();
    this.#thread = undefined;
  }

  #mayUseThread(job: MergeJob): boolean {
    const { host, settings, source } = this.#parts;
    if (this.#isGivenUp || this.#losses > LOSSES_MAX) return false;
    if (settings.backgroundThread === "off" || this.#giveUp === undefined) return false;
    if (host.threads === undefined || source === undefined) return false;
    return this.#thread !== undefined || jobBytes(job) >= settings.backgroundThreadBytesMin;
  }

  /** Undefined: the thread was lost, or there is no way to send the job. */
  async #runInThread(job: MergeJob): Promise<MergeResult | undefined> {
    const memory = OutputClaims.newMemory();
    const posted = postedJob(job, ++this.#lastId, memory);
    let thread: ThreadRunner | undefined;
    try {
      thread = this.#thread ??= this.#start();
      const result = await thread.run(posted);
      this.#jobsInThread++;
      return result;
    } catch (error) {
      this.#discard(new OutputClaims(memory).numbers);
      if (!(error instanceof ThreadLost)) throw error;
      // Two jobs may lose the same thread: it counts once.
      if (thread === undefined || this.#thread === thread) this.#losses++;
      if (this.#thread === thread) this.#thread = undefined;
      return this.#isGivenUp ? GIVEN_UP : undefined;
    }
  }

  #start(): ThreadRunner {
    const { directory, host, numbers, source, storeId } = this.#parts;
    const giveUp = this.#giveUp!.buffer;
    const setup = { directory, storeId, numbers: numbers.memory, giveUp };
    this.#starts++;
    try {
      return new ThreadRunner(host.threads!, source!, setup);
    } catch (cause) {
      // No more threads, or no right to have any.
      throw new ThreadLost(cause);
    }
  }

  /** What cannot be removed now is swept when the database is opened again; the first error is the one to report. */
  #discard(fileNumbers: readonly number[]): void {
    const { directory, host, tables } = this.#parts;
    try {
      for (const number of fileNumbers) {
        if (host.files.exists(pathIn(directory, tableName(number)))) tables.removeTable(number);
      }
    } catch {
      // The storage fails altogether.
    }
  }
}
