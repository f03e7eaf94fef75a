import fc from "fast-check";
import { expect, test, vi } from "vitest";
import {
  compareValues,
  matches,
  typeClass,
  valueAt,
  valuesAt,
} from "../../src/collections/index.ts";
import type { Document, IndexDefinition, Scalar } from "../../src/collections/index.ts";
import {
  allRows,
  countRows,
  planFor,
  planText,
  withIndex,
  withIndexBound,
} from "../../src/query/index.ts";
import type { BoundOp } from "../../src/query/index.ts";
import { documents, filter, indexPool, runs } from "./arbitrary-query.ts";
import type { PoolName } from "./arbitrary-query.ts";
import { compareDocuments } from "./plain-query.ts";
import { QueryWorld } from "./query-world.ts";

vi.setConfig({ testTimeout: 60_000 });

type Bound = readonly [op: BoundOp, value: Scalar];

function isWithin(value: Scalar, [op, bound]: Bound): boolean {
  if (typeClass(value) !== typeClass(bound)) return false;
  if (op === "startsWith") return (value as string).startsWith(bound as string);
  const order = compareValues(value, bound);
  return { gt: order > 0, gte: order >= 0, lt: order < 0, lte: order <= 0 }[op];
}

/** Has the document an entry with these leading values, whose next one is within the bounds? */
function hasEntry(
  { fields, where }: IndexDefinition,
  document: Document,
  prefix: readonly Scalar[],
  bounds: readonly Bound[],
): boolean {
  if (where !== undefined && !matches(where, document)) return false;
  const list = fields.find(({ path }) => path.each);
  const elements = list === undefined ? [undefined] : valuesAt(document, list.path);
  return elements.some((element) =>
    fields.every(({ path }, i) => {
      const value = (path.each ? element : valueAt(document, path)) as Scalar;
      if (i < prefix.length) return compareValues(value, prefix[i]) === 0;
      return i > prefix.length || bounds.every((bound) => isWithin(value, bound));
    }),
  );
}

const scan = fc
  .record({
    name: fc.constantFrom(...(Object.keys(indexPool) as PoolName[])),
    length: fc.nat(3),
    bounds: fc.array(fc.constantFrom("gt", "gte", "lt", "lte"), { maxLength: 2 }),
    starts: fc.boolean(),
    reverse: fc.boolean(),
    filter: fc.option(filter, { nil: undefined }),
    limit: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    pick: fc.array(fc.nat(20), { minLength: 6, maxLength: 6 }),
  })
  .filter(({ name }) => name !== "byBIdDown" && !name.endsWith("Id"));

test("a scan of a named index gives the documents that have an entry there, in its order", async () => {
  await fc.assert(
    fc.asyncProperty(
      documents,
      fc.array(scan, { minLength: 1, maxLength: 6 }),
      async (inputs, scans) => {
        const world = await QueryWorld.open([...new Set(scans.map(({ name }) => name))]);
        const stored = await world.insert(inputs);
        for (const asked of scans) {
          const index = world.definition.indexes.find(({ name }) => name === asked.name)!;
          // Values that documents have, so that prefixes meet something.
          const values = index.fields.map(({ path }, i) => {
            const found = stored.flatMap((row) =>
              path.each ? valuesAt(row, path) : [valueAt(row, path)],
            );
            return (found[asked.pick[i]! % Math.max(found.length, 1)] ?? null) as Scalar;
          });
          const length = Math.min(asked.length, index.fields.length);
          const prefix = values.slice(0, length);
          const next = values[length] ?? null;
          const bounds: Bound[] = next === null ? [] : asked.bounds.map((op) => [op, next]);
          if (typeof next === "string" && asked.starts)
            bounds.push(["startsWith", Array.from(next)[0] ?? ""]);
          const { filter, limit, reverse } = asked;
          let request = world.request({ filter, limit, reverse });
          request = withIndex(world.definition, request, asked.name, prefix);
          for (const [op, value] of bounds)
            request = withIndexBound(world.definition, request, op, value);

          const expected = stored.filter(
            (row) => hasEntry(index, row, prefix, bounds) && matches(request.filter, row),
          );
          const plan = await world.read((context) => planText(planFor(request, context)));
          const rows = await world.read((context) => allRows(request, context));
          const count = Math.min(expected.length, limit ?? Infinity);
          expect(rows.length, plan).toBe(count);
          expect(await world.read((context) => countRows(request, context)), plan).toBe(count);
          if (index.fields.some(({ path }) => path.each)) {
            expect(new Set(rows.map(({ id }) => id)).size).toBe(count);
            for (const row of rows) expect(expected).toContainEqual(row);
          } else {
            const order = index.fields.map(({ path, descending }) => ({
              path: path.text,
              descending,
            }));
            expected.sort((a, b) => compareDocuments(order, a, b));
            if (reverse) expected.reverse();
            expect(rows, plan).toEqual(expected.slice(0, limit));
          }
        }
      },
    ),
    { numRuns: runs(20) },
  );
});
