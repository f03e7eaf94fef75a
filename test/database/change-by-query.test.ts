/** update() and delete() of a query. */
import { collection, InvalidQuery, open, UniqueViolation, ValidationError } from "kotobadb";
import type { Db, Filter } from "kotobadb";
import { SimulatedHost } from "kotobadb/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { engineHere, isElsewhere, runsHere } from "../support/elsewhere.ts";

const Tasks = collection(
  "tasks",
  z.object({
    key: z.number(),
    state: z.enum(["open", "done"]),
    rank: z.number(),
    tags: z.array(z.string()),
  }),
  {
    indexes: {
      byKey: { on: ["key"], unique: true },
      byState: ["state", "-rank"],
      byTag: ["tags[]"],
    },
  },
);
const collections = { tasks: Tasks };
type Database = Db<typeof collections>;

async function filled(count = 6): Promise<Database> {
  const db = await (isElsewhere()
    ? open({ engine: engineHere() }, { collections })
    : open("/db", { host: new SimulatedHost(), collections }));
  await db.tasks.insertMany(
    Array.from({ length: count }, (_, i) => ({
      key: i,
      state: i % 2 === 0 ? ("open" as const) : ("done" as const),
      rank: i,
      tags: ["a", "b", "c"].slice(0, i % 4),
    })),
  );
  return db;
}

async function keysOf(query: { all(): Promise<{ key: number }[]> }): Promise<number[]> {
  return (await query.all()).map(({ key }) => key).sort((a, b) => a - b);
}

test("all documents of a query are changed, or deleted, and no other", async () => {
  const db = await filled();
  expect(await db.tasks.where({ state: "open" }).update({ rank: 100 })).toBe(3);
  expect(await keysOf(db.tasks.where({ rank: 100 }))).toEqual([0, 2, 4]);
  expect(await db.tasks.where({ tags: { has: "b" } }).delete()).toBe(2);
  expect(await keysOf(db.tasks)).toEqual([0, 1, 4, 5]);
  expect((await db.verify()).problems).toEqual([]);
});

test("order and limit choose among them", async () => {
  const db = await filled();
  await db.tasks.where({}).orderBy("rank", "desc").limit(2).delete();
  expect(await keysOf(db.tasks)).toEqual([0, 1, 2, 3]);
  expect(await db.tasks.index("byState", "open").lt(2).update({ state: "done" })).toBe(1);
  expect(await db.tasks.where({ state: "open" }).limit(0).delete()).toBe(0);
  expect(await keysOf(db.tasks.where({ state: "open" }))).toEqual([2]);
});

test("a function gives the change of each document", async () => {
  const db = await filled();
  await db.tasks.filter(({ key }) => key > 3).update(({ key }) => ({ rank: -key }));
  expect((await db.tasks.where({ rank: { lt: 0 } }).all()).map(({ rank }) => rank)).toEqual([
    -4, -5,
  ]);
});

test("documents may move along a unique index, and swap their values", async () => {
  const db = await filled();
  expect(await db.tasks.where({}).update(({ key }) => ({ key: key + 1 }))).toBe(6);
  expect(await keysOf(db.tasks)).toEqual([1, 2, 3, 4, 5, 6]);
  await db.tasks.where({ key: { in: [1, 2] } }).update(({ key }) => ({ key: 3 - key }));
  expect(await db.tasks.find({ key: 1 })).toMatchObject({ rank: 1 });
  expect((await db.verify()).problems).toEqual([]);
});

test("a unique value that another document keeps is refused, and nothing is changed", async () => {
  const db = await filled();
  const before = await db.tasks.all();
  const moved = db.tasks.where({ key: { lt: 3 } }).update(({ key }) => ({ key: key + 1 }));
  await expect(moved).rejects.toThrow(UniqueViolation);
  await expect(db.tasks.where({ key: { lt: 3 } }).update({ key: 9 })).rejects.toThrow(
    UniqueViolation,
  );
  await expect(
    db.tasks.where({}).update(({ key }) => (key === 5 ? { rank: "x" as unknown as number } : {})),
  ).rejects.toThrow(ValidationError);
  expect(await db.tasks.all()).toEqual(before);
});

test("without a condition nothing is changed, and nothing is deleted", async () => {
  const db = await filled();
  const forgotten = db.tasks.limit(100);
  await expect(forgotten.delete()).rejects.toThrow(InvalidQuery);
  await expect(forgotten.update({} as never)).rejects.toThrow("where({})");
  await expect(db.tasks.where(undefined as unknown as Filter<never>).delete()).rejects.toThrow(
    InvalidQuery,
  );
  // @ts-expect-error a collection has no delete() of everything
  await expect(db.tasks.delete()).rejects.toThrow(ValidationError);
  expect(await db.tasks.count()).toBe(6);
});

test("in a transaction its own writes count, and an abort undoes all", async () => {
  const db = await filled();
  const failed = db.transaction(async (tx) => {
    await tx.tasks.insert({ key: 50, state: "open", rank: 0, tags: [] });
    expect(await tx.tasks.where({ state: "open" }).delete()).toBe(4);
    expect(await tx.tasks.where({ state: "open" }).count()).toBe(0);
    throw new Error("no");
  });
  await expect(failed).rejects.toThrow("no");
  expect(await keysOf(db.tasks.where({ state: "open" }))).toEqual([0, 2, 4]);
});

// Where the update may stand before the insert in the order of commits, it need not run again.
test.skipIf(isElsewhere())("a document that comes to fit meanwhile is not missed", async () => {
  const db = await filled();
  let updated = (): void => undefined;
  const isUpdated = new Promise<void>((resolve) => (updated = resolve));
  let inserted = (): void => undefined;
  const isInserted = new Promise<void>((resolve) => (inserted = resolve));
  const running = db.transaction(async (tx) => {
    await tx.tasks.where({ state: "open" }).update({ rank: 7 });
    updated();
    await isInserted;
  });
  await isUpdated;
  await db.tasks.insert({ key: 60, state: "open", rank: 0, tags: [] });
  inserted();
  await running;
  expect(await keysOf(db.tasks.where({ rank: 7 }))).toEqual([0, 2, 4, 60]);
});

test("what a query changes is what the same query finds, for random changes", async () => {
  const filter = fc.oneof(
    fc.record({ state: fc.constantFrom("open" as const, "done" as const) }),
    fc.record({ rank: fc.record({ gte: fc.integer({ min: -2, max: 12 }) }) }),
    fc.record({ tags: fc.record({ has: fc.constantFrom("a", "b", "c") }) }),
  );
  const step = fc.record({ filter, limit: fc.nat(8), deletes: fc.boolean(), by: fc.nat(5) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
      const db = await filled(12);
      for (const { by, deletes, filter: condition, limit } of steps) {
        const query = db.tasks.where(condition).orderBy("rank").limit(limit);
        const chosen = new Set((await query.all()).map(({ id }) => id));
        const before = await db.tasks.all();
        const change = ({ key, rank }: { key: number; rank: number }) => ({
          key: key + 100,
          rank: rank - by,
          state: "done" as const,
        });
        const count = deletes ? await query.delete() : await query.update(change);
        expect(count).toBe(chosen.size);
        const expected = before
          .filter(({ id }) => !deletes || !chosen.has(id))
          .map((task) => (chosen.has(task.id) ? { ...task, ...change(task) } : task));
        expect(await db.tasks.all()).toEqual(expected);
      }
      expect((await db.verify()).problems).toEqual([]);
      await db.close();
    }),
    { numRuns: runsHere(30) },
  );
});
