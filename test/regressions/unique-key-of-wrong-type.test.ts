/** A value that a field can never have found nothing, and an upsert by it made a document that it does not name. */
import { expect, test } from "vitest";
import { z } from "zod";
import { InvalidQuery, open } from "../../src/index.ts";

test("a unique key of the wrong type is refused, as it is by a filter", async () => {
  await using db = await open(":memory:");
  const users = db.collection(
    "users",
    z.object({ email: z.string(), place: z.object({ zip: z.union([z.number(), z.string()]) }) }),
    {
      indexes: {
        byEmail: { on: ["email"], unique: true },
        byZip: { on: ["place.zip"], unique: true },
      },
    },
  );
  const create = { email: "ada@x", place: { zip: 5 } };
  for (const email of [true, 5, 5n, new Date(0), Uint8Array.of(1)] as never[]) {
    await expect(users.find({ email })).rejects.toThrow(InvalidQuery);
    await expect(users.upsert({ email }, { create, update: {} })).rejects.toThrow(InvalidQuery);
    await expect(users.where({ email }).all()).rejects.toThrow(InvalidQuery);
  }
  expect(await users.count()).toBe(0);
  const ada = await users.upsert({ email: "ada@x" }, { create, update: {} });
  for (const zip of [5, "5"] as const)
    expect(await users.find({ "place.zip": zip })).toEqual(zip === 5 ? ada : undefined);
  await expect(users.find({ "place.zip": true as never })).rejects.toThrow(InvalidQuery);
});
