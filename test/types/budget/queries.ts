import { z } from "zod";
import { collection, open } from "../../../src/index.ts";
export const schema = z.object({ name: z.string() });
export const opened = open;
const Users = collection(
  "users",
  z.object({
    email: z.email(),
    name: z.string(),
    age: z.number().optional(),
    tags: z.array(z.string()),
    address: z.object({ city: z.string(), zip: z.number() }),
  }),
  {
    indexes: {
      byEmail: { on: ["email"], unique: true },
      byCity: ["address.city", "-age"],
      byTag: ["tags[]"],
    },
  },
);
export async function work(): Promise<unknown> {
  const db = await open("x", { collections: { users: Users } });
  const ada = await db.users.insert({
    email: "e",
    name: "n",
    tags: [],
    address: { city: "c", zip: 1 },
  });
  const rows = await db.users
    .where({ address: { city: "Oslo" }, OR: [{ age: { gte: 3 } }, { tags: { has: "x" } }] })
    .orderBy("address.city")
    .select("name", "age")
    .limit(3)
    .all();
  const recent = await db.users.index("byCity", "Oslo").gte(3).first();
  const found = await db.users.find({ email: "e" });
  return await db.transaction(async (tx) => [await tx.users.get(ada.id), rows, recent, found]);
}
