/** A small application whose every method is handed what it should not be: keys, references, counts and a feed. */
import { z } from "zod";
import { collection, open, ref } from "../../src/index.ts";

export const Users = collection(
  "users",
  z.object({
    email: z.string(),
    age: z.number().optional(),
    tags: z.array(z.string()).default([]),
    address: z.object({ city: z.string() }).optional(),
    more: z.unknown().optional(),
  }),
  {
    indexes: {
      byEmail: { on: ["email"], unique: true },
      byAge: ["age"],
      perAge: { count: true, by: ["age"] },
    },
  },
);
const Posts = collection("posts", z.object({ authorId: ref("users"), title: z.string() }), {
  indexes: { byAuthor: ["authorId"] },
});
export const openApp = () =>
  open(":memory:", {
    collections: { users: Users, posts: Posts },
    relations: {
      posts: { author: { one: "users", via: "authorId", onDelete: "restrict" } },
      users: { posts: { many: "posts", via: "authorId" } },
    },
    changeLog: true,
    fullScan: "allow",
  });
export type AppDb = Awaited<ReturnType<typeof openApp>>;
