/** include(): related documents in the rows of every end of a query. */
import { collection, DanglingReference, FullScan, InvalidQuery, open, ref } from "kotobadb";
import type { Id } from "kotobadb";
import { expect, test } from "vitest";
import { z } from "zod";
import { here } from "../support/elsewhere.ts";
import { collections, failure, links, openLinked } from "./blog.ts";

async function filled() {
  const db = await openLinked();
  const [ada, bob] = await db.users.insertMany([{ name: "Ada", age: 36 }, { name: "Bob" }]);
  const [first, second, third] = await db.posts.insertMany([
    { authorId: ada!.id, title: "first", views: 5 },
    { authorId: ada!.id, editorId: bob!.id, title: "second", views: 9 },
    { authorId: bob!.id, title: "third" },
  ]);
  await db.comments.insertMany([
    { postId: first!.id, userId: bob!.id, text: "hm" },
    { postId: second!.id, userId: null, text: "oh" },
    { postId: second!.id, userId: ada!.id, text: "ah" },
  ]);
  return { db, ada: ada!, bob: bob!, first: first!, second: second!, third: third! };
}

test("a reference is the document it leads to, or null where it is missing", async () => {
  const { ada, bob, db } = await filled();
  const rows = await db.posts.orderBy("title").include("author").include("editor").all();
  expect(rows.map(({ author, editor }) => [author, editor])).toEqual([
    [ada, null],
    [ada, bob],
    [bob, null],
  ]);
});

test("many is the list of those that refer here, in their order and no more than the limit", async () => {
  const { ada, db, first, second, third } = await filled();
  const whole = await db.users.orderBy("name").include("posts").all();
  expect(whole.map(({ posts }) => posts)).toEqual([[second, first], [third]]);
  const least = await db.users
    .where({ id: ada.id })
    .include("posts", (posts) => posts.orderBy("views").limit(1))
    .one();
  expect(least.posts).toEqual([first]);
  const titles = await db.users
    .orderBy("name")
    .include("posts", (posts) =>
      posts
        .where({ views: { gte: 5 } })
        .orderBy("title", "desc")
        .select("title"),
    )
    .select("name", "posts")
    .all();
  expect(titles).toEqual([
    { name: "Ada", posts: [{ title: "second" }, { title: "first" }] },
    { name: "Bob", posts: [] },
  ]);
});

test("includes nest, in both directions", async () => {
  const { db } = await filled();
  const rows = await db.users
    .orderBy("name")
    .select("name")
    .include("posts", (posts) =>
      posts
        .orderBy("title")
        .select("title")
        .include("comments", (comments) =>
          comments
            .orderBy("text")
            .select("text")
            .include("user", (user) => user.select("name").where({ age: { gt: 1 } })),
        ),
    )
    .all();
  expect(rows).toEqual([
    {
      name: "Ada",
      posts: [
        { title: "first", comments: [{ text: "hm", user: null }] },
        {
          title: "second",
          comments: [
            { text: "ah", user: { name: "Ada" } },
            { text: "oh", user: null },
          ],
        },
      ],
    },
    { name: "Bob", posts: [{ title: "third", comments: [] }] },
  ]);
});

test("every end gives what is included: first, one, page, stream, in a transaction and a snapshot", async () => {
  const { ada, db, first, second, third } = await filled();
  const query = db.posts.orderBy("title").include("author", (author) => author.select("name"));
  const expected = [first, second, third].map((post) => ({
    ...post,
    author: { name: post.authorId === ada.id ? "Ada" : "Bob" },
  }));
  expect(await query.first()).toEqual(expected[0]);
  expect(await query.where({ title: "second" }).one()).toEqual(expected[1]);
  const page = await query.page({ size: 2 });
  expect(page.items).toEqual(expected.slice(0, 2));
  const next = await query.page({ size: 2, after: page.next });
  expect(next.items).toEqual(expected.slice(2));
  expect((await query.page({ size: 2, before: next.previous })).items).toEqual(page.items);
  const streamed: unknown[] = [];
  for await (const row of query.stream()) streamed.push(row);
  expect(streamed).toEqual(expected);
  expect(await query.count()).toBe(3);
  using snapshot = db.snapshot();
  // Far away the state is fixed by the first read.
  expect(await snapshot.posts.count()).toBe(3);
  await db.transaction(async (tx) => {
    await tx.users.update(ada.id, { name: "Ada L" });
    const [own] = await tx.posts.where({ title: "first" }).include("author").all();
    expect(own!.author.name).toBe("Ada L");
  });
  const old = await snapshot.posts.where({ title: "first" }).include("author").one();
  expect(old.author.name).toBe("Ada");
});

