/** The real machine, but for what makes every run of a program differ from the last. */
import { nodeHost } from "../../engine/lsm/host/index.ts";
import type { Host } from "../../engine/lsm/host/index.ts";
import { seededRandom } from "../kit/index.ts";

/** A wall clock that stands until it is moved. */
export class FixedClock {
  #nowMillis: number;

  constructor(nowMillis: number) {
    this.#nowMillis = nowMillis;
  }

  /** Milliseconds since 1970. */
  nowMillis = (): number => this.#nowMillis;
  /** Real time: what waits and time limits are measured with goes on. */
  monotonicMillis = (): number => performance.now();

  /** Moves the clock; a negative number moves it back, as the clocks of real machines are now and then. */
  advance(millis: number): void {
    this.#nowMillis += millis;
  }
}

export interface FixedHost extends Host {
  readonly clock: FixedClock;
}

export interface FixedHostOptions {
  /** What the clock says, in milliseconds since 1970. Default: 2024-01-01T00:00:00Z. */
  readonly nowMillis?: number;
  /** From which all chance follows: ids, retries, names of stores. Default 1. */
  readonly seed?: number;
}

/**
 * A host with the files of this machine, a clock that stands, and chance that repeats: the same program makes the same
 * ids. For tests that compare with a stored result; never for data that is kept, as two stores of one seed look alike.
 *
 * @example
 * const host = fixedHost({ nowMillis: Date.UTC(2026, 0, 1) });
 * const db = await open(":memory:", { host, collections: { users } });
 * await db.users.insert({ name: "Ada" }); // the same id in every run
 * host.clock.advance(60_000);
 */
export function fixedHost(options: FixedHostOptions = {}): FixedHost {
  const { nowMillis = Date.UTC(2024, 0, 1), seed = 1 } = options;
  return { ...nodeHost(), clock: new FixedClock(nowMillis), random: seededRandom(seed) };
}
