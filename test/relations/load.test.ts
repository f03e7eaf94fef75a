/** A load of documents that refer to others: whole when it resolves, or nothing of it. */
import { AsyncResource } from "node:async_hooks";
import { collection, open, ref, ReferenceViolation } from "kotobadb";
import type { Db, Id } from "kotobadb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { here, isElsewhere, runsHere } from "../support/elsewhere.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { collections, failure, kept } from "./blog.ts";

type Blog = Db<typeof collections, typeof kept>;
const fine = { ok: true, problems: [] };
const nobody = "nobody" as Id<"users">;

/** Databases of both kinds: with a bulk load of its own, and without. */
function onEach(name: string, work: (db: Blog) => Promise<void>): void {
  const options = { collections, relations: kept, fullScan: "allow" } as const;
  test.skipIf(isElsewhere())(`${name}, in a folder`, async () => {
    await using folder = await temporaryFolder();
    await using db = await open(folder.path, options);
    await work(db);
  });
  test(`${name}, ${isElsewhere() ? "elsewhere" : "in memory"}`, async () => {
    await using db = await open(here(":memory:"), options);
    await work(db);
  });
}

async function written(db: Blog): Promise<{ userId: Id<"users">; postId: Id<"posts"> }> {
  const { id: userId } = await db.users.insert({ name: "Ada" });
  const { id: postId } = await db.posts.insert({ authorId: userId, title: "x" });
  return { userId, postId };
}

onEach(
  "a document that refers to nothing keeps all from being loaded, and is named",
  async (db) => {
    const { id: authorId } = await db.users.insert({ name: "Ada" });
    const posts = Array.from({ length: 2_500 }, (_, n) => ({ authorId, title: `p${n}` }));
    for (const wrong of [{ authorId: nobody }, { authorId, editorId: nobody }])
      for (const place of [0, 1_700, 2_500]) {
        const given = posts.toSpliced(place, 0, { ...wrong, title: "wrong" });
        const error = await failure(() => db.posts.load(given));
        expect(error).toBeInstanceOf(ReferenceViolation);
        expect(error).toMatchObject({
          collection: "users",
          id: nobody,
          by: { collection: "posts", field: "editorId" in wrong ? "editorId" : "authorId" },
          position: place,
        });
        expect((error as Error).message).toContain(`position=${place}`);
        expect(await db.posts.count()).toBe(0);
      }
    expect(await db.posts.load(posts)).toEqual({ loaded: 2_500 });
    expect(await failure(() => db.users.delete(authorId))).toBeInstanceOf(ReferenceViolation);
    expect(await db.verify()).toEqual(fine);
  },
);

onEach("what is wrong is told before the rest of a source is read", async (db) => {
  let read = 0;
  function* posts(): Generator<{ authorId: Id<"users">; title: string }> {
    for (; read < 50_000; read++) yield { authorId: nobody, title: "x" };
  }
  expect(await failure(() => db.posts.load(posts()))).toBeInstanceOf(ReferenceViolation);
  expect(read).toBeLessThan(2_000);
});

onEach("documents of a load refer to each other in any order, and in circles", async (db) => {
  const { postId, userId } = await written(db);
  const ids = Array.from({ length: 2_200 }, (_, n) => `c${n}` as Id<"comments">);
  const comments = ids.map((id, n) => ({
    id,
    postId,
    userId,
    parentId: ids[(n + 1_499) % ids.length]!,
    text: "",
  }));
  const lost = { postId, userId: null, parentId: "c9999" as Id<"comments">, text: "lost" };
  expect(await failure(() => db.comments.load([...comments, lost]))).toMatchObject({
    _tag: "ReferenceViolation",
    collection: "comments",
    id: "c9999",
    by: { collection: "comments", field: "parentId" },
    position: undefined,
  });
  expect(await db.comments.count()).toBe(0);
  expect(await db.comments.load(comments)).toEqual({ loaded: 2_200 });
  expect(await db.verify()).toEqual(fine);
  await db.comments.delete(ids[7]!);
  expect(await db.comments.count()).toBe(0);
});

onEach("a load may read the collections that its documents refer to", async (db) => {
  await db.users.insertMany(Array.from({ length: 1_500 }, (_, n) => ({ name: `u${n}` })));
  async function* posts(): AsyncGenerator<{ authorId: Id<"users">; title: string }> {
    for await (const { id, name } of db.users.stream()) yield { authorId: id, title: name };
  }
  expect(await db.posts.load(posts())).toEqual({ loaded: 1_500 });
  const [post] = await db.posts.include("author").limit(1).all();
  expect(post!.author.name).toBe(post!.title);
});

