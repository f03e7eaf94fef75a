import * as fc from "fast-check";
import { expect, test, vi } from "vitest";
import { parseFilter } from "../../../src/collections/filter/filter-parser.ts";
import { filterText } from "../../../src/collections/filter/filter-text.ts";
import { OPAQUE_SHAPE } from "../../../src/collections/schema/field-shape.ts";
import { anyFilter } from "./arbitrary-filter.ts";

// Many random cases: a busy machine takes longer than the usual limit.
vi.setConfig({ testTimeout: 30_000 });

test("filters look like this in explain", async () => {
  const filters: unknown[] = [
    {},
    { OR: [] },
    { name: 'Ada "the first"', age: { gte: 18, lt: 65 } },
    { id: { in: ["b", "a"] }, deleted: null },
    { big: 5n, ok: { ne: true }, born: { gt: new Date(0) }, raw: Uint8Array.of(0, 255) },
    { name: { startsWith: "é😀\n" } },
    { address: { city: "Oslo", geo: { lat: { gt: -1.5 } } } },
    { tags: { hasAll: ["b", "a"] }, list: { size: 2 } },
    { tags: { hasAny: ["b", "a"] }, age: { notIn: [1, 2] } },
    { items: { some: { sku: "a", n: { gt: 1 } } } },
    {
      OR: [{ role: "admin" }, { logins: 0, NOT: { OR: [{ a: 1 }, { b: 2 }] } }],
      age: { exists: true },
    },
    { NOT: { items: { some: { n: { in: [2, 1] } } } } },
    { "odd.name": { "": 1 } },
  ];
  const lines = filters.map((input) => filterText(parseFilter("c", OPAQUE_SHAPE, input)));
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("./golden/filter-text.golden.txt");
});

test("different filters have different texts", () => {
  fc.assert(
    fc.property(anyFilter, anyFilter, (a, b) => {
      if (filterText(a) === filterText(b)) expect(a).toEqual(b);
    }),
    { numRuns: 500 },
  );
});
