/** A worker: claims, keeps its lease while it works, and now and then meets with an accident. */
import { setInterval, setTimeout as sleep } from "node:timers/promises";
import type { Job, Queue } from "./queue.ts";

export interface Figures {
  begun: number;
  crashed: number;
  failed: number;
  tooLate: number;
}

/** Works until nothing is left to do. A worker that crashes is replaced by the next one. */
export async function workUntilDrained(queue: Queue, figures: Figures): Promise<void> {
  while (!(await queue.isDrained())) {
    const job = await queue.claim();
    // What is left waits for a retry, or is in the hands of others, who may yet crash.
    if (job === undefined) await sleep(10);
    else await workOn(job, queue, figures);
  }
}

async function workOn(job: Job, queue: Queue, figures: Figures): Promise<void> {
  figures.begun++;
  const fate = Math.random();
  if (fate < 0.1) {
    // Gone without a word: nobody renews the lease, nobody gives the job back.
    figures.crashed++;
    return;
  }
  if (fate < 0.15) {
    // Held up for longer than the lease lasts, with no heartbeat, and then back as if nothing had happened.
    await sleep(queue.leaseMillis * 1.5);
    if (!(await queue.finish(job))) figures.tooLate++;
    return;
  }
  const done = new AbortController();
  const heartbeat = keepLease(job, queue, done.signal);
  // Some work takes longer than a lease.
  await sleep(Math.random() < 0.03 ? queue.leaseMillis * 1.5 : Math.random() * 20);
  done.abort();
  await heartbeat;
  if (job.letterTo === "nobody") {
    figures.failed++;
    await queue.fail(job, "there is no such address");
  } else if (!(await queue.finish(job))) figures.tooLate++;
}

async function keepLease(job: Job, queue: Queue, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of setInterval(queue.leaseMillis / 3, undefined, { signal }))
      await queue.renew(job);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
