import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes } from "../../../src/base/index.ts";
import { compareValues, encodePart, typeClass } from "../../../src/collections/index.ts";
import type { Scalar } from "../../../src/collections/index.ts";
import { boundSet } from "../../../src/query/query-request.ts";
import { setText } from "../../../src/query/plan/set-text.ts";
import {
  EVERYTHING,
  NOTHING,
  complement,
  intersect,
  isEverything,
  isPoint,
  partRangeOf,
  pointOf,
  pointSet,
  prefixSet,
  uniteAll,
} from "../../../src/query/plan/value-set.ts";
import type { ValueSet } from "../../../src/query/plan/value-set.ts";

const values: readonly Scalar[] = [
  [null, false, true, -Infinity, -1.5, 0, Number.MIN_VALUE, 1, Infinity],
  [-(2n ** 80n), -1n, 0n, 1n, 2n ** 1000n],
  [new Date(-1), new Date(0), new Date(1)],
  ["", "\0", "a", "a\0", "a\u0001", "ab", "b", "\ud7ff", "\uffff", "\u{10ffff}"],
  [new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(1), Uint8Array.of(255, 255)],
].flat();
const comparable = values.filter((value) => value !== null);

/** A set, and the plain test for it. */
interface Described {
  readonly set: ValueSet;
  readonly has: (value: Scalar) => boolean;
}
const isSame = (a: Scalar, b: Scalar): boolean => compareValues(a, b) === 0;
const leaf: fc.Arbitrary<Described> = fc.oneof(
  fc.constantFrom(...values).map((v) => ({
    set: pointSet([v]),
    has: (value: Scalar) => isSame(value, v),
  })),
  fc
    .tuple(fc.constantFrom("gt", "gte", "lt", "lte"), fc.constantFrom(...comparable))
    .map(([op, v]) => ({
      set: boundSet(op, v),
      has: (value: Scalar) => {
        if (typeClass(value) !== typeClass(v)) return false;
        const order = compareValues(value, v);
        return op === "gt"
          ? order > 0
          : op === "gte"
            ? order >= 0
            : op === "lt"
              ? order < 0
              : order <= 0;
      },
    })),
  fc.constantFrom("", "a", "\uffff", "\0").map((prefix) => ({
    set: prefixSet(prefix),
    has: (value: Scalar) => typeof value === "string" && value.startsWith(prefix),
  })),
  fc.constantFrom<Described>(
    { set: EVERYTHING, has: () => true },
    { set: NOTHING, has: () => false },
  ),
);
const { set: described } = fc.letrec<{ set: Described }>((tie) => ({
  set: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.tuple(tie("set"), tie("set")).map(([a, b]) => ({
      set: intersect(a.set, b.set),
      has: (value: Scalar) => a.has(value) && b.has(value),
    })),
    fc.array(tie("set"), { maxLength: 4 }).map((all) => ({
      set: uniteAll(all.map(({ set }) => set)),
      has: (value: Scalar) => all.some(({ has }) => has(value)),
    })),
    tie("set").map(({ set, has }) => ({
      set: complement(set),
      has: (value: Scalar) => !has(value),
    })),
  ),
}));

test("and, or and not of value sets are exact, in keys of both directions", () => {
  fc.assert(
    fc.property(described, fc.boolean(), ({ set, has }, descending) => {
      const ranges = set.map((interval) => partRangeOf(interval, descending));
      for (const value of values) {
        const part = encodePart(value, descending);
        const hits = ranges.filter(
          ({ start, end }) => compareBytes(start, part) <= 0 && compareBytes(part, end) < 0,
        );
        expect(hits.length, setText("x", set)).toBe(has(value) ? 1 : 0);
      }
    }),
    { numRuns: 300 },
  );
});

test("intervals rise and are never empty", () => {
  fc.assert(
    fc.property(described, ({ set }) => {
      set.forEach(({ start, end }, i) => {
        expect(compareBytes(start.bytes, end.bytes)).toBeLessThan(0);
        const before = set[i - 1];
        if (before !== undefined)
          expect(compareBytes(before.end.bytes, start.bytes)).toBeLessThanOrEqual(0);
      });
    }),
  );
});

test("bounds that leave one value are a point", () => {
  const [only] = intersect(boundSet("gte", 5), boundSet("lte", 5));
  expect(isPoint(only!)).toBe(true);
  expect(pointOf(only!)).toBe(5);
});

test("the values that exist, and those that do not, are everything; null alone is a point", () => {
  const missing = pointSet([null]);
  const existing = complement(missing);
  expect(isEverything(complement(NOTHING))).toBe(true);
  expect(complement(existing).every(isPoint)).toBe(true);
  expect(existing).toHaveLength(1);
});

test("false and true are neighbours and stay two points", () => {
  expect(uniteAll([pointSet([true]), pointSet([false])]).map(isPoint)).toEqual([true, true]);
});

test("sets read as a person would write them", () => {
  const text = (set: ValueSet): string => setText("x", set);
  expect(text(intersect(boundSet("gte", 18), boundSet("lt", 30)))).toBe("18 <= x < 30");
  expect(text(boundSet("gt", "a"))).toBe('x > "a"');
  expect(text(boundSet("lte", 7n))).toBe("x <= 7n");
  expect(text(pointSet([null, 1]))).toBe("x = null or x = 1");
  expect(text(prefixSet("Os"))).toBe('x starts with "Os"');
  expect(text(complement(pointSet([null])))).toBe("x exists");
  expect(text(complement(pointSet([5])))).toBe(
    "x from lowest to before 5 or x from after 5 to highest",
  );
  expect(text(EVERYTHING)).toBe("x is anything");
  expect(text(NOTHING)).toBe("x is nothing");
});
