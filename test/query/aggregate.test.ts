import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { z } from "zod";
import { collection } from "../../src/collections/index.ts";
import type { StorageEngine } from "../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import { ExactSum } from "../../src/query/aggregate/exact-sum.ts";
import { aggregateRequest, aggregateRows, InvalidQuery } from "../../src/query/index.ts";
import { documents, indexesAndQueries, runs } from "./arbitrary-query.ts";
import { plainGroups, plainSum } from "./plain-aggregate.ts";
import type { PlainFigure } from "./plain-aggregate.ts";
import { plainMatches } from "./plain-query.ts";
import { engineHere, variantsHere } from "../support/elsewhere.ts";
import { promisedEngine } from "./promised-engine.ts";
import { QueryWorld } from "./query-world.ts";

vi.setConfig({ testTimeout: 60_000 });

const finite = fc.oneof(
  fc.double({ noNaN: true, min: -1e300, max: 1e300 }),
  fc.constantFrom(1, -1, 0.1, 1e16, -1e16, 2 ** 53, 5e-324, -5e-324, 1e300, -1e300, -0),
  fc.integer(),
);

function sumOf(values: readonly number[]): number {
  const sum = new ExactSum();
  for (const value of values) sum.add(value);
  return sum.value;
}

test("a sum is the exact one, rounded once", () => {
  fc.assert(
    fc.property(fc.array(finite, { maxLength: 40 }), (values) => {
      expect(sumOf(values)).toBe(plainSum(values) + 0);
    }),
    { numRuns: runs(3_000) },
  );
});

test("a sum beyond all numbers is what addition says", () => {
  expect(sumOf([Number.MAX_VALUE, Number.MAX_VALUE])).toBe(Infinity);
  expect(sumOf([1, -Infinity, 2])).toBe(-Infinity);
  expect(sumOf([Infinity, -Infinity])).toBeNaN();
  expect(sumOf([1e16, 1, -1e16])).toBe(1);
});

test("a sum that leaves the range of numbers on the way is the exact one, in every order", () => {
  const max = Number.MAX_VALUE;
  for (const values of [
    [max, max, -max],
    [max, -max, max],
    [1, max, max, -max, -max],
    [0.1, max, 0.2, -max],
    [max, 2 ** 970, -max, -(2 ** 970), 5],
  ]) {
    const expected = plainSum(values) + 0;
    expect(Number.isFinite(expected)).toBe(true);
    for (const order of [values, values.toReversed(), values.toSorted((a, b) => a - b)])
      expect(sumOf(order)).toBe(expected);
  }
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true })), (values) => {
      expect(sumOf(values)).toBe(plainSum(values) + 0);
    }),
    { numRuns: runs(1_000) },
  );
});

const measuredPaths = { numbers: ["n", "m", "p.k", "q[]", "i[].x", "e"], others: ["s", "d", "u"] };
const figure: fc.Arbitrary<PlainFigure> = fc.oneof(
  fc.constant({ count: true }),
  fc
    .tuple(
      fc.constantFrom("sum", "avg", "min", "max"),
      fc.constantFrom(...measuredPaths.numbers, "g"),
    )
    .map(([kind, path]) => ({ [kind]: path })),
  fc
    .tuple(fc.constantFrom("min", "max"), fc.constantFrom(...measuredPaths.others, "id", "t[]"))
    .map(([kind, path]) => ({ [kind]: path })),
);
const figures = fc.dictionary(fc.constantFrom("one", "two", "three"), figure, { minKeys: 1 });
const groupings = fc.subarray(["b", "s", "u", "p.c", "t[]", "q[]", "d", "n"], { maxLength: 2 });
const emptySumOf = (of: PlainFigure): number | bigint => (of["sum"] === "g" ? 0n : 0);

for (const [how, engine] of variantsHere<readonly [string, () => StorageEngine]>(
  [
    ["at once", () => new MemoryEngine()],
    ["later", () => promisedEngine(new MemoryEngine())],
  ],
  ["after a round trip", () => engineHere()],
)) {
  test(`figures are those of the plain evaluator, whatever the indexes, from an engine that answers ${how}`, async () => {
    await fc.assert(
      fc.asyncProperty(
        documents,
        indexesAndQueries,
        figures,
        groupings,
        async (inputs, [names, asked], spec, by) => {
          const world = await QueryWorld.open(names, engine());
          const stored = await world.insert(inputs);
          for (const each of asked) {
            const ordered = each.limit !== undefined && each.orderBy.length > 0;
            // Without an order a limit gives some of the documents, and nobody says which.
            const request = world.request(ordered ? each : { ...each, limit: undefined });
            const fitting = plainMatches(request, stored).slice(0, request.limit);
            const found = await world.read((context) =>
              aggregateRows(request, aggregateRequest(world.definition, by, spec), context),
            );
            expect(found).toEqual(plainGroups(fitting, by, spec, emptySumOf));
          }
        },
      ),
      { numRuns: runs(60) },
    );
  });
}

