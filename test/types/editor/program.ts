/**
 * What an editor shows of this program is in ../golden/editor.golden.txt. A mark stands right before what is pointed at:
 * a number asks for the hover, a letter for what may be typed there.
 */
import { collection, inc, open, ref } from "../../../src/index.ts";
import type { DocOf, InsertOf } from "../../../src/index.ts";
import { z } from "zod";

const Users = collection(
  "users",
  z.object({
    email: z.email(),
    name: z.string(),
    age: z.number().optional(),
    role: z.enum(["admin", "member"]).default("member"),
    tags: z.array(z.string()).default([]),
    address: z.object({ city: z.string(), zip: z.number() }),
    joined: z.date(),
  }),
  {
    indexes: {
      byEmail: { on: ["email"], unique: true },
      byCity: ["address.city", "-joined"],
      byTag: ["tags[]"],
      perRole: { count: true, by: ["role"] },
    },
  },
);
const Posts = collection("posts", z.object({ authorId: ref("users"), title: z.string() }), {
  indexes: { byAuthor: ["authorId"] },
});
export type /*1*/User = DocOf<typeof Users>;
export type /*2*/NewUser = InsertOf<typeof Users>;

const db = await open("x", {
  collections: { users: Users, posts: Posts },
  relations: { posts: { author: { one: "users", via: "authorId" } } },
});
export const /*3*/ada = await db.users.getOrThrow((await db.users.all())[0]!.id);
export const /*4*/names = await db.users.where({ age: { gte: 18 } }).select("name", "age").all();
export const /*5*/posts = await db.posts.include("author", (author) => author.select("name")).all();
export const /*6*/figures = await db.users.aggregate({ n: { count: true }, last: { max: "joined" } });
export const /*7*/cities = await db.users.groupBy("address.city").aggregate({ n: { count: true } });
export const /*8*/page = await db.users.select("name").page({ size: 5 });
export const /*9*/found = await db.users.find({ email: "ada@example.org" });
export const /*10*/count = await db.transaction((tx) => tx.users.where({ role: "admin" }).count());
export const /*11*/id = ada.id;
await db.users.update(id, { /*12*/age: inc() });
for await (const /*13*/change of db.users.changes()) void change;
db.users.live(({ /*14*/rows }) => void rows);
void db./*15*/users;
void db.users./*16*/where;

// Asked for at places that are not complete; the compiler complains of them, an editor must not.
void db./*a*/;
void db.users.orderBy("/*b*/");
void db.users.where({ /*c*/ });
void db.users.where({ age: { /*d*/ } });
void db.users.where({ role: "/*e*/" });
void db.users.where({ tags: { /*f*/ } });
void db.users.index("/*g*/");
void db.users.select("/*h*/");
void db.posts.include("/*i*/");
void db.users.aggregate({ n: { /*j*/ } });
void db.users.groupBy("/*k*/");
void db.users.insert({ /*l*/ });
void db.users.update(id, { /*m*/ });
void db.users.find({ /*n*/ });
void ada./*o*/;
collection("things", z.object({ n: z.number(), o: z.object({ m: z.string() }) }), { indexes: { i: ["/*p*/"] } });
