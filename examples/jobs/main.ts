import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "kotobadb";
import { ATTEMPTS_MAX, collections, Queue } from "./queue.ts";
import type { JobsDb } from "./queue.ts";
import { workUntilDrained } from "./work.ts";

const workers = 20;
const folder = await mkdtemp(join(tmpdir(), "kotobadb-jobs-"));
try {
  await using db = await open(folder, { collections });
  for (const spread of [1, 64]) await race(db, 100, spread);
  console.log();
  await deliver(db, 190, 10);
} finally {
  await rm(folder, { recursive: true });
}

/** All workers do nothing but claim, as fast as they can. */
async function race(db: JobsDb, count: number, spread: number): Promise<void> {
  const queue = new Queue(db, 60_000);
  await queue.enqueue(Array.from({ length: count }, (_, n) => `reader ${n}`));
  let claims = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: workers }, async () => {
      while ((await queue.claim(spread)) !== undefined) claims++;
    }),
  );
  const millis = Math.round(performance.now() - started);
  const which = spread === 1 ? "the oldest job" : `one of the ${spread} oldest jobs`;
  console.log(
    `${workers} workers, each takes ${which}: ${claims} claims by ${queue.claimRuns} runs of the transaction, ${millis} ms.`,
  );
  await db.jobs.where({}).delete();
}

/** The real work, with accidents, and the proof that they did no harm. */
async function deliver(db: JobsDb, good: number, hopeless: number): Promise<void> {
  const queue = new Queue(db, 300);
  const recipients = Array.from({ length: good }, (_, n) => `reader ${n}`);
  await queue.enqueue([...recipients, ...Array.from({ length: hopeless }, () => "nobody")]);
  const figures = { begun: 0, crashed: 0, failed: 0, tooLate: 0 };
  await Promise.all(Array.from({ length: workers }, () => workUntilDrained(queue, figures)));
  console.log(
    `${good + hopeless} letters, ${hopeless} of them to nobody, were begun ${figures.begun} times: ${figures.crashed} workers crashed, ${figures.tooLate} came back after their lease, ${figures.failed} tries failed.`,
  );

  const perState = await db.jobs.groupBy("state").aggregate({ n: { count: true } });
  console.log(perState.map(({ n, state }) => `${n} ${state}`).join(", "));
  const jobs = await db.jobs.all();
  const letters = await db.letters.all();
  const written = new Map(letters.map(({ jobId, to }) => [jobId, to]));
  const isRight = jobs.every((job) =>
    job.state === "done"
      ? written.get(job.id) === job.letterTo
      : job.state === "dead" && job.attempts === ATTEMPTS_MAX && !written.has(job.id),
  );
  // As many letters as jobs that have one: none was written twice.
  const isWhole = jobs.length === good + hopeless && letters.length === written.size;
  if (!isRight || !isWhole || !(await db.verify()).ok)
    throw new Error("A letter was lost, or written twice.");
  console.log("Each job that is done wrote its one letter: none was lost, none came twice.");
}
