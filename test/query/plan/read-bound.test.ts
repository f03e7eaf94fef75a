/**
 * No plan reads much more than reading everything would: twice as many keys and documents at most, and a page, whatever
 * the data. Held against data that estimates and the laws are bad at.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { collection } from "../../../src/collections/index.ts";
import type { Document } from "../../../src/collections/index.ts";
import type { StorageEngine } from "../../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../../src/engine/lsm/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import {
  EVERY_DOCUMENT,
  allRows,
  explainQuery,
  pageOfRows,
  planFor,
  planText,
  withLimit,
  withOrderBy,
  withReverse,
  withWhere,
} from "../../../src/query/index.ts";
import type { QueryContext, QueryRequest, RowPage } from "../../../src/query/index.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";
import { withView } from "../../../src/transaction/index.ts";
import { runs } from "../arbitrary-query.ts";
import { TestDatabase } from "../../collections/test-database.ts";
import type { TestStore } from "../../collections/test-database.ts";

const DOCUMENTS = 6_000;
/** The stated bound, and the largest page of an engine. */
const FACTOR = 2;
const PAGE = 1_100;

const Skewed = collection(
  "skewed",
  z.object({
    /** Nine of ten are 0. */
    common: z.number(),
    /** Says what `common` says. */
    same: z.number(),
    /** Each value once. */
    rare: z.number(),
    /** Rises with the documents; the last ones alone have `late`. */
    at: z.number(),
    late: z.boolean(),
    kind: z.string(),
    /** Two thirds of ten tags each. */
    tags: z.array(z.string()),
    note: z.string(),
  }),
  {
    indexes: {
      byCommon: ["common"],
      bySame: ["same", "common"],
      byRare: ["rare"],
      byAt: ["at"],
      byLate: ["late"],
      byKindAt: ["kind", "at"],
      byTag: ["tags[]"],
      zeros: { on: ["rare"], where: { common: 0 } },
    },
  },
);
const { definition } = Skewed;

/** One early in every order but the reverse, the others late. */
function isSeldom(n: number): boolean {
  return n === 3 || n >= DOCUMENTS - 10;
}

function skewed(n: number): object {
  const common = n % 10 === 0 ? n : 0;
  return {
    common,
    same: common,
    rare: (n * 4_801) % DOCUMENTS,
    at: n,
    late: n >= DOCUMENTS - 5,
    kind: ["a", "a", "a", "b"][n % 4],
    tags: Array.from({ length: 10 }, (_, i) => `t${i}`).filter((_, i) => (n + i) % 3 !== 0),
    note: isSeldom(n) ? "seldom" : n % 2 === 0 ? "even" : "odd",
  };
}

async function filled(engine: StorageEngine): Promise<TestStore> {
  const store = await new TestDatabase(engine).store(Skewed);
  for (let first = 0; first < DOCUMENTS; first += 500)
    await store.insertMany(Array.from({ length: 500 }, (_, i) => skewed(first + i)));
  return store;
}

const stores: readonly (readonly [string, Promise<TestStore>])[] = [
  ["memory", filled(new MemoryEngine())],
  [
    "lsm",
    openLsmEngine({ path: "/db", host: new SimulatedHost(), flushBytesMax: 512 * 1_024 }).then(
      filled,
    ),
  ],
];

interface Asked {
  readonly where: object;
  readonly orderBy?: string;
  readonly limit?: number;
  readonly reverse?: boolean;
}

function requestOf({ limit, orderBy, reverse, where }: Asked): QueryRequest {
  let request = withWhere(definition, EVERY_DOCUMENT, where);
  if (orderBy !== undefined) request = withOrderBy(definition, request, orderBy);
  if (reverse === true) request = withReverse(request);
  return limit === undefined ? request : withLimit(definition, request, limit);
}

async function inContext<A>(
  store: TestStore,
  work: (context: QueryContext) => A | Promise<A>,
): Promise<A> {
  const { engine } = store.database;
  const estimate = engine.estimateRows!.bind(engine);
  return await withView(engine, (view) =>
    work({ view, store: store.inner, estimate, nowMillis: () => 0 }),
  );
}

const ids = (rows: readonly Document[]): readonly string[] => rows.map(({ id }) => id);

/** Runs a query; the bound holds, and the rows are those that the laws alone find. */
async function check(store: TestStore, asked: Asked): Promise<void> {
  const request = requestOf(asked);
  await inContext(store, async (context) => {
    const plan = planText(planFor(request, context));
    const { actual } = await explainQuery(request, context, { analyze: true });
    expect(actual!.keys, plan).toBeLessThanOrEqual(FACTOR * DOCUMENTS + PAGE);
    expect(actual!.documents, plan).toBeLessThanOrEqual(FACTOR * DOCUMENTS + PAGE);
    const rows = await allRows(request, context);
    const lawful = await allRows(request, { ...context, estimate: undefined });
    if (asked.orderBy !== undefined) expect(ids(rows), plan).toEqual(ids(lawful));
    else if (asked.limit === undefined)
      expect(ids(rows).toSorted(), plan).toEqual(ids(lawful).toSorted());
    else expect(rows.length, plan).toBe(lawful.length);
  });
}

