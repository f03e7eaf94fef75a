/** Random numbers that a seed repeats. For simulations, never for secrets. */
import type { Bytes } from "../../base/index.ts";

export interface SeededRandom {
  /** A whole number of [0, end). */
  below(end: number): number;
  /** True once in `times`. */
  oneIn(times: number): boolean;
  bytes(count: number): Bytes;
}

/** Equal seed and stream give equal numbers; streams of one seed are independent of each other. */
export function seededRandom(seed: number, stream = 0): SeededRandom {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0;
  // mulberry32: 32 bits of state, every state is visited, good enough to choose test steps.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    below: (end) => next() % end,
    oneIn: (times) => next() % times === 0,
    bytes: (count) => {
      const bytes = new Uint8Array(count);
      for (let i = 0; i < count; i++) bytes[i] = next();
      return bytes;
    },
  };
}
