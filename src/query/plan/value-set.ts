/**
 * Sets of the values that a field may have, as intervals in the order of values.
 *
 * A value set is what a condition on one field means to an index: `age >= 18` is the interval from 18 to the end of the
 * numbers, `city in [...]` a list of points, `age != 5` all values before and all after 5. And, or and not are
 * intersection, union and complement, and all of them are exact.
 *
 * Always true:
 * (1) A cut stands between two values, never on one. Its bytes say where among the encoded values: exactly the values
 *     whose encoding is below the bytes lie below the cut.
 * (2) The intervals of a set rise and do not overlap; none is empty. They may touch.
 * (3) A point is the interval from before a value to after the same value.
 */
import { compareBytes, prefixEnd } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import {
  KeyWriter,
  classPartRange,
  compareValues,
  stringPrefixPartRange,
  typeClass,
  valuePartRange,
} from "../../collections/index.ts";
import type { PartRange, Scalar, TypeClass } from "../../collections/index.ts";

/** What a cut stands before or after. */
type CutPlace =
  | { readonly kind: "value"; readonly value: Scalar }
  | { readonly kind: "class"; readonly class: TypeClass }
  | { readonly kind: "prefix"; readonly prefix: string };

export interface Cut {
  readonly side: "before" | "after";
  readonly place: CutPlace;
  readonly bytes: Bytes;
}

/** The values between two cuts. */
export interface Interval {
  readonly start: Cut;
  readonly end: Cut;
}
export type ValueSet = readonly Interval[];

/** One for all values, for a writer brings a buffer. Nothing waits while it is used. */
const writer = new KeyWriter();

/**
 * A cut that is encoded when its bytes are first asked for, which is seldom: a long list makes two cuts for each value,
 * and bytes cost more than all else here (test/query/plan/planning-cost.test.ts).
 */
class PlaceCut implements Cut {
  readonly side: "before" | "after";
  readonly place: CutPlace;
  #bytes: Bytes | undefined;

  constructor(side: "before" | "after", place: CutPlace) {
    this.side = side;
    this.place = place;
    Object.freeze(this);
  }

