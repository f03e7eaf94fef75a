/**
 * Heavy ingest: puts at full speed, awaited one by one, and how long anybody else in the process has to wait meanwhile. An
 * event loop that is free turns thousands of times a second; the longest time between two of its turns is what a request
 * of somebody else would have waited.
 */
import type { Ground } from "./ground.ts";
import { getRows } from "./reads.ts";
import { shuffled } from "./rows.ts";

/** Puts between two turns of the event loop, for those that answer at once and would never give it one. */
const TURN_EVERY = 16;

export async function ingest(ground: Ground): Promise<void> {
  const { recorder, rows, store } = ground;
  const order = shuffled(rows.count, 61);
  const turns = new TurnWatch();
  await recorder.each(
    "ingest, put awaited",
    order.length,
    (i) => {
      const n = order[i]!;
      return store.put(rows.key(n), rows.value(n));
    },
    { turnEvery: TURN_EVERY },
  );
  const { longestMillis, p999Millis } = turns.stop();
  recorder.value("ingest, longest stall of the event loop", "ms", longestMillis, "lower");
  recorder.value("ingest, p99.9 turn of the event loop", "ms", p999Millis, "lower");
  await getRows(ground, order.subarray(0, 1_000));
}

/** Looks at the clock in every turn of the event loop. */
class TurnWatch {
  readonly #millis: number[] = [];
  #before = performance.now();
  #next: NodeJS.Immediate = setImmediate(() => this.#turn());

  #turn(): void {
    const now = performance.now();
    this.#millis.push(now - this.#before);
    this.#before = now;
    this.#next = setImmediate(() => this.#turn());
  }

  stop(): { readonly longestMillis: number; readonly p999Millis: number } {
    clearImmediate(this.#next);
    const sorted = Float64Array.from(this.#millis).toSorted();
    return {
      longestMillis: sorted.at(-1) ?? 0,
      p999Millis: sorted[Math.floor(sorted.length * 0.999)] ?? 0,
    };
  }
}
