import { collection, open } from "kotobadb";
import type { Db, DbSnapshot, DocOf, Id, Tx } from "kotobadb";
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

test("functions of one's own name the transaction, the snapshot, or the collections they use", async () => {
  const collections = { users: Users };
  const grow = (tx: Tx<typeof collections>, id: Id<"users">) => tx.users.update(id, { age: 1 });
  const count = ({ users }: Pick<Db<typeof collections>, "users">) => users.count();
  const look = (snapshot: DbSnapshot<typeof collections>) => {
    snapshot.close();
    return count(snapshot);
  };
  const db: Db<typeof collections> = await open(":memory:", { collections });
  const { id } = await db.users.insert({ email: "a" });
  const both = await db.transaction(
    async (tx) => [await grow(tx, id), await count(tx), tx.attempt] as const,
  );
  expectTypeOf(both).toEqualTypeOf<readonly [DocOf<typeof Users>, number, number]>();
  expectTypeOf(await look(db.snapshot())).toEqualTypeOf<number>();
  expectTypeOf(await count(db)).toEqualTypeOf<number>();
  // @ts-expect-error what writes to a transaction is not handed a snapshot
  void grow(db.snapshot(), id);
});

test("a collection does not stand under the name of a member of the database", () => {
  // @ts-expect-error close() would be lost
  void open(":memory:", { collections: { close: Users } });
});

test("figures have the types of their fields, and null where there may be none", async () => {
  const Orders = collection(
    "orders",
    z.object({
      city: z.string().optional(),
      price: z.number(),
      cents: z.bigint(),
      both: z.union([z.number(), z.bigint()]),
      at: z.date().nullish(),
      parts: z.array(z.object({ weight: z.number() })),
    }),
  );
  const db = await open(":memory:", { collections: { orders: Orders } });
  const figures = await db.orders.where({ price: { gt: 0 } }).aggregate({
    n: { count: true },
    total: { sum: "price" },
    cents: { sum: "cents" },
    mean: { avg: "cents" },
    last: { max: "at" },
    heaviest: { max: "parts[].weight" },
  });
  expectTypeOf(figures).toEqualTypeOf<{
    n: number;
    total: number;
    cents: bigint;
    mean: number | null;
    last: Date | null;
    heaviest: number | null;
  }>();
  const groups = await db.orders.groupBy("city", "price").aggregate({ n: { count: true } });
  expectTypeOf(groups).toEqualTypeOf<{ city: string | null; price: number; n: number }[]>();
  // @ts-expect-error a city is no number
  void db.orders.aggregate({ wrong: { sum: "city" } });
  // @ts-expect-error which of both would the sum be?
  void db.orders.aggregate({ wrong: { avg: "both" } });
  // @ts-expect-error there is no such figure
  void db.orders.aggregate({ wrong: { median: "price" } });
  // @ts-expect-error there is no such field
  void db.orders.groupBy("town");
  // @ts-expect-error by nothing there are no groups
  void db.orders.groupBy();
});

test("what a query finds can be changed; a collection itself only by id", async () => {
  const db = await open(":memory:", { collections: { users: Users } });
  const changed = db.users.where({ age: 3 }).update({ age: 4 });
  expectTypeOf(changed).toEqualTypeOf<Promise<number>>();
  expectTypeOf(db.users.where({}).delete()).toEqualTypeOf<Promise<number>>();
  // @ts-expect-error a field of another type
  void db.users.where({}).update({ age: "4" });
  // @ts-expect-error all of them is where({})
  void db.users.delete();
  // @ts-expect-error all of them is where({})
  void db.users.update({ age: 4 });
});
