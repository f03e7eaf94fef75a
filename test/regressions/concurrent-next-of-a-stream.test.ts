/** An async iterator may be asked for several rows before the first has come: each is given once, and none is lost. */
import { expect, test } from "vitest";
import { z } from "zod";
import { open } from "../../src/index.ts";

test("rows that are asked for at the same time are all different, and all there", async () => {
  await using db = await open(":memory:");
  const notes = db.collection("notes", z.object({ n: z.number() }));
  await notes.insertMany(Array.from({ length: 300 }, (_, n) => ({ n })));
  const rows = notes.stream()[Symbol.asyncIterator]();
  const asked = await Promise.all(Array.from({ length: 310 }, async () => await rows.next()));
  const ids = asked.flatMap((row) => (row.done === true ? [] : [row.value.id]));
  expect(new Set(ids).size).toBe(300);
  expect(ids).toHaveLength(300);
});
