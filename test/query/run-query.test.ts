import { expect, test } from "vitest";
import { z } from "zod";
import { InvalidQuery, NotFound, collection } from "../../src/collections/index.ts";
import type { Document } from "../../src/collections/index.ts";
import {
  EVERY_DOCUMENT,
  FullScan,
  NotUnique,
  allRows,
  countRows,
  explainQuery,
  firstRow,
  hasRows,
  onlyRow,
  openRows,
  withIndex,
  withIndexBound,
  withLimit,
  withOrderBy,
  withPredicate,
  withReverse,
  withSelect,
  withWhere,
} from "../../src/query/index.ts";
import type { QueryContext, QueryRequest } from "../../src/query/index.ts";
import type { Transaction } from "../../src/transaction/index.ts";
import { TestDatabase } from "../collections/test-database.ts";
import type { TestStore } from "../collections/test-database.ts";
import { isElsewhere } from "../support/elsewhere.ts";

const Items = collection(
  "items",
  z.object({
    n: z.number(),
    group: z.string(),
    tags: z.array(z.string()).default([]),
    note: z.string().optional(),
    place: z.object({ city: z.string() }).optional(),
  }),
  { indexes: { byN: ["n"], byGroupN: ["group", "n"], byTag: ["tags[]"] } },
);
const { definition } = Items;

async function filledStore(count = 100): Promise<TestStore> {
  const store = await new TestDatabase().store(Items);
  const inputs = Array.from({ length: count }, (_, n) => ({
    n,
    group: n % 2 === 0 ? "even" : "odd",
    tags: ["all", `t${n % 3}`],
  }));
  await store.insertMany(inputs);
  return store;
}
function read<A>(
  store: TestStore,
  run: (context: QueryContext) => A | Promise<A>,
  more: Partial<QueryContext> = {},
): Promise<A> {
  return Promise.resolve(store.database.read((view) => run({ view, store: store.inner, ...more })));
}
const where = (filter: object): QueryRequest => withWhere(definition, EVERY_DOCUMENT, filter);
const numbers = (rows: readonly Document[]): unknown[] => rows.map(({ n }) => n);

// ---------------------------------------------------------------- ends

test("one() gives the only row, and tells none from several", async () => {
  const store = await filledStore();
  await read(store, async (context) => {
    const only = async (filter: object): Promise<Document> => await onlyRow(where(filter), context);
    expect(await only({ n: 5 })).toMatchObject({ n: 5 });
    await expect(only({ n: -1 })).rejects.toThrow(NotFound);
    await expect(only({ group: "even" })).rejects.toThrow(NotUnique);
  });
});

test("first() is the first in order; a limit of zero has none", async () => {
  const store = await filledStore();
  const falling = withOrderBy(definition, where({ group: "even" }), "n", "desc");
  await read(store, async (context) => {
    expect(await firstRow(falling, context)).toMatchObject({ n: 98 });
    expect(await firstRow(withLimit(definition, falling, 0), context)).toBe(undefined);
    expect(await hasRows(withLimit(definition, falling, 0), context)).toBe(false);
    expect(await countRows(withLimit(definition, falling, 7), context)).toBe(7);
  });
});

test("JavaScript conditions see what the filter lets through, and limits count what they let through", async () => {
  const store = await filledStore();
  const seen: unknown[] = [];
  const request = withPredicate(where({ group: "even", n: { lt: 20 } }), (row) => {
    seen.push(row["n"]);
    return (row["n"] as number) % 3 === 0;
  });
  await read(store, async (context) => {
    expect(numbers(await allRows(request, context))).toEqual([0, 6, 12, 18]);
    expect(seen).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
    expect(numbers(await allRows(withLimit(definition, request, 2), context))).toEqual([0, 6]);
    expect(await countRows(request, context)).toBe(4);
  });
});

