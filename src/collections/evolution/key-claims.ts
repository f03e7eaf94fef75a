/**
 * Finds out whether two of many documents claim one key of a unique index, without keeping the keys: of each there is a
 * number of 53 bits, and only where two numbers are equal the documents are gone through again with the keys themselves.
 * The numbers also tell of a key that nobody claims that it is free.
 */
import { hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";

const NUMBERS_MIN = 1_024;

/** The numbers of all keys. */
export class KeyNumbers {
  #numbers: Float64Array = new Float64Array(NUMBERS_MIN);
  #count = 0;
  #isOrdered = false;

  add(key: Bytes): void {
    if (this.#count === this.#numbers.length) {
      const larger = new Float64Array(2 * this.#count);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.#count++] = numberOf(key);
  }

  /** Those that came more than once; nothing can be added any more. */
  repeated(): ReadonlySet<number> {
    const ordered = this.#ordered();
    const found = new Set<number>();
    for (let i = 1; i < ordered.length; i++) {
      if (ordered[i] === ordered[i - 1]) found.add(ordered[i]!);
    }
    return found;
  }

  /** False: the key was not added. True: most likely it was. Nothing can be added any more. */
  mayHave(key: Bytes): boolean {
    const ordered = this.#ordered();
    const number = numberOf(key);
    let start = 0;
    let end = ordered.length;
    while (start < end) {
      const middle = (start + end) >> 1;
      if (ordered[middle]! < number) start = middle + 1;
      else end = middle;
    }
    return ordered[start] === number;
  }

  #ordered(): Float64Array {
    const numbers = this.#numbers.subarray(0, this.#count);
    if (!this.#isOrdered) numbers.sort();
    this.#isOrdered = true;
    return numbers;
  }
}

/** The keys of some numbers, and who came first with each. */
export class KeyHolders {
  readonly #numbers: ReadonlySet<number>;
  readonly #holders = new Map<string, string>();

  constructor(numbers: ReadonlySet<number>) {
    this.#numbers = numbers;
  }

  /** Who has the key already; undefined where nobody has, and `id` has it from now on. */
  claim(key: Bytes, id: string): string | undefined {
    if (!this.#numbers.has(numberOf(key))) return undefined;
    const text = hex(key, Infinity);
    const holder = this.#holders.get(text);
    if (holder === undefined) this.#holders.set(text, id);
    return holder;
  }
}

/** Two FNV hashes from different beginnings, put side by side. */
function numberOf(key: Bytes): number {
  let high = 0x811c_9dc5;
  let low = 0x0123_4567;
  for (let i = 0; i < key.length; i++) {
    high = Math.imul(high ^ key[i]!, 0x0100_0193);
    low = Math.imul(low ^ key[i]!, 0x0100_01b3);
  }
  return (high & 0x1f_ffff) * 0x1_0000_0000 + (low >>> 0);
}
