/**
 * What a page cursor promises, one test each: a place in a total order, that says nothing to its reader, is checked, belongs
 * to one query of one collection, and leads both ways. That pages are right is the law of paging.test.ts.
 */
import { expect, test } from "vitest";
import { z } from "zod";
import { InvalidCursor, open } from "../../src/index.ts";
import { SimulatedHost } from "../../src/testing/index.ts";
import { here, isElsewhere, newPlace } from "../support/elsewhere.ts";

const schema = z.object({ n: z.number(), s: z.string().optional() });
const secret = "not to be read in a link";

async function filled() {
  const db = await open(here(":memory:"), { fullScan: "allow" });
  const things = db.collection("things", schema, { indexes: { byN: ["n"] } });
  const others = db.collection("others", schema, { indexes: { byN: ["n"] } });
  const rows = Array.from({ length: 9 }, (_, i) => ({
    id: `t${i}` as never,
    n: i % 3,
    s: secret,
  }));
  await things.insertMany(rows);
  await others.insertMany(rows as never);
  return { db, things, others };
}

test("rows that are equal in all that is ordered by are ordered by id, in the last direction", async () => {
  const { things } = await filled();
  const ids = async (direction: "asc" | "desc", reverse: boolean): Promise<string[]> => {
    const asked = things.orderBy("n", direction);
    const query = reverse ? asked.reverse() : asked;
    const seen: string[] = [];
    for (let after: string | null = null; ;) {
      const page = await query.page({ size: 2, after });
      seen.push(...page.items.map(({ id }) => id));
      if (page.next === null) return seen;
      after = page.next;
    }
  };
  const upwards = ["t0", "t3", "t6", "t1", "t4", "t7", "t2", "t5", "t8"];
  expect(await ids("asc", false)).toEqual(upwards);
  expect(await ids("desc", false)).toEqual(upwards.toReversed());
  expect(await ids("desc", true)).toEqual(upwards);
});

test("a cursor is letters of a link, and holds no field that is not ordered by", async () => {
  const { things } = await filled();
  for (const query of [things.orderBy("n"), things.index("byN"), things.where({ n: { gte: 1 } })]) {
    const { next } = await query.page({ size: 2 });
    expect(next).toMatch(/^[\w-]{20,200}$/);
    expect(Buffer.from(next!, "base64url").toString("latin1")).not.toContain(secret);
  }
});

test("a cursor of another collection is refused, be the query and the documents the same", async () => {
  const { others, things } = await filled();
  for (const of of ["asc", "desc"] as const) {
    const { next } = await things.orderBy("n", of).page({ size: 2 });
    await expect(others.orderBy("n", of).page({ size: 2, after: next })).rejects.toThrow(
      InvalidCursor,
    );
  }
  const scan = await things.index("byN").page({ size: 2 });
  await expect(others.index("byN").page({ size: 2, after: scan.next })).rejects.toThrow(
    InvalidCursor,
  );
});

test("a cursor is one of any size of page, and of any choice of fields", async () => {
  const { things } = await filled();
  const { next } = await things.orderBy("n").page({ size: 2 });
  const rest = await things.orderBy("n").select("n").page({ size: 100, after: next });
  expect(rest.items).toHaveLength(7);
  expect(rest.next).toBe(null);
});

test("it leads on where its row is gone, in both directions", async () => {
  const { things } = await filled();
  const query = things.orderBy("n");
  const first = await query.page({ size: 4 });
  const second = await query.page({ size: 2, after: first.next });
  for (const { id } of [first.items.at(-1)!, second.items[0]!]) await things.delete(id);
  expect((await query.page({ size: 9, after: first.next })).items.map(({ id }) => id)).toEqual([
    "t7",
    "t2",
    "t5",
    "t8",
  ]);
  expect(
    (await query.page({ size: 9, before: second.previous })).items.map(({ id }) => id),
  ).toEqual(["t0", "t3", "t6"]);
});

test("a place in an order outlives the process, and a change of the indexes", async () => {
  const host = new SimulatedHost();
  const place = newPlace();
  const opened = async (indexes: object) => {
    const db = await (isElsewhere()
      ? open({ engine: place({}) }, { fullScan: "allow" })
      : open("/db", { host, fullScan: "allow" }));
    return { db, things: db.collection("things", schema, { indexes } as {}) };
  };
  const before = await opened({ byN: ["n"] });
  await before.things.insertMany([1, 2, 3, 4].map((n) => ({ n })));
  const { next } = await before.things.orderBy("n").page({ size: 2 });
  await before.db.close();
  const after = await opened({ byNDown: ["-n"] });
  const { items } = await after.things.orderBy("n").page({ size: 5, after: next });
  expect(items.map(({ n }) => n)).toEqual([3, 4]);
  await after.db.close();
});
