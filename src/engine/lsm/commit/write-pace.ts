/**
 * How fast commits are taken while compaction is behind: from full speed down to a trickle, smoothly, long before they
 * would have to stop. A writer that is slowed a little all the time never meets the wall.
 *
 * Always true:
 * (1) The rate is a function of the tree alone, so it can be printed and repeated.
 * (2) Without pressure nothing is counted and nobody waits.
 */
import type { Clock } from "../host/index.ts";

export interface WritePressure {
  readonly level0Tables: number;
  /** From so many on commits are slowed; at `level0Stop` flushes stop, and soon after that commits do. */
  readonly level0Slow: number;
  readonly level0Stop: number;
  /** What compaction has still to write until the tree is in shape. */
  readonly debtBytes: number;
  /** From so much on commits are slowed; at DEBT_STOP times this the rate is at its lowest. */
  readonly debtBytesSlow: number;
}

/** Bytes a second at the first sign of pressure: about what compaction digests on a processor of its own. */
const RATE_FIRST: number = 32 * 1_024 * 1_024;
/** The lowest rate: commits still go on, so that nobody runs into a timeout, and compaction gains on them. */
const RATE_LAST: number = 1_024 * 1_024;
const DEBT_STOP = 4;
/** What may be written at once between two waits, in milliseconds of the rate: timers are no finer than that. */
const BURST_MILLIS = 2;
/** After so long the pressure is looked at again. */
const WAIT_MILLIS_MAX = 100;

/** How fast commits may come, in bytes a second; Infinity: as fast as they like. */
export function writeRate(pressure: WritePressure): number {
  const { debtBytes, debtBytesSlow, level0Slow, level0Stop, level0Tables } = pressure;
  const byTables = (level0Tables - level0Slow) / Math.max(1, level0Stop - level0Slow);
  const byDebt = (debtBytes - debtBytesSlow) / (debtBytesSlow * (DEBT_STOP - 1));
  const share = Math.min(1, Math.max(byTables, byDebt));
  if (share < 0) return Infinity;
  // Equal steps of pressure divide the rate by equal factors.
  return RATE_FIRST * (RATE_LAST / RATE_FIRST) ** share;
}

/** Lets bytes through at the rate of the moment: what was let through leaves again as time passes. */
export class WritePace {
  readonly #clock: Clock;
  readonly #rate: () => number;
  #owedBytes = 0;
  #atMillis = 0;

  constructor(clock: Clock, rate: () => number) {
    this.#clock = clock;
    this.#rate = rate;
  }

  /** How long the next commit should wait before it asks again, in milliseconds; 0: it may go. */
  waitMillis(): number {
    const rate = this.#rate();
    if (rate === Infinity) {
      this.#owedBytes = 0;
      return 0;
    }
    this.#pay(rate);
    const millis = (this.#owedBytes / rate) * 1_000;
    return millis <= BURST_MILLIS ? 0 : Math.min(Math.ceil(millis), WAIT_MILLIS_MAX);
  }

  /** Says that a commit went. */
  took(bytes: number): void {
    const rate = this.#rate();
    if (rate === Infinity) return;
    this.#pay(rate);
    this.#owedBytes += bytes;
  }

  #pay(rate: number): void {
    const now = this.#clock.monotonicMillis();
    this.#owedBytes = Math.max(0, this.#owedBytes - ((now - this.#atMillis) * rate) / 1_000);
    this.#atMillis = now;
  }
}
