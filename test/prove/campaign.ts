/**
 * Rounds of all proofs in several processes, within a time.
 *
 * Always true:
 * (1) Proofs whose rounds are a list come first, and are made whole: half a list of planted defects proves nothing.
 * (2) Of the others the next round is of the one that has had the least of its share of the time, until it has its
 *     figure. So all get their part, and what is left goes to those that need it.
 * (3) Which seeds come up follows from the first seed and from how many rounds there are; what a round does follows from
 *     its seed alone.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { count } from "./kit/proof.ts";
import type { Counts, Proof } from "./kit/proof.ts";
import type { RoundOrder, RoundReport } from "./worker.ts";

/** The figures to reach are those of so many minutes. */
const FULL_MINUTES = 30;
const ROUND_MILLIS_MAX = 180_000;
/** One is enough to know; a few show whether it is one thing. The rest of the time is for the other proofs. */
const FAILURES_MAX = 5;
const TELL_EVERY_MILLIS = 60_000;
/** There is a process for each core: threads that collect garbage for one would only slow another. */
const WORKER_FLAGS = ["--single-threaded-gc"];

export interface Outcome {
  readonly proof: Proof;
  readonly counts: Counts;
  readonly failures: string[];
  /** Rounds begun: the next seed follows from it. */
  begun: number;
  /** Of these, under way. */
  running: number;
  /** What its ended rounds took, one after the other. */
  millis: number;
}

export interface CampaignOptions {
  readonly proofs: readonly Proof[];
  readonly minutes: number;
  readonly seed: number;
  readonly cores: number;
}

export class Campaign {
  readonly #options: CampaignOptions;
  readonly #outcomes: readonly Outcome[];
  readonly #script: string = bundledWorker();
  readonly #startMillis: number = Date.now();

  constructor(options: CampaignOptions) {
    this.#options = options;
    this.#outcomes = options.proofs.map((proof) => ({
      proof,
      counts: new Map(),
      failures: [],
      begun: 0,
      running: 0,
      millis: 0,
    }));
  }

  async run(tell: (line: string) => void): Promise<readonly Outcome[]> {
    const timer = setInterval(() => this.#tellAll(tell), TELL_EVERY_MILLIS);
    await Promise.all(Array.from({ length: this.#options.cores }, () => this.#work(tell)));
    clearInterval(timer);
    this.#tellAll(tell);
    return this.#outcomes;
  }

  #tellAll(tell: (line: string) => void): void {
    const minutes = ((Date.now() - this.#startMillis) / 60_000).toFixed(1);
    const figures = this.#outcomes.map(({ counts, failures, proof }) => {
      const bad = failures.length === 0 ? "" : ` (${failures.length} BAD)`;
      return `${proof.name} ${(counts.get(proof.unit) ?? 0).toLocaleString("en")}${bad}`;
    });
    tell(`${minutes} min: ${figures.join(", ")}`);
  }

  /** One round after the other. A proof keeps its process: what is compiled for its calls is not right for another. */
  async #work(tell: (line: string) => void): Promise<void> {
    const workers = new Map<Proof, ChildProcess>();
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const { proof } = next;
      const at = next.begun++;
      next.running++;
      const seed = proof.rounds === undefined ? (this.#options.seed + at) % 2 ** 31 : at;
      const worker = workers.get(proof) ?? startWorker(this.#script);
      workers.set(proof, worker);
      const startMillis = Date.now();
      const report = await roundIn(worker, proof, seed);
      next.running--;
      next.millis += Date.now() - startMillis;
      for (const [what, times] of report.counts) count(next.counts, what, times);
      if (report.failure === undefined) continue;
      next.failures.push(report.failure);
      tell(`FOUND ${report.failure}`);
      // What failed may have left anything behind in the process.
      worker.kill("SIGKILL");
      workers.delete(proof);
    }
    for (const worker of workers.values()) worker.kill("SIGKILL");
  }

  #next(): Outcome | undefined {
    const open = this.#outcomes.filter((outcome) => !this.#isDone(outcome));
    const listed = open.find(({ proof }) => proof.rounds !== undefined);
    if (listed !== undefined) return listed;
    const isOver = Date.now() >= this.#startMillis + this.#options.minutes * 60_000;
    if (isOver) return undefined;
    return open.toSorted((a, b) => portionOf(a) - portionOf(b))[0];
  }

  #isDone({ begun, counts, failures, proof }: Outcome): boolean {
    if (failures.length >= FAILURES_MAX) return true;
    if (proof.rounds !== undefined) return begun >= proof.rounds;
    return (counts.get(proof.unit) ?? 0) >= figureToReach(proof, this.#options.minutes);
  }
}

/** How much time it has had, relative to its share. What is under way counts as a second. */
function portionOf({ millis, proof, running }: Outcome): number {
  return (millis + running * 1_000) / proof.share;
}

export function figureToReach(proof: Proof, minutes: number): number {
  return proof.rounds === undefined ? Math.ceil((proof.full * minutes) / FULL_MINUTES) : proof.full;
}

function startWorker(script: string): ChildProcess {
  return fork(script, { stdio: ["ignore", "ignore", "inherit", "ipc"], execArgv: WORKER_FLAGS });
}

/** The worker with all that it stands on, in one file: it starts at once, and no loader slows it. */
function bundledWorker(): string {
  const outfile = fileURLToPath(new URL("../../node_modules/.cache/prove.mjs", import.meta.url));
  buildSync({
    entryPoints: [fileURLToPath(new URL("worker.ts", import.meta.url))],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    sourcemap: "inline",
  });
  return outfile;
}

function roundIn(worker: ChildProcess, proof: Proof, seed: number): Promise<RoundReport> {
  const order: RoundOrder = { proof: proof.name, seed };
  const millisMax = proof.roundMillisMax ?? ROUND_MILLIS_MAX;
  return new Promise((resolve) => {
    const failed = (failure: string): void =>
      done({ ...order, counts: [], failure: `${order.proof}, seed ${order.seed}: ${failure}` });
    const onExit = (code: number | null, signal: string | null): void =>
      failed(`the process ended with ${signal ?? code}`);
    const timer = setTimeout(() => failed(`no end after ${millisMax} ms`), millisMax);
    const done = (report: RoundReport): void => {
      clearTimeout(timer);
      worker.off("message", done);
      worker.off("exit", onExit);
      resolve(report);
    };
    worker.on("message", done);
    worker.on("exit", onExit);
    worker.send(order);
  });
}
