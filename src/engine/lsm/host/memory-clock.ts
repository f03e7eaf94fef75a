/** The simulated clock and its sleepers: time passes only by jumping to the moment at which the next sleeper wakes. */
import type { Clock, Timers } from "./host.ts";
import { nodeTimers } from "./node-host.ts";

const FIRST_MILLIS = 1_700_000_000_000;

interface Sleeper {
  readonly wakeMillis: number;
  readonly wake: () => void;
}

export class MemoryClock implements Clock, Timers {
  readonly #startMillis: number;
  #nowMillis: number;
  /** By wake time; among equals by when they lay down. */
  readonly #sleepers: Sleeper[] = [];

  constructor(nowMillis: number = FIRST_MILLIS) {
    this.#startMillis = nowMillis;
    this.#nowMillis = nowMillis;
  }

  nowMillis = (): number => this.#nowMillis;
  monotonicMillis = (): number => this.#nowMillis - this.#startMillis;

  pause = (): Promise<void> => nodeTimers.pause();
  soon = (work: () => void): void => nodeTimers.soon(work);

  /** Time that passes while the thread is blocked. */
  passes(millis: number): void {
    this.#nowMillis += millis;
  }

  sleep = (millis: number): Promise<void> =>
    new Promise((resolved) => {
      const wakeMillis = this.#nowMillis + millis;
      const after = this.#sleepers.findIndex((sleeper) => sleeper.wakeMillis > wakeMillis);
      const at = after === -1 ? this.#sleepers.length : after;
      this.#sleepers.splice(at, 0, { wakeMillis, wake: resolved });
      nodeTimers.soon(() => this.#wakeNext());
    });

  /** One turn for each sleeper, so that what one does after waking comes before the next one wakes. */
  #wakeNext(): void {
    const next = this.#sleepers.shift();
    if (next === undefined) return;
    this.#nowMillis = Math.max(this.#nowMillis, next.wakeMillis);
    next.wake();
  }
}
