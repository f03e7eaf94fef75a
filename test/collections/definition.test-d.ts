import { describe, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { collection, inc, push, ref } from "../../src/collections/index.ts";
import type {
  DocOf,
  Id,
  IdOf,
  IndexValues,
  InsertOf,
  OnOf,
  Patch,
  UniqueIndexName,
} from "../../src/collections/index.ts";

const Users = collection(
  "users",
  z.object({
    email: z.string(),
    age: z.number().optional(),
    role: z.enum(["admin", "member"]).default("member"),
    tags: z.array(z.string()).default([]),
    address: z.object({ city: z.string(), zip: z.number() }),
    friends: z.array(z.object({ name: z.string() })).optional(),
    boss: z.optional(ref("users")),
  }),
  {
    indexes: {
      byEmail: { on: ["email"], unique: true },
      byPlace: ["address.city", "-age", "id"],
      byTag: ["tags[]"],
      byFriend: ["friends[].name"],
      admins: { on: ["age"], where: { role: "admin" }, include: ["email"] },
    },
  },
);
const Shapes = collection(
  "shapes",
  z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("circle"), radius: z.number() }),
    z.object({ kind: z.literal("square"), side: z.number() }),
  ]),
  { indexes: { bySize: ["radius", "side"] } },
);

describe("a definition's types", () => {
  test("documents have an id of their own and what the schema gives", () => {
    type User = DocOf<typeof Users>;
    expectTypeOf<User["id"]>().toEqualTypeOf<Id<"users">>();
    expectTypeOf<User["role"]>().toEqualTypeOf<"admin" | "member">();
    expectTypeOf<User["tags"]>().toEqualTypeOf<string[]>();
    expectTypeOf<User["age"]>().toEqualTypeOf<number | undefined>();
    expectTypeOf<User["boss"]>().toEqualTypeOf<Id<"users"> | undefined>();
    expectTypeOf<IdOf<typeof Users>>().toEqualTypeOf<Id<"users">>();
    expectTypeOf<Id<"shapes">>().not.toExtend<Id<"users">>();
  });

  test("inserts may leave out the id and what has a default", () => {
    type New = InsertOf<typeof Users>;
    expectTypeOf<{ email: string; address: { city: string; zip: number } }>().toExtend<New>();
    expectTypeOf<{ email: string }>().not.toExtend<New>();
    expectTypeOf<{ email: 5; address: { city: string; zip: number } }>().not.toExtend<New>();
  });

  test("unions stay unions", () => {
    expectTypeOf<Extract<DocOf<typeof Shapes>, { kind: "circle" }>>().toEqualTypeOf<{
      readonly id: Id<"shapes">;
      kind: "circle";
      radius: number;
    }>();
    expectTypeOf<{ kind: "circle"; side: number }>().not.toExtend<InsertOf<typeof Shapes>>();
  });

  test("indexes keep their names, fields and values", () => {
    type Indexes = NonNullable<(typeof Users)["~indexes"]>;
    expectTypeOf<UniqueIndexName<Indexes>>().toEqualTypeOf<"byEmail">();
    expectTypeOf<OnOf<Indexes["byPlace"]>>().toEqualTypeOf<
      readonly ["address.city", "-age", "id"]
    >();
    expectTypeOf<IndexValues<DocOf<typeof Users>, OnOf<Indexes["byPlace"]>>>().toEqualTypeOf<
      [string, number, Id<"users">]
    >();
  });

  test("patches take values, inc() on numbers and push() on arrays, and no id", () => {
    type Change = Patch<DocOf<typeof Users>>;
    const good: Change = { age: inc(), tags: push("a"), role: "admin", boss: undefined };
    expectTypeOf(good).toExtend<Change>();
    expectTypeOf<{ age: undefined }>().toExtend<Change>();
    expectTypeOf<{ email: undefined }>().not.toExtend<Change>();
    expectTypeOf<{ email: typeof increment }>().not.toExtend<Change>();
    expectTypeOf<{ id: Id<"users"> }>().not.toEqualTypeOf<Pick<Change, never>>();
    // @ts-expect-error an id cannot be changed
    const id: Change = { id: "x" as Id<"users"> };
    // @ts-expect-error push of another type
    const tags: Change = { tags: push(5) };
    // @ts-expect-error an unknown field
    const unknown: Change = { agee: 5 };
    expectTypeOf([id, tags, unknown]).toBeArray();
  });
});
const increment = inc();

const numbers = z.object({
  n: z.number(),
  o: z.object({ m: z.string() }),
  list: z.array(z.number()),
});

/** Never called: what is wrong here is wrong for the compiler. */
export const wrong = [
  // @ts-expect-error a member of the database
  () => collection("close", numbers),
  // @ts-expect-error a member of the database
  () => collection("transaction", numbers),
  // @ts-expect-error strings are no documents
  () => collection("a", z.string()),
  // @ts-expect-error no such field
  () => collection("a", numbers, { indexes: { i: ["m"] } }),
  // @ts-expect-error an object
  () => collection("a", numbers, { indexes: { i: ["o"] } }),
  // @ts-expect-error an array without []
  () => collection("a", numbers, { indexes: { i: ["list"] } }),
  // @ts-expect-error no fields
  () => collection("a", numbers, { indexes: { i: [] } }),
  // @ts-expect-error an unknown field to include
  () => collection("a", numbers, { indexes: { i: { on: ["n"], include: ["q"] } } }),
  // @ts-expect-error a misspelt part
  () => collection("a", numbers, { indexes: { i: { on: ["n"], uniqe: true } } }),
  () =>
    collection("a", numbers, {
      // @ts-expect-error a misspelt part of the second index
      indexes: { j: ["n"], i: { on: ["n"], unique: true, wheer: { n: 1 } } },
    }),
  // @ts-expect-error a filter on an unknown field
  () => collection("a", numbers, { indexes: { i: { on: ["n"], where: { q: 1 } } } }),
  // @ts-expect-error a filter with a value of another type
  () => collection("a", numbers, { indexes: { i: { on: ["n"], where: { n: "1" } } } }),
];
export const right = [
  () => collection("closed_", numbers),
  () => collection("a", numbers, { indexes: { i: ["-o.m", "list[]", "id"] } }),
  () => collection("a", numbers, { indexes: { i: { on: ["n"], unique: true, where: { n: 1 } } } }),
  () => collection("a", numbers, { indexes: { i: { on: ["n"], include: ["o"] }, j: ["n"] } }),
  () => collection("a", numbers, { indexes: {} }),
  () => collection("a", numbers, {}),
];
