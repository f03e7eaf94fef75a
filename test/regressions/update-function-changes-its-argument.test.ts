/** A function given to update() or upsert() may change the document that it was handed; the store is none the wiser. */
import { expect, test } from "vitest";
import { z } from "zod";
import { open } from "../../src/index.ts";

const schema = z.object({
  email: z.string(),
  address: z.object({ city: z.string() }),
  tags: z.array(z.string()),
  logins: z.number(),
});
const indexes = {
  byEmail: { on: ["email"], unique: true },
  byCity: ["address.city"],
  byTag: ["tags[]"],
} as const;
const ada = { email: "ada@example.org", address: { city: "Oslo" }, tags: ["math"], logins: 0 };

test("a nested object that is changed in place and given back leaves no stale index entry", async () => {
  await using db = await open(":memory:");
  const users = db.collection("users", schema, { indexes });
  const { id } = await users.insert(ada);
  await users.update(id, (user) => {
    user.address.city = "Rome";
    user.tags.push("art");
    return { address: user.address, tags: user.tags };
  });
  expect(await users.where({ address: { city: "Rome" } }).count()).toBe(1);
  expect(await users.where({ address: { city: "Oslo" } }).count()).toBe(0);
  expect(await users.where({ tags: { has: "art" } }).count()).toBe(1);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("what the patch does not name stays as it was stored, whatever the function did to its argument", async () => {
  await using db = await open(":memory:");
  const users = db.collection("users", schema, { indexes });
  const { id } = await users.insert(ada);
  await users.update(id, (user) => {
    user.email = "eve@example.org";
    return { logins: user.logins + 1 };
  });
  expect(await users.get(id)).toEqual({ ...ada, id, logins: 1 });
  expect(await users.find({ email: "ada@example.org" })).toEqual({ ...ada, id, logins: 1 });
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("the id that is changed in the function's argument makes no second document", async () => {
  await using db = await open(":memory:");
  const users = db.collection("users", schema, { indexes });
  const { id } = await users.insert(ada);
  await users.update(id, (user) => {
    (user as { id: string }).id = "other";
    return { logins: 1 };
  });
  expect((await users.all()).map((user) => user.id)).toEqual([id]);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("upsert's function is held to the same", async () => {
  await using db = await open(":memory:");
  const users = db.collection("users", schema, { indexes });
  await users.insert(ada);
  await users.upsert(
    { email: ada.email },
    {
      create: ada,
      update: (user) => {
        user.address.city = "Rome";
        return { address: user.address };
      },
    },
  );
  expect(await users.where({ address: { city: "Rome" } }).count()).toBe(1);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});
