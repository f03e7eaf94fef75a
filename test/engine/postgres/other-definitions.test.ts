/** Programs that have one table open and declare a collection differently, as while a new release takes the old one's place. */
import { collection, inc, open, ref } from "kotobadb";
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

const withPartial = {
  users: collection("users", User, {
    indexes: { adults: { on: ["city"], where: { age: { gte: 18 } } } },
  }),
};

const at = (table: string, more: { readonly changeLog?: true } = {}) => ({
  engine: postgres({ url: sharedServer().url, table, ...more }),
});
const fullScan = "allow";
const changed = { _tag: "SchemaMismatch", reason: "changed" };

const user = (n: number, city = "Oslo") => ({ email: `u${n}@example.org`, city, age: n });

describe.skipIf(skipReason !== undefined)("a program that was opened before another one", () => {
  it("keeps an index that the other one has brought", async () => {
    const table = freshTable();
    await using one = await open(at(table), { collections: old, fullScan });
    const ada = await one.users.insert(user(1));
    await using two = await open(at(table), { collections: withIndex, fullScan });
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
    await using one = await open(at(table), { collections: old, fullScan });
    await one.users.insert(user(1));
    await using two = await open(at(table), { collections: withUnique, fullScan });
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
    await using one = await open(at(table), { collections: old, fullScan });
    await one.users.insert(user(1));
    await using two = await open(at(table), { collections: withCount, fullScan });
    await two.ready();

    await one.users.insert(user(2));

    expect(await two.users.where({ city: "Oslo" }).count()).toBe(2);
    expect(await two.verify()).toEqual({ ok: true, problems: [] });
  });

  it("finds all documents without the index that the other one has dropped", async () => {
    const table = freshTable();
    await using one = await open(at(table), { collections: withIndex, fullScan });
    await one.users.insert(user(1));
    await one.users.where({ city: "Oslo" }).all();
    await using two = await open(at(table), { collections: old, fullScan });
    await two.users.insert(user(2));

    expect(await one.users.where({ city: "Oslo" }).count()).toBe(2);
    await one.users.insert(user(3));
    expect(await one.users.where({ city: "Oslo" }).count()).toBe(3);
    expect(await two.verify()).toEqual({ ok: true, problems: [] });
  });

  it("keeps in a transaction that has begun what the other one brings before its end", async () => {
    const table = freshTable();
    await using one = await open(at(table), { collections: old, fullScan });
    const ada = await one.users.insert(user(1));
    const attempts: number[] = [];

    await one.transaction(async (tx) => {
      attempts.push(tx.attempt);
      await tx.users.get(ada.id);
      if (tx.attempt === 1) {
        await using two = await open(at(table), { collections: withIndex, fullScan });
        await two.ready();
      }
      await tx.users.insert(user(2));
    });

    expect(attempts.length).toBeGreaterThan(1);
    await using two = await open(at(table), { collections: withIndex, fullScan });
    expect(await two.users.where({ city: "Oslo" }).count()).toBe(2);
    expect(await two.verify()).toEqual({ ok: true, problems: [] });
  });

  it("reads and streams without an index that comes and goes, and lives on with its queries", async () => {
    const table = freshTable();
    await using one = await open(at(table, { changeLog: true }), {
      collections: withIndex,
      fullScan,
    });
    await one.users.insert(user(1));
    const inOslo = one.users.where({ city: "Oslo" }).orderBy("age");
    const seen: number[] = [];
    let drawn = (): void => undefined;
    const live = inOslo.live(({ rows }) => {
      seen.push(rows.length);
      drawn();
    });
    const isSeen = async (rows: number): Promise<void> => {
      while (seen.at(-1) !== rows) await new Promise<void>((resolve) => (drawn = resolve));
    };
    await isSeen(1);
    for (let n = 2; n < 6; n++) {
      await using two = await open(at(table, { changeLog: true }), {
        collections: n % 2 === 0 ? old : withIndex,
        fullScan,
      });
      await two.users.insert(user(n));

      const streamed: number[] = [];
      for await (const { age } of inOslo.stream()) streamed.push(age);
      expect(streamed).toEqual(Array.from({ length: n }, (_, i) => i + 1));
      using snapshot = one.snapshot();
      expect(await snapshot.users.where({ city: "Oslo" }).count()).toBe(n);
      await isSeen(n);
    }
    live.close();
  });

  it("writes no more where an index is of a kind that the other one alone can keep, and reads on", async () => {
    const table = freshTable();
    await using one = await open(at(table), { collections: old, fullScan });
    const ada = await one.users.insert(user(20));
    {
      await using two = await open(at(table), { collections: withPartial, fullScan });
      await two.users.insert(user(30));

      await expect(one.users.insert(user(40))).rejects.toMatchObject(changed);
      await expect(one.users.update(ada.id, { age: inc() })).rejects.toMatchObject(changed);
      await expect(one.users.insert(user(40))).rejects.toThrow('its index "adults"');
      expect(await one.users.count()).toBe(2);
      expect(await two.verify()).toEqual({ ok: true, problems: [] });
    }
    await using three = await open(at(table), { collections: withIndex, fullScan });
    await three.ready();

    await one.users.insert(user(40));

    expect(await three.users.where({ city: "Oslo" }).count()).toBe(3);
  });

  it("is told that a unique key is not kept any more, where it asks by it", async () => {
    const table = freshTable();
    await using one = await open(at(table), { collections: withUnique, fullScan });
    await one.users.insert(user(1));
    await using two = await open(at(table), { collections: old, fullScan });
    await two.users.insert(user(1));

    await expect(one.users.find({ email: user(1).email })).rejects.toMatchObject(changed);
    await expect(one.transaction((tx) => tx.users.find({ email: user(1).email }))).rejects.toThrow(
      'it has no index "byEmail" like that of the definition',
    );
    await one.users.insert(user(1));
    expect(await two.users.count()).toBe(3);

    await two.users
      .where({ email: user(1).email })
      .limit(2)
      .delete();
    await using three = await open(at(table), { collections: withUnique, fullScan });
    await three.ready();
    expect(await one.users.find({ email: user(1).email })).toMatchObject(user(1));
  });

  it.each([
    ["a field more", z.object({ ...User.shape, nick: z.string().optional() })],
    ["a default", z.object({ ...User.shape, role: z.string().default("member") })],
  ])("neither reads nor writes where the other one has brought %s", async (_, schema) => {
    const table = freshTable();
    await using one = await open(at(table), { collections: old, fullScan });
    const ada = await one.users.insert(user(1));
    await using two = await open(at(table), {
      collections: { users: collection("users", schema) },
      fullScan,
    });
    await two.users.insert(user(2));

    const refused: (() => Promise<unknown>)[] = [
      () => one.users.get(ada.id),
      () => one.users.getMany([ada.id]),
      () => one.users.all(),
      () => one.users.count(),
      () => one.users.insert(user(3)),
      () => one.users.update(ada.id, { age: 2 }),
      () => one.users.delete(ada.id),
      () => one.transaction((tx) => tx.users.get(ada.id)),
      () => one.snapshot().users.get(ada.id),
      () => one.users.stream()[Symbol.asyncIterator]().next(),
    ];

    for (const each of refused) await expect(each()).rejects.toMatchObject(changed);
    await expect(one.users.get(ada.id)).rejects.toThrow(
      /another program has changed it while this one had it open: the field "(nick|role)" is stored/,
    );
    expect(await two.users.count()).toBe(2);
    expect(await two.verify()).toEqual({ ok: true, problems: [] });
  });

  it("follows the other one's commits up to a document of a version that it does not know", async () => {
    const table = freshTable();
    const log = { changeLog: true } as const;
    await using one = await open(at(table, log), { collections: old, fullScan });
    let since: string | undefined;
    await one.transaction(async (tx) => {
      await tx.users.insert(user(1));
      tx.onCommit((version) => (since = version));
    });
    const inserted = await one.users.insert(user(2));
    const newer = collection("users", User).evolve(
      z.object({ ...User.shape, name: z.string() }),
      (before) => ({ ...before, name: before.email }),
    );
    await using two = await open(at(table, log), { collections: { users: newer }, fullScan });
    await two.ready();

    const feed = one.users.changes({ since })[Symbol.asyncIterator]();

    expect(await feed.next()).toMatchObject({ value: { type: "insert", after: inserted } });
    await expect(feed.next()).rejects.toMatchObject(changed);
    await expect(one.users.all()).rejects.toMatchObject(changed);
    await expect(one.users.insert(user(3))).rejects.toMatchObject(changed);
    expect(await two.users.orderBy("age").all()).toMatchObject([{ name: user(1).email }, {}]);
  });

  it("does not keep the other one from building an index, though it inserts without a pause", async () => {
    const table = freshTable();
    await using one = await open(at(table), { collections: old, fullScan });
    await one.users.insertMany(Array.from({ length: 1_500 }, (_, n) => user(n)));
    let next = 1_500;
    let isOver = false;
    const lanes = Array.from({ length: 12 }, async () => {
      while (!isOver) await one.users.insert(user(next++));
    });

    await using two = await open(at(table), { collections: withIndex, fullScan });
    await two.ready();

    isOver = true;
    await Promise.all(lanes);
    expect(await two.users.where({ city: "Oslo" }).count()).toBe(next);
    expect(await two.verify()).toEqual({ ok: true, problems: [] });
  });

  it("leaves no document without a default that the other one brings while it writes", async () => {
    const table = freshTable();
    await using one = await open(at(table), { collections: old, fullScan });
    await one.users.insertMany(Array.from({ length: 600 }, (_, n) => user(n)));
    let written = 600;
    const writing = (async () => {
      for (;;) {
        await one.users.insert(user(written));
        written++;
      }
    })();
    const end = writing.catch((error: unknown) => error);
    const schema = z.object({ ...User.shape, role: z.string().default("member") });
    await using two = await open(at(table), {
      collections: { users: collection("users", schema) },
      fullScan,
    });

    await two.ready();

    expect(await end).toMatchObject(changed);
    expect(await two.users.where({ role: "member" }).count()).toBe(written);
    expect(await two.users.count()).toBe(written);
  });
});

