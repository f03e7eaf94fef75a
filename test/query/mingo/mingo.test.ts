/** Queries give what an implementation of MongoDB's queries by others gives, on the operators that both have. */
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { documents, indexesAndMixedQueries, runs } from "../arbitrary-query.ts";
import { Twins } from "./agreement.ts";
import { mongoFilter } from "./translate.ts";

vi.setConfig({ testTimeout: 120_000 });

test("filters, orders, limits, pages and groups agree with mingo, whatever the indexes", async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(documents, indexesAndMixedQueries, async (inputs, [names, asked]) => {
      const twins = await Twins.open(names, inputs);
      for (const query of asked) {
        await twins.compare(query);
        compared++;
      }
      await twins.close();
    }),
    { numRuns: runs(60) },
  );
  expect(compared).toBeGreaterThan(150);
});

test("the translation of each operator, to be read", () => {
  const translated = Object.fromEntries(
    [
      { n: 1 },
      { s: null },
      { n: { eq: 1 } },
      { n: { ne: 1 } },
      { n: { in: [1, 2] } },
      { n: { notIn: [] } },
      { n: { gt: 1, lte: 2 } },
      { s: { startsWith: "a.b" } },
      { s: { exists: true } },
      { s: { exists: false } },
      { t: { has: "x" } },
      { t: { hasAny: ["x", "y"] } },
      { t: { hasAll: ["x", "y"] } },
      { t: { hasAll: [] } },
      { t: { size: 2 } },
      { i: { some: { w: "x", x: { gte: 1 } } } },
      { p: { c: "x", k: { lt: 1 } } },
      { AND: [{ n: 1 }, { b: true }] },
      { OR: [{ n: 1 }, { b: true }] },
      { NOT: { n: 1, b: true } },
    ].map((filter) => [JSON.stringify(filter), shown(mongoFilter(filter))]),
  );
  expect(
    Object.entries(translated)
      .map(([ours, theirs]) => `${ours}\n  ${theirs}`)
      .join("\n"),
  ).toMatchInlineSnapshot(`
    "{"n":1}
      {"n":{"$eq":1}}
    {"s":null}
      {"s":{"$eq":null}}
    {"n":{"eq":1}}
      {"n":{"$eq":1}}
    {"n":{"ne":1}}
      {"n":{"$ne":1}}
    {"n":{"in":[1,2]}}
      {"n":{"$in":[1,2]}}
    {"n":{"notIn":[]}}
      {"n":{"$nin":[]}}
    {"n":{"gt":1,"lte":2}}
      {"$and":[{"n":{"$gt":1}},{"n":{"$lte":2}}]}
    {"s":{"startsWith":"a.b"}}
      {"s":{"$regex":"/^a\\\\.b/"}}
    {"s":{"exists":true}}
      {"s":{"$ne":null}}
    {"s":{"exists":false}}
      {"s":{"$eq":null}}
    {"t":{"has":"x"}}
      {"t":{"$elemMatch":{"$eq":"x"}}}
    {"t":{"hasAny":["x","y"]}}
      {"t":{"$elemMatch":{"$in":["x","y"]}}}
    {"t":{"hasAll":["x","y"]}}
      {"$and":[{"t":{"$elemMatch":{"$eq":"x"}}},{"t":{"$elemMatch":{"$eq":"y"}}}]}
    {"t":{"hasAll":[]}}
      {}
    {"t":{"size":2}}
      {"t":{"$size":2}}
    {"i":{"some":{"w":"x","x":{"gte":1}}}}
      {"i":{"$elemMatch":{"$and":[{"w":{"$eq":"x"}},{"x":{"$gte":1}}]}}}
    {"p":{"c":"x","k":{"lt":1}}}
      {"$and":[{"p.c":{"$eq":"x"}},{"p.k":{"$lt":1}}]}
    {"AND":[{"n":1},{"b":true}]}
      {"$and":[{"n":{"$eq":1}},{"b":{"$eq":true}}]}
    {"OR":[{"n":1},{"b":true}]}
      {"$or":[{"n":{"$eq":1}},{"b":{"$eq":true}}]}
    {"NOT":{"n":1,"b":true}}
      {"$nor":[{"$and":[{"n":{"$eq":1}},{"b":{"$eq":true}}]}]}"
  `);
});

function shown(filter: object): string {
  return JSON.stringify(filter, (_, value: unknown) =>
    value instanceof RegExp ? String(value) : value,
  );
}
