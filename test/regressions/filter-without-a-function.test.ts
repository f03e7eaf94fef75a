/** A caller without types who gives filter() no function, or an async one, is told so: the result is never made wider. */
import { expect, test } from "vitest";
import { z } from "zod";
import { InvalidQuery, open } from "../../src/index.ts";

for (const [name, wrong] of Object.entries({ undefined, null: null, text: "x" })) {
  test(`filter(${name}) is an InvalidQuery`, async () => {
    await using db = await open(":memory:");
    const notes = db.collection("notes", z.object({ text: z.string() }));
    await notes.insert({ text: "a" });
    await expect(notes.filter(wrong as never).all()).rejects.toBeInstanceOf(InvalidQuery);
  });
}

test("a promise that filter()'s function gives is no yes", async () => {
  await using db = await open(":memory:");
  const notes = db.collection("notes", z.object({ text: z.string() }));
  await notes.insert({ text: "a" });
  const wrong = async (): Promise<boolean> => false;
  await expect(notes.filter(wrong as never).all()).rejects.toBeInstanceOf(InvalidQuery);
});
