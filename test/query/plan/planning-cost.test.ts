/**
 * Planning takes time in proportion to the filter. The limits are some ten times what it takes, and some ten times less
 * than following every union within a union would.
 */
import { expect, test } from "vitest";
import { z } from "zod";
import { collection, matches } from "../../../src/collections/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import { EVERY_DOCUMENT, allRows, planFor, planText, withWhere } from "../../../src/query/index.ts";
import type { QueryContext, QueryRequest } from "../../../src/query/index.ts";
import type { Plan } from "../../../src/query/plan/plan.ts";
import { withView } from "../../../src/transaction/index.ts";
import { TestDatabase } from "../../collections/test-database.ts";
import type { TestStore } from "../../collections/test-database.ts";

const Points = collection("points", z.object({ a: z.number(), b: z.number() }), {
  indexes: { byA: ["a"], byB: ["b"] },
});

interface World {
  readonly store: TestStore;
  readonly request: (filter: object) => QueryRequest;
  readonly read: <A>(run: (context: QueryContext) => A | Promise<A>) => Promise<A>;
}

async function openWorld(): Promise<World> {
  const database = new TestDatabase(new MemoryEngine());
  const store = await database.store(Points);
  return {
    store,
    request: (filter) => withWhere(store.inner.definition, EVERY_DOCUMENT, filter),
    read: async (run) =>
      await withView(database.engine, (view) => run({ view, store: store.inner })),
  };
}

/** a > 0 or b > 0, and a > 1 or b > 1, and so on. */
function pairs(count: number, op: "gt" | "eq"): object {
  const or = (i: number): object => ({ OR: [{ a: { [op]: i } }, { b: { [op]: i } }] });
  return { AND: Array.from({ length: count }, (_, i) => or(i)) };
}

function timed(plan: () => Plan): { readonly plan: Plan; readonly millis: number } {
  const start = performance.now();
  return { plan: plan(), millis: performance.now() - start };
}

for (const op of ["gt", "eq"] as const)
  for (const count of [12, 80, 2_000])
    test(`${count} alternatives of ${op} are planned in less than two seconds, and one of them is a union`, async () => {
      const { store, request } = await openWorld();
      const asked = request(pairs(count, op));
      const { plan, millis } = timed(() => planFor(asked, { store: store.inner }));
      expect(millis).toBeLessThan(2_000);
      if (plan.branches.length > 0) {
        expect(plan.fullScan).toBe(false);
        expect(plan.branches.map(({ access }) => access.kind)).toEqual(["index", "index"]);
      }
    });

test("what planning does not follow is checked on the documents", async () => {
  const { read, request, store } = await openWorld();
  const inputs = Array.from({ length: 60 }, (_, i) => ({ a: i, b: (i * 37) % 60 }));
  const documents = await store.insertMany(inputs);
  for (const count of [2, 5, 20, 45]) {
    const asked = request(pairs(count, "gt"));
    const expected = documents.filter((document) => matches(asked.filter, document));
    const rows = await read((context) => allRows(asked, context));
    const ids = (of: readonly { readonly id: string }[]): string[] => of.map(({ id }) => id).sort();
    expect(ids(rows), planText(planFor(asked, { store: store.inner }))).toEqual(ids(expected));
    expect(rows.length).toBeGreaterThan(0);
  }
});

test("the same request has the same plan, also where the effort ends", async () => {
  const { request, store } = await openWorld();
  const text = (): string => planText(planFor(request(pairs(40, "eq")), { store: store.inner }));
  expect(text()).toBe(text());
});

test("a list of 100,000 values is planned in less than two seconds, and each value is a range", async () => {
  const { request, store } = await openWorld();
  const asked = request({
    a: { in: Array.from({ length: 100_000 }, (_, i) => (i * 7_919) % 1e5) },
  });
  const { plan, millis } = timed(() => planFor(asked, { store: store.inner }));
  const { access, residual } = plan.branches[0]!;
  expect(millis).toBeLessThan(2_000);
  expect(access.kind === "index" && access.bounds).toHaveLength(100_000);
  expect(residual.kind).toBe("all");
});

test("a long list beside alternatives is not planned once for each of them", async () => {
  const { request, store } = await openWorld();
  const list = { in: Array.from({ length: 20_000 }, (_, i) => i) };
  const OR = Array.from({ length: 60 }, (_, i) => ({ b: i }));
  const { plan, millis } = timed(() => planFor(request({ a: list, OR }), { store: store.inner }));
  expect(millis).toBeLessThan(2_000);
  expect(plan.branches).toHaveLength(1);
  expect(plan.fullScan).toBe(false);
});

test("5,000 exclusions of one field are planned in less than two seconds", async () => {
  const { request, store } = await openWorld();
  const AND = Array.from({ length: 5_000 }, (_, i) => ({ a: { ne: i } }));
  const { millis } = timed(() => planFor(request({ AND }), { store: store.inner }));
  expect(millis).toBeLessThan(2_000);
});

test("groups of 200,000 conditions in groups are read and planned", async () => {
  const { request, store } = await openWorld();
  const OR = [{ b: 1 }, { OR: Array.from({ length: 200_000 }, (_, i) => ({ a: i })) }];
  expect(planFor(request({ OR }), { store: store.inner }).branches).toHaveLength(1);
});
