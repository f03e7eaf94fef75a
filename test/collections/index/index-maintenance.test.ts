/** After any writes, in transactions that commit, fail, are aborted or run again: indexes are what the documents say. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { hex } from "../../../src/base/index.ts";
import { CONFLICT } from "../../../src/engine/contract/index.ts";
import {
  NotFound,
  UniqueViolation,
  collection,
  compareValues,
  documentKey,
  encodePart,
} from "../../../src/collections/index.ts";
import type { BoundIndex, Document, Scalar } from "../../../src/collections/index.ts";
import { coveredIn, referenceIn } from "../../../src/collections/index/index-value.ts";
import type { Transaction } from "../../../src/transaction/index.ts";
import { FaultyEngine, TestDatabase, rowsOf } from "../test-database.ts";
import { isElsewhere, runsHere } from "../../support/elsewhere.ts";
import type { TestStore } from "../test-database.ts";

interface Thing {
  a?: number | undefined;
  b?: string | null | undefined;
  flag: boolean;
  tags: string[];
  items: { sku?: string | undefined; qty: number }[];
  nested?: { x: bigint } | undefined;
}
const Things = collection(
  "things",
  z.object({
    a: z.number().optional(),
    b: z.string().nullish(),
    flag: z.boolean(),
    tags: z.array(z.string()),
    items: z.array(z.object({ sku: z.string().optional(), qty: z.number() })),
    nested: z.object({ x: z.bigint() }).optional(),
  }),
  {
    indexes: {
      single: ["a"],
      descending: ["-b"],
      compound: ["b", "-a"],
      nested: ["nested.x", "flag"],
      elements: ["-tags[]", "a"],
      elementsLast: ["flag", "-tags[]"],
      objects: ["items[].sku"],
      partial: { on: ["a"], where: { flag: true } },
      covering: { on: ["flag"], include: ["a", "tags", "nested"] },
      unique: { on: ["b", "flag"], unique: true },
      uniquePartial: { on: ["-a"], unique: true, where: { flag: true } },
      withId: ["flag", "-id"],
    },
  },
);

// ---------------------------------------------------------------- the plain twin

type Twin = Map<string, Thing>;

/** What the index should hold: from its name to the values of its fields for each entry of a document. */
const tuplesOf: Record<string, (thing: Thing, id: string) => Scalar[][]> = {
  single: ({ a }) => [[a]],
  descending: ({ b }) => [[b]],
  compound: ({ a, b }) => [[b, a]],
  nested: ({ nested, flag }) => [[nested?.x, flag]],
  elements: ({ tags, a }) => [...new Set(tags)].map((tag) => [tag, a]),
  elementsLast: ({ tags, flag }) => [...new Set(tags)].map((tag) => [flag, tag]),
  objects: ({ items }) => [...new Set(items.map((item) => item.sku))].map((sku) => [sku]),
  partial: ({ a, flag }) => (flag ? [[a]] : []),
  covering: ({ flag }) => [[flag]],
  unique: ({ b, flag }) => [[b, flag]],
  uniquePartial: ({ a, flag }) => (flag ? [[a]] : []),
  withId: ({ flag }, id) => [[flag, id]],
};
const descendings: Record<string, boolean[]> = {
  single: [false],
  descending: [true],
  compound: [false, true],
  nested: [false, false],
  elements: [true, false],
  elementsLast: [false, true],
  objects: [false],
  partial: [false],
  covering: [false],
  unique: [false, false],
  uniquePartial: [true],
  withId: [false, true],
};
const uniqueOf = (thing: Thing): string[] => {
  const keys: string[] = [];
  if (thing.b !== undefined && thing.b !== null) keys.push(`unique ${thing.b} ${thing.flag}`);
  if (thing.flag && thing.a !== undefined) keys.push(`uniquePartial ${thing.a}`);
  return keys;
};

function twinEntries(index: BoundIndex, id: string, thing: Thing, prefixBytes: number): string[] {
  const directions = descendings[index.name]!;
  return tuplesOf[index.name]!(thing, id).map((tuple) => {
    const parts = tuple.map((value, i) => hex(encodePart(value, directions[i]), Infinity)).join("");
    const counts = index.unique && tuple.every((value) => value !== undefined && value !== null);
    const key = documentKey(new Uint8Array(0), id);
    // A descending id is written as descending bytes are, without their tag.
    const asPart = directions.at(-1)
      ? hex(encodePart(key, true), Infinity).slice(2)
      : hex(key, Infinity);
    expect(prefixBytes).toBeGreaterThan(0);
    return hex(index.prefix, Infinity) + parts + (counts ? "" : asPart);
  });
}

