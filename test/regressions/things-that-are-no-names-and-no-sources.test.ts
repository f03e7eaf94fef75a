/** What has no text of its own, or says that it has every member, was taken for a TypeError of the language. */
import { expect, test } from "vitest";
import { z } from "zod";
import { collection, InvalidDefinition, InvalidOption, open, ref } from "../../src/index.ts";

test("a name without a text is no name", () => {
  const name = Object.create(null) as "things";
  expect(() => collection(name, z.object({}))).toThrow(InvalidDefinition);
});

test("an object whose iterator is no function is no source of text or documents", async () => {
  const db = await open(":memory:");
  const things = db.collection("things", z.object({ n: z.number() }));
  const source = new Proxy({}, { has: () => true });
  await expect(things.import(source as never)).rejects.toThrow(InvalidOption);
  await expect(things.load(source as never)).rejects.toThrow(InvalidOption);
  const both = Object.assign([{ n: 1 }], { [Symbol.asyncIterator]: undefined });
  expect(await things.load(both as never)).toEqual({ loaded: 1 });
});

test("what refines an include is a function", async () => {
  const Users = collection("users", z.object({ n: z.number() }));
  const Things = collection("things", z.object({ ownerId: ref("users") }));
  const db = await open(":memory:", {
    collections: { users: Users, things: Things },
    relations: { things: { owner: { one: "users", via: "ownerId" } } },
  });
  for (const refine of ["name", null, 5, {}])
    await expect(db.things.include("owner", refine as never).all()).rejects.toThrow(
      "include takes a function from a query to that query",
    );
});
