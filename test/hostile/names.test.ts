/** Fields and collections of every name: kept exactly, or refused. */
import { expect, test } from "vitest";
import { z } from "zod";
import { InvalidDefinition } from "../../src/index.ts";
import { isWellFormed } from "../../src/collections/index.ts";
import { COLLECTION_NAMES, HOSTILE_NAMES } from "./lists.ts";
import { define, expectSame, onEachEngine, refusal, roundTrip, shown } from "./loose.ts";
import type { Fields } from "./loose.ts";

/** An object with an own field of this name, also "__proto__". */
function withField(name: string, value: unknown): Fields {
  return Object.fromEntries([[name, value]]);
}
const isImpossible = (name: string): boolean => name === "__proto__" || !isWellFormed(name);

onEachEngine("a field of whatever name in a record comes back, or is refused", async (engine) => {
  const db = await engine.open();
  const schema = z.object({ fields: z.record(z.string(), z.unknown()) });
  const things = db.collection("things", schema);
  const kept: Fields[] = [];
  for (const name of HOSTILE_NAMES) {
    for (const value of [1, "text", null, { deeper: withField(name, [withField(name, true)]) }]) {
      const fields = withField(name, value);
      const refused = await roundTrip(things, { fields }, name);
      expect(refused?._tag, name).toBe(isImpossible(name) ? "ValidationError" : undefined);
      if (refused === undefined) kept.push({ fields });
    }
  }
  const found = await things.all();
  expectSame(
    found.map(({ fields }) => ({ fields })),
    kept,
    "all of them",
  );
});

onEachEngine(
  "a field of whatever name at the top of a document comes back, or is refused",
  async (engine) => {
    const db = await engine.open();
    const things = db.collection("things", z.looseObject({ n: z.number() }));
    for (const name of HOSTILE_NAMES) {
      if (name === "id" || name === "n") continue;
      const refused = await roundTrip(things, { n: 1, ...withField(name, "x") }, name);
      const own = { n: 1, [name]: "x" };
      const expected = isImpossible(name) && Object.hasOwn(own, name);
      expect(refused?._tag, name).toBe(expected ? "ValidationError" : undefined);
    }
  },
);

onEachEngine(
  "a field of whatever name that the schema declares can be stored, patched and asked for",
  async (engine) => {
    const db = await engine.open();
    for (const [i, name] of HOSTILE_NAMES.entries()) {
      const shape = withField(name, z.number().optional()) as Record<string, z.ZodType>;
      const defined = await refusal(async () => db.collection(`things_${i}`, z.object(shape)));
      if (defined !== undefined) {
        expect(defined, name).toBeInstanceOf(InvalidDefinition);
        continue;
      }
      const things = db.collection(`things_${i}`, z.object(shape));
      const refused = await roundTrip(things, withField(name, 5), name);
      if (refused !== undefined) {
        expect(isImpossible(name), name).toBe(true);
        continue;
      }
      const [stored] = await things.all();
      const patched = await things.update(stored!["id"], withField(name, 6));
      expect(Object.getOwnPropertyDescriptor(patched, name)?.value, name).toBe(6);
      const asked = await refusal(async () => {
        expect(await things.where(withField(name, 6)).count(), name).toBe(1);
        expect(await things.where(withField(name, { gt: 6 })).count(), name).toBe(0);
        expect(
          (await things.select(name).all()).map((row) => row[name]),
          name,
        ).toEqual([6]);
        expect(await things.orderBy(name).count(), name).toBe(1);
      });
      // A name with the letters of a path cannot be asked for; it is told, and never means another field.
      if (asked !== undefined) expect(name, asked.message).toMatch(/^$|[.[\]-]/);
    }
  },
);

test("a collection of whatever name is a collection, or refused", () => {
  for (const name of COLLECTION_NAMES)
    expect(() => define(name, z.object({})), shown(name)).toThrow(InvalidDefinition);
});

test("an index of whatever name is an index, or refused", async () => {
  const schema = z.object({ n: z.number() });
  // Written in a literal, that one name makes no field.
  const literal = { indexes: { __proto__: ["n"] } };
  expect(() => define("things", schema, literal)).toThrow(InvalidDefinition);
  for (const name of HOSTILE_NAMES) {
    const indexes = withField(name, ["n"]);
    const refused = await refusal(async () => define("things", schema, { indexes }));
    const isPlain = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name) && name !== "__proto__";
    if (!isPlain) expect(refused, name).toBeInstanceOf(InvalidDefinition);
  }
});

onEachEngine(
  "an index of a name that all objects have is found under its name only",
  async (engine) => {
    const db = await engine.open();
    const options = { indexes: { constructor: ["n"], toString: { on: ["n"], unique: true } } };
    const things = db.collection("things", z.object({ n: z.number() }), options);
    await things.insert({ n: 5 });
    expect(await things.index("constructor", 5).count()).toBe(1);
    expect(await things.index("toString", 5).count()).toBe(1);
    for (const name of ["valueOf", "__proto__", "hasOwnProperty", "", null, undefined, {}, 0])
      expect(await refusal(() => things.index(name, 5).count()), shown(name)).toBeDefined();
  },
);
