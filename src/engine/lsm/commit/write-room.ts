/**
 * Whether there is room in memory for more commits and how fast they may come, and the line of those who wait for it.
 *
 * Always true:
 * (1) Commits that wait go in the order in which they came, each only when there is room at that very moment: however
 *     many wait, memory grows by one commit beyond the bound.
 * (2) Everybody in the line looks again whenever a memtable was set aside or has left, and when nothing will change any
 *     more; so nobody waits for ever.
 * (3) Where making room fails because the disk is full, those who wait are refused, each after it has seen an attempt fail.
 */
import type { DiskFull } from "../../contract/index.ts";
import type { Clock, Timers } from "../host/index.ts";
import { Histogram } from "../report/index.ts";
import type { HistogramFigures, LsmEvents } from "../report/index.ts";
import type { WritePace } from "./write-pace.ts";

export class WriteRoom {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #isFull: () => boolean;
  readonly #pace: WritePace;
  readonly #hurry: () => void;
  readonly #events: LsmEvents;
  /** Of the milliseconds that commits waited for room, and that they were slowed. */
  readonly #stalls: Histogram = new Histogram();
  readonly #slowdowns: Histogram = new Histogram();
  #waiting: (() => void)[] = [];
  #refusals = 0;
  #refusal: DiskFull | undefined;
  /** How many stand in the line, and when the last of them has gone. */
  #inLine = 0;
  #lastGone: Promise<void> = Promise.resolve();

  /** `hurry` is called before each wait: it sees to it that room is made. */
  constructor(parts: {
    readonly clock: Clock;
    readonly timers: Timers;
    readonly isFull: () => boolean;
    readonly pace: WritePace;
    readonly hurry: () => void;
    readonly events: LsmEvents;
  }) {
    this.#events = parts.events;
    this.#clock = parts.clock;
    this.#timers = parts.timers;
    this.#isFull = parts.isFull;
    this.#pace = parts.pace;
    this.#hurry = parts.hurry;
  }

  /** A commit may go at once: there is room, it does not come too fast, and nobody was here before it. */
  get isFree(): boolean {
    return this.#inLine === 0 && !this.#isFull() && this.#pace.waitMillis() === 0;
  }

  /**
   * How often commits waited for room (stalls) or were slowed because compaction is behind (slowdowns), how long
   * altogether and how long at most; who waits in the line is counted when it is at the head.
   */
  get stats(): Readonly<Record<string, number>> {
    const { stalls, slowdowns } = this.waits;
    return {
      stalls: stalls.count,
      stallMillis: stalls.sum,
      stallMillisMax: stalls.max,
      slowdowns: slowdowns.count,
      slowdownMillis: slowdowns.sum,
      slowdownMillisMax: slowdowns.max,
      waitingForRoom: this.#inLine,
    };
  }
  get waits(): Readonly<Record<"stalls" | "slowdowns", HistogramFigures>> {
    return { stalls: this.#stalls.figures, slowdowns: this.#slowdowns.figures };
  }

  /** How often making room has failed because the disk was full. */
  get refusals(): number {
    return this.#refusals;
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

  /** Runs `work` when there is room for it, or when the signal says that it is not wanted any more. */
  async enter<T>(work: () => T, signal: AbortSignal | undefined): Promise<Awaited<T>> {
    const before = this.#lastGone;
    let gone = (): void => undefined;
    this.#lastGone = new Promise((resolve) => {
      gone = resolve;
    });
    this.#inLine++;
    let result: T;
    try {
      await unlessAborted(before, signal);
      if (signal?.aborted !== true) await this.#wait(signal);
      result = work();
    } finally {
      this.#inLine--;
      // One that gave up lets those behind it go no earlier than those before it.
      void before.then(gone);
    }
    return await result;
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

  /** At the head of the line: until there is room, and then until the pace allows it. */
  async #wait(signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const start = this.#clock.monotonicMillis();
      if (this.#isFull()) {
        this.#events.emit({ type: "stall-begin" });
        try {
          await this.#whileFull(signal);
        } finally {
          const stalled = this.#clock.monotonicMillis() - start;
          this.#stalls.record(stalled);
          this.#events.emit({ type: "stall-end", millis: stalled });
        }
      }
      const millis = this.#pace.waitMillis();
      if (millis === 0 || signal?.aborted === true) return;
      const from = this.#clock.monotonicMillis();
      await unlessAborted(this.#timers.sleep(millis), signal);
      this.#slowdowns.record(this.#clock.monotonicMillis() - from);
    }
  }

  async #whileFull(signal: AbortSignal | undefined): Promise<void> {
    while (this.#isFull() && signal?.aborted !== true) {
      const before = this.#refusals;
      this.#hurry();
      await this.nextChange(signal);
      if (this.#isFull()) this.assertNotRefused(before);
    }
  }
}

/** Waits for `work`, which never fails, but no longer than until the signal says so. */
function unlessAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work;
  return new Promise((resolve) => {
    const go = (): void => {
      signal.removeEventListener("abort", go);
      resolve();
    };
    signal.addEventListener("abort", go);
    if (signal.aborted) go();
    void work.then(go);
  });
}
