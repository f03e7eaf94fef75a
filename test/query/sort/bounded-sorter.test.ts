import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { parsePath } from "../../../src/collections/index.ts";
import type { Document } from "../../../src/collections/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import {
  SortTooLarge,
  allRows,
  explainQuery,
  openRows,
  pageOfRows,
} from "../../../src/query/index.ts";
import type { QueryContext, RowPage } from "../../../src/query/index.ts";
import { BoundedSorter } from "../../../src/query/sort/bounded-sorter.ts";
import { documents, indexesAndQueries, runs } from "../arbitrary-query.ts";
import { compareDocuments, plainMatches, plainSelect } from "../plain-query.ts";
import { promisedEngine } from "../promised-engine.ts";
import { QueryWorld } from "../query-world.ts";

vi.setConfig({ testTimeout: 60_000 });

const row = fc.record({
  id: fc.oneof(fc.ulid(), fc.constantFrom("a", "b", "7", "zz", "é")),
  a: fc.oneof(fc.nat(3), fc.constantFrom(null, "x", "x\0", "", 1n, true, new Date(0))),
  b: fc.nat(3),
  note: fc.constant("x".repeat(300)),
});
const rows = fc.uniqueArray(row, { selector: ({ id }) => id, maxLength: 60 });

test("whatever its bound, a sorter gives what a plain sort gives, or fails", () => {
  let spilled = 0;
  fc.assert(
    fc.property(
      rows,
      fc.option(fc.nat(20), { nil: undefined }),
      fc.boolean(),
      fc.boolean(),
      fc.oneof(fc.nat(4_000), fc.nat(12_000), fc.constant(1e9)),
      (list, limit, aDown, bDown, bytesMax) => {
        const fields = [
          { path: parsePath("a")!, descending: aDown },
          { path: parsePath("b")!, descending: bDown },
        ];
        const tooLarge = (): Error => new Error("too large");
        const sorter = new BoundedSorter({ fields, idDescending: bDown }, limit, {
          bytesMax,
          tooLarge,
        });
        const order = fields.map(({ path, descending }) => ({ path: path.text, descending }));
        const expected = list.toSorted((x, y) => compareDocuments(order, x, y)).slice(0, limit);
        try {
          for (const document of list) sorter.add(document);
        } catch (error) {
          expect(error).toEqual(tooLarge());
          expect(bytesMax).toBeLessThan(12_001);
          return;
        }
        const sorted = sorter.finish();
        if ("documents" in sorted) expect(sorted.documents).toEqual(expected);
        else {
          spilled++;
          const ids = Array.from({ length: sorted.count }, (_, i) => sorted.idAt(i));
          expect(ids).toEqual(expected.map(({ id }) => id));
        }
      },
    ),
    { numRuns: runs(300) },
  );
  expect(spilled).toBeGreaterThan(0);
});

test("a cut keeps the first rows, as often as it is needed", () => {
  const order = { fields: [{ path: parsePath("n")!, descending: false }], idDescending: false };
  const sorter = new BoundedSorter(order, 5, { bytesMax: 1_000, tooLarge: () => new Error() });
  // Falling, so that each row goes before all others; the first ones are too large to be kept.
  for (let n = 10_000; n > 0; n--)
    sorter.add({ id: `d${n}`, n, note: n > 9_990 ? "x".repeat(900) : "" });
  const sorted = sorter.finish();
  expect("idAt" in sorted && sorted.count).toBe(5);
  expect("idAt" in sorted && [0, 1, 2, 3, 4].map((i) => sorted.idAt(i))).toEqual([
    "d1",
    "d2",
    "d3",
    "d4",
    "d5",
  ]);
});

/** Documents of these tests take more than this together, their places less. */
const TINY_BYTES = 4_500;

async function streamed(cursor: ReturnType<typeof openRows>): Promise<readonly Document[]> {
  const all: Document[] = [];
  for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next())
    all.push(...batch);
  return all;
}

for (const engine of ["at once", "later"]) {
  test(`rows, streams and pages in tiny memory are those of the plain sort, answered ${engine}`, async () => {
    await fc.assert(
      fc.asyncProperty(documents, indexesAndQueries, async (inputs, [names, asked]) => {
        const memory = new MemoryEngine();
        const world = await QueryWorld.open(
          names,
          engine === "later" ? promisedEngine(memory) : memory,
        );
        const stored = await world.insert(inputs);
        for (const each of asked) {
          if (each.orderBy.length === 0) continue;
          const request = world.request(each);
          const expected = plainMatches(request, stored)
            .slice(0, request.limit)
            .map((found) => plainSelect(found, request.select));
          await world.read(async (plain) => {
            const context: QueryContext = { ...plain, sortBytesMax: TINY_BYTES };
            expect(await allRows(request, context)).toEqual(expected);
            expect(await streamed(openRows(request, context))).toEqual(expected);
            const pages: Document[] = [];
            const paged = { ...request, limit: undefined };
            let after: string | null = null;
            do {
              const from: string | null = after;
              const page: RowPage = await pageOfRows(paged, context, { size: 7, after: from });
              pages.push(...page.items);
              after = page.next;
            } while (after !== null);
            expect(pages.slice(0, request.limit)).toEqual(expected);
          });
        }
      }),
      { numRuns: runs(25) },
    );
  });
}

const base = { b: true, u: 1, q: [], i: [], t: [] };

async function filled(count: number): Promise<QueryWorld> {
  const world = await QueryWorld.open([]);
  await world.insert(
    Array.from({ length: count }, (_, n) => ({
      ...base,
      id: `d${n}`,
      n: (n * 7) % count,
      s: `text ${n}`,
    })),
  );
  return world;
}

test("beyond its bound a sort reads its rows again, and says so in figures", async () => {
  const world = await filled(500);
  const request = world.request({ orderBy: [["n", "asc"]] });
  await world.read(async (plain) => {
    const context = { ...plain, nowMillis: () => 0 };
    const figures = async (sortBytesMax: number) =>
      (await explainQuery(request, { ...context, sortBytesMax }, { analyze: true })).actual;
    expect(await figures(1e9)).toMatchObject({ keys: 500, documents: 500 });
    expect(await figures(40_000)).toMatchObject({ rows: 500, keys: 1_000, documents: 1_000 });
  });
});

test("a sort whose places do not fit fails, and names the index that would help", async () => {
  const world = await filled(500);
  const request = world.request({ filter: { b: true }, orderBy: [["n", "asc"]] });
  await world.read(async (plain) => {
    const context = { ...plain, sortBytesMax: 4_000 };
    expect(() => allRows(request, context)).toThrow(SortTooLarge);
    expect(() => allRows(request, context)).toThrow(
      expect.objectContaining({
        _tag: "SortTooLarge",
        collection: "random",
        suggestion: [["b", "n"]],
        message: expect.stringContaining('Add the index ["b","n"]') as string,
      }),
    );
    // The first rows alone do fit.
    expect(allRows({ ...request, limit: 5 }, context)).toHaveLength(5);
    expect(allRows({ ...request, limit: 20 }, context)).toHaveLength(20);
  });
});

test("a transaction that deletes what a stream has yet to give gets the others", async () => {
  const world = await filled(600);
  const request = world.request({ orderBy: [["n", "asc"]] });
  await world.database.transact(async (tx) => {
    const context = { view: tx, store: world.store.inner, sortBytesMax: 40_000 };
    const cursor = openRows(request, context);
    const first = (await cursor.next())!;
    const last = (await allRows(request, context)).at(-1)!;
    await world.store.inner.delete(tx, last.id);
    const others = await streamed(cursor);
    expect(first.length + others.length).toBe(599);
  });
});
