/** Relations through the Effect door: the same rows, typed failures, one service for all. */
import { Effect, Stream } from "effect";
import { DanglingReference, ReferenceViolation } from "kotobadb";
import type { Id } from "kotobadb";
import { open, Service } from "kotobadb/effect";
import { expect, expectTypeOf, test } from "vitest";
import { collections, kept, links } from "./blog.ts";

class Blog extends Service<Blog>()("test/Blog", collections, kept) {}
const nobody = "01ARZ3NDEKTSV4RRFFQ69G5FAV" as Id<"users">;

test("include and onDelete work through a service, and fail as types say", () =>
  Effect.gen(function* () {
    const db = yield* Blog;
    const ada = yield* db.users.insert({ name: "Ada" });
    const post = yield* db.posts.insert({ authorId: ada.id, title: "x" });
    const rows = yield* db.posts.include("author", (author) => author.select("name")).all();
    expectTypeOf(rows[0]!.author).toEqualTypeOf<{ name: string }>();
    expect(rows).toEqual([{ ...post, author: { name: "Ada" } }]);
    const streamed = yield* Stream.runCollect(db.users.include("posts").stream());
    expect(streamed).toEqual([{ ...ada, posts: [post] }]);
    const lost = yield* Effect.flip(db.posts.insert({ authorId: nobody, title: "lost" }));
    expect(lost).toBeInstanceOf(ReferenceViolation);
    const holder = yield* db
      .transaction((tx) => tx.users.delete(ada.id))
      .pipe(Effect.catchTag("ReferenceViolation", ({ by }) => Effect.succeed(by.id)));
    expect(holder).toBe(post.id);
  }).pipe(Effect.provide(Blog.layerMemory), Effect.runPromise));

test("a dangling reference is a typed failure", () =>
  Effect.gen(function* () {
    const db = yield* open(":memory:", { collections, relations: links });
    yield* db.posts.insert({ authorId: nobody, title: "x" });
    const error = yield* Effect.flip(db.posts.include("author").first());
    expect(error).toBeInstanceOf(DanglingReference);
  }).pipe(Effect.scoped, Effect.runPromise));
