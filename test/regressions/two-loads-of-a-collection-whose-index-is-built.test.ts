/** Both wait for the build; then one loads, and the other finds that the collection is not empty. */
import { collection, open } from "kotobadb";
import { MemoryEngine } from "kotobadb/engine";
import { expect, test } from "vitest";
import { z } from "zod";

const shape = z.object({ n: z.number() });
const Before = collection("rows", shape);
const After = collection("rows", shape, { indexes: { byN: ["n"] } });

test("of two loads that waited for an index one is refused", async () => {
  const engine = new MemoryEngine();
  const first = await open({ engine }, { collections: { rows: Before } });
  await first.rows.insertMany(Array.from({ length: 3_000 }, (_, n) => ({ n })));
  const db = await open({ engine }, { collections: { rows: After } });
  await db.rows.where({}).delete();
  const loads = await Promise.allSettled([db.rows.load([{ n: 1 }]), db.rows.load([{ n: 2 }])]);
  expect(loads.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  expect((loads[1] as PromiseRejectedResult).reason).toMatchObject({ _tag: "CollectionNotEmpty" });
  expect(await db.rows.count()).toBe(1);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});
