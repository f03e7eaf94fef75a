/** What conflicts around a count, and what does not. */
import { expect, test } from "vitest";
import { z } from "zod";
import { collection, open } from "../../../src/index.ts";
import { openLsmEngine } from "../../../src/engine/index.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";
import { here, isElsewhere } from "../../support/elsewhere.ts";

const Rows = collection("rows", z.object({ role: z.string(), amount: z.number() }), {
  indexes: { perRole: { count: true, by: ["role"] }, spent: { sum: "amount", by: ["role"] } },
});

/** Work of another task, done when it is called for: what the body of a transaction calls itself would be nested. */
function elsewhere(work: () => Promise<unknown>): () => Promise<void> {
  let begin = (): void => undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const done = begun.then(work);
  return async () => {
    begin();
    await done;
  };
}

test.skipIf(isElsewhere())(
  "a hundred inserts into one group at the same time run once each, and are all counted",
  async () => {
    for (const engine of ["memory", "lsm"] as const) {
      const host = new SimulatedHost({ seed: 3 });
      const db = await open(
        engine === "memory"
          ? ":memory:"
          : { engine: await openLsmEngine({ path: "/home/counts/db", host }) },
        { collections: { rows: Rows }, ...(engine === "memory" ? {} : { host }) },
      );
      let attempts = 0;
      await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          db.transaction(async (tx) => {
            attempts++;
            await tx.rows.insert({ role: "a", amount: i });
          }),
        ),
      );
      expect(attempts).toBe(100);
      expect(await db.rows.where({ role: "a" }).count()).toBe(100);
      expect(await db.verify()).toEqual({ ok: true, problems: [] });
      await db.close();
    }
  },
);

test.skipIf(isElsewhere())(
  "who has read a count is run again when it changes before the commit",
  async () => {
    const db = await open(here(":memory:"), { collections: { rows: Rows } });
    await db.rows.insert({ role: "a", amount: 1 });
    const counts: number[] = [];
    const another = elsewhere(() => db.rows.insert({ role: "a", amount: 2 }));
    await db.transaction(async (tx) => {
      const count = await tx.rows.where({ role: "a" }).count();
      counts.push(count);
      if (counts.length === 1) await another();
      await tx.rows.insert({ role: "seen", amount: count });
    });
    expect(counts).toEqual([1, 2]);
    expect((await db.rows.where({ role: "seen" }).one()).amount).toBe(2);
    await db.close();
  },
);

test("another group's count may change meanwhile", async () => {
  const db = await open(here(":memory:"), { collections: { rows: Rows } });
  let attempts = 0;
  const another = elsewhere(() => db.rows.insert({ role: "b", amount: 2 }));
  await db.transaction(async (tx) => {
    attempts++;
    expect(await tx.rows.where({ role: "a" }).count()).toBe(0);
    await another();
    await tx.rows.insert({ role: "a", amount: 1 });
    expect(await tx.rows.where({ role: "a" }).count()).toBe(1);
  });
  expect(attempts).toBe(1);
  expect(await db.rows.where({ role: { in: ["a", "b"] } }).count()).toBe(2);
  await db.close();
});

test("a snapshot keeps its counts", async () => {
  const db = await open(here(":memory:"), { collections: { rows: Rows } });
  const { id } = await db.rows.insert({ role: "a", amount: 0.1 });
  await db.rows.insert({ role: "a", amount: 0.2 });
  const before = db.snapshot();
  // Far away the state is fixed by the first read.
  expect(await before.rows.count()).toBe(2);
  await db.rows.update(id, { amount: 5 });
  await db.rows.insert({ role: "a", amount: 0.7 });
  const figures = {
    n: { count: true },
    total: { sum: "amount" },
    mean: { avg: "amount" },
  } as const;
  expect(await before.rows.where({ role: "a" }).count()).toBe(2);
  expect(await before.rows.where({ role: "a" }).aggregate(figures)).toEqual({
    n: 2,
    total: 0.1 + 0.2,
    mean: (0.1 + 0.2) / 2,
  });
  expect(await db.rows.where({ role: "a" }).count()).toBe(3);
  expect(await db.rows.groupBy("role").aggregate(figures)).toEqual([
    { role: "a", n: 3, total: 5.9, mean: 5.9 / 3 },
  ]);
  before.close();
  await db.close();
});

test("of two who each insert only if there is none, one sees the other", async () => {
  const db = await open(here(":memory:"), { collections: { rows: Rows } });
  const insertFirst = () =>
    db.transaction(async (tx) => {
      if ((await tx.rows.where({ role: "a" }).count()) > 0) return false;
      await tx.rows.insert({ role: "a", amount: 1 });
      return true;
    });
  const done = await Promise.all(Array.from({ length: 8 }, insertFirst));
  expect(done.filter(Boolean)).toHaveLength(1);
  expect(await db.rows.where({ role: "a" }).count()).toBe(1);
  await db.close();
});
