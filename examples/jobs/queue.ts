/**
 * A job queue in one collection. A job that waits is due when it may start; a job that runs is due again when its lease
 * runs out. So one index by due time finds both, and a crashed worker needs nobody to clean up after it.
 *
 * Always true:
 * (1) Each claim raises `attempts`. Only who holds the newest attempt can renew, finish or fail the job: who comes too
 *     late is told so, and changes nothing.
 * (2) The effect of a job is written in the transaction that makes it done, so that it comes about exactly once, however
 *     often the job was begun.
 */
import { collection, inc, ref } from "kotobadb";
import type { Db, DocOf } from "kotobadb";
import { z } from "zod";

export const collections = {
  jobs: collection(
    "jobs",
    z.object({
      letterTo: z.string(),
      state: z.enum(["waiting", "running", "done", "dead"]).default("waiting"),
      /** In milliseconds: when somebody may take it. */
      due: z.number(),
      attempts: z.number().int().default(0),
      lastError: z.string().optional(),
    }),
    {
      indexes: {
        // Only jobs that are not over have entries: the index stays as small as the queue, however long its history.
        open: { on: ["due"], where: { state: { in: ["waiting", "running"] } } },
        perState: { count: true, by: ["state"] },
      },
    },
  ),
  /** The effect of a job, here a line in a book of letters that were sent. */
  letters: collection("letters", z.object({ jobId: ref("jobs"), to: z.string() })),
};
export type JobsDb = Db<typeof collections>;
export type Job = DocOf<typeof collections.jobs>;

export const ATTEMPTS_MAX = 5;
const RETRY_MILLIS = 20;

export class Queue {
  readonly #db: JobsDb;
  /** For how long a worker has a job to itself; it renews that for as long as it works. */
  readonly leaseMillis: number;
  /** How often the body of a claim ran: more often than there are claims where workers get in each other's way. */
  claimRuns = 0;

  constructor(db: JobsDb, leaseMillis: number) {
    this.#db = db;
    this.leaseMillis = leaseMillis;
  }

  async enqueue(recipients: readonly string[]): Promise<void> {
    const due = Date.now();
    await this.#db.jobs.insertMany(recipients.map((letterTo) => ({ letterTo, due })));
  }

  /**
   * One of the `spread` jobs that are due longest, for the length of a lease; undefined if none is due.
   *
   * If every worker took the very oldest job, all of them would read and write the same document: one wins, the others
   * have a conflict and run again, only to meet at the next one. So the candidates are looked for outside of the
   * transaction, where reading conflicts with nobody; each worker picks one of them at random; and the transaction looks
   * at that job alone, and whether it is still due. Jobs start a little out of order, which a queue with several workers
   * never promised anyway.
   */
  async claim(spread = 64): Promise<Job | undefined> {
    for (;;) {
      const now = Date.now();
      const candidates = await this.#db.jobs
        .where({ state: { in: ["waiting", "running"] }, due: { lte: now } })
        .orderBy("due")
        .limit(spread)
        .select("id")
        .all();
      const picked = candidates[Math.floor(Math.random() * candidates.length)];
      if (picked === undefined) return undefined;
      const claimed = await this.#take(picked.id, now);
      if (claimed !== undefined) return claimed;
    }
  }

  /** The job, if it is still to be had. */
  async #take(id: Job["id"], now: number): Promise<Job | undefined> {
    return this.#db.transaction(async (tx) => {
      this.claimRuns++;
      const job = await tx.jobs.getOrThrow(id);
      const isOpen = job.state === "waiting" || job.state === "running";
      if (!isOpen || job.due > now) return undefined;
      if (job.attempts >= ATTEMPTS_MAX) {
        await tx.jobs.update(id, { state: "dead", lastError: "its worker was lost" });
        return undefined;
      }
      return tx.jobs.update(id, { state: "running", due: now + this.leaseMillis, attempts: inc() });
    });
  }

  /** Makes the lease of a claimed job last from now on. False: it is somebody else's by now. */
  renew(claimed: Job): Promise<boolean> {
    return this.#asHolder(claimed, async (tx) => {
      await tx.jobs.update(claimed.id, { due: Date.now() + this.leaseMillis });
    });
  }

  /** Writes the letter and makes the job done, both or neither. False: the job is somebody else's by now. */
  finish(claimed: Job): Promise<boolean> {
    return this.#asHolder(claimed, async (tx) => {
      await tx.letters.insert({ jobId: claimed.id, to: claimed.letterTo });
      await tx.jobs.update(claimed.id, { state: "done" });
    });
  }

  /** Gives the job back, to be tried again a little later, or never where it was tried too often. */
  fail(claimed: Job, lastError: string): Promise<boolean> {
    const isLast = claimed.attempts >= ATTEMPTS_MAX;
    return this.#asHolder(claimed, async (tx) => {
      const due = Date.now() + RETRY_MILLIS * 2 ** claimed.attempts;
      await tx.jobs.update(claimed.id, { state: isLast ? "dead" : "waiting", due, lastError });
    });
  }

  /** Two cells of an index that counts, however many jobs there are. */
  async isDrained(): Promise<boolean> {
    return (await this.#db.jobs.where({ state: { in: ["waiting", "running"] } }).count()) === 0;
  }

  #asHolder(
    claimed: Job,
    work: (tx: Pick<JobsDb, "jobs" | "letters">) => Promise<void>,
  ): Promise<boolean> {
    return this.#db.transaction(async (tx) => {
      const { attempts, state } = await tx.jobs.getOrThrow(claimed.id);
      // A lease that ran out, but that nobody has taken over, still holds.
      if (state !== "running" || attempts !== claimed.attempts) return false;
      await work(tx);
      return true;
    });
  }
}
