/** Collections with every kind of relation between them, for the tests of this folder. */
import { collection, open, ref } from "kotobadb";
import { z } from "zod";
import { here } from "../support/elsewhere.ts";
import type { EngineWishes } from "../support/elsewhere.ts";

export const Users = collection(
  "users",
  z.object({ name: z.string(), age: z.number().default(0) }),
);
export const Posts = collection(
  "posts",
  z.object({
    authorId: ref("users"),
    editorId: ref("users").optional(),
    title: z.string(),
    views: z.number().default(0),
  }),
  { indexes: { byAuthor: ["authorId", "-views"], byEditor: ["editorId"] } },
);
export const Comments = collection(
  "comments",
  z.object({
    postId: ref("posts"),
    userId: ref("users").nullable(),
    parentId: ref("comments").optional(),
    text: z.string(),
  }),
  { indexes: { byPost: ["postId"], byUser: ["userId"], byParent: ["parentId"] } },
);
export const collections = { users: Users, posts: Posts, comments: Comments };

/** Relations that promise nothing. */
export const links = {
  users: {
    posts: { many: "posts", via: "authorId" },
    comments: { many: "comments", via: "userId" },
  },
  posts: {
    author: { one: "users", via: "authorId" },
    editor: { one: "users", via: "editorId" },
    comments: { many: "comments", via: "postId" },
  },
  comments: {
    post: { one: "posts", via: "postId" },
    user: { one: "users", via: "userId" },
    parent: { one: "comments", via: "parentId" },
    replies: { many: "comments", via: "parentId" },
  },
} as const;

/** The same, kept whole. */
export const kept = {
  users: links.users,
  posts: {
    author: { one: "users", via: "authorId", onDelete: "restrict" },
    editor: { one: "users", via: "editorId", onDelete: "unset" },
    comments: links.posts.comments,
  },
  comments: {
    post: { one: "posts", via: "postId", onDelete: "cascade" },
    user: { one: "users", via: "userId", onDelete: "unset" },
    parent: { one: "comments", via: "parentId", onDelete: "cascade" },
    replies: links.comments.replies,
  },
} as const;

export const openLinked = (wishes?: EngineWishes) =>
  open(here(":memory:", wishes), { collections, relations: links, fullScan: "allow" });
export const openKept = () =>
  open(here(":memory:"), { collections, relations: kept, fullScan: "allow" });

export async function failure(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}