test("explain with analyze tells what was read", async () => {
  const store = await filledStore();
  let now = 10;
  const context = { nowMillis: () => (now += 5) };
  const analyzed = await read(
    store,
    (place) => explainQuery(where({ group: "even", note: null }), place, { analyze: true }),
    context,
  );
  expect(analyzed).toEqual({
    kind: "index",
    index: "byGroupN",
    bounds: ['group = "even"'],
    residual: ["note = null"],
    sort: "none",
    covered: false,
    warnings: [],
    advice: [{ on: ["group", "note"] }],
    text: [
      "index byGroupN",
      'range    group = "even"',
      "check    note = null",
      'advice   the index ["group","note"]',
      "actual   50 rows of 50 keys and 50 documents, 5.0 ms",
    ].join("\n"),
    actual: { rows: 50, keys: 50, documents: 50, millis: 5 },
  });
});

test("a limited query in the order of an index reads its rows and no more", async () => {
  const store = await filledStore();
  const request = withLimit(definition, withOrderBy(definition, EVERY_DOCUMENT, "n"), 3);
  const { actual } = await read(
    store,
    (context) => explainQuery(request, context, { analyze: true }),
    { nowMillis: () => 0 },
  );
  expect(actual).toMatchObject({ rows: 3, keys: 3, documents: 3 });
});

test("a covered query reads no document, a count no value", async () => {
  const store = await filledStore();
  const request = withSelect(definition, where({ group: "odd", n: { lt: 4 } }), ["n", "group"]);
  await read(
    store,
    async (context) => {
      expect(await allRows(request, context)).toEqual([
        { n: 1, group: "odd" },
        { n: 3, group: "odd" },
      ]);
      expect(await explainQuery(request, context, { analyze: true })).toMatchObject({
        covered: true,
        actual: { documents: 0, keys: 2 },
      });
    },
    { nowMillis: () => 0 },
  );
});

test("a stream reads as it is consumed, and nothing after close()", async () => {
  const store = await filledStore(2_000);
  await read(store, async (context) => {
    const cursor = openRows(withLimit(definition, where({ group: "even" }), 900), context);
    const first = await cursor.next();
    // A page, which is larger where it costs a round trip.
    expect(first!.length).toBeLessThan(isElsewhere() ? 600 : 200);
    cursor.close();
    expect(await cursor.next()).toBe(undefined);
  });
});

// ---------------------------------------------------------------- what a transaction has read

/** Which of two that could stand in one order is run again nevertheless is each engine's own affair. */
const testOfOwnEngines = test.skipIf(isElsewhere());

/** Queries in a transaction, changes things outside of it, and then commits a write. Was it run again? */
async function conflicts(
  store: TestStore,
  query: (context: QueryContext) => unknown,
  change: () => Promise<unknown>,
): Promise<boolean> {
  let attempts = 0;
  let queried = (): void => undefined;
  let proceed = (): void => undefined;
  const afterQuery = new Promise<void>((resolve) => (queried = resolve));
  const afterChange = new Promise<void>((resolve) => (proceed = resolve));
  const transaction = store.database.transact(async (tx) => {
    attempts++;
    await query({ view: tx, store: store.inner });
    queried();
    await afterChange;
    await store.inner.insert(tx, { n: 1_000, group: "written" });
  });
  await afterQuery;
  await change();
  proceed();
  await transaction;
  return attempts > 1;
}

const insertAt =
  (store: TestStore, n: number, group = "even") =>
  (): Promise<Document> =>
    store.insert({ n, group });

testOfOwnEngines(
  "a limited query conflicts with an insert before its end, not with one behind it",
  async () => {
    const request = withLimit(
      definition,
      withOrderBy(definition, where({ group: "even" }), "n", "asc"),
      5,
    );
    const query = (context: QueryContext): unknown => allRows(request, context);
    const store = await filledStore();
    expect(await conflicts(store, query, insertAt(store, 8.5))).toBe(false);
    expect(await conflicts(store, query, insertAt(store, 50))).toBe(false);
    expect(await conflicts(store, query, insertAt(store, 3, "odd"))).toBe(false);
    expect(await conflicts(store, query, insertAt(store, 7))).toBe(true);
    expect(await conflicts(store, query, insertAt(store, -1))).toBe(true);
  },
);

