/** One seed, one run: every call to the disk of a whole database repeats byte for byte, at the same simulated times. */
import { collection, open } from "kotobadb";
import { openLsmEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { TINY } from "../prove/workload/workload.ts";

const people = collection(
  "people",
  z.object({ name: z.string(), age: z.number(), tags: z.array(z.string()) }),
  { indexes: { byAge: ["age"], byTag: ["tags[]"], byName: { on: ["name"], unique: true } } },
);

async function run(seed: number): Promise<SimulatedHost> {
  const slow = { least: 0, most: 5 };
  const host = new SimulatedHost({ seed, traced: true, readMillis: slow, syncMillis: slow });
  const db = await open("/data", { collections: { people }, host });
  for (let batch = 0; batch < 12; batch++) {
    await Promise.all(
      [0, 1, 2, 3].map((lane) =>
        db.transaction(async (tx) => {
          const age = (batch * 7 + lane) % 30;
          const older = await tx.people
            .where({ age: { gte: age } })
            .limit(5)
            .all();
          await tx.people.insert({ name: `${batch}-${lane}`, age, tags: [`t${older.length}`] });
          const [first] = older;
          if (first !== undefined) await tx.people.update(first.id, { age: first.age + 1 });
        }),
      ),
    );
    await db.people
      .where({ tags: { has: "t5" } })
      .orderBy("age", "desc")
      .all();
    if (batch % 4 === 3) await db.compact();
  }
  await db.close();
  return host;
}

test("two runs of one seed have the same trace, and another seed has another one", async () => {
  const [first, second, other] = [await run(4), await run(4), await run(5)];
  expect(first.trace.length).toBeGreaterThan(200);
  expect(first.trace.filter((line) => line.includes(".sst")).length).toBeGreaterThan(40);
  expect(second.trace.join("\n")).toBe(first.trace.join("\n"));
  expect(other.trace.join("\n")).not.toBe(first.trace.join("\n"));
});

test("the same under the rules of Windows: no file is removed or renamed while it is open", async () => {
  const host = new SimulatedHost({ rules: "windows" });
  for (let life = 0; life < 3; life++) {
    const engine = await openLsmEngine({ ...TINY, host });
    const db = await open({ engine }, { collections: { people }, host });
    for (let i = 0; i < 60; i++)
      await db.people.insert({ name: `${life}-${i}`, age: i, tags: ["x".repeat(i)] });
    await db.compact();
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
  }
  expect(host.warnings).toEqual([]);
  const after = host.crash("seeded");
  const db = await open(TINY.path, { collections: { people }, host: after });
  expect(await db.people.count()).toBe(180);
  await db.close();
});
