/**
 * Background work on the one thread: a little of it, then a turn for everybody else.
 *
 * HOT: bench/micro/lsm-engine.ts. The clock is asked once in STEPS_A_LOOK entries: asking costs as much as merging one.
 */
import type { Host } from "../host/index.ts";

const STEPS_A_LOOK = 32;
/** Merging so many bytes takes about as long as merging a small entry: 256. */
const STEP_BYTES_LOG2 = 8;
/** A bound by count as well, for hosts whose clock stands still. */
const STEPS_MAX = 4_096;

export class Slices {
  readonly #host: Host;
  readonly #sliceMillis: number;
  readonly #stepsALook: number;
  #steps = 0;
  #stepsOfSlice = 0;
  #startMillis: number;

  /** A slice of 0 milliseconds pauses after every entry: the most interleaved of all schedules, for tests. */
  constructor(host: Host, sliceMillis: number) {
    this.#host = host;
    this.#sliceMillis = sliceMillis;
    this.#stepsALook = sliceMillis === 0 ? 1 : STEPS_A_LOOK;
    this.#startMillis = host.clock.monotonicMillis();
  }

  /** Whether the slice is used up, asked once for each entry with its size; a large entry counts as many. */
  isOver(bytes: number): boolean {
    this.#steps += 1 + (bytes >>> STEP_BYTES_LOG2);
    if (this.#steps < this.#stepsALook) return false;
    this.#stepsOfSlice += this.#steps;
    this.#steps = 0;
    const millis = this.#host.clock.monotonicMillis() - this.#startMillis;
    return millis >= this.#sliceMillis || this.#stepsOfSlice >= STEPS_MAX;
  }

  /** Lets others go first, then begins the next slice. */
  async pause(): Promise<void> {
    await this.#host.timers.pause();
    this.#startMillis = this.#host.clock.monotonicMillis();
    this.#stepsOfSlice = 0;
  }
}