test("a required reference that dangles is told, one that is optional is null", async () => {
  await using db = await openLinked();
  const nobody = "01ARZ3NDEKTSV4RRFFQ69G5FAV" as Id<"users">;
  const post = await db.posts.insert({ authorId: nobody, editorId: nobody, title: "lost" });
  const error = await failure(() => db.posts.include("author").all());
  expect(error).toBeInstanceOf(DanglingReference);
  expect(error).toMatchObject({
    collection: "users",
    id: nobody,
    by: { collection: "posts", id: post.id, field: "authorId" },
  });
  expect(await db.posts.include("editor").all()).toEqual([{ ...post, editor: null }]);
  expect(await db.posts.include("author", (author) => author.where({ age: 1 })).all()).toEqual([
    { ...post, author: null },
  ]);
});

test("without an index what is related is a full scan, which the rule refuses with its advice", async () => {
  const relations = { users: { edited: { many: "bare", via: "editorId" } } } as const;
  const Bare = collection("bare", z.object({ editorId: ref("users"), n: z.number() }));
  const all = { users: collections.users, bare: Bare };
  await using db = await open(here(":memory:"), { collections: all, relations, fullScan: "error" });
  const error = await failure(() => db.users.include("edited").all());
  expect(error).toBeInstanceOf(FullScan);
  expect(error).toMatchObject({ collection: "bare", suggestion: [["editorId"]] });
  expect(String(error)).toContain('filter=editorId = "(an id)"');
  await using allowed = await open(here(":memory:"), { collections: all, relations });
  const [a, b] = await allowed.users.insertMany([{ name: "a" }, { name: "b" }]);
  const rows = [3, 1, 2].map((n) => ({ editorId: n === 1 ? b!.id : a!.id, n }));
  await allowed.bare.insertMany(rows);
  const found = await allowed.users
    .orderBy("name")
    .include("edited", (bare) => bare.orderBy("n").select("n"))
    .all();
  expect(found.map(({ edited }) => edited)).toEqual([[{ n: 2 }, { n: 3 }], [{ n: 1 }]]);
});

test("what cannot be right is refused by the end, before anything is read", async () => {
  await using db = await open(here(":memory:"), { collections, relations: links });
  const posts = db.posts as unknown as { include(...args: unknown[]): typeof db.posts };
  const wrong: (readonly [() => unknown, string])[] = [
    [() => posts.include("authors").all(), "it has author, editor, comments"],
    [
      () =>
        posts
          .include("author")
          .include("author" as never)
          .all(),
      "included already",
    ],
    [() => posts.include("author", (q: typeof db.users) => q.limit(1)).all(), "one document"],
    [
      () => posts.include("author", (q: typeof db.users) => q.filter(1 as never)).all(),
      "a function",
    ],
    [() => posts.include("author", () => db.posts).all(), "include takes a function"],
    [() => posts.include("author", () => undefined).all(), "include takes a function"],
    [
      () =>
        posts.include("comments", (q: never) => (q as typeof db.users).where({ name: "x" })).all(),
      "no such field",
    ],
  ];
  for (const [work, text] of wrong) {
    const error = await failure(work);
    expect(error).toBeInstanceOf(InvalidQuery);
    expect(String(error)).toContain(text);
  }
});

test("a live query follows what it includes, in all collections", async () => {
  await using db = await openLinked({ changeLog: true });
  const ada = await db.users.insert({ name: "Ada" });
  const seen: unknown[] = [];
  let heard = (): void => {};
  const next = (): Promise<void> => new Promise((resolve) => (heard = resolve));
  let told = next();
  const live = db.users
    .select("name")
    .include("posts", (posts) => posts.select("title").orderBy("title"))
    .live(({ rows }) => {
      seen.push(rows);
      heard();
    });
  await told;
  told = next();
  const post = await db.posts.insert({ authorId: ada.id, title: "new" });
  await told;
  told = next();
  await db.posts.update(post.id, { title: "newer" });
  await told;
  live.close();
  expect(seen).toEqual([
    [{ name: "Ada", posts: [] }],
    [{ name: "Ada", posts: [{ title: "new" }] }],
    [{ name: "Ada", posts: [{ title: "newer" }] }],
  ]);
});

test("explain() tells how what is included would be found", async () => {
  await using db = await openLinked();
  const { includes, text } = await db.users
    .include("posts", (posts) =>
      posts
        .orderBy("views", "desc")
        .limit(1)
        .include("editor", (editor) => editor.where({ age: { gte: 18 } })),
    )
    .explain();
  expect(includes!["posts"]).toMatchObject({ kind: "index", index: "byAuthor", sort: "index" });
  expect(text).toBe(
    [
      "all documents",
      "range    everything",
      "include  posts",
      "  index byAuthor",
      '  range    authorId = "(an id)"',
      "  order    views desc, id desc, as it is read",
      "  limit    1",
      "  include  editor",
      "    documents by id",
      '    range    id = "(an id)"',
      "    check    age >= 18",
    ].join("\n"),
  );
});
