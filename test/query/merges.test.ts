/** Ranges of indexes that are merged: the same rows as ever, and far fewer read. */
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { z } from "zod";
import { collection } from "../../src/collections/index.ts";
import type { Document } from "../../src/collections/index.ts";
import type { StorageEngine } from "../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import {
  EVERY_DOCUMENT,
  allRows,
  countRows,
  explainQuery,
  pageOfRows,
  planFor,
  planText,
  withLimit,
  withOrderBy,
  withPredicate,
  withReverse,
  withSelect,
  withWhere,
} from "../../src/query/index.ts";
import type { Estimate, QueryContext, QueryRequest, RowPage } from "../../src/query/index.ts";
import { SimulatedHost } from "../../src/testing/index.ts";
import { TestDatabase } from "../collections/test-database.ts";
import type { TestStore } from "../collections/test-database.ts";
import { isElsewhere, newPlace, variantsHere } from "../support/elsewhere.ts";
import { documents, indexesAndMergedUnions, indexesAndMerges, runs } from "./arbitrary-query.ts";
import { checkAlone, checkPages, checkQuery, checkWhileOthersCommit } from "./check-query.ts";
import { plainMatches } from "./plain-query.ts";
import { QueryWorld } from "./query-world.ts";

vi.setConfig({ testTimeout: 60_000 });

const kinds = [
  { merged: "lists of values", drawn: indexesAndMerges, isUnion: false },
  { merged: "alternatives", drawn: indexesAndMergedUnions, isUnion: true },
] as const;

for (const { merged, drawn, isUnion } of kinds) {
  test(`${merged}: they give what the plain evaluator gives, by every end`, async () => {
    let asked = 0;
    let found = 0;
    await fc.assert(
      fc.asyncProperty(documents, drawn, fc.boolean(), async (inputs, [names, queries], later) => {
        await checkAlone(names, inputs, queries, later);
        const world = await QueryWorld.open(names);
        await world.read((context) => {
          for (const each of queries) {
            asked++;
            const { branches, sort } = planFor(world.request(each), context);
            if (sort === "merge" && branches.length > 1 === isUnion) found++;
          }
        });
      }),
      { numRuns: runs(100) },
    );
    // Of a few that share is chance.
    if (asked > 100) expect(found / asked).toBeGreaterThan(0.3);
  });

  test(`${merged}: whatever the engine estimates, also where the merge is given up for another plan`, async () => {
    await fc.assert(
      fc.asyncProperty(
        documents,
        drawn,
        fc.array(fc.oneof(fc.nat(20), fc.nat(100_000)), { minLength: 1, maxLength: 7 }),
        async (inputs, [names, queries], told) => {
          const world = await QueryWorld.open(names);
          const stored = await world.insert(inputs);
          const nonsense: Estimate = ({ start }) =>
            told[start.reduce((sum, byte) => sum + byte, 0) % told.length]!;
          for (const each of queries)
            await world.read(
              (context) => checkQuery(world.request(each), context, stored),
              nonsense,
            );
        },
      ),
      { numRuns: runs(50) },
    );
  });

  test(`${merged}: pages in both directions`, async () => {
    await fc.assert(
      fc.asyncProperty(
        documents,
        drawn,
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        async (inputs, [names, queries], size, later) =>
          checkPages(names, inputs, queries, size, later),
      ),
      { numRuns: runs(60) },
    );
  });

  test(`${merged}: a page is what stands behind its cursor, although the row there was taken away`, async () => {
    await fc.assert(
      fc.asyncProperty(
        documents,
        drawn,
        fc.integer({ min: 1, max: 4 }),
        async (inputs, [names, queries], size) => {
          for (const each of queries) {
            const world = await QueryWorld.open(names);
            const stored = await world.insert(inputs);
            const request = world.request({ ...each, limit: undefined, select: undefined });
            const page = (after: string | null): Promise<RowPage> =>
              world.read((context) => pageOfRows(request, context, { size, after }));
            const first = await page(null);
            if (first.next === null) continue;
            const last = first.items.at(-1)!;
            await world.store.delete(last.id);
            const { items } = await page(first.next);
            const rows = plainMatches(request, stored);
            const at = rows.findIndex(({ id }) => id === last.id);
            expect(items).toEqual(rows.slice(at + 1, at + 1 + size));
          }
        },
      ),
      { numRuns: runs(40) },
    );
  });

  test(`${merged}: while others commit`, async () => {
    await fc.assert(
      fc.asyncProperty(documents, documents, drawn, async (inputs, more, [names, asked]) =>
        checkWhileOthersCommit(names, inputs, asked, more),
      ),
      { numRuns: runs(15) },
    );
  });
}