testOfOwnEngines("backwards the end is below", async () => {
  const request = withLimit(definition, withOrderBy(definition, EVERY_DOCUMENT, "n", "desc"), 5);
  const query = (context: QueryContext): unknown => allRows(request, context);
  const store = await filledStore();
  expect(await conflicts(store, query, insertAt(store, 50))).toBe(false);
  expect(await conflicts(store, query, insertAt(store, 98.5))).toBe(true);
});

testOfOwnEngines(
  "a query of a range conflicts with what comes into it, and with changes of what it showed",
  async () => {
    const store = await filledStore();
    const query = (context: QueryContext): unknown =>
      allRows(where({ n: { gte: 10, lt: 20 } }), context);
    const shown = (await read(store, query)) as readonly Document[];
    expect(await conflicts(store, query, insertAt(store, 20))).toBe(false);
    expect(await conflicts(store, query, insertAt(store, 9.9))).toBe(false);
    expect(await conflicts(store, query, insertAt(store, 19.9))).toBe(true);
    expect(await conflicts(store, query, () => store.update(shown[0]!.id, { note: "new" }))).toBe(
      true,
    );
    expect(await conflicts(store, query, () => store.delete(shown[1]!.id))).toBe(true);
  },
);

testOfOwnEngines("an empty result is a result: what would have been in it conflicts", async () => {
  const store = await filledStore();
  const query = (context: QueryContext): unknown => hasRows(where({ n: 500 }), context);
  expect(await conflicts(store, query, insertAt(store, 501))).toBe(false);
  expect(await conflicts(store, query, insertAt(store, 500))).toBe(true);
});

testOfOwnEngines(
  "a count in an index conflicts with entries, not with other fields of documents",
  async () => {
    const store = await filledStore();
    const query = (context: QueryContext): unknown => countRows(where({ group: "even" }), context);
    const [row] = (await read(store, (context) => allRows(where({ n: 4 }), context))) as Document[];
    expect(await conflicts(store, query, () => store.update(row!.id, { note: "x" }))).toBe(false);
    expect(await conflicts(store, query, () => store.update(row!.id, { group: "odd" }))).toBe(true);
  },
);

testOfOwnEngines("a closed stream conflicts only with what it has shown", async () => {
  const store = await filledStore(2_000);
  const request = withOrderBy(definition, where({ group: "even" }), "n");
  const query = async (context: QueryContext): Promise<void> => {
    const cursor = openRows(withLimit(definition, request, 900), context);
    await cursor.next();
    cursor.close();
  };
  expect(await conflicts(store, query, insertAt(store, 1_900))).toBe(false);
  expect(await conflicts(store, query, insertAt(store, 1))).toBe(true);
});

test("two transactions that count and insert do not both believe their count", async () => {
  const store = await filledStore();
  const once = async (tx: Transaction): Promise<number> => {
    const count = await countRows(where({ group: "odd" }), { view: tx, store: store.inner });
    await store.inner.insert(tx, { n: count, group: "odd" });
    return count;
  };
  const counts = await Promise.all([1, 2, 3, 4].map(() => store.database.transact(once)));
  expect(counts.toSorted((a, b) => a - b)).toEqual([50, 51, 52, 53]);
});

// ---------------------------------------------------------------- full scans