function takenBy(twin: Twin, thing: Thing, id: string): boolean {
  const keys = new Set(uniqueOf(thing));
  return [...twin].some(
    ([other, has]) => other !== id && uniqueOf(has).some((key) => keys.has(key)),
  );
}

// ---------------------------------------------------------------- random work

const text = fc.constantFrom("a", "b", "ab", "a\0", "", "é", "\u{1f600}", "\uffff");
const thing: fc.Arbitrary<Thing> = fc.record({
  a: fc.option(fc.constantFrom(0, 1, -1.5, 7, 1e308), { nil: undefined }),
  b: fc
    .option(text, { nil: fc.constantFrom(null, undefined) as unknown as null })
    .map((b) => (typeof b === "object" ? null : b)),
  flag: fc.boolean(),
  tags: fc.array(text, { maxLength: 4 }),
  items: fc.array(fc.record({ sku: fc.option(text, { nil: undefined }), qty: fc.constant(1) }), {
    maxLength: 3,
  }),
  nested: fc.option(fc.record({ x: fc.constantFrom(0n, 5n, -(2n ** 70n)) }), { nil: undefined }),
});
const ids = ["a", "a\0", "ab", "z", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAW"];
const id = fc.constantFrom(...ids);
type Operation =
  | { kind: "insert"; id: string; thing: Thing }
  | { kind: "insertMany"; ids: string[]; things: Thing[] }
  | { kind: "replace" | "upsert"; id: string; thing: Thing }
  | { kind: "patch"; id: string; patch: Partial<Thing> }
  | { kind: "delete"; id: string };
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant("insert" as const), id, thing }),
  fc.record({
    kind: fc.constant("insertMany" as const),
    ids: fc.uniqueArray(id, { minLength: 2, maxLength: 2 }),
    things: fc.array(thing, { minLength: 2, maxLength: 2 }),
  }),
  fc.record({ kind: fc.constantFrom("replace" as const, "upsert" as const), id, thing }),
  fc.record({
    kind: fc.constant("patch" as const),
    id,
    patch: thing.chain((whole) =>
      fc.subarray(Object.keys(whole) as (keyof Thing)[]).map((keys) => {
        const required = ["flag", "tags", "items"];
        const kept = keys.filter((key) => whole[key] !== undefined || !required.includes(key));
        return Object.fromEntries(kept.map((key) => [key, whole[key]])) as Partial<Thing>;
      }),
    ),
  }),
  fc.record({ kind: fc.constant("delete" as const), id }),
);
const work = fc.array(
  fc.record({
    operations: fc.array(operation, { minLength: 1, maxLength: 4 }),
    ending: fc.constantFrom("commit", "commit", "commit", "throw", "conflict"),
  }),
  { minLength: 1, maxLength: 12 },
);

/** Does to the twin what the operation should do; gives false where it should fail. */
function applyToTwin(twin: Twin, operation: Operation): boolean {
  const put = (id: string, thing: Thing): boolean => {
    if (takenBy(twin, thing, id)) return false;
    twin.set(id, thing);
    return true;
  };
  switch (operation.kind) {
    case "insert":
      return !twin.has(operation.id) && put(operation.id, operation.thing);
    case "insertMany":
      return operation.ids.every((id, i) => !twin.has(id) && put(id, operation.things[i]!));
    case "replace":
      return twin.has(operation.id) && put(operation.id, operation.thing);
    case "upsert":
      return put(
        operation.id,
        twin.has(operation.id) ? { ...operation.thing, tags: [] } : operation.thing,
      );
    case "patch": {
      const before = twin.get(operation.id);
      return before !== undefined && put(operation.id, { ...before, ...operation.patch });
    }
    case "delete":
      twin.delete(operation.id);
      return true;
  }
}

async function applyToStore(
  store: TestStore,
  tx: Transaction,
  operation: Operation,
): Promise<void> {
  const { inner } = store;
  switch (operation.kind) {
    case "insert":
      await inner.insert(tx, { ...operation.thing, id: operation.id });
      return;
    case "insertMany":
      await inner.insertMany(
        tx,
        operation.ids.map((id, i) => ({ ...operation.things[i], id })),
      );
      return;
    case "replace":
      await inner.replace(tx, operation.id, operation.thing);
      return;
    case "upsert":
      await inner.upsert(
        tx,
        { id: operation.id },
        {
          create: operation.thing,
          update: {
            ...operation.thing,
            b: operation.thing.b,
            a: operation.thing.a,
            nested: operation.thing.nested,
            tags: [],
          },
        },
      );
      return;
    case "patch":
      await inner.update(tx, operation.id, operation.patch);
      return;
    case "delete":
      await inner.delete(tx, operation.id);
  }
}