const Events = collection(
  "events",
  z.object({ kind: z.number(), at: z.number(), tags: z.array(z.string()), odd: z.boolean() }),
  {
    indexes: {
      byKindAt: ["kind", "at"],
      byTagAt: ["tags[]", "at"],
      byOddAtDown: ["odd", "-at"],
    },
  },
);
const KINDS = 3;
const EACH = 1_000;

/** A thousand of each kind, and in no order; every third has two tags. */
async function filled(engine: StorageEngine): Promise<TestStore> {
  const store = await new TestDatabase(engine).store(Events);
  const all = Array.from({ length: KINDS * EACH }, (_, i) => {
    const at = (i * 1_009) % (KINDS * EACH);
    const tags = i % 3 === 0 ? ["x", "y"] : [i % 3 === 1 ? "x" : "y"];
    return { kind: i % KINDS, at, tags, odd: at % 2 === 1 };
  });
  for (let first = 0; first < all.length; first += 500)
    await store.insertMany(all.slice(first, first + 500));
  return store;
}

/** Filled by the first test that asks. */
function once(fill: () => Promise<TestStore>): () => Promise<TestStore> {
  let store: Promise<TestStore> | undefined;
  return () => (store ??= fill());
}
/** Filled by the first test, and opened by the others. */
function filledElsewhere(): () => Promise<TestStore> {
  const place = newPlace();
  let isFilled = false;
  return () => {
    const engine = place({});
    if (isFilled) return new TestDatabase(engine).store(Events);
    isFilled = true;
    return filled(engine);
  };
}
const stores = variantsHere<readonly [string, () => Promise<TestStore>]>(
  [
    ["memory", once(() => filled(new MemoryEngine()))],
    ["lsm", once(() => openLsmEngine({ path: "/db", host: new SimulatedHost() }).then(filled))],
  ],
  ["elsewhere", filledElsewhere()],
);

async function inContext<A>(
  store: TestStore,
  work: (context: QueryContext) => A | Promise<A>,
): Promise<A> {
  const { engine } = store.database;
  const estimate = engine.estimateRows?.bind(engine);
  return await store.database.read((view) =>
    work({ view, store: store.inner, estimate, nowMillis: () => 0 }),
  );
}

const { definition } = Events;
const allKinds = { kind: { in: [0, 1, 2] } };
function byAt(where: object): QueryRequest {
  return withOrderBy(definition, withWhere(definition, EVERY_DOCUMENT, where), "at", "asc");
}
const placesOf = (rows: readonly Document[]): readonly unknown[] => rows.map(({ at }) => at);
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

const everyPlace = upTo(KINDS * EACH);
const numberOf = new Map(everyPlace.map((i) => [(i * 1_009) % (KINDS * EACH), i]));
function kindOf(at: number): number {
  return numberOf.get(at)! % KINDS;
}
const anyOf = { OR: [{ kind: 0 }, { tags: { has: "x" }, at: { gte: 7 } }, { odd: true }] };
function isAnyOf(at: number): boolean {
  const kind = kindOf(at);
  return kind === 0 || at % 2 === 1 || (at >= 7 && kind === 1);
}

