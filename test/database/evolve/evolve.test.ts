/** Schema evolution as a program sees it: a folder opened by one version after the other, through both doors. */
import { Effect } from "effect";
import {
  EvolutionFailed,
  SchemaMismatch,
  StorageError,
  collection,
  inc,
  open,
  ref,
} from "kotobadb";
import type { Id } from "kotobadb";
import { open as openEffect } from "kotobadb/effect";
import { expect, test } from "vitest";
import { z } from "zod";
import { here, isElsewhere, newPlace, variantsHere } from "../../support/elsewhere.ts";
import type { Target } from "../../support/elsewhere.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const V1 = collection("users", z.object({ fullName: z.string() }), {
  indexes: { byFullName: ["fullName"] },
});
const V2 = V1.evolve(
  z.object({ first: z.string(), last: z.string() }),
  ({ fullName }) => ({
    first: fullName.split(" ")[0] ?? "",
    last: fullName.split(" ")[1] ?? "",
  }),
  { indexes: { byLast: { on: ["last"], unique: true }, perLast: { count: true, by: ["last"] } } },
);
const Posts = collection("posts", z.object({ by: ref("users"), title: z.string() }), {
  indexes: { by: ["by"] },
});
const ada = "ada" as Id<"users">;
const bob = "bob" as Id<"users">;
const newAda = { id: ada, first: "Ada", last: "Lovelace" };
const newBob = { id: bob, first: "Bob", last: "Ross" };
const relations = {
  users: { posts: { many: "posts", via: "by" } },
  posts: { author: { one: "users", via: "by", onDelete: "cascade" } },
} as const;

/** Where one version after the other opens the database: a folder, or elsewhere, with a log that all of them keep. */
interface Home extends AsyncDisposable {
  readonly path: string;
  target(): Target;
}
async function newHome(): Promise<Home> {
  const folder = await temporaryFolder();
  const place = newPlace();
  return {
    path: folder.path,
    target: () => (isElsewhere() ? { engine: place({ changeLog: true }) } : folder.path),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
const logged = isElsewhere() ? {} : { changeLog: true as const };

async function writeFirst(home: Home): Promise<void> {
  await using db = await open(home.target(), {
    collections: { users: V1, posts: Posts },
    relations,
    ...logged,
  });
  await db.users.insertMany([
    { id: ada, fullName: "Ada Lovelace" },
    { id: bob, fullName: "Bob Ross" },
  ]);
  await db.posts.insert({ by: ada, title: "Notes" });
}

test("queries, relations, snapshots, exports and writes see the newest version alone", async () => {
  await using home = await newHome();
  await writeFirst(home);
  await using db = await open(home.target(), {
    collections: { users: V2, posts: Posts },
    relations,
    fullScan: "error",
  });
  expect(await db.users.where({ last: "Ross" }).all()).toEqual([newBob]);
  expect(await db.users.index("byLast").all()).toEqual([newAda, newBob]);
  expect(await db.users.where({ last: "Ross" }).count()).toBe(1);
  const [post] = await db.posts.include("author").all();
  expect(post!.author).toEqual(newAda);
  expect((await db.users.include("posts").orderBy("id").all())[0]!.posts).toHaveLength(1);
  const snapshot = db.snapshot();
  let text = "";
  for await (const chunk of snapshot.users.export()) text += chunk;
  snapshot.close();
  expect(text).toBe(
    '{"id":"ada","first":"Ada","last":"Lovelace"}\n{"id":"bob","first":"Bob","last":"Ross"}\n',
  );
  expect(await db.users.update(ada, { last: "Byron" })).toEqual({ ...newAda, last: "Byron" });
  expect(await db.users.replace(bob, { first: "B", last: "R" })).toEqual({
    id: bob,
    first: "B",
    last: "R",
  });
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("a feed tells old commits as the newest version, and the rewriting as updates", async () => {
  await using home = await newHome();
  let since: string | undefined;
  {
    await using db = await open(home.target(), { collections: { users: V1 }, ...logged });
    const feed = db.users.changes()[Symbol.asyncIterator]();
    const first = feed.next();
    await db.users.insert({ id: ada, fullName: "Ada" });
    since = (await first).value?.version;
    await feed.return?.();
    await db.users.replace(ada, { fullName: "Ada Lovelace" });
    await db.users.insert({ id: bob, fullName: "Bob Ross" });
  }
  await using db = await open(home.target(), { collections: { users: V2 }, ...logged });
  await db.ready();
  const told: unknown[] = [];
  for await (const { after, id, type } of db.users.changes({ since })) {
    told.push({ type, id, after });
    if (told.length === 4) break;
  }
  expect(told).toEqual([
    { type: "update", id: ada, after: newAda },
    { type: "insert", id: bob, after: newBob },
    { type: "update", id: ada, after: newAda },
    { type: "update", id: bob, after: newBob },
  ]);
});

test("a live query of the newest version begins with upgraded documents", async () => {
  await using home = await newHome();
  await writeFirst(home);
  await using db = await open(home.target(), { collections: { users: V2 } });
  for await (const { rows } of db.users.where({ last: "Ross" }).live()) {
    expect(rows).toEqual([newBob]);
    break;
  }
});

test("the Effect door upgrades the same documents, and has the failure in its types", async () => {
  await using home = await newHome();
  await writeFirst(home);
  const Failing = V1.evolve(z.object({ n: z.number() }), () => ({ n: Number.NaN }));
  const told = await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const db = yield* openEffect(home.target(), { collections: { users: Failing } });
        return yield* db.users
          .count()
          .pipe(Effect.catchTag("EvolutionFailed", ({ id }) => Effect.succeed(id)));
      }),
    ),
  );
  expect(told).toBe(ada);
  const users = await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const db = yield* openEffect(home.target(), { collections: { users: V2 } });
        return yield* db.users.orderBy("id").all();
      }),
    ),
  );
  expect(users).toEqual([newAda, newBob]);
});