  get bytes(): Bytes {
    return (this.#bytes ??= bytesAt(this.place, this.side));
  }
}

function bytesAt(place: CutPlace, side: "before" | "after"): Bytes {
  if (place.kind === "value") {
    const start = writer.value(place.value).finish();
    return side === "before" ? start : prefixEnd(start)!;
  }
  const { start, end } = partRangeAt(place, false);
  return side === "before" ? start : end;
}

function pairAt(place: CutPlace): Interval {
  return Object.freeze({
    start: new PlaceCut("before", place),
    end: new PlaceCut("after", place),
  });
}

function partRangeAt(place: CutPlace, descending: boolean): PartRange {
  switch (place.kind) {
    case "value":
      return valuePartRange(place.value, descending);
    case "class":
      return classPartRange(place.class, descending);
    case "prefix":
      return stringPrefixPartRange(place.prefix, descending);
  }
}

/** The encoded parts of an interval in a field of an index. In a descending field the later values come first. */
export function partRangeOf({ start, end }: Interval, descending: boolean): PartRange {
  if (!descending) return { start: start.bytes, end: end.bytes };
  const first = partRangeAt(end.place, true);
  const last = partRangeAt(start.place, true);
  return {
    start: end.side === "after" ? first.start : first.end,
    end: start.side === "before" ? last.end : last.start,
  };
}

/** The encoded part of a point: what all keys with this value begin with. */
export function pointPartOf({ start }: Interval, descending: boolean): Bytes {
  return descending ? partRangeAt(start.place, true).start : start.bytes;
}

/** Before the lowest value there is, which is nullish. */
export const LOWEST: Cut = pairAt({ kind: "value", value: null }).start;
/** After the highest value there is. */
export const HIGHEST: Cut = pairAt({ kind: "class", class: "bytes" }).end;

export const EVERYTHING: ValueSet = Object.freeze([Object.freeze({ start: LOWEST, end: HIGHEST })]);
export const NOTHING: ValueSet = Object.freeze([]);

export function beforeValue(value: Scalar): Cut {
  return pairAt({ kind: "value", value }).start;
}
export function afterValue(value: Scalar): Cut {
  return pairAt({ kind: "value", value }).end;
}

/** The values of one type class. */
export function classSet(name: TypeClass): ValueSet {
  return Object.freeze([pairAt({ kind: "class", class: name })]);
}

/** One point for each value; `values` rise and are distinct. */
export function pointSet(values: readonly Scalar[]): ValueSet {
  return Object.freeze(values.map((value) => pairAt({ kind: "value", value })));
}

/** The strings that begin with `prefix`. */
export function prefixSet(prefix: string): ValueSet {
  return Object.freeze([pairAt({ kind: "prefix", prefix })]);
}

/** The values between two cuts; nothing if they are the wrong way round. */
export function between(start: Cut, end: Cut): ValueSet {
  return compareCuts(start, end) < 0 ? Object.freeze([Object.freeze({ start, end })]) : NOTHING;
}

export function intersect(a: ValueSet, b: ValueSet): ValueSet {
  if (encloses(a, b)) return b;
  if (encloses(b, a)) return a;
  const shared: Interval[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = a[i]!;
    const y = b[j]!;
    const start = compareCuts(x.start, y.start) >= 0 ? x.start : y.start;
    const end = compareCuts(x.end, y.end) <= 0 ? x.end : y.end;
    if (compareCuts(start, end) < 0) shared.push(intervalOf(start, end, x, y));
    if (compareCuts(x.end, y.end) <= 0) i++;
    else j++;
  }
  return Object.freeze(shared);
}

/** Is one interval wider than the whole set? So are everything and a type class, most often, and nothing is to be done. */
function encloses(wide: ValueSet, set: ValueSet): boolean {
  if (wide.length !== 1 || set.length === 0) return false;
  const [{ start, end }] = wide as readonly [Interval];
  return compareCuts(start, set[0]!.start) < 0 && compareCuts(set.at(-1)!.end, end) < 0;
}

/** The interval between the cuts: x or y itself where that is it, for most sets are lists of points. */
function intervalOf(start: Cut, end: Cut, x: Interval, y: Interval): Interval {
  if (start === x.start && end === x.end) return x;
  return start === y.start && end === y.end ? y : Object.freeze({ start, end });
}

/**
 * What is in all of the sets. Halves are intersected first: one set after the other would take time in proportion to the
 * square of the number of sets where each cuts a piece off, as many `not equal` do.
 */
export function intersectAll(sets: readonly ValueSet[]): ValueSet {
  if (sets.length < 2) return sets[0] ?? EVERYTHING;
  const middle = sets.length >> 1;
  return intersect(intersectAll(sets.slice(0, middle)), intersectAll(sets.slice(middle)));
}

export function uniteAll(sets: readonly ValueSet[]): ValueSet {
  const all = sets.flat().toSorted((x, y) => compareCuts(x.start, y.start));
  const united: Interval[] = [];
  for (const next of all) {
    const last = united.at(-1);
    // Intervals that only touch stay apart: false and true are neighbours, and two points serve an index better.
    if (last === undefined || compareCuts(next.start, last.end) >= 0) united.push(next);
    else if (compareCuts(next.end, last.end) > 0)
      united[united.length - 1] = Object.freeze({ start: last.start, end: next.end });
  }
  return Object.freeze(united);
}

export function complement(set: ValueSet): ValueSet {
  const gaps: Interval[] = [];
  let from = LOWEST;
  for (const { start, end } of set) {
    if (compareCuts(from, start) < 0) gaps.push(Object.freeze({ start: from, end: start }));
    from = end;
  }
  if (compareCuts(from, HIGHEST) < 0) gaps.push(Object.freeze({ start: from, end: HIGHEST }));
  return Object.freeze(gaps);
}

export function isEverything(set: ValueSet): boolean {
  return (
    set.length === 1 &&
    compareCuts(set[0]!.start, LOWEST) === 0 &&
    compareCuts(set[0]!.end, HIGHEST) === 0
  );
}

/** Is there one value only between the cuts? Then pointOf() gives it. */
export function isPoint({ start, end }: Interval): boolean {
  return (
    start.side === "before" &&
    end.side === "after" &&
    start.place.kind === "value" &&
    end.place.kind === "value" &&
    compareValues(start.place.value, end.place.value) === 0
  );
}

/** The value of a point. */
export function pointOf(point: Interval): Scalar {
  return point.start.place.kind === "value" ? point.start.place.value : undefined;
}

/** Are all its values of one type class? Not so of what `not equal` leaves, which says little about a field. */
export function isOfOneClass({ start, end }: Interval): boolean {
  return classAt(start.place) === classAt(end.place);
}

function classAt(place: CutPlace): TypeClass | undefined {
  switch (place.kind) {
    case "value":
      return typeClass(place.value);
    case "class":
      return place.class;
    case "prefix":
      return "string";
  }
}

function compareCuts(a: Cut, b: Cut): number {
  return compareBytes(a.bytes, b.bytes);
}
