/** Relations with onDelete: what is referred to is there, and a delete takes along, changes, or is refused by, what refers to it. */
import { setTimeout } from "node:timers/promises";
import { collection, open, ref, ReferenceViolation, ValidationError } from "kotobadb";
import type { Id } from "kotobadb";
import { expect, test } from "vitest";
import { z } from "zod";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import { promisedEngine } from "../query/promised-engine.ts";
import { engineHere, here, isElsewhere, newPlace, variantsHere } from "../support/elsewhere.ts";
import type { Target } from "../support/elsewhere.ts";
import { collections, failure, kept, openKept } from "./blog.ts";

const nobody = "01ARZ3NDEKTSV4RRFFQ69G5FAV" as Id<"users">;

test("a document can only be written if what it refers to is there", async () => {
  await using db = await openKept();
  const error = await failure(() => db.posts.insert({ authorId: nobody, title: "lost" }));
  expect(error).toBeInstanceOf(ReferenceViolation);
  expect(error).toMatchObject({
    collection: "users",
    id: nobody,
    by: { collection: "posts", field: "authorId" },
  });
  const ada = await db.users.insert({ name: "Ada" });
  const post = await db.posts.insert({ authorId: ada.id, title: "found" });
  for (const work of [
    () =>
      db.posts.insertMany([
        { authorId: ada.id, title: "a" },
        { authorId: nobody, title: "b" },
      ]),
    () => db.posts.update(post.id, { editorId: nobody }),
    () => db.posts.replace(post.id, { authorId: nobody, title: "c" }),
    () =>
      db.posts.upsert(
        { id: post.id },
        { create: { authorId: nobody, title: "" }, update: { authorId: nobody } },
      ),
    () => db.transaction(async (tx) => await tx.posts.insert({ authorId: nobody, title: "d" })),
  ])
    expect(await failure(work)).toBeInstanceOf(ReferenceViolation);
  expect(await db.posts.all()).toEqual([post]);
});

test("documents of one call may refer to each other, and to what the transaction wrote before", async () => {
  await using db = await openKept();
  const ids = ["a", "b"] as Id<"comments">[];
  await db.transaction(async (tx) => {
    const { id: authorId } = await tx.users.insert({ name: "Ada" });
    const { id: postId } = await tx.posts.insert({ authorId, title: "new" });
    await tx.comments.insertMany([
      { id: ids[0], parentId: ids[1], postId, userId: null, text: "" },
      { id: ids[1], parentId: ids[0], postId, userId: authorId, text: "" },
    ]);
  });
  expect(await db.comments.count()).toBe(2);
  // A cycle ends.
  expect(await db.comments.delete(ids[0]!)).toBe(true);
  expect(await db.comments.count()).toBe(0);
});

test("restrict keeps a document as long as one that stays refers to it", async () => {
  await using db = await openKept();
  const ada = await db.users.insert({ name: "Ada" });
  const post = await db.posts.insert({ authorId: ada.id, title: "mine" });
  const error = await failure(() => db.users.delete(ada.id));
  expect(error).toBeInstanceOf(ReferenceViolation);
  expect(error).toMatchObject({
    collection: "users",
    id: ada.id,
    by: { collection: "posts", id: post.id, field: "authorId" },
    message: `A document would refer to one that is not there. (collection=users, id=${ada.id}, by=posts ${post.id}, field=authorId) Insert what is referred to first, or first delete or change what refers to it.`,
  });
  expect(await db.users.count()).toBe(1);
  expect(await db.posts.delete(post.id)).toBe(true);
  expect(await db.users.delete(ada.id)).toBe(true);
  expect(await db.users.delete(ada.id)).toBe(false);
});

test("cascade takes along what refers, and so on; unset removes or nulls the field", async () => {
  await using db = await openKept();
  const [ada, bob] = await db.users.insertMany([{ name: "Ada" }, { name: "Bob" }]);
  const post = await db.posts.insert({ authorId: ada!.id, editorId: bob!.id, title: "x" });
  const top = await db.comments.insert({ postId: post.id, userId: bob!.id, text: "top" });
  let parentId = top.id;
  for (let depth = 0; depth < 50; depth++)
    parentId = (
      await db.comments.insert({ postId: post.id, userId: bob!.id, parentId, text: "re" })
    ).id;
  await db.users.delete(bob!.id);
  expect(await db.posts.all()).toEqual([{ id: post.id, authorId: ada!.id, title: "x", views: 0 }]);
  expect(await db.comments.where({ userId: null }).count()).toBe(51);
  await db.comments.delete(top.id);
  expect(await db.comments.count()).toBe(0);
  await db.comments.insertMany([{ postId: post.id, userId: null, text: "last" }]);
  await db.posts.delete(post.id);
  expect([await db.comments.count(), await db.posts.count()]).toEqual([0, 0]);
  expect((await db.verify()).problems).toEqual([]);
});

