/**
 * A sum of numbers that does not depend on their order: rows come in the order of whichever index is read, and that must
 * not be seen in the result. Kept as numbers whose exact sum it is, none of which overlaps another one (Shewchuk 1997);
 * from the first number on that could lead out of their range, as integers (PartSum).
 *
 * Always true:
 * (1) The result is the exact sum, rounded once: Infinity only beyond all numbers or where an infinity was added.
 */
import { PartSum } from "../../collections/index.ts";

/** Whatever is smaller has many sums left until the largest number. */
const LARGE = 2 ** 1_000;

export class ExactSum {
  /** Ascending in size; their exact sum is that of all values. */
  readonly #parts: number[] = [];
  /** What is added up in place of the parts, once there was a large number. Written by #turned(). */
  #large: PartSum | undefined;

  /** HOT: once for each row (bench/micro/query). */
  add(value: number): void {
    if (this.#large !== undefined || !(Math.abs(value) < LARGE)) {
      this.#turned().add(value);
      return;
    }
    const parts = this.#parts;
    let carried = value;
    let kept = 0;
    for (let i = 0; i < parts.length; i++) {
      let part = parts[i]!;
      if (Math.abs(carried) < Math.abs(part)) [carried, part] = [part, carried];
      const high = carried + part;
      const low = part - (high - carried);
      if (low !== 0) parts[kept++] = low;
      carried = high;
    }
    parts.length = kept;
    parts.push(carried);
    if (!(Math.abs(carried) < LARGE)) this.#turned();
  }

  /** From now on in integers, which have no end. */
  #turned(): PartSum {
    if (this.#large === undefined) {
      this.#large = new PartSum("number");
      for (const part of this.#parts) this.#large.add(part);
    }
    return this.#large;
  }

  get value(): number {
    if (this.#large !== undefined) return this.#large.value as number;
    const parts = this.#parts;
    if (parts.length === 0) return 0;
    let high = parts[parts.length - 1]!;
    let low = 0;
    let i = parts.length - 2;
    for (; i >= 0 && low === 0; i--) {
      const before = high;
      high = before + parts[i]!;
      low = parts[i]! - (high - before);
    }
    // Half-way between two numbers: the parts that are left say to which side.
    if (i >= 0 && low !== 0 && low < 0 === parts[i]! < 0) {
      const doubled = low * 2;
      const beyond = high + doubled;
      if (doubled === beyond - high) high = beyond;
    }
    // Never -0, which would tell of an order of rows.
    return high + 0;
  }
}
