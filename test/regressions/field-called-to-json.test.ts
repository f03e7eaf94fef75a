/** Fields may have the names of methods: what the encoder takes for a hook elsewhere is data in a document. */
import { expect, test } from "vitest";
import { z } from "zod";
import { open } from "../../src/index.ts";

const values: readonly object[] = [
  { constructor: 1, toJSON: 7 },
  { constructor: null, toJSON: { deep: true } },
  { constructor: "Map", valueOf: 1, toString: 2, hasOwnProperty: 3 },
];

test.each(values.map((value) => [value]))("%j is stored as it is", async (value) => {
  await using db = await open(":memory:");
  const things = db.collection("things", z.object({ value: z.unknown() }));
  const { id } = await things.insert({ value: [value] });
  expect(Object.entries((await things.get(id))!.value as object)).toEqual([["0", value]]);
});
