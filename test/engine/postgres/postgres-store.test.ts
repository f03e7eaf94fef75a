/** Collections on PostgreSQL, by two programs at once; and what operations cost in round trips. */
import { collection, inc, open, ref } from "kotobadb";
import { postgres } from "kotobadb/postgres";
import { afterAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import type { StorageEngine } from "../../../src/engine/contract/index.ts";
import { freshTable, sharedServer, skipReason } from "../../support/postgres/shared-server.ts";

vi.setConfig({ testTimeout: 120_000 });

const collections = {
  users: collection("users", z.object({ email: z.string(), city: z.string(), age: z.number() }), {
    indexes: { byEmail: { on: ["email"], unique: true }, byCity: ["city"], byAge: ["age"] },
  }),
  posts: collection("posts", z.object({ authorId: ref("users"), title: z.string() }), {
    indexes: { byAuthor: ["authorId"] },
  }),
  accounts: collection("accounts", z.object({ owner: z.string(), balance: z.number() })),
};

const relations = { users: { posts: { many: "posts", via: "authorId" } } } as const;

const engines: StorageEngine[] = [];
afterAll(async () => {
  for (const engine of engines) await engine.close();
});

function engineOn(table: string): StorageEngine {
  const engine = postgres({ url: sharedServer().url, table, connectionsMax: 16 });
  engines.push(engine);
  return engine;
}

/** How many round trips the work takes. */
async function tripsOf(engine: StorageEngine, work: () => Promise<unknown>): Promise<number> {
  const before = engine.stats!()["roundTrips"]!;
  await work();
  return engine.stats!()["roundTrips"]! - before;
}

const user = (n: number): { email: string; city: string; age: number } => ({
  email: `u${n}@example.org`,
  city: `city ${n % 10}`,
  age: n,
});

describe.skipIf(skipReason !== undefined)("the document store on PostgreSQL", () => {
  it("shows one program what the other has written, and keeps unique what both insert", async () => {
    const table = freshTable();
    await using one = await open({ engine: engineOn(table) }, { collections });
    await using two = await open({ engine: engineOn(table) }, { collections });

    const ada = await one.users.insert(user(1));
    const seen = await two.users.get(ada.id);
    const attempts = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? one : two).users.insert(user(2))),
    );

    expect(seen).toEqual(ada);
    expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const attempt of attempts)
      if (attempt.status === "rejected")
        expect(attempt.reason).toMatchObject({ _tag: "UniqueViolation" });
    expect(await two.users.where({ city: "city 2" }).count()).toBe(1);
  });

  it("says that it cannot follow changes yet", async () => {
    await using db = await open({ engine: engineOn(freshTable()) }, { collections });
    const failure = { _tag: "StorageError", code: "NotSupported" };

    const follow = async (): Promise<void> => {
      for await (const _ of db.users.changes()) break;
    };

    await expect(follow()).rejects.toMatchObject(failure);
    expect(() => db.users.live(() => {})).toThrow(expect.objectContaining(failure));
  });

  it("keeps the sum of accounts that two programs move money between", async () => {
    const table = freshTable();
    await using one = await open({ engine: engineOn(table) }, { collections });
    await using two = await open({ engine: engineOn(table) }, { collections });
    const accounts = await one.accounts.insertMany(
      Array.from({ length: 8 }, (_, n) => ({ owner: `owner ${n}`, balance: 100 })),
    );

    await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        (n % 2 === 0 ? one : two).transaction(async (tx) => {
          const from = await tx.accounts.getOrThrow(accounts[n % 8]!.id);
          const amount = Math.min(from.balance, 1 + (n % 30));
          await tx.accounts.update(from.id, { balance: from.balance - amount });
          await tx.accounts.update(accounts[(n * 3 + 1) % 8]!.id, { balance: inc(amount) });
        }),
      ),
    );

    const after = await two.accounts.all();
    expect(after.reduce((sum, { balance }) => sum + balance, 0)).toBe(800);
    expect(after.every(({ balance }) => balance >= 0)).toBe(true);
  });

  it("asks the server as often as the operation says, and not as often as there are rows", async () => {
    const engine = engineOn(freshTable());
    await using db = await open({ engine }, { collections, relations, fullScan: "allow" });
    await db.ready();
    const first = await db.users.insert(user(0));
    const figures = async (rows: number): Promise<Record<string, number>> => {
      const users = await db.users.insertMany(
        Array.from({ length: rows }, (_, n) => user(n + rows)),
      );
      await db.posts.insertMany(
        users.flatMap(({ id }) => [1, 2].map((n) => ({ authorId: id, title: `post ${n}` }))),
      );
      return {
        insert: await tripsOf(engine, () => db.users.insert(user(-rows))),
        get: await tripsOf(engine, () => db.users.get(first.id)),
        "get by a unique field": await tripsOf(engine, () =>
          db.users.where({ email: "u0@example.org" }).first(),
        ),
        "20 documents by an index": await tripsOf(engine, () =>
          db.users.where({ city: "city 3" }).limit(20).all(),
        ),
        "20 of them with their posts": await tripsOf(engine, () =>
          db.users.where({ city: "city 3" }).include("posts").limit(20).all(),
        ),
        count: await tripsOf(engine, () => db.users.where({ city: "city 3" }).limit(20).count()),
        delete: await tripsOf(engine, () => db.users.delete(users[0]!.id)),
        "transaction of one read and one write": await tripsOf(engine, () =>
          db.transaction(async (tx) => {
            await tx.users.update(first.id, ({ age }) => ({ age: age + 1 }));
          }),
        ),
        "the same, looked at before": await tripsOf(engine, () =>
          db.transaction(async (tx) => {
            const { age } = await tx.users.getOrThrow(first.id);
            await tx.users.update(first.id, { age: age + 1 });
          }),
        ),
        "20 gets at once in a transaction": await tripsOf(engine, () =>
          db.transaction((tx) =>
            Promise.all(Array.from({ length: 20 }, () => tx.users.get(first.id))),
          ),
        ),
      };
    };

    const few = await figures(50);
    const many = await figures(1_000);

    expect(many).toEqual(few);
    expect(few).toMatchInlineSnapshot(`
      {
        "20 documents by an index": 1,
        "20 gets at once in a transaction": 2,
        "20 of them with their posts": 4,
        "count": 1,
        "delete": 2,
        "get": 1,
        "get by a unique field": 1,
        "insert": 1,
        "the same, looked at before": 2,
        "transaction of one read and one write": 2,
      }
    `);
  });
});
