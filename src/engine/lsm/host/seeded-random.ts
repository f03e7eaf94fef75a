/** A small random generator (xorshift128) whose whole sequence follows from its seed. For simulations, never for secrets. */
import type { Bytes } from "../../../base/index.ts";

export class SeededRandom {
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    // Spread the seed over the state (splitmix32), so that neighbouring seeds give unlike sequences.
    let mixed = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      let word = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
      word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
      this.#state[i] = word ^ (word >>> 16);
    }
  }

  /** A whole number in [0, 2^32). */
  word(): number {
    const state = this.#state;
    let word = state[3]!;
    word ^= word << 11;
    word ^= word >>> 8;
    state[3] = state[2]!;
    state[2] = state[1]!;
    state[1] = state[0]!;
    word ^= state[0]! ^ (state[0]! >>> 19);
    state[0] = word;
    return word >>> 0;
  }

  /** A whole number in [0, choices). */
  below(choices: number): number {
    return Math.floor((this.word() / 0x1_0000_0000) * choices);
  }

  bytes(count: number): Bytes {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i++) bytes[i] = this.word();
    return bytes;
  }
}
