/**
 * The numbers of the files that a job has begun, in memory that outlives the thread it ran on: so what a thread left
 * behind that died can be removed, and nothing else.
 *
 * Always true: a number is here before its file is made.
 */

/** What a job writes beyond so many tables is left to the sweep at the next open, if its thread dies. */
const CLAIMS_MAX = 2_048;

export class OutputClaims {
  /** The count, then the numbers. */
  readonly #slots: Float64Array;

  constructor(memory: ArrayBufferLike) {
    this.#slots = new Float64Array(memory);
  }

  static newMemory(): SharedArrayBuffer {
    return new SharedArrayBuffer((1 + CLAIMS_MAX) * 8);
  }

  add(fileNumber: number): void {
    const count = this.#slots[0]!;
    if (count === CLAIMS_MAX) return;
    this.#slots[count + 1] = fileNumber;
    this.#slots[0] = count + 1;
  }

  get numbers(): readonly number[] {
    return [...this.#slots.subarray(1, 1 + this.#slots[0]!)];
  }
}
