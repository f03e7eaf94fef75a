import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import {
  compareStrings,
  compareValues,
  isOrdered,
  typeClass,
} from "../../../src/collections/key/value-order.ts";
import type { Scalar } from "../../../src/collections/schema/document-type.ts";
import { anyScalar, anyString } from "./arbitrary-value.ts";

// Many random cases: a busy machine takes longer than the usual limit.
vi.setConfig({ testTimeout: 30_000 });

describe("the order of values", () => {
  test("puts the types in their order, and values of one type by value", () => {
    const ordered: Scalar[] = [
      null,
      false,
      true,
      Number.NEGATIVE_INFINITY,
      -1.5,
      -Number.MIN_VALUE,
      0,
      Number.MIN_VALUE,
      2,
      10,
      Number.POSITIVE_INFINITY,
      -(10n ** 30n),
      0n,
      5n,
      new Date(-1),
      new Date(0),
      "",
      "\0",
      "B",
      "a",
      "ab",
      "\uffff",
      "😀",
      new Uint8Array(0),
      Uint8Array.of(0),
      Uint8Array.of(0x7f),
      Uint8Array.of(0xff),
    ];
    for (const [i, a] of ordered.entries()) {
      for (const [j, b] of ordered.entries()) {
        expect(Math.sign(compareValues(a, b)), `${String(a)} and ${String(b)}`).toBe(
          Math.sign(i - j),
        );
      }
    }
  });

  test("takes null for undefined and -0 for 0", () => {
    expect(compareValues(null, undefined)).toBe(0);
    expect(compareValues(-0, 0)).toBe(0);
  });

  test("is the order of UTF-8 bytes for strings", () => {
    fc.assert(
      fc.property(anyString, anyString, (a, b) => {
        const byBytes = Buffer.compare(Buffer.from(a), Buffer.from(b));
        expect(Math.sign(compareStrings(a, b))).toBe(byBytes);
      }),
      { numRuns: 2_000 },
    );
  });

  test("is a total order", () => {
    fc.assert(
      fc.property(anyScalar, anyScalar, anyScalar, (a, b, c) => {
        expect(Math.sign(compareValues(a, b)) + Math.sign(compareValues(b, a))).toBe(0);
        if (compareValues(a, b) <= 0 && compareValues(b, c) <= 0) {
          expect(compareValues(a, c)).toBeLessThanOrEqual(0);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("what has an order", () => {
  test.each([
    [NaN],
    ["\ud800"],
    ["a\udc00b"],
    [new Date(Number.NaN)],
    [{}],
    [[]],
    [() => 0],
    [Symbol("s")],
  ])("%s has none", (value) => {
    expect(isOrdered(value)).toBe(false);
  });

  test("every scalar has one, and a class", () => {
    fc.assert(
      fc.property(anyScalar, (value) => {
        expect(isOrdered(value)).toBe(true);
        expect(typeClass(value)).toBeDefined();
      }),
    );
  });

  test("objects and arrays have no class", () => {
    expect(typeClass({})).toBeUndefined();
    expect(typeClass([1])).toBeUndefined();
    expect(typeClass(new Map())).toBeUndefined();
  });
});
