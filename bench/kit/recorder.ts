/**
 * Takes the time of phases, in a child. Garbage of the phase before is collected before each one, and processor seconds
 * stand beside wall seconds, since the machine may be shared.
 */
import { appendFileSync } from "node:fs";
import type {
  Better,
  DataRead,
  LatencyMicros,
  Measurement,
  SuiteName,
  Unit,
} from "./measurement.ts";
import type { TurnWatch } from "./turn-watch.ts";

export interface EachOptions {
  /** Gives the event loop a turn after so many of them; that time belongs to none. Default: never. */
  readonly turnEvery?: number;
  /** Is started when the first one begins: what is collected before would be the longest stall of all. */
  readonly turns?: TurnWatch;
}

export interface Recorder {
  /** gc, then `work` once; `count` operations → ops/s with CPU and wall seconds. */
  rate(
    workload: string,
    count: number,
    work: () => void | Promise<void>,
    /** Where it matters whether the store's cache can hold it. */
    data?: DataRead,
  ): Promise<void>;
  /** `count` operations one after the other, each awaited and timed → ops/s and percentiles. */
  each(
    workload: string,
    count: number,
    operation: (i: number) => unknown,
    options?: EachOptions,
  ): Promise<void>;
  /** any other figure */
  value(workload: string, unit: Unit, value: number, better: Better): void;
}

export class FileRecorder implements Recorder {
  readonly #suite: SuiteName;
  readonly #store: string;
  readonly #path: string;

  /** Each measurement is a line of JSON, appended to the file when it is made: a child that fails keeps what it had. */
  constructor(suite: SuiteName, store: string, path: string) {
    this.#suite = suite;
    this.#store = store;
    this.#path = path;
  }

  async rate(
    workload: string,
    count: number,
    work: () => void | Promise<void>,
    data?: DataRead,
  ): Promise<void> {
    const phase = await phaseOf(work);
    this.#write({
      workload,
      unit: "ops/s",
      value: count / phase.wallSeconds,
      better: "higher",
      ...phase,
      ...(data === undefined ? {} : { data }),
    });
  }

  async each(
    workload: string,
    count: number,
    operation: (i: number) => unknown,
    { turnEvery = Infinity, turns }: EachOptions = {},
  ): Promise<void> {
    const micros = new Float64Array(count);
    const phase = await phaseOf(async () => {
      turns?.start();
      let before = performance.now();
      for (let i = 0; i < count; i++) {
        const answer = operation(i);
        // Only a promise is awaited: who answers at once is not slowed by one that was never made.
        if (answer instanceof Promise) await answer;
        const now = performance.now();
        micros[i] = (now - before) * 1_000;
        before = now;
        if (i % turnEvery === turnEvery - 1) {
          await new Promise(setImmediate);
          before = performance.now();
        }
      }
    });
    const latencyMicros = latencyOf(micros);
    const value = count / phase.wallSeconds;
    this.#write({ workload, unit: "ops/s", value, better: "higher", ...phase, latencyMicros });
  }

  value(workload: string, unit: Unit, value: number, better: Better): void {
    this.#write({ workload, unit, value, better });
  }

  #write(measured: Omit<Measurement, "suite" | "store">): void {
    if (!Number.isFinite(measured.value)) throw new Error(`${measured.workload}: not a figure`);
    const line: Measurement = { suite: this.#suite, store: this.#store, ...measured };
    appendFileSync(this.#path, `${JSON.stringify(line)}\n`);
  }
}

async function phaseOf(
  work: () => void | Promise<void>,
): Promise<{ readonly cpuSeconds: number; readonly wallSeconds: number }> {
  collectGarbage();
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const answer = work();
  if (answer instanceof Promise) await answer;
  const wallSeconds = Math.max(performance.now() - start, 1e-6) / 1_000;
  const { system, user } = process.cpuUsage(cpuBefore);
  return { cpuSeconds: (system + user) / 1e6, wallSeconds };
}

/** Twice: what the first one finds dead may hold on to more. */
export function collectGarbage(): void {
  globalThis.gc?.();
  globalThis.gc?.();
}

/** Sorts the durations where they are. */
function latencyOf(micros: Float64Array): LatencyMicros {
  micros.sort();
  const at = (share: number): number =>
    micros[Math.min(micros.length - 1, Math.floor(micros.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}