test("in memory, collections begin at the newest version", async () => {
  await using db = await open(here(":memory:"), { collections: { users: V2 } });
  const stored = await db.users.insert({ first: "Eve", last: "E" });
  expect(await db.users.find({ last: "E" })).toEqual(stored);
  expect(await db.users.load([]).catch((error: unknown) => error)).toMatchObject({
    _tag: "CollectionNotEmpty",
  });
  await db.users.delete(stored.id);
  expect((await db.users.load([{ first: "A", last: "B" }])).loaded).toBe(1);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test.skipIf(isElsewhere())(
  "opened to be read, documents are upgraded as they are read and old indexes are not used",
  async () => {
    await using home = await newHome();
    await writeFirst(home);
    {
      await using db = await open(home.path, { collections: { users: V2 }, readOnly: true });
      expect(await db.users.orderBy("id").all()).toEqual([newAda, newBob]);
      expect(await db.users.get(ada)).toEqual(newAda);
      expect(await db.users.where({ last: "Ross" }).all()).toEqual([newBob]);
      expect(await db.users.where({ last: "Ross" }).count()).toBe(1);
      expect((await db.users.where({ last: "Ross" }).explain()).kind).toBe("scan");
      const refused = { _tag: "IndexNotReady", index: "byLast" };
      await expect(db.users.index("byLast").all()).rejects.toMatchObject(refused);
      await expect(db.users.find({ last: "Ross" })).rejects.toMatchObject(refused);
      await expect(db.users.insert({ first: "a", last: "b" })).rejects.toBeInstanceOf(StorageError);
      const snapshot = db.snapshot();
      expect(await snapshot.users.count()).toBe(2);
      snapshot.close();
      expect(await db.transaction((tx) => tx.users.count(), { readOnly: true })).toBe(2);
      expect(await db.verify()).toEqual({ ok: true, problems: [] });
    }
    // Nothing was changed: the program before still has its database.
    await using db = await open(home.path, { collections: { users: V1 } });
    expect(await db.users.where({ fullName: "Ada Lovelace" }).count()).toBe(1);
  },
);

test.skipIf(isElsewhere())(
  "opened to be read, a document that cannot be upgraded fails alone",
  async () => {
    await using home = await newHome();
    await writeFirst(home);
    const Picky = V1.evolve(z.object({ name: z.string().max(10) }), ({ fullName }) => ({
      name: fullName,
    }));
    await using db = await open(home.path, { collections: { users: Picky }, readOnly: true });
    expect(await db.users.get(bob)).toEqual({ id: bob, name: "Bob Ross" });
    await expect(db.users.get(ada)).rejects.toBeInstanceOf(EvolutionFailed);
    await expect(db.users.orderBy("name").all()).rejects.toBeInstanceOf(EvolutionFailed);
    const { problems } = await db.verify();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain("could not be brought to the next version");
  },
);

test.skipIf(isElsewhere())(
  "opened to be read, new defaults are filled in as documents are read, and an index that is there is used",
  async () => {
    await using home = await newHome();
    await writeFirst(home);
    const fields = { fullName: z.string(), rank: z.number().default(3) };
    const Filled = collection("users", z.object(fields), { indexes: { byRank: ["rank"] } });
    const More = collection("users", z.object({ fullName: z.string() }), {
      indexes: { byFullName: ["fullName"], reversed: ["-fullName"] },
    });
    {
      await using db = await open(home.path, { collections: { users: Filled }, readOnly: true });
      expect(await db.users.get(bob)).toEqual({ id: bob, fullName: "Bob Ross", rank: 3 });
      expect(await db.users.where({ rank: 3 }).count()).toBe(2);
    }
    await using db = await open(home.path, { collections: { users: More }, readOnly: true });
    const byName = db.users.where({ fullName: "Bob Ross" });
    expect((await byName.explain()).index).toBe("byFullName");
    expect(await byName.all()).toHaveLength(1);
    await expect(db.users.index("reversed").all()).rejects.toMatchObject({ _tag: "IndexNotReady" });
    // What was never stored cannot be made here.
    const Other = collection("others", z.object({ a: z.string() }));
    await db.close();
    await using empty = await open(home.path, { collections: { others: Other }, readOnly: true });
    await expect(empty.others.count()).rejects.toMatchObject({ code: "OpenedReadOnly" });
  },
);

test("the program before is refused once the newer one has been there, and nothing is written", async () => {
  await using home = await newHome();
  await writeFirst(home);
  {
    await using db = await open(home.target(), { collections: { users: V2 } });
    await db.ready();
  }
  {
    await using db = await open(home.target(), { collections: { users: V1 } });
    const error = await db.users.insert({ fullName: "x" }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SchemaMismatch);
    expect((error as SchemaMismatch).reason).toBe("newer");
  }
  await using db = await open(home.target(), { collections: { users: V2 } });
  expect(await db.users.orderBy("id").all()).toEqual([newAda, newBob]);
});

const Counters = collection("counters", z.object({ n: z.number(), text: z.string() }), {
  indexes: { byN: ["n"] },
});
const Counted = Counters.evolve(
  z.object({ double: z.number(), words: z.array(z.string()), edits: z.number().default(0) }),
  ({ n, text }) => ({ double: 2 * n, words: text.split(" ") }),
  {
    indexes: {
      byDouble: { on: ["double"], unique: true },
      byWord: ["words[]", "-double"],
      perEdits: { count: true, by: ["edits"] },
      total: { sum: "double" },
    },
  },
);
const COUNT = 4_000;
const idOf = (n: number): Id<"counters"> => `c${String(n).padStart(5, "0")}` as Id<"counters">;
const wordsOf = (n: number): string[] => [`w${n % 9}`, "all"];

for (const where of variantsHere(["in memory", "on the disk"], "elsewhere")) {
  test(`documents are read, changed and deleted while they are written anew, ${where}`, async () => {
    await using folder = await temporaryFolder();
    const place = newPlace();
    const target = (): Target => (where === "on the disk" ? folder.path : { engine: place({}) });
    const first = await open(target(), { collections: { counters: Counters } });
    await first.counters.insertMany(
      Array.from({ length: COUNT }, (_, n) => ({ id: idOf(n), n, text: wordsOf(n).join(" ") })),
    );
    if (where === "on the disk") await first.close();
    const db = await open(target(), { collections: { counters: Counted }, fullScan: "allow" });
    const model = new Map<string, object>();
    for (let n = 0; n < COUNT; n++) {
      model.set(idOf(n), { id: idOf(n), double: 2 * n, words: wordsOf(n), edits: 0 });
    }
    // Both ends and the middle: some are written anew already, others are not.
    for (const n of [0, 5, 999, 1_000, 1_001, 2_500, COUNT - 2]) {
      expect(await db.counters.get(idOf(n))).toEqual(model.get(idOf(n)));
      const changed = await db.counters.update(idOf(n), { edits: inc(), words: ["changed"] });
      model.set(idOf(n), { id: idOf(n), double: 2 * n, words: ["changed"], edits: 1 });
      expect(changed).toEqual(model.get(idOf(n)));
    }
    for (const n of [1, 1_500, COUNT - 1]) {
      expect(await db.counters.delete(idOf(n))).toBe(true);
      model.delete(idOf(n));
    }
    await db.counters.insert({ id: idOf(COUNT), double: -1, words: ["new"] });
    model.set(idOf(COUNT), { id: idOf(COUNT), double: -1, words: ["new"], edits: 0 });
    const { kind } = await db.counters.where({ double: 4 }).explain();
    expect(await db.counters.where({ edits: 1 }).count()).toBe(7);
    expect(await db.counters.where({ words: { has: "changed" } }).count()).toBe(7);
    expect(
      await db.counters
        .where({ words: { has: "w3" } })
        .orderBy("id")
        .all(),
    ).toEqual(
      [...model.values()].filter((one) => (one as { words: string[] }).words.includes("w3")),
    );
    const snapshot = db.snapshot();
    await db.ready();
    // All of this was done before the index was ready; a server's may be ready sooner than that is done.
    if (!isElsewhere()) expect(kind).toBe("scan");
    expect(await snapshot.counters.count()).toBe(model.size);
    snapshot.close();
    expect(await db.counters.orderBy("id").all()).toEqual([...model.values()]);
    expect(await db.counters.index("byWord", "changed").count()).toBe(7);
    expect(await db.counters.where({ edits: 1 }).count()).toBe(7);
    const { total } = await db.counters.aggregate({ total: { sum: "double" } });
    expect(total).toBe(
      [...model.values()].reduce((sum, one) => sum + (one as { double: number }).double, 0),
    );
    expect(await db.counters.find({ double: 2_000 })).toEqual(model.get(idOf(1_000)));
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
    await db.close();
  });
}