const hard: Readonly<Record<string, Asked>> = {
  "a value that nearly all have": { where: { common: 0 } },
  "the same, with more to check": { where: { common: 0, note: "even" } },
  "two fields that say the same": { where: { common: 0, same: 0 } },
  "a range of nearly everything": { where: { rare: { gte: 10 } } },
  "a part that holds nearly everything": { where: { common: 0, rare: { gte: 3 } } },
  "an order whose rows lie at its end": {
    where: { late: true },
    orderBy: "at",
    limit: 5,
  },
  "an order whose rows are not there at all": {
    where: { note: "none" },
    orderBy: "at",
    limit: 5,
  },
  "an order that a common field hopes for in vain": {
    where: { common: 0, note: "none" },
    orderBy: "rare",
    limit: 3,
  },
  "an order with one row early and the others at its end": {
    where: { note: "seldom" },
    orderBy: "at",
    limit: 8,
  },
  "alternatives that are merged, with rows at the end": {
    where: { note: "seldom", OR: [{ kind: "a" }, { at: { gte: 3_000 } }] },
    orderBy: "at",
    limit: 10,
  },
  "the order of ids, with rows at the end": { where: { late: true }, orderBy: "id", limit: 2 },
  "an order within a common value": { where: { kind: "a", note: "odd" }, orderBy: "at", limit: 20 },
  "elements that most documents have": {
    where: { tags: { hasAny: ["t0", "t1", "t2", "t3", "t4", "t5"] } },
  },
  "a union of many small branches": {
    where: {
      OR: Array.from({ length: 30 }, (_, i) => ({ rare: { gte: i * 200, lt: i * 200 + 20 } })),
    },
  },
  "a union of many large branches": {
    where: {
      OR: [
        { common: 0 },
        { kind: "a" },
        ...Array.from({ length: 9 }, (_, i) => ({ tags: { has: `t${i}` } })),
      ],
    },
  },
  "a long list": { where: { rare: { in: Array.from({ length: 3_000 }, (_, i) => i * 2) } } },
};

test("the laws alone do not keep the bound", async () => {
  const store = await stores[0]![1];
  for (const about of ["a union of many large branches", "elements that most documents have"]) {
    const request = requestOf(hard[about]!);
    const { actual } = await inContext(store, (context) =>
      explainQuery(request, { ...context, estimate: undefined }, { analyze: true }),
    );
    expect(actual!.keys).toBeGreaterThan(FACTOR * DOCUMENTS + PAGE);
  }
});

for (const [engine, opening] of stores) {
  for (const [about, asked] of Object.entries(hard)) {
    test(`${engine}: ${about}`, async () => {
      await check(await opening, asked);
    });
  }

  test(`${engine}: a run that hoped in vain turns to the other plan`, async () => {
    const store = await opening;
    for (const about of [
      "an order whose rows are not there at all",
      "an order that a common field hopes for in vain",
      "an order with one row early and the others at its end",
    ]) {
      const request = requestOf(hard[about]!);
      await inContext(store, async (context) => {
        const { instead } = planFor(request, context);
        const { actual } = await explainQuery(request, context, { analyze: true });
        expect(instead!.afterKeys).toBeLessThan(DOCUMENTS);
        expect(actual!.keys).toBeGreaterThan(instead!.afterKeys + DOCUMENTS / 2);
      });
    }
  });

  test(`${engine}: random queries over skewed data`, async () => {
    const store = await opening;
    const some = fc.oneof(fc.constant({ common: 0 }), fc.constant({ same: 0 }));
    const condition = fc.oneof(
      some,
      fc.nat(DOCUMENTS).map((n) => ({ rare: { gte: n } })),
      fc.nat(DOCUMENTS).map((n) => ({ at: { lt: n } })),
      fc.boolean().map((late) => ({ late })),
      fc.constantFrom("a", "b", "c").map((kind) => ({ kind })),
      fc.constantFrom("even", "odd", "none").map((note) => ({ note })),
      fc.subarray(["t0", "t1", "t2", "t9"], { minLength: 1 }).map((hasAny) => ({
        tags: { hasAny },
      })),
    );
    const filter = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.array(condition, { minLength: 1, maxLength: 3 }).map((AND) => ({ AND })),
      },
      {
        weight: 1,
        arbitrary: fc.array(condition, { minLength: 2, maxLength: 4 }).map((OR) => ({ OR })),
      },
    );
    const asked: fc.Arbitrary<Asked> = fc.record({
      where: filter,
      orderBy: fc.constantFrom(undefined, "at", "rare", "id", "kind"),
      limit: fc.constantFrom(undefined, 1, 10, 500),
      reverse: fc.boolean(),
    }) as fc.Arbitrary<Asked>;
    await fc.assert(
      fc.asyncProperty(asked, (one) => check(store, one)),
      { numRuns: runs(60) },
    );
  }, 120_000);

  test(`${engine}: pages go on behind each other, also where a page gave its plan up`, async () => {
    const store = await opening;
    const many = requestOf({ where: { common: { gte: 5_000 } }, orderBy: "at" });
    const few = requestOf({ where: { note: "seldom" }, orderBy: "at" });
    for (const [request, turned, size] of [
      [many, false, 30],
      [many, true, 30],
      [few, false, 1],
      [few, true, 4],
    ] as const) {
      const wanted = await inContext(store, (context) =>
        allRows(request, { ...context, estimate: undefined }),
      );
      expect(wanted.length).toBeGreaterThan(10);
      const asked = turned ? withReverse(request) : request;
      const found: Document[] = [];
      let after: string | null = null;
      do {
        const from: string | null = after;
        const page: RowPage = await inContext(store, (context) =>
          pageOfRows(asked, context, { size, after: from }),
        );
        found.push(...page.items);
        expect(found.length).toBeLessThanOrEqual(wanted.length);
        after = page.next;
      } while (after !== null);
      expect(ids(found)).toEqual(ids(turned ? wanted.toReversed() : wanted));
    }
  });
}
