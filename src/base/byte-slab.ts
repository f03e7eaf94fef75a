/**
 * Small byte arrays that are made by the thousand and live as long as one transaction, cut from shared memory. V8 keeps
 * three objects for an array with memory of its own, and one for a part of a shared one: what its collector must move, by
 * the thousand again, each time it runs while they live.
 *
 * Always true: no two arrays overlap, and nothing is given twice. One that is kept keeps the slab it is cut from.
 */
import type { Bytes } from "./bytes.ts";

const SLAB_BYTES = 16_384;
/** What is larger gets memory of its own: it would leave too much of a slab unused. */
const PART_BYTES_MAX: number = SLAB_BYTES / 16;

export class ByteSlab {
  #slab: ArrayBuffer | undefined;
  #used = 0;

  /** An array of zeros. */
  take(length: number): Bytes {
    if (length > PART_BYTES_MAX) return new Uint8Array(length);
    if (this.#slab === undefined || this.#used + length > SLAB_BYTES) {
      this.#slab = new ArrayBuffer(SLAB_BYTES);
      this.#used = 0;
    }
    const part = new Uint8Array(this.#slab, this.#used, length);
    this.#used += length;
    return part;
  }
}
