/** On a disk that takes long for each read, registering a collection ran into the time limit of transactions. */
import { open } from "kotobadb";
import { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";

const schema = z.object({ text: z.string(), group: z.number() });

test("a collection is opened, and gets its new index, on a disk that takes a minute for a read", async () => {
  const host = new SimulatedHost();
  const before = await open("/db", { host });
  const notes = before.collection("notes", schema);
  for (let i = 0; i < 20; i++) await notes.insert({ text: "x".repeat(9_000), group: i % 3 });
  await before.close();

  const disk = host.crash("kept");
  disk.readMillis = 60_000;
  const db = await open("/db", { host: disk });
  const indexed = db.collection("notes", schema, { indexes: { byGroup: ["group"] } });
  await db.ready();

  expect(await indexed.where({ group: 1 }).count()).toBe(7);
  await db.close();
});
