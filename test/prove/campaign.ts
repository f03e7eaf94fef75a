/** Rounds of proofs in several processes, within a time. */
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
const TELL_EVERY_MILLIS = 30_000;

export interface Outcome {
  readonly proof: Proof;
  readonly counts: Counts;
  readonly failures: string[];
  rounds: number;
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
  readonly #script = bundledWorker();
  /** Rounds begun of each proof: the next seed follows from it. */
  readonly #begun = new Map<Proof, number>();

  constructor(options: CampaignOptions) {
    this.#options = options;
    this.#outcomes = options.proofs.map((proof) => ({
      proof,
      counts: new Map(),
      failures: [],
      rounds: 0,
      millis: 0,
    }));
  }

  async run(tell: (line: string) => void): Promise<readonly Outcome[]> {
    const startMillis = Date.now();
    const endMillis = startMillis + this.#options.minutes * 60_000;
    for (const pass of ["share", "rest"] as const) {
      let open = this.#outcomes.filter((outcome) => !this.#isDone(outcome));
      while (open.length > 0) {
        const leftMillis = endMillis - Date.now();
        if (leftMillis <= 0 && pass === "rest") break;
        const [outcome, ...others] = open as [Outcome, ...Outcome[]];
        const shares = open.reduce((sum, { proof }) => sum + proof.share, 0);
        const millis = Math.max(0, (leftMillis * outcome.proof.share) / shares);
        await this.#give(outcome, millis, tell);
        open = others;
      }
    }
    return this.#outcomes;
  }

  #isDone({ counts, failures, proof }: Outcome): boolean {
    if (failures.length >= FAILURES_MAX) return true;
    const begun = this.#begun.get(proof) ?? 0;
    // A list of rounds is always made whole: half a list of planted defects proves nothing.
    if (proof.rounds !== undefined) return begun >= proof.rounds;
    const wanted = (proof.full * this.#options.minutes) / FULL_MINUTES;
    return (counts.get(proof.unit) ?? 0) >= wanted;
  }

  /** Rounds of one proof on all cores until it is done or its time is over. */
  async #give(outcome: Outcome, millis: number, tell: (line: string) => void): Promise<void> {
    const { proof } = outcome;
    const startMillis = Date.now();
    const endMillis = startMillis + millis;
    const line = (): string => {
      const seconds = Math.round((Date.now() - startMillis) / 1_000);
      const seen = (outcome.counts.get(proof.unit) ?? 0).toLocaleString("en");
      return `${proof.name}: ${seen} ${proof.unit}, ${outcome.failures.length} bad, ${seconds} s`;
    };
    const timer = setInterval(() => tell(`  ${line()}`), TELL_EVERY_MILLIS);
    const workers = proof.alone === true ? 1 : this.#options.cores;
    await Promise.all(Array.from({ length: workers }, () => this.#work(outcome, endMillis)));
    clearInterval(timer);
    outcome.millis += Date.now() - startMillis;
    tell(line());
  }

  async #work(outcome: Outcome, endMillis: number): Promise<void> {
    const { proof } = outcome;
    let worker: ChildProcess | undefined;
    while (!this.#isDone(outcome) && (Date.now() < endMillis || proof.rounds !== undefined)) {
      const at = this.#begun.get(proof) ?? 0;
      this.#begun.set(proof, at + 1);
      const seed = proof.rounds === undefined ? (this.#options.seed + at) % 2 ** 31 : at;
      worker ??= startWorker(this.#script);
      const report = await roundIn(worker, proof, seed);
      outcome.rounds++;
      for (const [what, times] of report.counts) count(outcome.counts, what, times);
      if (report.failure === undefined) continue;
      outcome.failures.push(report.failure);
      // What failed may have left anything behind in the process.
      worker.kill("SIGKILL");
      worker = undefined;
    }
    worker?.kill("SIGKILL");
  }
}

function startWorker(script: string): ChildProcess {
  return fork(script, { stdio: ["ignore", "ignore", "inherit", "ipc"], execArgv: [] });
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