onEach("two loads that refer to each other's collections come one after the other", async (db) => {
  await db.ready();
  const authorId = "ada" as Id<"users">;
  const loads = await Promise.all([
    db.users.load([{ id: authorId, name: "Ada" }]),
    db.posts.load([{ authorId, title: "x" }]),
  ]);
  expect(loads).toEqual([{ loaded: 1 }, { loaded: 1 }]);
  expect(await db.verify()).toEqual(fine);
});

/** Where async context is followed, a load from inside of a body would be refused as nested. */
const outside = new AsyncResource("outside");

onEach(
  "who deletes what a load refers to, begun before or after it, leaves nothing behind",
  async (db) => {
    await db.ready();
    for (const deletesFirst of [true, false]) {
      const { id: authorId } = await db.users.insert({ name: "Ada" });
      let attempts = 0;
      let load: Promise<unknown> | undefined;
      let release = (): void => undefined;
      const released = new Promise<void>((resolve) => (release = resolve));
      async function* posts(): AsyncGenerator<{ authorId: Id<"users">; title: string }> {
        yield* Array.from({ length: 1_100 }, (_, n) => ({ authorId, title: `${n}` }));
        await released;
      }
      const pause = (millis: number): Promise<void> =>
        new Promise((resolve) => setTimeout(resolve, millis));
      const deletion = db.transaction(async (tx) => {
        attempts++;
        await tx.users.get(authorId);
        if (deletesFirst) await tx.users.delete(authorId);
        if (attempts === 1) {
          load = outside.runInAsyncScope(() => db.posts.load(posts()));
          // The first thousand are looked up, while the body has not ended.
          await pause(60);
        }
        setTimeout(release, 20);
        if (!deletesFirst) await tx.users.delete(authorId);
      });
      const [deleted, loaded] = await Promise.allSettled([
        deletion,
        deletion.then(
          () => load,
          () => load,
        ),
      ]);
      expect([deleted.status, loaded.status], String(deletesFirst)).toEqual([
        "rejected",
        "fulfilled",
      ]);
      expect((deleted as PromiseRejectedResult).reason).toBeInstanceOf(ReferenceViolation);
      expect(attempts).toBeGreaterThan(1);
      expect(await db.verify()).toEqual(fine);
      await db.posts.where({}).delete();
      await db.users.where({}).delete();
    }
  },
);

const Things = collection(
  "things",
  z.object({ a: ref("things").optional(), b: ref("others").nullable().default(null) }),
  { indexes: { byA: ["a"], byB: { on: ["-b"], include: ["a"] } } },
);
const Others = collection("others", z.object({ n: z.number() }));
const id = (n: number): Id<"things"> => `t${n}` as Id<"things">;

test("a load takes what insertMany takes, and refuses what it refuses, for random references", async () => {
  const relations = {
    things: {
      parent: { one: "things", via: "a", onDelete: "cascade" },
      other: { one: "others", via: "b", onDelete: "unset" },
    },
  } as const;
  const met = { loaded: 0, refused: 0 };
  const thing = fc.record(
    { a: fc.nat(5).map(id), b: fc.nat(4).map((n) => `o${n}` as Id<"others">) },
    { requiredKeys: [], noNullPrototype: true },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(thing, { maxLength: 6 }), async (things) => {
      const given = things.map((fields, n) => ({ ...fields, id: id(n) }));
      const outcomes: unknown[] = [];
      for (const method of ["load", "insertMany"] as const) {
        await using db = await open(here(":memory:"), {
          collections: { things: Things, others: Others },
          relations,
          fullScan: "allow",
        });
        await db.others.insertMany([0, 1, 2, 3].map((n) => ({ id: `o${n}` as Id<"others">, n })));
        const outcome = await db.things[method](given).then(
          () => "done",
          (error: ReferenceViolation) => error._tag,
        );
        outcomes.push({ outcome, rows: await db.things.all() });
        expect(await db.verify()).toEqual(fine);
        if (method === "load") met[outcome === "done" ? "loaded" : "refused"]++;
      }
      expect(outcomes[0]).toEqual(outcomes[1]);
    }),
    { numRuns: runsHere(Number(process.env["RUNS"] ?? "60")) },
  );
  // Of a few runs all may be the same.
  if (!isElsewhere()) expect(Math.min(met.loaded, met.refused)).toBeGreaterThan(5);
});
