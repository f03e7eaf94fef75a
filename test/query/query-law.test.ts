import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { allRows, countRows, hasRows, planFor, planText } from "../../src/query/index.ts";
import type { Estimate } from "../../src/query/index.ts";
import { documents, indexesAndQueries, runs } from "./arbitrary-query.ts";
import { checkAlone, checkQuery, checkWhileOthersCommit } from "./check-query.ts";
import { isElsewhere } from "../support/elsewhere.ts";
import { QueryWorld } from "./query-world.ts";

vi.setConfig({ testTimeout: 60_000 });

test("a query gives what the plain evaluator gives, whatever the indexes", async () => {
  await fc.assert(
    fc.asyncProperty(documents, indexesAndQueries, async (inputs, [names, asked]) => {
      await checkAlone(names, inputs, asked, false);
    }),
    { numRuns: runs(40) },
  );
});

test("the same whatever the engine estimates, be it nonsense", async () => {
  await fc.assert(
    fc.asyncProperty(
      documents,
      indexesAndQueries,
      fc.array(fc.oneof(fc.nat(20), fc.nat(100_000)), { minLength: 1, maxLength: 7 }),
      async (inputs, [names, asked], told) => {
        const world = await QueryWorld.open(names);
        const stored = await world.insert(inputs);
        const nonsense: Estimate = ({ start }) =>
          told[start.reduce((sum, byte) => sum + byte, 0) % told.length]!;
        for (const each of asked)
          await world.read(async (context) => {
            const request = world.request(each);
            await checkQuery(request, context, stored);
            // What the rule for full scans refuses does not depend on data.
            const lawful = planFor(request, { ...context, estimate: undefined });
            const plan = planFor(request, context);
            expect(plan.fullScan, planText(plan)).toBe(lawful.fullScan);
          }, nonsense);
      },
    ),
    { numRuns: runs(40) },
  );
});

test.skipIf(isElsewhere())("the same through an engine that answers later", async () => {
  await fc.assert(
    fc.asyncProperty(documents, indexesAndQueries, async (inputs, [names, asked]) => {
      await checkAlone(names, inputs, asked, true);
    }),
    { numRuns: runs(12) },
  );
});

test("queries that run while others commit give one state: a snapshot's its own, a transaction's that of its begin", async () => {
  await fc.assert(
    fc.asyncProperty(
      documents,
      documents,
      indexesAndQueries,
      async (inputs, more, [names, asked]) => checkWhileOthersCommit(names, inputs, asked, more),
    ),
    { numRuns: runs(15) },
  );
});

test("a transaction's queries see its own writes and deletes", async () => {
  await fc.assert(
    fc.asyncProperty(
      documents,
      documents,
      indexesAndQueries,
      async (inputs, more, [names, asked]) => {
        const world = await QueryWorld.open(names);
        const before = await world.insert(inputs);
        await world.database.transact(async (tx) => {
          const stored = new Map(before.map((document) => [document.id, document]));
          for (const [at, { id, ...fields }] of more.entries()) {
            const target = before[at * 2];
            if (target !== undefined && at % 2 === 0) {
              await world.store.inner.delete(tx, target.id);
              stored.delete(target.id);
            } else if (target !== undefined) {
              const { e: _, ...rest } = fields;
              const changed = await world.store.inner.replace(tx, target.id, rest);
              stored.set(target.id, changed);
            } else if (id === undefined || !stored.has(id)) {
              const e = typeof fields.e === "number" ? { e: fields.e + 1_000 } : {};
              const added = await world.store.inner.insert(tx, {
                ...fields,
                ...e,
                ...(id === undefined ? {} : { id }),
              });
              stored.set(added.id, added);
            }
          }
          const context = { view: tx, store: world.store.inner };
          for (const each of asked)
            await checkQuery(world.request(each), context, [...stored.values()]);
        });
      },
    ),
    { numRuns: runs(20) },
  );
});

test("reverse gives the same rows backwards, with an order and without", async () => {
  await fc.assert(
    fc.asyncProperty(documents, indexesAndQueries, async (inputs, [names, asked]) => {
      const world = await QueryWorld.open(names);
      await world.insert(inputs);
      for (const each of asked) {
        const forward = world.request({ ...each, limit: undefined, reverse: false });
        const backward = world.request({ ...each, limit: undefined, reverse: true });
        const rows = await world.read((context) => allRows(forward, context));
        expect(await world.read((context) => allRows(backward, context))).toEqual(
          rows.toReversed(),
        );
      }
    }),
    { numRuns: runs(40) },
  );
});

test.skipIf(isElsewhere())("an engine that answers at once makes no promise", async () => {
  const world = await QueryWorld.open(["byN", "byTag"]);
  await world.insert([{ n: 1, b: true, u: 1, q: [], i: [], t: ["x"] }]);
  await world.read((context) => {
    for (const filter of [{ n: 1 }, { t: { has: "x" } }, { b: true }, { id: "none" }]) {
      const request = world.request({ filter, orderBy: [["s", "asc"]] });
      expect(allRows(request, context)).toBeInstanceOf(Array);
      expect(countRows(request, context)).toBeTypeOf("number");
      expect(hasRows(request, context)).toBeTypeOf("boolean");
    }
  });
});

test("a row tells null from missing, also where an index knows the field", async () => {
  const world = await QueryWorld.open(["byS", "nWithS"]);
  const base = { n: 1, b: true, u: 1, q: [], i: [] };
  await world.insert([{ ...base, s: null }, base, { ...base, s: "a" }]);
  await world.read(async (context) => {
    const nullish = world.request({ filter: { s: null }, select: ["s"] });
    expect(await allRows(nullish, context)).toEqual([{ s: null }, {}]);
    const included = world.request({ filter: { n: 1 }, select: ["s", "n"] });
    expect(planText(planFor(included, context))).toContain("index nWithS, no documents");
    expect(await allRows(included, context)).toEqual([
      { s: null, n: 1 },
      { n: 1 },
      { s: "a", n: 1 },
    ]);
  });
});

test("a condition that is stricter than the part of an index is still checked", async () => {
  const world = await QueryWorld.open(["positiveByS"]);
  const base = { b: true, u: 1, q: [], i: [], s: "a" };
  await world.insert([1, 2, 3].map((n) => ({ ...base, n })));
  await world.read(async (context) => {
    const part = world.request({ filter: { s: "a", n: { gte: 1 } }, orderBy: [["s", "asc"]] });
    expect(planText(planFor(part, context))).toBe(
      'index positiveByS\nrange    s = "a"\norder    s, id, as it is read',
    );
    const stricter = world.request({ filter: { s: "a", n: { gte: 2 } }, orderBy: [["n", "asc"]] });
    expect(planText(planFor(stricter, context))).toContain("check    n >= 2");
    expect((await allRows(stricter, context)).map(({ n }) => n)).toEqual([2, 3]);
  });
});
