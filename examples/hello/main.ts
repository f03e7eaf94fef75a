import { open } from "kotobadb";
import { z } from "zod";

// A schema is an ordinary zod schema. Fields with defaults may be left out on insert.
const UserSchema = z.object({
  email: z.email(),
  name: z.string().min(1),
  age: z.number().int().optional(),
  tags: z.array(z.string()).default([]),
  address: z.object({ city: z.string() }),
});

// The data lives in this folder. `await using` closes the database at the end of the block.
await using db = await open(process.argv[2] ?? "./hello-data");
const users = db.collection("users", UserSchema, {
  indexes: {
    byEmail: { on: ["email"], unique: true },
    byCity: ["address.city", "-age"], // compound, nested, descending
    byTag: ["tags[]"], // one entry for each element
  },
});

// Writes are on the disk when they resolve. An email that is taken would be a UniqueViolation.
const ada = await users.upsert(
  { email: "ada@example.org" },
  {
    create: { email: "ada@example.org", name: "Ada", tags: ["math"], address: { city: "London" } },
    update: (user) => ({ age: (user.age ?? 35) + 1 }),
  },
);
console.log(ada.id, ada.name, ada.age); // 01K…, typed as Id<"users">; 36 on the second run

// Queries are typed, and compile into scans of an index.
const londoners = await users
  .where({ address: { city: "London" }, tags: { has: "math" } })
  .orderBy("age", "desc")
  .limit(10)
  .all();
console.log(londoners.map((user) => user.name)); // [ 'Ada' ]

// Transactions are serializable, and run again by themselves when another one got in between.
await db.transaction(async (tx) => {
  const user = await tx.collection(users).getOrThrow(ada.id);
  await tx.collection(users).update(user.id, { tags: [...new Set([...user.tags, "poetry"])] });
});
console.log((await users.find({ email: "ada@example.org" }))?.tags); // [ 'math', 'poetry' ]
