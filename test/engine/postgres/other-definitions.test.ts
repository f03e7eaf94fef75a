/** Programs that have one table open and declare a collection differently, as while a new release takes the old one's place. */
import { collection, open } from "kotobadb";
import { postgres } from "kotobadb/postgres";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { freshTable, sharedServer, skipReason } from "../../support/postgres/shared-server.ts";

const User = z.object({ email: z.string(), city: z.string(), age: z.number() });
const old = { users: collection("users", User) };
const withIndex = {
  users: collection("users", User, { indexes: { byCity: ["city", "age"] } }),
};
const withUnique = {
  users: collection("users", User, { indexes: { byEmail: { on: ["email"], unique: true } } }),
};
const withCount = {
  users: collection("users", User, { indexes: { perCity: { count: true, by: ["city"] } } }),
};

const opened = (table: string, collections: typeof old) =>
  open(
    { engine: postgres({ url: sharedServer().url, table }) },
    { collections, fullScan: "allow" },
  );

const user = (n: number, city = "Oslo") => ({ email: `u${n}@example.org`, city, age: n });

describe.skipIf(skipReason !== undefined)("a program that was opened before another one", () => {
  it("keeps an index that the other one has brought", async () => {
    const table = freshTable();
    await using one = await opened(table, old);
    const ada = await one.users.insert(user(1));
    await using two = await opened(table, withIndex);
    await two.ready();

    const grace = await one.users.insert(user(2));
    await one.users.update(ada.id, { city: "Rome" });

    const inOslo = two.users.where({ city: "Oslo" });
    expect(await inOslo.explain()).toMatchObject({ index: "byCity" });
    expect(await inOslo.all()).toEqual([grace]);
    await one.users.delete(grace.id);
    expect(await inOslo.all()).toEqual([]);
    expect(await two.verify()).toEqual({ ok: true, problems: [] });
  });

  it("is refused a key that an index of the other one knows as taken", async () => {
    const table = freshTable();
    await using one = await opened(table, old);
    await one.users.insert(user(1));
    await using two = await opened(table, withUnique);
    await two.ready();

    await expect(one.users.insert(user(1))).rejects.toMatchObject({
      _tag: "UniqueViolation",
      index: "byEmail",
    });

    await one.users.insert(user(2));
    expect(await two.users.count()).toBe(2);
    expect(await two.verify()).toEqual({ ok: true, problems: [] });
  });

  it("counts what the other one counts", async () => {
    const table = freshTable();
    await using one = await opened(table, old);
    await one.users.insert(user(1));
    await using two = await opened(table, withCount);
    await two.ready();

    await one.users.insert(user(2));

    expect(await two.users.where({ city: "Oslo" }).count()).toBe(2);
    expect(await two.verify()).toEqual({ ok: true, problems: [] });
  });

  it("finds all documents without the index that the other one has dropped", async () => {
    const table = freshTable();
    await using one = await opened(table, withIndex);
    await one.users.insert(user(1));
    await one.users.where({ city: "Oslo" }).all();
    await using two = await opened(table, old);
    await two.users.insert(user(2));

    expect(await one.users.where({ city: "Oslo" }).count()).toBe(2);
    await one.users.insert(user(3));
    expect(await one.users.where({ city: "Oslo" }).count()).toBe(3);
    expect(await two.verify()).toEqual({ ok: true, problems: [] });
  });
});
