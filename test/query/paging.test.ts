import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { Document } from "../../src/collections/index.ts";
import {
  InvalidCursor,
  InvalidQuery,
  allRows,
  pageOfRows,
  withIndex,
} from "../../src/query/index.ts";
import type { PageRequest, QueryRequest, RowPage } from "../../src/query/index.ts";
import { documents, indexesAndQueries, runs } from "./arbitrary-query.ts";
import { checkPages } from "./check-query.ts";
import { compareDocuments, plainMatches, plainOrder, plainSelect } from "./plain-query.ts";
import { QueryWorld } from "./query-world.ts";

vi.setConfig({ testTimeout: 60_000 });

async function page(
  world: QueryWorld,
  request: QueryRequest,
  asked: PageRequest,
): Promise<RowPage> {
  return await world.read((context) => pageOfRows(request, context, asked));
}

const sizes = fc.integer({ min: 1, max: 5 });

test("pages forwards and backwards are the rows of all(), each once", async () => {
  await fc.assert(
    fc.asyncProperty(
      documents,
      indexesAndQueries,
      sizes,
      fc.boolean(),
      async (inputs, [names, asked], size, remote) => {
        await checkPages(names, inputs, asked, size, remote);
      },
    ),
    { numRuns: runs(20) },
  );
});

test("between pages anything may change: a page has what now stands behind its cursor", async () => {
  await fc.assert(
    fc.asyncProperty(
      documents,
      documents,
      indexesAndQueries,
      sizes,
      async (inputs, more, [names, asked], size) => {
        for (const each of asked) {
          if (each.orderBy.length === 0) continue;
          const world = await QueryWorld.open(names);
          const stored = new Map((await world.insert(inputs)).map((row) => [row.id, row]));
          const request = world.request({ ...each, limit: undefined, select: undefined });
          const order = plainOrder(request);
          let at: RowPage = await page(world, request, { size });
          for (const [i, { id: _, e: __, ...fields }] of more.entries()) {
            const last = at.items.at(-1);
            if (at.next === null || last === undefined) break;
            // The row at the cursor goes, another one comes or changes.
            if (i % 3 === 0) {
              await world.store.delete(last.id);
              stored.delete(last.id);
            }
            // Takes over the deleted row's unique key.
            const e = i % 3 === 0 && typeof last["e"] === "number" ? { e: last["e"] } : {};
            const added = await world.store.insert({ ...fields, ...e });
            stored.set(added.id, added);
            const rows = plainMatches(request, [...stored.values()]);
            const expected = rows.filter((row) => compareDocuments(order, row, last) > 0);
            at = await page(world, request, { size, after: at.next });
            expect(at.items).toEqual(expected.slice(0, size));
            const first = at.items[0];
            if (first === undefined || at.previous === null) continue;
            const before = rows.filter((row) => compareDocuments(order, row, first) < 0);
            const back = await page(world, request, { size, before: at.previous });
            expect(back.items).toEqual(before.slice(-size));
          }
        }
      },
    ),
    { numRuns: runs(15) },
  );
});

test("without an order no row comes twice, and none that stays is left out", async () => {
  await fc.assert(
    fc.asyncProperty(documents, indexesAndQueries, sizes, async (inputs, [names, asked], size) => {
      for (const each of asked) {
        const world = await QueryWorld.open(names);
        await world.insert(inputs);
        const request = world.request({
          ...each,
          orderBy: [],
          limit: undefined,
          select: undefined,
        });
        const all = await world.read((context) => allRows(request, context));
        const seen: Document[] = [];
        for (let at = await page(world, request, { size }); ;) {
          seen.push(...at.items);
          if (at.next === null) break;
          await world.store.delete(at.items.at(-1)!.id);
          at = await page(world, request, { size, after: at.next });
        }
        expect(seen).toEqual(all);
      }
    }),
    { numRuns: runs(15) },
  );
});

async function smallWorld(): Promise<QueryWorld> {
  const world = await QueryWorld.open(["byN", "byTag", "uniqueE"]);
  const base = { b: true, u: 1, q: [], i: [] };
  await world.insert([1, 2, 3, 4, 5].map((n) => ({ ...base, n, e: n, t: ["x", `y${n}`] })));
  return world;
}

