/** The types of relations: exact rows, and wrong programs refused. */
import { collection, open, ref } from "kotobadb";
import type { DocOf } from "kotobadb";
import { open as openEffect } from "kotobadb/effect";
import { Effect } from "effect";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import { collections, openLinked } from "./blog.ts";
import type { Comments, Posts, Users } from "./blog.ts";

type User = DocOf<typeof Users>;
type Post = DocOf<typeof Posts>;
type Comment = DocOf<typeof Comments>;

test("a required reference is the document, one that may be missing or null may be null", async () => {
  const db = await openLinked();
  const posts = await db.posts.include("author").include("editor").all();
  expectTypeOf(posts[0]!.author).toEqualTypeOf<User>();
  expectTypeOf(posts[0]!.editor).toEqualTypeOf<User | null>();
  expectTypeOf(posts[0]!.title).toEqualTypeOf<string>();
  const comment = await db.comments.include("user").one();
  expectTypeOf(comment.user).toEqualTypeOf<User | null>();
});

test("many is a list, and what refines it decides the type of its rows", async () => {
  const db = await openLinked();
  const users = await db.users.include("posts").all();
  expectTypeOf(users[0]!.posts).toEqualTypeOf<Post[]>();
  const titles = await db.users
    .include("posts", (posts) =>
      posts
        .where({ views: { gt: 1 } })
        .limit(2)
        .select("title"),
    )
    .select("name", "posts")
    .first();
  expectTypeOf(titles).toEqualTypeOf<{ name: string; posts: { title: string }[] } | undefined>();
});

test("includes nest, and a condition on one document makes null of it", async () => {
  const db = await openLinked();
  const { items } = await db.users
    .include("posts", (posts) =>
      posts
        .select("title")
        .include("comments", (comments) => comments.include("parent"))
        .include("author", (author) => author.where({ name: "x" }).select("name")),
    )
    .page({ size: 1 });
  const post = items[0]!.posts[0]!;
  expectTypeOf(post.title).toEqualTypeOf<string>();
  expectTypeOf(post.author).toEqualTypeOf<{ name: string } | null>();
  expectTypeOf(post.comments[0]!.parent).toEqualTypeOf<Comment | null>();
  for await (const row of db.posts.include("author", (a) => a.include("posts")).stream())
    expectTypeOf(row.author.posts).toEqualTypeOf<Post[]>();
});

test("transactions, snapshots and their collection() include as the database does", async () => {
  const db = await openLinked();
  const inside = await db.transaction(async (tx) => ({
    named: await tx.posts.include("author").one(),
    bound: await tx.collection(db.posts).include("author").one(),
  }));
  expectTypeOf(inside.named.author).toEqualTypeOf<User>();
  expectTypeOf(inside.bound.author).toEqualTypeOf<User>();
  const snapshot = db.snapshot();
  expectTypeOf((await snapshot.users.include("posts").one()).posts).toEqualTypeOf<Post[]>();
  expectTypeOf((await snapshot.collection(db.users).include("posts").one()).posts).toEqualTypeOf<
    Post[]
  >();
});

test("the Effect door has the same rows", () => {
  const program = Effect.gen(function* () {
    const db = yield* openEffect(":memory:", {
      collections,
      relations: { posts: { author: { one: "users", via: "authorId" } } },
    });
    const rows = yield* db.posts.include("author", (author) => author.select("name")).all();
    expectTypeOf(rows[0]!.author).toEqualTypeOf<{ name: string }>();
  });
  expectTypeOf<Effect.Success<typeof program>>().toEqualTypeOf<void>();
});

test("wrong relations and wrong includes are refused", async () => {
  // @ts-expect-error a field that holds no id
  void open("x", { collections, relations: { posts: { a: { one: "users", via: "title" } } } });
  void open("x", {
    collections,
    // @ts-expect-error the id of another collection
    relations: { posts: { a: { one: "comments", via: "authorId" } } },
  });
  // @ts-expect-error its own id
  void open("x", { collections, relations: { users: { a: { one: "users", via: "id" } } } });
  // @ts-expect-error no such collection
  void open("x", { collections, relations: { posts: { a: { one: "people", via: "authorId" } } } });
  // @ts-expect-error no such collection
  void open("x", { collections, relations: { people: { a: { many: "posts", via: "authorId" } } } });
  // @ts-expect-error the field is of the other side
  void open("x", { collections, relations: { users: { a: { one: "posts", via: "authorId" } } } });
  void open("x", {
    collections,
    // @ts-expect-error a required field cannot be unset
    relations: { posts: { a: { one: "users", via: "authorId", onDelete: "unset" } } },
  });
  void open("x", {
    collections,
    // @ts-expect-error onDelete is misspelt
    relations: { posts: { a: { one: "users", via: "authorId", ondelete: "cascade" } } },
  });
  const db = await openLinked();
  // @ts-expect-error no such relation
  void db.posts.include("writer").all();
  // @ts-expect-error a relation of another collection
  void db.users.include("author").all();
  // @ts-expect-error no such field of the author
  void db.posts.include("author", (author) => author.select("title")).all();
  // @ts-expect-error one document has no order
  void db.posts.include("author", (author) => author.orderBy("name")).all();
  // @ts-expect-error one document has no limit
  void db.posts.include("author", (author) => author.limit(1)).all();
  // @ts-expect-error a value of the wrong type
  void db.users.include("posts", (posts) => posts.where({ views: "many" })).all();
  // @ts-expect-error what refines is a query, and no promise of rows
  void db.users.include("posts", (posts) => posts.all()).all();
  // @ts-expect-error the editor may be null
  void (await db.posts.include("editor").one()).editor.name;
  // @ts-expect-error was not selected
  void (await db.posts.include("author", (a) => a.select("name")).one()).author.age;
  // @ts-expect-error relations are of the collections that were opened
  void db.collection("notes", z.object({ userId: ref("users") })).include("user");
  void collection("n", z.object({ userId: ref("users") }));
});