test.skipIf(isElsewhere())("a chain longer than the stack is deleted whole", async () => {
  await using db = await openKept();
  const { id: authorId } = await db.users.insert({ name: "Ada" });
  const { id: postId } = await db.posts.insert({ authorId, title: "x" });
  const chain = Array.from({ length: 20_000 }, (_, n) => ({
    id: `c${n}` as Id<"comments">,
    postId,
    userId: null,
    text: "",
    ...(n === 0 ? {} : { parentId: `c${n - 1}` as Id<"comments"> }),
  }));
  await db.comments.insertMany(chain);
  expect(await db.comments.delete("c0" as Id<"comments">)).toBe(true);
  expect(await db.comments.count()).toBe(0);
});

test("what is deleted with a document keeps it not, though its relation restricts", async () => {
  const Rooms = collection("rooms", z.object({}));
  const Beds = collection("beds", z.object({ roomId: ref("rooms") }), {
    indexes: { r: ["roomId"] },
  });
  const Guests = collection("guests", z.object({ bedId: ref("beds"), roomId: ref("rooms") }), {
    indexes: { b: ["bedId"], r: ["roomId"] },
  });
  await using db = await open(here(":memory:"), {
    collections: { rooms: Rooms, beds: Beds, guests: Guests },
    relations: {
      beds: { room: { one: "rooms", via: "roomId", onDelete: "cascade" } },
      guests: {
        bed: { one: "beds", via: "bedId", onDelete: "restrict" },
        room: { one: "rooms", via: "roomId", onDelete: "cascade" },
      },
    },
  });
  const room = await db.rooms.insert({});
  const bed = await db.beds.insert({ roomId: room.id });
  await db.guests.insert({ roomId: room.id, bedId: bed.id });
  expect(await failure(() => db.beds.delete(bed.id))).toBeInstanceOf(ReferenceViolation);
  expect(await db.rooms.delete(room.id)).toBe(true);
  expect([await db.beds.count(), await db.guests.count()]).toEqual([0, 0]);
});

test("a refused delete inside a transaction changes nothing, and the transaction can go on", async () => {
  await using db = await openKept();
  const [ada, bob] = await db.users.insertMany([{ name: "Ada" }, { name: "Bob" }]);
  const post = await db.posts.insert({ authorId: ada!.id, editorId: ada!.id, title: "x" });
  await db.transaction(async (tx) => {
    expect(await failure(() => tx.users.delete(ada!.id))).toBeInstanceOf(ReferenceViolation);
    expect((await tx.posts.getOrThrow(post.id)).editorId).toBe(ada!.id);
    await tx.posts.update(post.id, { authorId: bob!.id });
    expect(await tx.users.delete(ada!.id)).toBe(true);
  });
  expect(await db.posts.all()).toEqual([{ id: post.id, authorId: bob!.id, title: "x", views: 0 }]);
});

test("a document that its schema refuses without the reference keeps what it refers to", async () => {
  const Users = collections.users;
  const Notes = collection(
    "notes",
    z
      .object({ by: ref("users").optional(), signed: z.boolean() })
      .refine((n) => !n.signed || n.by !== undefined),
    { indexes: { by: ["by"] } },
  );
  await using db = await open(here(":memory:"), {
    collections: { users: Users, notes: Notes },
    relations: { notes: { author: { one: "users", via: "by", onDelete: "unset" } } },
  });
  const { id } = await db.users.insert({ name: "Ada" });
  await db.notes.insertMany([
    { by: id, signed: false },
    { by: id, signed: true },
  ]);
  expect(await failure(() => db.users.delete(id))).toBeInstanceOf(ValidationError);
  expect([await db.users.count(), await db.notes.where({ by: id }).count()]).toEqual([1, 2]);
});

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

/** A server's answers take longer than any number of turns. */
async function thirdsOfMillis(count: number): Promise<void> {
  await setTimeout(count / 3);
}

