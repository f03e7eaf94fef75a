/** The collections that the wrong programs use. This file must compile. */
import { collection, ref } from "../../../src/index.ts";
import type { Def } from "../../../src/index.ts";
import { z } from "zod";

export const Users = collection(
  "users",
  z.object({
    email: z.email(),
    name: z.string().min(1),
    age: z.number().int().optional(),
    role: z.enum(["admin", "member"]).default("member"),
    tags: z.array(z.string()).default([]),
    address: z.object({ city: z.string(), zip: z.number() }),
    logins: z.number().default(0),
    createdAt: z.date().default(() => new Date()),
  }),
  {
    indexes: {
      byEmail: { on: ["email"], unique: true },
      byCity: ["address.city", "-createdAt"],
      byTag: ["tags[]"],
      admins: { on: ["createdAt"], where: { role: "admin" } },
      perRole: { count: true, by: ["role"] },
    },
  },
);
export const Posts = collection(
  "posts",
  z.object({
    authorId: ref("users"),
    editorId: ref("users").optional(),
    title: z.string(),
    body: z.string(),
    state: z.enum(["draft", "published"]),
    views: z.number().default(0),
    publishedAt: z.date().optional(),
  }),
  { indexes: { byAuthor: ["authorId", "-publishedAt"] } },
);
/** Any definition is a Def. */
export const definitions: readonly Def[] = [Users, Posts];
