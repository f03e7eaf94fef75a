/** A schema that changes its own output would do so once more with each update of another field. */
import { expect, test } from "vitest";
import { z } from "zod";
import { InvalidDefinition, open } from "../../src/index.ts";

test("a value that its schema would change again is refused, and one that stays is not", async () => {
  const db = await open(":memory:");
  const grows = db.collection(
    "grows",
    z.object({ n: z.number().overwrite((n) => n + 1), other: z.number() }),
  );
  const trimmed = db.collection("trimmed", z.object({ s: z.string().trim(), other: z.number() }));
  await expect(grows.insert({ n: 1, other: 1 })).rejects.toThrow(InvalidDefinition);
  expect(await grows.count()).toBe(0);
  const { id } = await trimmed.insert({ s: " a ", other: 1 });
  expect(await trimmed.update(id, { other: 2 })).toEqual({ id, s: "a", other: 2 });
});

test("a check that writes to the value is held to the same", async () => {
  const db = await open(":memory:");
  const shouts = db.collection(
    "shouts",
    z.object({
      s: z.string().check((context) => {
        context.value = `${context.value}!`;
      }),
    }),
  );
  await expect(shouts.insert({ s: "a" })).rejects.toThrow("s: the schema changes what it gave");
  const refined = db.collection(
    "refined",
    z.object({ s: z.string() }).superRefine(({ s }, context) => {
      if (s === "") context.addIssue("a text is needed");
    }),
  );
  expect(await refined.insert({ s: "a" })).toMatchObject({ s: "a" });
  await expect(refined.insert({ s: "" })).rejects.toThrow("a text is needed");
});
