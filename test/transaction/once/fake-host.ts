/** A host whose time passes only when somebody waits for it. */
import type { Bytes } from "../../../src/base/index.ts";
import { seededRandom } from "../../../src/testing/kit/index.ts";
import type { SeededRandom } from "../../../src/testing/kit/index.ts";
import type { OnceHost } from "../../../src/transaction/index.ts";

/** Each host has another seed: no two may be given the same tokens. */
let hosts = 0;

export class FakeHost implements OnceHost {
  readonly reported: unknown[] = [];
  /** How far the wall clock is ahead of the other one. */
  wallAheadMillis = 1_700_000_000_000;
  readonly #random: SeededRandom;
  readonly #deadlines = new Set<{ readonly atMillis: number; readonly task: () => void }>();
  #nowMillis = 0;

  constructor(seed = ++hosts) {
    this.#random = seededRandom(seed, 1);
  }

  nowMillis(): number {
    return this.#nowMillis;
  }
  wallMillis(): number {
    return this.#nowMillis + this.wallAheadMillis;
  }
  random(): number {
    return this.#random.below(1_000) / 1_000;
  }
  randomBytes(count: number): Bytes {
    return this.#random.bytes(count);
  }
  advance(millis: number): void {
    this.#nowMillis += millis;
    for (const deadline of this.#deadlines) {
      if (deadline.atMillis > this.#nowMillis) continue;
      this.#deadlines.delete(deadline);
      deadline.task();
    }
  }
  after(millis: number, task: () => void): () => void {
    let cancelled = false;
    queueMicrotask(() => {
      if (cancelled) return;
      this.advance(millis);
      task();
    });
    return () => {
      cancelled = true;
    };
  }
  deadline(millis: number, task: () => void): () => void {
    const deadline = { atMillis: this.#nowMillis + millis, task };
    this.#deadlines.add(deadline);
    return () => this.#deadlines.delete(deadline);
  }
  get timers(): number {
    return this.#deadlines.size;
  }
  report(error: unknown): void {
    this.reported.push(error);
  }
}
