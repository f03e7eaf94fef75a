import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { compareBytes } from "../../../src/base/index.ts";
import { encodeKey } from "../../../src/collections/key/key-writer.ts";
import {
  classPartRange,
  comparedPartRange,
  presentPartRange,
  stringPrefixPartRange,
  valuePartRange,
} from "../../../src/collections/key/part-range.ts";
import type { PartRange } from "../../../src/collections/key/part-range.ts";
import {
  TYPE_CLASSES,
  compareValues,
  typeClass,
} from "../../../src/collections/key/value-order.ts";
import type { Scalar } from "../../../src/collections/schema/document-type.ts";
import { anyBytes, anyScalar, anyString, scalarPair } from "./arbitrary-value.ts";

// Many random cases: a busy machine takes longer than the usual limit.
vi.setConfig({ testTimeout: 30_000 });

/** Is the key of the value, with anything behind it, in the range? */
function holds(range: PartRange, value: Scalar, descending: boolean, behind: Uint8Array): boolean {
  const key = Uint8Array.of(...encodeKey(new Uint8Array(0), [value], [descending]), ...behind);
  return compareBytes(range.start, key) <= 0 && compareBytes(key, range.end) < 0;
}

describe("a range of parts", () => {
  test("of a type holds exactly the values of the type", () => {
    fc.assert(
      fc.property(anyScalar, fc.boolean(), anyBytes, (value, descending, behind) => {
        for (const of of TYPE_CLASSES) {
          expect(holds(classPartRange(of, descending), value, descending, behind)).toBe(
            typeClass(value) === of,
          );
        }
        expect(holds(presentPartRange(descending), value, descending, behind)).toBe(
          typeClass(value) !== "nullish",
        );
      }),
      { numRuns: 1_000 },
    );
  });

  test("of one value holds exactly that value", () => {
    fc.assert(
      fc.property(scalarPair, fc.boolean(), anyBytes, ([a, b], descending, behind) => {
        expect(holds(valuePartRange(a, descending), b, descending, behind)).toBe(
          compareValues(a, b) === 0,
        );
      }),
      { numRuns: 3_000 },
    );
  });

  test("of a comparison holds exactly the values of the type for which it is true", () => {
    fc.assert(
      fc.property(scalarPair, fc.boolean(), anyBytes, ([a, b], descending, behind) => {
        const comparable = typeClass(a) === typeClass(b);
        const order = compareValues(b, a);
        const expected = { gt: order > 0, gte: order >= 0, lt: order < 0, lte: order <= 0 };
        for (const op of ["gt", "gte", "lt", "lte"] as const) {
          expect(holds(comparedPartRange(op, a, descending), b, descending, behind), op).toBe(
            comparable && expected[op],
          );
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test("of a string prefix holds exactly the strings that begin with it", () => {
    const prefixed = fc.oneof(
      fc.tuple(anyString, anyScalar),
      fc.tuple(anyString, anyString).map(([prefix, rest]) => [prefix, prefix + rest] as const),
    );
    fc.assert(
      fc.property(prefixed, fc.boolean(), anyBytes, ([prefix, value], descending, behind) => {
        expect(holds(stringPrefixPartRange(prefix, descending), value, descending, behind)).toBe(
          typeof value === "string" && value.startsWith(prefix),
        );
      }),
      { numRuns: 3_000 },
    );
  });
});