/** Without explicit undefined, which filters, indexes and equality take for missing. */
function clean(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, inner: unknown) =>
      typeof inner === "bigint" ? String(inner) : inner,
    ),
  );
}

async function expectTwin(store: TestStore, twin: Twin): Promise<void> {
  const { indexes, documents } = store.inner.layout();
  const found = await store.all();
  const stored = new Map(found.map((document: Document) => [document.id, document]));
  expect([...stored.keys()].sort()).toEqual([...twin.keys()].sort());
  for (const [id, thing] of twin) expect(clean(stored.get(id))).toEqual(clean({ ...thing, id }));
  const rows = await rowsOf(store.database.engine);
  for (const index of indexes) {
    const prefix = hex(index.prefix, Infinity);
    const keys = [...rows.keys()].filter((key) => key.startsWith(prefix));
    const expected = [...twin].flatMap(([id, thing]) =>
      twinEntries(index, id, thing, documents.start.length),
    );
    expect(keys, index.name).toEqual(expected.sort());
    for (const key of keys) {
      const value = Buffer.from(rows.get(key)!, "hex");
      const reference = referenceIn(value, 0, value.length);
      const id = stored.get(
        [...twin.keys()].find(
          (id) =>
            hex(documentKey(documents.start, id), Infinity) ===
            value.subarray(reference.start, reference.end).toString("hex"),
        )!,
      );
      expect(id).toBeDefined();
      const covered = coveredIn(value, 0, value.length, index.include);
      expect(clean(covered)).toEqual(clean(index.include.map((field) => id![field])));
    }
  }
  expect(await store.verify()).toEqual([]);
}

test("index entries are exactly what the documents say, and unique keys are unique", async () => {
  let commits = 0;
  let violations = 0;
  await fc.assert(
    fc.asyncProperty(work, async (transactions) => {
      const engine = new FaultyEngine();
      const store = await new TestDatabase(engine).store(Things);
      let twin: Twin = new Map();
      for (const { operations, ending } of transactions) {
        const next: Twin = new Map(twin);
        const fits = operations.every((operation) => applyToTwin(next, operation));
        if (ending === "conflict") engine.faults.push(CONFLICT);
        const done = store.database.transact(async (tx) => {
          for (const operation of operations) await applyToStore(store, tx, operation);
          if (ending === "throw") throw new Error("given up");
        });
        const error: unknown = await done.then(
          () => undefined,
          (failure: unknown) => failure,
        );
        engine.faults.length = 0;
        if (ending === "throw") {
          expect(error).toBeDefined();
        } else if (fits) {
          if (error !== undefined) throw error as Error;
          twin = next;
          commits++;
        } else {
          const isExpected = error instanceof UniqueViolation || error instanceof NotFound;
          if (!isExpected) throw new Error("should have failed", { cause: error });
          violations++;
        }
        await expectTwin(store, twin);
      }
    }),
    { numRuns: runsHere(40) },
  );
  // The work was neither too tame nor too wild to say something; of a few runs that is chance.
  if (isElsewhere()) return;
  expect(commits).toBeGreaterThan(20);
  expect(violations).toBeGreaterThan(20);
}, 30_000);

test("entries stand in the order of their values, in each direction", async () => {
  const store = await new TestDatabase().store(Things);
  const words = ["", "\0", "a", "a\0", "a\u0001", "ab", "b", "é", "\uffff", "\u{1f600}"];
  await store.insertMany(
    words.map((b, i) => ({ b, a: i, flag: i % 2 === 0, tags: [], items: [], id: `${i}` })),
  );
  const rows = await rowsOf(store.database.engine);
  for (const [name, sign] of [
    ["descending", -1],
    ["compound", 1],
  ] as const) {
    const index = store.inner.layout().indexes.find((candidate) => candidate.name === name)!;
    const order: string[] = [];
    for (const [key, value] of rows) {
      if (!key.startsWith(hex(index.prefix))) continue;
      const bytes = Buffer.from(value, "hex");
      const { start, end } = referenceIn(bytes, 0, bytes.length);
      order.push(words[Number(bytes.subarray(start + 3, end).toString())]!);
    }
    expect(order).toEqual(words.toSorted((a, b) => sign * compareValues(a, b)));
  }
});
