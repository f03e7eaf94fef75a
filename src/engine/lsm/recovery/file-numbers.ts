/**
 * The one counter that all files of a database draw their numbers from; none is used twice, also not by a crashed run.
 *
 * Always true: the counter lies in one place of memory, which threads share where memory can be shared, and is moved by
 * one atomic step; so two threads never draw the same number.
 */
export type CounterMemory = ArrayBufferLike;

const COUNTER_BYTES = 8;

export class FileNumbers {
  readonly #counter: BigInt64Array;

  constructor(next: number) {
    this.#counter = new BigInt64Array(
      typeof SharedArrayBuffer === "function"
        ? new SharedArrayBuffer(COUNTER_BYTES)
        : new ArrayBuffer(COUNTER_BYTES),
    );
    this.#counter[0] = BigInt(next);
  }

  /** The counter of another thread. */
  static over(memory: CounterMemory): Pick<FileNumbers, "take"> {
    const counter = new BigInt64Array(memory);
    return { take: () => Number(Atomics.add(counter, 0, 1n)) };
  }

  /** What to hand to another thread. */
  get memory(): CounterMemory {
    return this.#counter.buffer;
  }
  /** No file has this number or a higher one. */
  get next(): number {
    return Number(Atomics.load(this.#counter, 0));
  }

  take(): number {
    return Number(Atomics.add(this.#counter, 0, 1n));
  }
}