test("figures of included fields are read from the index alone", async () => {
  const world = await QueryWorld.open(["nWithS"]);
  await world.insert([
    { n: 1, s: "a", u: null, q: [], i: [], b: true },
    { n: 1, s: "b", u: null, q: [], i: [], b: true },
    { n: 2, s: "c", u: null, q: [], i: [], b: true },
  ]);
  const request = world.request({ filter: { n: 1 } });
  const aggregate = aggregateRequest(world.definition, [], { last: { max: "s" } });
  const store = world.store.inner;
  const decode = vi.spyOn(store, "decode");

  const rows = await world.read((context) => aggregateRows(request, aggregate, context));

  expect(rows).toEqual([{ last: "b" }]);
  expect(decode).not.toHaveBeenCalled();
});

test("the least and the greatest value are read at the ends of an index", async () => {
  const world = await QueryWorld.open(["byN", "byS"]);
  const base = { u: null, q: [], i: [], b: true };
  await world.insert([
    { ...base, n: 5, s: "x" },
    { ...base, n: 3, s: null },
    { ...base, n: 9 },
    { ...base, n: 4, s: "b" },
  ]);
  const decode = vi.spyOn(world.store.inner, "decode");
  const figuresOf = async (filter: object | undefined, spec: object) =>
    await world.read((context) =>
      aggregateRows(
        world.request({ filter }),
        aggregateRequest(world.definition, [], spec),
        context,
      ),
    );
  const both = { low: { min: "s" }, high: { max: "n" } };

  expect(await figuresOf(undefined, both)).toEqual([{ low: "b", high: 9 }]);
  expect(decode).toHaveBeenCalledTimes(2);
  expect(await figuresOf({ n: { lt: 5 } }, { high: { max: "n" } })).toEqual([{ high: 4 }]);
  expect(decode).toHaveBeenCalledTimes(3);
  expect(await figuresOf({ n: { gt: 9 } }, { high: { max: "n" } })).toEqual([{ high: null }]);
  expect(await figuresOf({ n: null }, { high: { max: "n" } })).toEqual([{ high: null }]);
  expect(decode).toHaveBeenCalledTimes(3);
  // A condition that the index does not answer: all that fits is read.
  expect(await figuresOf({ n: { lt: 5 } }, { low: { min: "s" } })).toEqual([{ low: "b" }]);
  expect(decode).toHaveBeenCalledTimes(5);
});

const Things = collection(
  "things",
  z.object({
    n: z.number(),
    s: z.string(),
    both: z.union([z.number(), z.bigint()]),
    list: z.array(z.number()),
    o: z.object({ x: z.number() }),
    any: z.unknown(),
  }),
).definition;

for (const [by, spec, problem] of [
  [[], undefined, "aggregate takes an object of figures by name, not undefined"],
  [[], [], "aggregate takes an object of figures by name, not a list"],
  [[], {}, "aggregate takes one figure at least"],
  [[], { a: "count" }, "a figure is an object with one of count, sum, avg, min, max, not count"],
  [[], { a: { sum: "n", avg: "n" } }, "a figure is an object with one of"],
  [[], { a: { median: "n" } }, "a figure is an object with one of"],
  [[], { a: { count: false } }, "a count is { count: true }"],
  [[], { a: { sum: "s" } }, "sum takes a field of numbers or one of bigints"],
  [[], { a: { avg: "both" } }, "avg takes a field of numbers or one of bigints"],
  [[], { a: { sum: "list" } }, "sum takes a field of numbers or one of bigints"],
  [[], { a: { min: "o" } }, "objects and lists have no min"],
  [[], { a: { max: "nothing" } }, "there is no such field"],
  [[], { a: { max: "n..x" } }, "this is no path of a field"],
  [["o"], { a: { count: true } }, "objects and lists make no groups"],
  [["list"], { a: { count: true } }, "objects and lists make no groups"],
  [["n", "n"], { a: { count: true } }, "a field is grouped by once"],
  [["n"], { n: { count: true } }, "a figure cannot have this name"],
  [[7], { n: { count: true } }, "this is no path of a field"],
] as const) {
  test(`refused before anything is read: ${JSON.stringify(by)} ${JSON.stringify(spec)}`, () => {
    expect(() => aggregateRequest(Things, by, spec)).toThrow(InvalidQuery);
    expect(() => aggregateRequest(Things, by, spec)).toThrow(problem);
  });
}