test("the rule for full scans: error names an index that would help, warn tells, allow runs", async () => {
  const store = await filledStore(4);
  const request = where({ note: "x", group: { startsWith: "e" } });
  const hopeless = where({ note: "x" });
  await read(
    store,
    async (context) => {
      expect(() => allRows(hopeless, context)).toThrow(FullScan);
      expect(() => countRows(hopeless, context)).toThrow(FullScan);
      expect(() => hasRows(hopeless, context)).toThrow(
        expect.objectContaining({
          _tag: "FullScan",
          suggestion: [["note"]],
          collection: "items",
          message: expect.stringContaining('Add the index ["note"].') as string,
        }),
      );
      // All documents, a bounded index, the first ones in order: nothing is wasted.
      expect(await countRows(EVERY_DOCUMENT, context)).toBe(4);
      expect(await allRows(request, context)).toEqual([]);
      const ordered = withOrderBy(definition, EVERY_DOCUMENT, "n");
      expect(await allRows(withLimit(definition, ordered, 1), context)).toHaveLength(1);
      expect(await explainQuery(hopeless, context)).toMatchObject({
        kind: "scan",
        residual: ['note = "x"'],
      });
    },
    { fullScan: "error" },
  );
  const warned: FullScan[] = [];
  await read(store, async (context) => expect(await allRows(hopeless, context)).toEqual([]), {
    fullScan: "warn",
    warn: (_form, problem) => warned.push(problem()),
  });
  expect(warned).toHaveLength(1);
  expect(await read(store, (context) => allRows(hopeless, context))).toEqual([]);
});

// ---------------------------------------------------------------- requests

test("requests are values: a builder leaves its own request as it was", () => {
  const base = where({ n: 1 });
  const more = withLimit(definition, withReverse(withOrderBy(definition, base, "n")), 3);
  expect(base).toMatchObject({ orderBy: [], reverse: false, limit: undefined });
  expect(more).toMatchObject({ reverse: true, limit: 3 });
  expect(more.orderBy).toHaveLength(1);
  for (const request of [base, more]) expect(Object.isFrozen(request)).toBe(true);
  expect(withReverse(withReverse(base))).toEqual(base);
});

test("several filters must all hold", async () => {
  const store = await filledStore();
  const request = withWhere(definition, where({ group: "even" }), { n: { lt: 5 } });
  expect(
    numbers((await read(store, (context) => allRows(request, context))) as Document[]),
  ).toEqual([0, 2, 4]);
});

test("what cannot be right is refused before anything is read", () => {
  const refused = (build: () => unknown): void => expect(build).toThrow(InvalidQuery);
  refused(() => where({ nothing: 1 }));
  for (const limit of [-1, 1.5, Number.NaN, Infinity])
    refused(() => withLimit(definition, EVERY_DOCUMENT, limit));
  for (const path of [
    "nothing",
    "tags",
    "tags[]",
    "place",
    "place.zip",
    "",
    "n..x",
    "group.length",
  ])
    refused(() => withOrderBy(definition, EVERY_DOCUMENT, path));
  refused(() => withOrderBy(definition, EVERY_DOCUMENT, "n", "down" as "desc"));
  refused(() => withSelect(definition, EVERY_DOCUMENT, ["nothing"]));
  refused(() => withSelect(definition, withSelect(definition, EVERY_DOCUMENT, ["n"]), ["group"]));
  refused(() => withIndex(definition, EVERY_DOCUMENT, "none", []));
  refused(() => withIndex(definition, EVERY_DOCUMENT, "byN", [1, 2]));
  for (const value of [undefined, Number.NaN, {}, [], "\ud800"])
    refused(() => withIndex(definition, EVERY_DOCUMENT, "byN", [value]));
  refused(() => withIndexBound(definition, EVERY_DOCUMENT, "gt", 1));
  const full = withIndex(definition, EVERY_DOCUMENT, "byN", [1]);
  refused(() => withIndexBound(definition, full, "gt", 1));
  const open = withIndex(definition, EVERY_DOCUMENT, "byN", []);
  for (const value of [null, undefined, Number.NaN, {}])
    refused(() => withIndexBound(definition, open, "gt", value));
  refused(() => withIndexBound(definition, open, "startsWith", 1));
});

test("an order by id, or by a nested field, is well formed", () => {
  expect(withOrderBy(definition, EVERY_DOCUMENT, "id").orderBy[0]!.path.text).toBe("id");
  expect(withOrderBy(definition, EVERY_DOCUMENT, "place.city").orderBy).toHaveLength(1);
});
