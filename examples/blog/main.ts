import { collection, open, ref, ReferenceViolation } from "kotobadb";
import { z } from "zod";

const Users = collection("users", z.object({ name: z.string() }));
const Posts = collection(
  "posts",
  z.object({ authorId: ref("users"), title: z.string(), at: z.number() }),
  { indexes: { byAuthor: ["authorId", "-at"], byTime: ["-at"] } },
);
const Comments = collection(
  "comments",
  z.object({ postId: ref("posts"), userId: ref("users").optional(), text: z.string() }),
  { indexes: { byPost: ["postId"], byUser: ["userId"] } },
);

await using db = await open(process.argv[2] ?? ":memory:", {
  collections: { users: Users, posts: Posts, comments: Comments },
  relations: {
    users: { posts: { many: "posts", via: "authorId" } },
    posts: {
      // Who has written cannot be deleted.
      author: { one: "users", via: "authorId", onDelete: "restrict" },
      comments: { many: "comments", via: "postId" },
    },
    comments: {
      // A post takes its comments along; a comment stays when its writer goes.
      post: { one: "posts", via: "postId", onDelete: "cascade" },
      user: { one: "users", via: "userId", onDelete: "unset" },
    },
  },
});

const [ada, bob] = await db.users.insertMany([{ name: "Ada" }, { name: "Bob" }]);
const posts = await db.posts.insertMany(
  Array.from({ length: 5 }, (_, n) => ({ authorId: ada!.id, title: `Note ${n + 1}`, at: n })),
);
await db.comments.insertMany(
  posts.flatMap(({ id }, n) =>
    Array.from({ length: n }, (_, k) => ({ postId: id, userId: bob!.id, text: `remark ${k + 1}` })),
  ),
);

// Pages of two, newest first; each post has its author's name and at most two comments with who wrote them.
const newest = db.posts
  .orderBy("at", "desc")
  .select("title")
  .include("author", (author) => author.select("name"))
  .include("comments", (comments) =>
    comments
      .orderBy("text", "desc")
      .limit(2)
      .select("text")
      .include("user", (user) => user.select("name")),
  );
let after: string | null = null;
do {
  const page: Awaited<ReturnType<typeof newest.page>> = await newest.page({ size: 2, after });
  for (const { author, comments, title } of page.items) {
    const remarks = comments.map(({ text, user }) => `${text} by ${user?.name ?? "nobody"}`);
    console.log(`${title}, ${author.name}: ${remarks.join(", ") || "no comments"}`);
  }
  console.log("--");
  after = page.next;
} while (after !== null);

try {
  await db.users.delete(ada!.id);
} catch (error) {
  if (!(error instanceof ReferenceViolation)) throw error;
  console.log(`Ada stays: ${error.by.collection} still refer to her.`);
}
await db.users.delete(bob!.id);
const anonymous = await db.comments.where({ userId: null }).count();
console.log(`Bob is gone, and ${anonymous} comments are nobody's.`);
await db.posts.delete(posts[4]!.id);
console.log(`A post is gone, and ${await db.comments.count()} comments are left.`);
