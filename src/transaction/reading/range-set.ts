/**
 * Ranges of keys as one set: sorted, apart from each other, none empty. A value: adding gives a new set.
 */
import { compareBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { isEmptyRange } from "../../engine/contract/index.ts";
import type { KeyRange } from "../../engine/contract/index.ts";

export class RangeSet {
  static readonly EMPTY: RangeSet = new RangeSet([]);
  readonly #ranges: readonly KeyRange[];

  private constructor(sortedAndApart: readonly KeyRange[]) {
    this.#ranges = sortedAndApart;
  }

  /** The set of ranges in any order that may overlap; those that touch become one. */
  static of(ranges: readonly KeyRange[]): RangeSet {
    const sorted = ranges
      .filter((range) => !isEmptyRange(range))
      .toSorted((a, b) => compareBytes(a.start, b.start));
    const apart: KeyRange[] = [];
    for (const range of sorted) {
      const last = apart.at(-1);
      if (last === undefined || !touches(last, range.start)) apart.push(range);
      else if (endsLater(range.end, last.end)) {
        apart[apart.length - 1] = { start: last.start, end: range.end };
      }
    }
    return new RangeSet(apart);
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  get ranges(): readonly KeyRange[] {
    return this.#ranges;
  }

  with(range: KeyRange): RangeSet {
    if (isEmptyRange(range)) return this;
    const last = this.#ranges.at(-1);
    if (last === undefined || (last.end !== undefined && compareBytes(last.end, range.start) < 0)) {
      return new RangeSet([...this.#ranges, range]);
    }
    return RangeSet.of([...this.#ranges, range]);
  }

  has(key: Bytes): boolean {
    const range = this.#ranges[this.#lastStartingAtOrBefore(key)];
    return range !== undefined && (range.end === undefined || compareBytes(key, range.end) < 0);
  }

  /** The parts of `range` that are not in the set, in key order. */
  partsOutside(range: KeyRange): readonly KeyRange[] {
    if (isEmptyRange(range)) return [];
    if (this.#ranges.length === 0) return [range];
    const parts: KeyRange[] = [];
    let start = range.start;
    for (let i = Math.max(0, this.#lastStartingAtOrBefore(start)); i < this.#ranges.length; i++) {
      const inside = this.#ranges[i]!;
      if (range.end !== undefined && compareBytes(inside.start, range.end) >= 0) break;
      if (compareBytes(start, inside.start) < 0) parts.push({ start, end: inside.start });
      if (inside.end === undefined) return parts;
      if (compareBytes(start, inside.end) < 0) start = inside.end;
    }
    const rest = { start, end: range.end };
    if (!isEmptyRange(rest)) parts.push(rest);
    return parts;
  }

  #lastStartingAtOrBefore(key: Bytes): number {
    let start = 0;
    let end = this.#ranges.length;
    while (start < end) {
      const middle = (start + end) >>> 1;
      if (compareBytes(this.#ranges[middle]!.start, key) <= 0) start = middle + 1;
      else end = middle;
    }
    return start - 1;
  }
}

function touches(range: KeyRange, start: Bytes): boolean {
  return range.end === undefined || compareBytes(start, range.end) <= 0;
}

function endsLater(a: Bytes | undefined, b: Bytes | undefined): boolean {
  if (b === undefined) return false;
  return a === undefined || compareBytes(a, b) > 0;
}
