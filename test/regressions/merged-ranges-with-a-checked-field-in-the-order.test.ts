/** Ranges are merged by where their rows stand that fit: what does not fit, and is yet to be checked, is no measure. */
import { expect, test } from "vitest";
import { z } from "zod";
import { collection, open } from "../../src/index.ts";
import type { Id } from "../../src/index.ts";

const schema = z.object({ kind: z.number(), at: z.number(), note: z.string() });

test("a field that is checked on documents may lead the order of what is merged", async () => {
  const notes = collection("notes", schema, { indexes: { byKindAt: ["kind", "at"] } });
  await using db = await open(":memory:", { collections: { notes } });
  await db.notes.insertMany([
    { kind: 1, at: 1, note: "z" },
    { kind: 1, at: 2, note: "x" },
    { kind: 2, at: 3, note: "x" },
  ]);
  const asked = db.notes
    .where({ kind: { in: [1, 2] }, note: "x" })
    .orderBy("note")
    .orderBy("at");
  expect((await asked.limit(1).explain()).sort).toBe("merge");
  expect((await asked.limit(1).all()).map(({ at }) => at)).toEqual([2]);
  expect((await asked.limit(2).all()).map(({ at }) => at)).toEqual([2, 3]);
});

test("a field that is checked on entries may stand before the id in what is merged", async () => {
  const notes = collection("notes", schema, { indexes: { byAll: ["kind", "at", "note"] } });
  await using db = await open(":memory:", { collections: { notes } });
  await db.notes.insertMany([
    { id: "z" as Id<"notes">, kind: 1, at: 1, note: "a" },
    { id: "b" as Id<"notes">, kind: 1, at: 1, note: "x" },
    { id: "c" as Id<"notes">, kind: 2, at: 1, note: "x" },
  ]);
  const behind = { at: { gte: 0 }, note: "x" };
  const ranges = db.notes.where({ kind: { in: [1, 2] }, ...behind });
  const branches = db.notes.where({
    OR: [
      { kind: 1, ...behind },
      { kind: 2, ...behind },
    ],
  });
  for (const asked of [ranges, branches]) {
    const rows = await asked.orderBy("at").limit(2).all();
    expect(rows.map(({ id }) => id)).toEqual(["b", "c"]);
  }
});
