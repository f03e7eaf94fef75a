import { describe, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { collection, open } from "kotobadb";
import type { Def, Definition, DocOf, Id, InsertOf } from "kotobadb";

const V1 = collection("users", z.object({ fullName: z.string(), at: z.date().optional() }), {
  indexes: { byFullName: { on: ["fullName"], unique: true } },
});
const V3 = V1.evolve(z.object({ name: z.string() }), (old, id) => {
  expectTypeOf(old).toEqualTypeOf<{ fullName: string; at?: Date | undefined }>();
  expectTypeOf(id).toEqualTypeOf<Id<"users">>();
  return { name: old.fullName };
}).evolve(
  z.object({ first: z.string(), last: z.string().default("") }),
  (old) => {
    expectTypeOf(old).toEqualTypeOf<{ name: string }>();
    return { first: old.name };
  },
  { indexes: { byFirst: { on: ["first"], unique: true }, byLast: ["last", "-first"] } },
);

describe("a chain of versions", () => {
  test("has the documents, inserts and indexes of the last one", async () => {
    expectTypeOf<DocOf<typeof V3>>().toEqualTypeOf<{
      readonly id: Id<"users">;
      first: string;
      last: string;
    }>();
    expectTypeOf<{ first: string }>().toExtend<InsertOf<typeof V3>>();
    expectTypeOf<{ fullName: string }>().not.toExtend<InsertOf<typeof V3>>();
    expectTypeOf(V3).toExtend<Def>();
    expectTypeOf(V3).toExtend<Definition>();
    await using db = await open(":memory:", { collections: { users: V3 } });
    const found = await db.users.index("byLast", "x").all();
    expectTypeOf(found).toEqualTypeOf<DocOf<typeof V3>[]>();
    // @ts-expect-error: an index of an earlier version is none of the collection
    await db.users.find({ fullName: "x" }).catch(() => undefined);
    // @ts-expect-error: so is a field
    void (() => db.users.where({ name: "x" }));
  });

  test("knows words of enums, tuples and unions in what a step gives", () => {
    V1.evolve(z.object({ kind: z.enum(["a", "b"]) }), ({ fullName }) => ({
      kind: fullName === "" ? "a" : "b",
    }));
    V1.evolve(z.object({ kind: z.literal("a") }), () => ({ kind: "a" }));
    V1.evolve(z.object({ at: z.tuple([z.number(), z.number()]) }), () => ({ at: [1, 2] }));
    V1.evolve(
      z.discriminatedUnion("k", [
        z.object({ k: z.literal("x"), x: z.number() }),
        z.object({ k: z.literal("y") }),
      ]),
      ({ fullName }) => (fullName === "" ? { k: "x", x: 3 } : { k: "y" }),
    );
  });

  test("takes what the next schema takes, and nothing else", () => {
    // @ts-expect-error: a number is no name
    V1.evolve(z.object({ name: z.string() }), ({ fullName }) => ({ name: fullName.length }));
    // @ts-expect-error: no such word
    V1.evolve(z.object({ kind: z.enum(["a", "b"]) }), () => ({ kind: "c" }));
    // @ts-expect-error: the name is missing
    V1.evolve(z.object({ name: z.string() }), () => ({}));
    // @ts-expect-error: the old schema has no such field
    V1.evolve(z.object({ name: z.string() }), (old) => ({ name: old.title }));
    // @ts-expect-error: a promise is no document
    V1.evolve(z.object({ name: z.string() }), (old) => Promise.resolve({ name: old.fullName }));
    // @ts-expect-error: an index on a field of the version before
    V1.evolve(z.object({ n: z.string() }), () => ({ n: "" }), { indexes: { i: ["fullName"] } });
  });
});
