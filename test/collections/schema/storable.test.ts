import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import type { ValidationIssue } from "../../../src/collections/collection-error.ts";
import type { FieldShape } from "../../../src/collections/schema/field-shape.ts";
import {
  UNDEFINED_SHAPE,
  arrayShape,
  leafShape,
  objectShape,
} from "../../../src/collections/schema/field-shape.ts";
import { unionOf } from "../../../src/collections/schema/shape-algebra.ts";
import {
  differenceOf,
  inputIssues,
  isPlainObject,
  isSafeInput,
  isSameStorable,
  isStorable,
  storableCopy,
} from "../../../src/collections/schema/storable.ts";
import {
  compileInputCheck,
  compileStorableCheck,
} from "../../../src/collections/schema/storable-check.ts";
import { anyScalar } from "../key/arbitrary-value.ts";

// Many random cases: a busy machine takes longer than the usual limit.
vi.setConfig({ testTimeout: 30_000 });

class Instance {
  a = 1;
}
const awkward = fc.constantFrom<unknown>(
  Number.NaN,
  -0,
  "\ud800",
  "a\udc00",
  () => 1,
  Symbol("s"),
  new Instance(),
  new Map(),
  new Date(Number.NaN),
  JSON.parse('{"__proto__":1}'),
  { [Symbol("s")]: 1 },
);
const leaf = fc.oneof({ weight: 6, arbitrary: anyScalar }, { weight: 1, arbitrary: awkward });
const anyValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    leaf,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.sparseArray(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "__proto__", "\ud800"), tie("value"), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
  ),
})).value;

describe("what is storable", () => {
  test("is what a copy equals without issues, and has no -0", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const issues: ValidationIssue[] = [];
        const copy = storableCopy(value, issues);
        if (isStorable(value)) {
          expect(issues).toEqual([]);
          expect(copy).toEqual(value);
        } else if (issues.length === 0) {
          // Only a -0 stood in the way.
          expect(isStorable(copy)).toBe(true);
          expect(copy).not.toEqual(value);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test("is safe as an input exactly if there are no issues before validation", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(isSafeInput(value)).toBe(inputIssues(value).length === 0);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** What is kept of a value: two of these are often nearly the same. */
const kept: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 2, depthSize: "small" },
    fc.oneof(anyScalar, fc.constantFrom(0, -0, undefined, "a")),
    fc.array(tie("value"), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom("a", "toString", "constructor"), tie("value"), { maxKeys: 2 }),
  ),
})).value;

test("two values are the same exactly where no place differs, whatever their fields are called", () => {
  const withoutUndefined = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(withoutUndefined);
    if (typeof value === "number") return value + 0;
    if (!isPlainObject(value)) return value;
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return Object.fromEntries(fields.map(([name, field]) => [name, withoutUndefined(field)]));
  };
  let same = 0;
  fc.assert(
    fc.property(kept, kept, fc.boolean(), (a, other, isOther) => {
      const b = isOther ? other : withoutUndefined(a);
      const isSame = isDeepStrictEqual(withoutUndefined(a), withoutUndefined(b));
      same += isSame ? 1 : 0;
      expect(isSameStorable(a, b)).toBe(isSame);
      expect(differenceOf(a, b) === undefined).toBe(isSame);
    }),
    { numRuns: 3_000 },
  );
  expect(same).toBeGreaterThan(1_000);
});

test("a value that contains itself in many places has some issues, not all", () => {
  const wide: Record<string, unknown> = {};
  for (let i = 0; i < 10; i++) wide[`f${i}`] = wide;
  const issues: ValidationIssue[] = [];
  storableCopy(wide, issues);
  expect(issues).toHaveLength(100);
  expect(inputIssues(wide)).toHaveLength(100);
});

/** A shape with values that fit it, or nearly: with what a schema would let through. */
const leafOf: readonly (readonly [FieldShape, fc.Arbitrary<unknown>])[] = [
  [leafShape("string"), fc.constantFrom("a", "\ud800", "é", undefined)],
  [leafShape("string", ["a", "b"]), fc.constantFrom("a", "b")],
  [leafShape("number"), fc.constantFrom(0, -0, 1.5, Number.NaN)],
  [leafShape("date"), fc.constantFrom(new Date(0), new Date(Number.NaN))],
  [leafShape("bigint"), fc.constantFrom(1n)],
  [leafShape("boolean"), fc.boolean()],
  [leafShape("bytes"), fc.constant(Uint8Array.of(1))],
  [leafShape("id"), fc.constantFrom("x", "\udc00")],
  [leafShape("null"), fc.constant(null)],
  [Object.freeze({ kind: "unknown" }), leaf],
];
type Fitting = readonly [shape: FieldShape, value: unknown];
const anyFitting: fc.Arbitrary<Fitting> = fc.letrec<{ fitting: Fitting }>((tie) => ({
  fitting: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc
      .constantFrom(...leafOf)
      .chain(([shape, values]) => values.map((value): Fitting => [shape, value])),
    fc
      .array(fc.tuple(fc.constantFrom("a", "b", "c"), tie("fitting")), { maxLength: 3 })
      .map((fields): Fitting => [
        objectShape(fields.map(([name, [shape]]) => [name, shape] as const)),
        Object.fromEntries(fields.map(([name, [, value]]) => [name, value])),
      ]),
    tie("fitting").map(([shape, value]): Fitting => [arrayShape(shape), [value, value]]),
    fc
      .tuple(tie("fitting"), tie("fitting"))
      .map(([[a, value], [b]]): Fitting => [unionOf([a, b]), value]),
    tie("fitting").map(([shape, value]): Fitting => [unionOf([shape, UNDEFINED_SHAPE]), value]),
    tie("fitting").map(([shape, value]): Fitting => [
      objectShape([], { rest: shape }),
      { any: value },
    ]),
  ),
})).fitting;

test("the check made for a shape agrees with the check of anything", () => {
  fc.assert(
    fc.property(anyFitting, ([shape, value]) => {
      const check = compileStorableCheck(shape);
      expect(check === undefined ? true : check(value, 0)).toBe(isStorable(value));
    }),
    { numRuns: 5_000 },
  );
});

test("the look at an input made for a shape finds holes wherever the shape has arrays, and refuses nothing safe", () => {
  fc.assert(
    fc.property(anyFitting, fc.boolean(), ([shape, fitting], pierced) => {
      const value = pierced ? withHoles(fitting) : fitting;
      const isSafe = compileInputCheck(shape)?.(value) ?? true;
      if (isSafeInput(value)) expect(isSafe).toBe(true);
      else if (pierced && isSafeInput(fitting)) expect(isSafe).toBe(false);
    }),
    { numRuns: 3_000 },
  );
});

/** The value with a hole behind the elements of each array. */
function withHoles(value: unknown): unknown {
  if (Array.isArray(value)) {
    return Object.assign(value.map(withHoles), { length: value.length + 1 });
  }
  if (typeof value !== "object" || value === null) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withHoles(part)]));
}