const teams = collection("teams", z.object({ name: z.string() }));
const Player = z.object({ name: z.string(), team: ref("teams") });
const relations = {
  players: { squad: { one: "teams", via: "team", onDelete: "cascade" } },
  teams: { players: { many: "players", via: "team" } },
} as const;
const byTeam = collection("players", Player, { indexes: { byTeam: ["team"] } });
const byBoth = collection("players", Player, { indexes: { byName: ["name"], byTeam: ["team"] } });

describe.skipIf(skipReason !== undefined)(
  "relations to a collection that another program has changed",
  () => {
    it("are kept, with the indexes that it has brought", async () => {
      const table = freshTable();
      await using one = await open(at(table), {
        collections: { teams, players: byTeam },
        relations,
      });
      const [red, blue] = await one.teams.insertMany([{ name: "red" }, { name: "blue" }]);
      await one.players.insertMany([
        { name: "a", team: red!.id },
        { name: "b", team: red!.id },
        { name: "c", team: blue!.id },
      ]);
      // The index by which referrers are found is another one from here on.
      await using changing = await open(at(table), {
        collections: { players: collection("players", Player) },
        fullScan,
      });
      await changing.players.count();
      await using two = await open(at(table), {
        collections: { teams, players: byBoth },
        relations,
      });
      await two.ready();

      const all = await one.teams.orderBy("id").include("players").all();
      expect(all.map(({ players }) => players.map(({ name }) => name).toSorted())).toEqual([
        ["a", "b"],
        ["c"],
      ]);
      await one.teams.delete(red!.id);

      expect(await two.players.all()).toMatchObject([{ name: "c" }]);
      expect(await two.players.index("byName", "a").count()).toBe(0);
      expect(await two.verify()).toEqual({ ok: true, problems: [] });
      await expect(one.players.insert({ name: "d", team: red!.id })).rejects.toMatchObject({
        _tag: "ReferenceViolation",
      });
    });
  },
);
