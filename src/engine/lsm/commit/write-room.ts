/**
 * Whether there is room in memory for more commits, and the line of those who wait for it.
 *
 * Always true: everybody in the line looks again whenever a memtable was set aside or has left, and when nothing will
 * change any more; so nobody waits for ever.
 */
import type { Clock } from "../host/index.ts";
import { Histogram } from "../report/index.ts";
import type { HistogramFigures, LsmEvents } from "../report/index.ts";

export class WriteRoom {
  readonly #clock: Clock;
  readonly #isFull: () => boolean;
  readonly #hurry: () => void;
  readonly #events: LsmEvents;
  readonly #millis: Histogram = new Histogram();
  #stalled = 0;
  #stallStart = 0;
  #waiting: (() => void)[] = [];
  #stalls = 0;
  #stallMillis = 0;

  /** `hurry` is called before each wait: it sees to it that room is made. */
  constructor(parts: {
    readonly clock: Clock;
    readonly isFull: () => boolean;
    readonly hurry: () => void;
    readonly events: LsmEvents;
  }) {
    this.#events = parts.events;
    this.#clock = parts.clock;
    this.#isFull = parts.isFull;
    this.#hurry = parts.hurry;
  }

  get isFull(): boolean {
    return this.#isFull();
  }
  /** How often commits waited, and how long altogether. */
  get stats(): Readonly<Record<"stalls" | "stallMillis", number>> {
    return { stalls: this.#stalls, stallMillis: this.#stallMillis };
  }

  /** Waits for room, or until the signal says that it is not wanted any more. */
  async wait(signal: AbortSignal | undefined): Promise<void> {
    const start = this.#clock.monotonicMillis();
    this.#stalls++;
    if (this.#stalled++ === 0) this.#begin(start);
    while (this.#isFull() && signal?.aborted !== true) {
      this.#hurry();
      await this.nextChange(signal);
    }
    const end = this.#clock.monotonicMillis();
    this.#stallMillis += end - start;
    this.#millis.record(end - start);
    if (--this.#stalled === 0) {
      this.#events.emit({ type: "stall-end", millis: end - this.#stallStart });
    }
  }

  /** How long each commit waited that had to, in milliseconds. */
  get waits(): HistogramFigures {
    return this.#millis.figures;
  }

  #begin(nowMillis: number): void {
    this.#stallStart = nowMillis;
    this.#events.emit({ type: "stall-begin" });
  }

  nextChange(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        signal?.removeEventListener("abort", go);
        resolve();
      };
      signal?.addEventListener("abort", go, { once: true });
      this.#waiting.push(go);
    });
  }

  /** A memtable was set aside or has left, or nothing will change any more. */
  changed(): void {
    for (const go of this.#waiting.splice(0)) go();
  }
}
