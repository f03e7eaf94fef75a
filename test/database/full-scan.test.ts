/** What a database says of queries that no index serves. */
import { FullScan, open } from "kotobadb";
import { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";

const schema = z.object({ n: z.number(), s: z.string() });

test("a query that looks at every document is told once, whatever its values", async () => {
  const host = new SimulatedHost();
  const db = await open("/db", { host });
  const things = db.collection("things", schema, { indexes: { byN: ["n"] } });
  await things.insertMany([1, 2, 3].map((n) => ({ n, s: String(n) })));

  for (const s of ["1", "2", "7"]) await things.where({ s }).all();
  await things.where({ s: "1" }).orderBy("n").all();
  for (const s of ["1", "2"]) await things.where({ s: { in: [s, "x", "y"] } }).count();
  await things.where({ s: { in: ["1", "2"] } }).exists();
  await things.all();
  await things.where({ n: 1, s: "1" }).all();
  await things.orderBy("n").limit(1).all();

  expect(host.warnings).toEqual(
    [
      ['s = "1"', '["s"]'],
      ['s = "1"', '["s","n"]'],
      ['s in ["1", "x", "y"]', '["s"]'],
    ].map(([filter, index]) => ({
      where: "things",
      error: `A query would read the whole collection. (collection=things, filter=${filter}) Add the index ${index}.`,
    })),
  );
});

test('with "allow" nothing is told, with "error" nothing is read', async () => {
  const host = new SimulatedHost();
  for (const fullScan of ["allow", "error"] as const) {
    const db = await open("/db", { host, fullScan });
    const found = db.collection("things", schema).where({ s: "1" }).all();
    if (fullScan === "allow") expect(await found).toEqual([]);
    else await expect(found).rejects.toThrow(FullScan);
    await db.close();
  }
  expect(host.warnings).toEqual([]);
});

test("no index is advised on a field that no definition can name", async () => {
  const host = new SimulatedHost();
  const db = await open("/db", { host });
  const things = db.collection("things", z.object({ "-n": z.number() }));
  await things.where({ "-n": 1 }).all();
  expect(String(host.warnings[0]!.error)).toContain("Add a condition that an index can answer.");
});
