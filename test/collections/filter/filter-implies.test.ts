import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { implies } from "../../../src/collections/filter/filter-implies.ts";
import { matches } from "../../../src/collections/filter/filter-match.ts";
import { parseFilter } from "../../../src/collections/filter/filter-parser.ts";
import { filterText } from "../../../src/collections/filter/filter-text.ts";
import { OPAQUE_SHAPE } from "../../../src/collections/schema/field-shape.ts";
import { anyDocument, anyFilter, narrowPair } from "./arbitrary-filter.ts";

// Many random cases: a busy machine takes longer than the usual limit.
vi.setConfig({ testTimeout: 30_000 });

function proven(query: unknown, where: unknown): boolean {
  return implies(parseFilter("c", OPAQUE_SHAPE, query), parseFilter("c", OPAQUE_SHAPE, where));
}

describe("a query implies the filter of an index", () => {
  test.each<[unknown, unknown]>([
    [{ a: 1 }, {}],
    [{ OR: [] }, { a: 1 }],
    [{ a: 1 }, { a: 1 }],
    [{ a: 1, b: 2 }, { b: 2 }],
    [
      { a: 1, b: 2, c: 3 },
      { c: 3, a: 1 },
    ],
    [{ a: 1 }, { a: { exists: true } }],
    [{ a: { gt: 1 } }, { a: { exists: true } }],
    [{ a: { startsWith: "x" } }, { a: { exists: true } }],
    [{ a: 1 }, { a: { in: [1, 2] } }],
    [{ a: { in: [1, 2] } }, { a: { in: [1, 2, 3] } }],
    [{ a: { in: [3, 4] } }, { a: { gt: 2 } }],
    [{ a: { gt: 2 } }, { a: { gte: 2 } }],
    [{ a: { gt: 3 } }, { a: { gt: 2 } }],
    [{ a: { lte: 3 } }, { a: { lt: 4 } }],
    [{ a: { gte: 3, lt: 9 } }, { a: { gt: 2 } }],
    [{ a: { startsWith: "abc" } }, { a: { startsWith: "ab" } }],
    [{ a: { startsWith: "b" } }, { a: { gte: "a" } }],
    [{ a: { gt: "b" } }, { a: { startsWith: "" } }],
    [{ a: 1 }, { a: { ne: 2 } }],
    [{ a: null }, { a: { ne: 2 } }],
    [{ a: { gt: 5 } }, { a: { ne: 2 } }],
    [{ a: { gt: 5 } }, { NOT: { a: { lt: 5 } } }],
    [{ a: { gt: 2 } }, { NOT: { a: { lte: 2 } } }],
    [{ a: { gte: 2 } }, { NOT: { a: { lt: 2 } } }],
    [{ a: { startsWith: "b" } }, { NOT: { a: { startsWith: "a" } } }],
    [{ a: { gt: 2 } }, { NOT: { a: { gt: "x" } } }],
    [{ a: { notIn: [1, 2] } }, { a: { ne: 1 } }],
    [{ OR: [{ a: 1 }, { a: 2 }] }, { a: { in: [1, 2, 3] } }],
    [
      {
        OR: [
          { a: 1, b: 1 },
          { a: 2, b: 1 },
        ],
      },
      { b: 1 },
    ],
    [{ a: 1 }, { OR: [{ b: 1 }, { a: { gt: 0 } }] }],
    [{ deleted: null, a: 1 }, { deleted: { exists: false } }],
    [{ tags: { has: "x" }, a: 1 }, { tags: { has: "x" } }],
    [{ items: { some: { sku: "a", n: 5 } } }, { items: { some: { n: { gt: 1 } } } }],
  ])("%j implies %j", (query, where) => {
    expect(proven(query, where)).toBe(true);
  });

  test.each<[unknown, unknown]>([
    [{}, { a: 1 }],
    [{ a: 1 }, { b: 1 }],
    [{ a: 2 }, { a: 1 }],
    [{ a: null }, { a: { exists: true } }],
    [{ a: { lt: 3 } }, { a: { gt: 2 } }],
    [{ a: { gte: 2 } }, { a: { gt: 2 } }],
    [{ a: { gt: 1 } }, { a: { gt: 2 } }],
    [{ a: { gt: "x" } }, { a: { gt: 1 } }],
    [{ a: { gte: 2 } }, { NOT: { a: { lte: 2 } } }],
    [{ a: { gt: 1 } }, { NOT: { a: { lt: 2 } } }],
    [{ a: { startsWith: "ab" } }, { NOT: { a: { startsWith: "a" } } }],
    [{ a: { startsWith: "a" } }, { NOT: { a: { gte: "ab" } } }],
    [{ a: { ne: 1 } }, { a: { ne: 2 } }],
    [{ a: { ne: 1 } }, { a: { exists: true } }],
    [{ a: { startsWith: "a" } }, { a: { gt: "a" } }],
    [{ a: { startsWith: "a" } }, { a: { startsWith: "ab" } }],
    [{ OR: [{ a: 1 }, { b: 1 }] }, { a: 1 }],
    [{ tags: { has: "x" } }, { NOT: { tags: { has: "y" } } }],
    [{ items: { some: { sku: "a" } } }, { items: { some: { n: 1 } } }],
    [{ a: { b: 1 } }, { b: 1 }],
  ])("%j does not imply %j", (query, where) => {
    expect(proven(query, where)).toBe(false);
  });

  test("only if every document that matches the query matches the filter", () => {
    let found = 0;
    const pair = fc.oneof(
      { weight: 4, arbitrary: narrowPair },
      { weight: 1, arbitrary: fc.tuple(anyFilter, anyFilter) },
    );
    fc.assert(
      fc.property(
        pair,
        fc.array(anyDocument, { minLength: 8, maxLength: 8 }),
        ([query, where], list) => {
          if (!implies(query, where)) return;
          found++;
          for (const document of list) {
            if (!matches(query, document)) continue;
            if (!matches(where, document)) {
              expect.fail(`${filterText(query)} => ${filterText(where)}`);
            }
          }
        },
      ),
      { numRuns: 4_000 },
    );
    // Without enough proofs the property would say nothing.
    expect(found).toBeGreaterThan(200);
  });

  test("every filter implies itself", () => {
    fc.assert(
      fc.property(anyFilter, (node) => implies(node, node)),
      { numRuns: 500 },
    );
  });
});