test("a page in the middle of an index reads no more than itself", async () => {
  const world = await smallWorld();
  const request = world.request({ orderBy: [["n", "asc"]], filter: { n: { gte: 1 } } });
  const first = await page(world, request, { size: 2 });
  const second = await page(world, request, { size: 2, after: first.next });
  expect(second.items.map(({ n }) => n)).toEqual([3, 4]);
  expect((await page(world, request, { size: 9, after: second.next })).next).toBe(null);
  expect((await page(world, request, { size: 2, before: second.previous })).items).toEqual(
    first.items,
  );
});

test("select leaves fields out of pages, not out of their order", async () => {
  const world = await smallWorld();
  const request = world.request({ orderBy: [["n", "desc"]], select: ["b"] });
  const first = await page(world, request, { size: 3 });
  expect(first.items).toEqual([{ b: true }, { b: true }, { b: true }]);
  const rest = await page(world, request, { size: 3, after: first.next });
  expect(rest.items).toEqual(
    [{ b: true }, { b: true }].map((row) => plainSelect(row as never, ["b"])),
  );
  expect(rest.next).toBe(null);
});

test("a document that takes over the unique key at a cursor comes if its id is behind it", async () => {
  const base = { n: 1, b: true, u: 1, q: [], i: [] };
  for (const [id, comes] of [
    ["c", true],
    ["a", false],
  ] as const) {
    const world = await QueryWorld.open(["uniqueE"]);
    await world.insert([
      { ...base, e: 1, id: "b" },
      { ...base, e: 2 },
    ]);
    const request = world.request({ orderBy: [["e", "asc"]], filter: { e: { gte: 0 } } });
    const first = await page(world, request, { size: 1 });
    await world.store.delete("b");
    await world.store.insert({ ...base, e: 1, id });
    const second = await page(world, request, { size: 5, after: first.next });
    expect(second.items.map(({ e }) => e)).toEqual(comes ? [1, 2] : [2]);
  }
});

test("an empty page after deletions still leads back", async () => {
  const world = await smallWorld();
  const request = world.request({ orderBy: [["n", "asc"]] });
  const first = await page(world, request, { size: 3 });
  for (const { id } of await world.store.all()) {
    const document = await world.store.get(id);
    if ((document!["n"] as number) > 3) await world.store.delete(id);
  }
  const empty = await page(world, request, { size: 3, after: first.next });
  expect(empty).toMatchObject({ items: [], next: null });
  expect((await page(world, request, { size: 3, before: empty.previous })).items).toEqual(
    first.items,
  );
});

test("a cursor that is damaged, foreign or no cursor is refused before anything is read", async () => {
  const world = await smallWorld();
  const request = world.request({ orderBy: [["n", "asc"]] });
  const { next } = await page(world, request, { size: 2 });
  const refused = (asked: QueryRequest, after: unknown): Promise<void> =>
    expect(page(world, asked, { size: 2, after: after as string })).rejects.toThrow(InvalidCursor);
  await refused(request, "");
  await refused(request, "not a cursor");
  for (let i = 0; i < next!.length; i++) {
    const other = next![i] === "A" ? "B" : "A";
    await refused(request, next!.slice(0, i) + other + next!.slice(i + 1));
    await refused(request, next!.slice(0, i));
  }
  await refused(world.request({ orderBy: [["n", "desc"]] }), next);
  await refused(world.request({ orderBy: [["n", "asc"]], filter: { n: 1 } }), next);
  await refused(world.request({ orderBy: [["n", "asc"]], reverse: true }), next);
  await refused(world.request({ orderBy: [["m", "asc"]] }), next);
  await refused(world.request({}), next);
  await refused(withIndex(world.definition, world.request({}), "byN", []), next);
  const other = world.request({ orderBy: [["n", "asc"]], select: ["n"] });
  expect((await page(world, other, { size: 2, after: next })).items).toEqual([{ n: 3 }, { n: 4 }]);
});

test("a page of no rows, of a limited query, or of two cursors is refused", async () => {
  const world = await smallWorld();
  const request = world.request({ orderBy: [["n", "asc"]] });
  const { next } = await page(world, request, { size: 2 });
  for (const size of [0, -1, 1.5, Number.NaN])
    await expect(page(world, request, { size })).rejects.toThrow(InvalidQuery);
  await expect(page(world, world.request({ limit: 3 }), { size: 2 })).rejects.toThrow(InvalidQuery);
  await expect(page(world, request, { size: 2, after: next, before: next })).rejects.toThrow(
    InvalidQuery,
  );
});