interface Variant {
  readonly name: string;
  readonly target: () => Target;
  readonly pause: (count: number) => Promise<void>;
}
for (const { name, pause, target } of variantsHere<Variant>(
  [
    { name: "in memory", target: () => ":memory:", pause: turns },
    {
      name: "where every read is waited for",
      target: () => ({ engine: promisedEngine(new MemoryEngine()) }),
      pause: turns,
    },
  ],
  { name: "elsewhere", target: () => ({ engine: engineHere() }), pause: thirdsOfMillis },
)) {
  test(`of a delete and an insert that refers to it, one fails, whatever the order: ${name}`, async () => {
    await using db = await open(target(), { collections, relations: kept });
    const met = { deleted: 0, inserted: 0 };
    for (let round = 0; round < 40; round++) {
      const { id } = await db.users.insert({ name: "Ada" });
      const [deleted, inserted] = await Promise.allSettled([
        db.transaction(async (tx) => {
          await tx.users.get(id);
          await pause((round * 7) % 31);
          await tx.users.delete(id);
          await pause((round * 5) % 29);
        }),
        db.transaction(async (tx) => {
          await pause((round * 3) % 37);
          await tx.posts.insert({ authorId: id, title: "x" });
          await pause((round * 11) % 41);
        }),
      ]);
      expect([deleted.status, inserted.status].toSorted()).toEqual(["fulfilled", "rejected"]);
      const lost = deleted.status === "rejected" ? deleted : (inserted as PromiseRejectedResult);
      expect(lost.reason).toBeInstanceOf(ReferenceViolation);
      met[deleted.status === "fulfilled" ? "deleted" : "inserted"]++;
      expect(await db.users.where({ id }).count()).toBe(deleted.status === "fulfilled" ? 0 : 1);
      expect(await db.posts.where({ authorId: id }).count()).toBe(
        deleted.status === "fulfilled" ? 0 : 1,
      );
    }
    expect(Math.min(met.deleted, met.inserted)).toBeGreaterThan(0);
  });

  test(`writes of one transaction that run at once see each other: ${name}`, async () => {
    await using db = await open(target(), { collections, relations: kept });
    const { id } = await db.users.insert({ name: "Ada" });
    const outcomes = await db.transaction(
      async (tx) =>
        await Promise.allSettled([
          tx.users.delete(id),
          tx.posts.insert({ authorId: id, title: "x" }),
        ]),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect([await db.users.count(), await db.posts.count()]).toEqual([0, 0]);
  });
}

test("changes by query keep relations whole too, and nothing that was included is written", async () => {
  await using db = await openKept();
  const [ada, bob] = await db.users.insertMany([{ name: "Ada" }, { name: "Bob" }]);
  const posts = await db.posts.insertMany([
    { authorId: ada!.id, title: "a" },
    { authorId: ada!.id, title: "b" },
  ]);
  await db.comments.insert({ postId: posts[0]!.id, userId: bob!.id, text: "hm" });
  const everyPost = db.posts.include("author").where({});
  expect(await failure(() => db.users.where({}).delete())).toBeInstanceOf(ReferenceViolation);
  expect(await failure(() => everyPost.update({ authorId: nobody }))).toBeInstanceOf(
    ReferenceViolation,
  );
  expect(await everyPost.update({ views: 3, authorId: bob!.id })).toBe(2);
  expect(await db.posts.orderBy("title").all()).toEqual(
    posts.map((post) => ({ ...post, views: 3, authorId: bob!.id })),
  );
  const figures = await db.posts.include("author").aggregate({ views: { sum: "views" } });
  expect(figures).toEqual({ views: 6 });
  expect(await db.users.where({ name: "Ada" }).delete()).toBe(1);
  expect(await everyPost.delete()).toBe(2);
  expect([await db.comments.count(), await db.users.where({}).delete()]).toEqual([0, 1]);
});

test("references from before the relation are told by verify(), and only looked at when they change", async () => {
  const place = newPlace();
  const without = await open({ engine: place({}) }, { collections });
  const post = await without.posts.insert({ authorId: nobody, title: "old" });
  const db = await open({ engine: place({}) }, { collections, relations: kept });
  expect(await db.verify()).toEqual({
    ok: false,
    problems: [`posts: ${post.id} refers by authorId to users ${nobody}, which is not there`],
  });
  expect((await db.posts.update(post.id, { title: "new" })).title).toBe("new");
  const other = "01ARZ3NDEKTSV4RRFFQ69G5FAW" as Id<"users">;
  expect(await failure(() => db.posts.update(post.id, { authorId: other }))).toBeInstanceOf(
    ReferenceViolation,
  );
  const { id } = await db.users.insert({ id: nobody, name: "Ada" });
  expect(await failure(() => db.users.delete(id))).toBeInstanceOf(ReferenceViolation);
  expect((await db.verify()).ok).toBe(true);
});

test("an import names the lines that refer to nothing, and takes what earlier lines are referred to by", async () => {
  await using db = await openKept();
  const { id: authorId } = await db.users.insert({ name: "Ada" });
  const lineOf = (fields: object): string => `${JSON.stringify(fields)}\n`;
  const post = (author: string): string => lineOf({ authorId: author, title: "x", views: 0 });
  const lines = [post(authorId), post(nobody)];
  expect(await failure(() => db.posts.import(lines))).toMatchObject({
    _tag: "ImportFailed",
    bad: [{ line: 2, reason: `authorId: there is no document with the id "${nobody}" in "users"` }],
  });
  expect(await db.posts.count()).toBe(0);
  expect(await db.posts.import(lines, { onBadLine: "skip" })).toMatchObject({
    imported: 1,
    badCount: 1,
  });
  const { id: postId } = await db.posts.one();
  const comment = (id: string, parentId?: string): string =>
    lineOf({ id, postId, userId: null, parentId, text: "" });
  const comments = [comment("a"), comment("b", "a"), comment("c", "d"), comment("d", "b")];
  expect(await db.comments.import(comments, { onBadLine: "skip" })).toMatchObject({
    imported: 3,
    bad: [{ line: 3, reason: 'parentId: there is no document with the id "d" in "comments"' }],
  });
  expect((await db.verify()).ok).toBe(true);
});
