/**
 * Whether there is room in memory for more commits, and the line of those who wait for it.
 *
 * Always true: everybody in the line looks again whenever a memtable was set aside or has left, and when nothing will
 * change any more; so nobody waits for ever. Where making room fails because the disk is full, those who wait are
 * refused, each after it has seen an attempt fail.
 */
import type { DiskFull } from "../../contract/index.ts";
import type { Clock } from "../host/index.ts";

export class WriteRoom {
  readonly #clock: Clock;
  readonly #isFull: () => boolean;
  readonly #hurry: () => void;
  #waiting: (() => void)[] = [];
  #stalls = 0;
  #stallMillis = 0;
  #refusals = 0;
  #refusal: DiskFull | undefined;

  /** `hurry` is called before each wait: it sees to it that room is made. */
  constructor(parts: {
    readonly clock: Clock;
    readonly isFull: () => boolean;
    readonly hurry: () => void;
  }) {
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

  /** How often making room has failed because the disk was full. */
  get refusals(): number {
    return this.#refusals;
  }

  /** Waits for room, or until the signal says that it is not wanted any more. Throws DiskFull. */
  async wait(signal: AbortSignal | undefined): Promise<void> {
    const start = this.#clock.monotonicMillis();
    this.#stalls++;
    try {
      while (this.#isFull() && signal?.aborted !== true) {
        const before = this.#refusals;
        this.#hurry();
        await this.nextChange(signal);
        if (this.#isFull()) this.assertNotRefused(before);
      }
    } finally {
      this.#stallMillis += this.#clock.monotonicMillis() - start;
    }
  }

  /** Making room has failed: the disk is full. Nothing has changed, and it may be tried again. */
  refuse(cause: DiskFull): void {
    this.#refusals++;
    this.#refusal = cause;
    this.changed();
  }

  /** Throws DiskFull if making room has failed since there were `before` refusals. */
  assertNotRefused(before: number): void {
    if (this.#refusals > before && this.#refusal !== undefined) throw this.#refusal;
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