for (const [engine, opening] of stores) {
  test(`${engine}: the first ten of three ranges of a thousand are found in tens of entries`, async () => {
    const store = await opening();
    await inContext(store, async (context) => {
      const request = withLimit(definition, byAt(allKinds), 10);
      const { actual, sort, text } = await explainQuery(request, context, { analyze: true });
      expect(sort).toBe("merge");
      expect(text).toContain("order    at, id, merge of 3 ranges");
      expect(actual!.rows).toBe(10);
      expect(actual!.keys).toBeLessThanOrEqual(30);
      expect(actual!.documents).toBeLessThanOrEqual(30);
      expect(placesOf(await allRows(request, context))).toEqual(upTo(10));
      const last = await allRows(withReverse(request), context);
      expect(placesOf(last)).toEqual(upTo(10).map((n) => KINDS * EACH - 1 - n));
      expect(await countRows(request, context)).toBe(10);
    });
  });

  test(`${engine}: a document with several of the elements comes once, and little is read`, async () => {
    await inContext(await opening(), async (context) => {
      const where = { tags: { hasAny: ["x", "y"] } };
      const request = withLimit(definition, byAt(where), 10);
      const { actual, sort } = await explainQuery(request, context, { analyze: true });
      expect(sort).toBe("merge");
      expect(actual!.keys).toBeLessThanOrEqual(20);
      expect(placesOf(await allRows(request, context))).toEqual(upTo(10));
      expect(await countRows(request, context)).toBe(10);
    });
  });

  test(`${engine}: pages in the middle cost what the first one does`, async () => {
    await inContext(await opening(), async (context) => {
      const request = byAt(allKinds);
      let at = await pageOfRows(request, context, { size: 1_500 });
      at = await pageOfRows(request, context, { size: 10, after: at.next });
      expect(placesOf(at.items)).toEqual(upTo(10).map((n) => 1_500 + n));
      at = await pageOfRows(request, context, { size: 10, before: at.previous });
      expect(placesOf(at.items)).toEqual(upTo(10).map((n) => 1_490 + n));
    });
  });

  test(`${engine}: what is checked besides is read in growing pages, not whole`, async () => {
    await inContext(await opening(), async (context) => {
      const checked = withPredicate(byAt(allKinds), ({ at }) => Number(at) % 8 === 1);
      const request = withLimit(definition, checked, 10);
      const { actual, sort } = await explainQuery(request, context, { analyze: true });
      expect(sort).toBe("merge");
      expect(actual!.keys).toBeLessThan(3 * 64 + 64);
      expect(placesOf(await allRows(request, context))).toEqual(upTo(10).map((n) => 8 * n + 1));
    });
  });

  test(`${engine}: fields of the index alone need no documents`, async () => {
    await inContext(await opening(), async (context) => {
      const limited = withLimit(definition, byAt(allKinds), 4);
      const request = withSelect(definition, limited, ["at", "kind"]);
      const { actual, covered, sort } = await explainQuery(request, context, { analyze: true });
      expect([sort, covered, actual!.documents]).toEqual(["merge", true, 0]);
      expect(placesOf(await allRows(request, context))).toEqual(upTo(4));
    });
  });

  test(`${engine}: the first ten of alternatives are found in tens of entries, though their indexes lie both ways`, async () => {
    await inContext(await opening(), async (context) => {
      const request = withLimit(definition, byAt(anyOf), 10);
      const { actual, sort, text } = await explainQuery(request, context, { analyze: true });
      expect(sort).toBe("merge");
      expect(text).toContain("index byOddAtDown, backwards\n");
      expect(text).toContain("order    at, id, merge of 3 ranges");
      expect(actual!.rows).toBe(10);
      expect(actual!.keys).toBeLessThanOrEqual(30);
      const expected = everyPlace.filter(isAnyOf);
      expect(placesOf(await allRows(request, context))).toEqual(expected.slice(0, 10));
      const last = await allRows(withReverse(request), context);
      expect(placesOf(last)).toEqual(expected.toReversed().slice(0, 10));
      expect(await countRows(request, context)).toBe(10);
    });
  });

  test(`${engine}: alternatives within alternatives are merged with the others`, async () => {
    await inContext(await opening(), async (context) => {
      const inner = { at: { gte: 7 }, OR: [{ kind: 1 }, { odd: true }] };
      const request = withLimit(definition, byAt({ OR: [{ kind: 0 }, inner] }), 10);
      expect(planText(planFor(request, context))).toContain("at, id, merge of 3 ranges");
      const expected = everyPlace.filter((at) => {
        const kind = kindOf(at);
        return kind === 0 || (at >= 7 && (kind === 1 || at % 2 === 1));
      });
      expect(placesOf(await allRows(request, context))).toEqual(expected.slice(0, 10));
    });
  });

  test(`${engine}: alternatives that entries answer alone need no documents`, async () => {
    await inContext(await opening(), async (context) => {
      const asked = { OR: [{ kind: 0, at: { gte: 5 } }, { odd: true }] };
      const limited = withLimit(definition, byAt(asked), 4);
      const request = withSelect(definition, limited, ["at"]);
      const { actual, covered, sort } = await explainQuery(request, context, { analyze: true });
      expect([sort, covered, actual!.documents]).toEqual(["merge", true, 0]);
      expect(placesOf(await allRows(request, context))).toEqual([1, 3, 5, 6]);
    });
  });

  test(`${engine}: what is checked in one of the alternatives is asked of this one alone`, async () => {
    await inContext(await opening(), async (context) => {
      const seldom = { kind: 1, at: { gte: 0 }, tags: { has: "nowhere" } };
      const request = withLimit(definition, byAt({ OR: [{ kind: 0 }, seldom] }), 10);
      const { actual, sort } = await explainQuery(request, context, { analyze: true });
      expect(sort).toBe("merge");
      expect(actual!.keys).toBeLessThan(10 + 2 * 64);
      const expected = everyPlace.filter((at) => kindOf(at) === 0);
      expect(placesOf(await allRows(request, context))).toEqual(expected.slice(0, 10));
    });
  });

  test(`${engine}: without a limit, and beyond 64 ranges, rows are sorted in memory`, async () => {
    await inContext(await opening(), (context) => {
      expect(planFor(byAt(allKinds), context).sort).toBe("memory");
      const some = (count: number): QueryRequest =>
        withLimit(definition, byAt({ kind: { in: upTo(count) } }), 10);
      const unweighed = { ...context, estimate: undefined };
      expect(planFor(some(64), unweighed).sort).toBe("merge");
      expect(planFor(some(65), unweighed).sort).toBe("memory");
    });
  });
}

test.skipIf(isElsewhere())(
  "a transaction depends on what a merge has read, and on nothing behind it",
  async () => {
    const store = await filled(new MemoryEngine());
    const attemptsBeside = async (where: object, at: number): Promise<number> => {
      const request = withLimit(definition, byAt(where), 5);
      let attempts = 0;
      let read: (() => void) | undefined;
      let write: (() => void) | undefined;
      const isRead = new Promise<void>((resolve) => (read = resolve));
      const isWritten = new Promise<void>((resolve) => (write = resolve));
      const other = isRead
        .then(() => store.insert({ kind: 1, at, tags: [], odd: true }))
        .then(() => write?.());
      await store.database.transact(async (tx) => {
        attempts++;
        await allRows(request, { view: tx, store: store.inner });
        read?.();
        await isWritten;
        await store.inner.insert(tx, { kind: 9, at: 0, tags: [], odd: false });
      });
      await other;
      return attempts;
    };
    for (const where of [allKinds, anyOf]) {
      expect(await attemptsBeside(where, 2_500)).toBe(1);
      expect(await attemptsBeside(where, 0.5)).toBe(2);
    }
  },
);
