import { collection, open } from "kotobadb";
import type { Id } from "kotobadb";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";

const Users = collection(
  "users",
  z.object({ email: z.email(), age: z.number().optional(), tags: z.array(z.string()).default([]) }),
  { indexes: { byEmail: { on: ["email"], unique: true }, byAge: ["age"] } },
);
interface User {
  readonly id: Id<"users">;
  email: string;
  age?: number | undefined;
  tags: string[];
}

test("what comes back has the schema's output type, and the id of its collection", async () => {
  const db = await open(":memory:", { collections: { users: Users } });
  const user = await db.users.insert({ email: "a" });
  expectTypeOf(user).toExtend<User>();
  expectTypeOf(user.id).toEqualTypeOf<Id<"users">>();
  expectTypeOf(await db.users.get(user.id)).toEqualTypeOf<typeof user | undefined>();
  expectTypeOf(await db.users.select("email").all()).toEqualTypeOf<{ email: string }[]>();
  const counted = await db.transaction(async (tx) => ({ n: await tx.users.count() }));
  expectTypeOf(counted).toEqualTypeOf<{ n: number }>();
  for await (const row of db.users.where({ age: { gte: 3 } }).stream())
    expectTypeOf(row).toEqualTypeOf<typeof user>();
});

test("a collection does not stand under the name of a member of the database", () => {
  // @ts-expect-error close() would be lost
  void open(":memory:", { collections: { close: Users } });
});
