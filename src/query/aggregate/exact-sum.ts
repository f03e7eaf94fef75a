/**
 * A sum of numbers that does not depend on their order: rows come in the order of whichever index is read, and that must
 * not be seen in the result. Kept as numbers whose exact sum it is, none of which overlaps another one (Shewchuk 1997).
 *
 * Always true:
 * (1) The result is the exact sum, rounded once, as long as no part of it overflows; else it is what plain addition gives.
 */
export class ExactSum {
  /** Ascending in size; their exact sum is that of all finite values. */
  readonly #parts: number[] = [];
  #plain = 0;

  /** HOT: once for each row (bench/query). */
  add(value: number): void {
    this.#plain += value;
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
  }

  get value(): number {
    const parts = this.#parts;
    if (parts.length === 0) return 0;
    let high = parts[parts.length - 1]!;
    if (!Number.isFinite(high)) return this.#plain;
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
