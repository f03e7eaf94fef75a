/** Relations that cannot be right are refused before anything is opened. */
import { collection, InvalidDefinition, open, ref } from "kotobadb";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { collections, failure, kept } from "./blog.ts";

const Odd = collection(
  "odd",
  z.object({
    both: z.union([ref("users"), ref("posts")]),
    name: z.string(),
    userId: ref("users").nullable(),
    tags: z.array(z.string()),
    list: z.array(ref("users")),
  }),
  {
    indexes: {
      second: ["name", "userId"],
      partial: { on: ["userId"], where: { name: "x" } },
      perTag: ["userId", "tags[]"],
    },
  },
);
const all = { ...collections, odd: Odd };

const wrong: (readonly [unknown, string])[] = [
  [[], "an object: collection to relations"],
  [{ nobody: {} }, "none of the collections"],
  [{ toString: {} }, "none of the collections"],
  [{ posts: 3 }, "name to relation"],
  [{ posts: { author: 3 } }, "an object of `one` or `many`"],
  [{ posts: { author: { via: "authorId" } } }, "either `one` or `many`"],
  [
    { posts: { author: { one: "users", many: "users", via: "authorId" } } },
    "either `one` or `many`",
  ],
  [{ posts: { author: { one: "user", via: "authorId" } } }, '"user" is none of the collections'],
  [{ posts: { author: { one: "users", via: "author" } } }, '"author" is no field of "posts"'],
  [{ posts: { author: { one: "users", via: "id" } } }, '"id" is no field of "posts"'],
  [{ posts: { author: { one: "users" } } }, "`via` is the name of a field"],
  [{ posts: { author: { one: "users", via: "title" } } }, 'does not hold ids of "users"'],
  [{ posts: { author: { one: "comments", via: "authorId" } } }, 'does not hold ids of "comments"'],
  [{ odd: { it: { one: "users", via: "both" } } }, 'does not hold ids of "users"'],
  [{ odd: { it: { one: "users", via: "list" } } }, 'does not hold ids of "users"'],
  [{ users: { posts: { many: "posts", via: "title" } } }, '"title" of "posts" does not hold ids'],
  [{ posts: { title: { one: "users", via: "authorId" } } }, "a field of that name"],
  [{ posts: { id: { one: "users", via: "authorId" } } }, "a field of that name"],
  [{ posts: { "a b": { one: "users", via: "authorId" } } }, "the name is not a letter"],
  [{ posts: { author: { one: "users", via: "authorId", onDelet: 1 } } }, 'no part "onDelet"'],
  [
    { posts: { author: { one: "users", via: "authorId", onDelete: "x" } } },
    "'restrict', 'cascade'",
  ],
  [{ posts: { author: { one: "users", via: "authorId", onDelete: "unset" } } }, "cannot be unset"],
  [
    { users: { posts: { many: "posts", via: "authorId", onDelete: "cascade" } } },
    "with the reference itself",
  ],
  [{ odd: { it: { one: "users", via: "userId", onDelete: "unset" } } }, 'add the index ["userId"]'],
  [
    {
      posts: {
        author: { one: "users", via: "authorId", onDelete: "restrict" },
        writer: { one: "users", via: "authorId", onDelete: "cascade" },
      },
    },
    'has an `onDelete` already, in the relation "author"',
  ],
];

test.each(wrong)("%j is refused: %s", async (relations, text) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "data");
  const error = await failure(() => open(path, { collections: all, relations: relations as {} }));
  expect(error).toBeInstanceOf(InvalidDefinition);
  expect(String(error)).toContain(text);
  expect(existsSync(path)).toBe(false);
});

test("relations survive in what is stored, not in the file: each program says its own", async () => {
  await using folder = await temporaryFolder();
  const id = await (async () => {
    await using db = await open(folder.path, { collections, relations: kept });
    const user = await db.users.insert({ name: "Ada" });
    await db.posts.insert({ authorId: user.id, title: "x" });
    return user.id;
  })();
  await using db = await open(folder.path, { collections });
  expect(await db.users.delete(id)).toBe(true);
});

test("a schema that tells nothing of its fields may hold references", async () => {
  const standard = {
    "~standard": {
      version: 1 as const,
      vendor: "own",
      validate: (value: unknown) => ({ value: value as { userId?: string } }),
      types: undefined as { input: { userId?: string }; output: { userId?: string } } | undefined,
    },
  };
  const Plain = collection("plain", standard, { indexes: { byUser: ["userId"] } });
  await using db = await open(":memory:", {
    collections: { users: collections.users, plain: Plain },
    relations: { plain: { user: { one: "users", via: "userId", onDelete: "unset" } } } as never,
  });
  const { id } = await db.users.insert({ name: "Ada" });
  const stored = await db.plain.insert({ userId: id });
  expect(String(await failure(() => db.plain.insert({ userId: 7 as never })))).toContain("id=7");
  await db.users.delete(id);
  expect(await db.plain.get(stored.id)).toEqual({ id: stored.id });
});
