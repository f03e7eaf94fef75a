/** Sorting what no index gives in order, in the memory that a database allows. */
import { SortTooLarge, open } from "kotobadb";
import { expect, test } from "vitest";
import { z } from "zod";
import { here } from "../support/elsewhere.ts";

const schema = z.object({ name: z.string(), note: z.string() });
const named = (n: number): { name: string; note: string } => ({
  name: `${(n * 7_919) % 4_000}`.padStart(4, "0"),
  note: "x".repeat(100),
});

test("rows that do not fit into the memory for sorting come in order all the same, until their places do not", async () => {
  await using db = await open(here(":memory:"), { sortBytesMax: 65_536, fullScan: "allow" });
  const things = db.collection("things", schema);
  await things.insertMany(Array.from({ length: 1_500 }, (_, n) => named(n)));
  const byName = things.orderBy("name", "desc");
  const names = (await byName.all()).map(({ name }) => name);
  expect(names).toEqual(names.toSorted().toReversed());
  expect(names).toHaveLength(1_500);
  const streamed: string[] = [];
  for await (const { name } of byName.stream()) streamed.push(name);
  expect(streamed).toEqual(names);

  await things.insertMany(Array.from({ length: 2_000 }, (_, n) => named(1_500 + n)));
  await expect(byName.all()).rejects.toThrow(SortTooLarge);
  await expect(byName.all()).rejects.toThrow('Add the index ["-name"]');
  expect(await byName.limit(3).all()).toHaveLength(3);
  expect((await byName.page({ size: 10 })).items).toHaveLength(10);
});
