/** Values that are too deep, too wide or too long: what is beyond a bound is refused, and nothing of it is written. */
import { expect } from "vitest";
import { z } from "zod";
import { expectSame, onEachEngine, refusal, roundTrip } from "./loose.ts";

function nested(depth: number, inner: unknown, isArray: boolean): unknown {
  let value = inner;
  for (let i = 0; i < depth; i++) value = isArray ? [value] : { in: value };
  return value;
}

const schema = z.object({ value: z.unknown() });

onEachEngine(
  "a value nested too deep is refused, however deep, and one within the bound is kept",
  async (engine) => {
    const things = (await engine.open()).collection("things", schema);
    for (const isArray of [true, false]) {
      expect(await roundTrip(things, { value: nested(98, 1, isArray) }, "98 deep")).toBeUndefined();
      for (const depth of [101, 1_000, 10_000, 100_000, 1_000_000]) {
        const refused = await roundTrip(
          things,
          { value: nested(depth, 1, isArray) },
          `${depth} deep`,
        );
        expect(refused?._tag, `${depth} deep`).toBe("ValidationError");
      }
    }
  },
);

onEachEngine(
  "what is nested too deep is refused in filters, patches and keys as well",
  async (engine) => {
    const things = (await engine.open()).collection("things", schema);
    const there = await things.insert({ id: "there", value: 1 });
    const deep = nested(100_000, 1, false);
    const filters = [
      deep,
      { value: deep },
      { value: { eq: deep } },
      nested(100_000, { value: 1 }, false),
      { AND: nested(100_000, { value: 1 }, true) },
      { NOT: Array.from({ length: 100_000 }).reduce((inner) => ({ NOT: inner }), { value: 1 }) },
    ];
    for (const [i, filter] of filters.entries())
      expect(await refusal(() => things.where(filter).all()), `filter ${i}`).toBeDefined();
    expect(await refusal(() => things.find(deep))).toBeDefined();
    expect(await refusal(() => things.find({ id: deep }))).toBeDefined();
    expect(await refusal(() => things.update("there", { value: deep }))).toBeDefined();
    expect(await refusal(() => things.update("there", deep))).toBeDefined();
    expect(await refusal(() => things.insert(deep))).toBeDefined();
    expectSame(await things.all(), [there], "as before");
  },
);

onEachEngine(
  "an object of 65,535 fields and an array of 300,000 elements come back",
  async (engine) => {
    const things = (await engine.open()).collection("things", schema);
    const fields = (count: number): unknown =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`field_${i}`, i]));
    const records = Array.from({ length: 20_000 }, (_, i) => ({ [`name_${i % 1_000}`]: i }));
    const long = Array.from({ length: 300_000 }, (_, i) => i);
    for (const value of [fields(65_535), records, long])
      expect(await roundTrip(things, { value }, "wide")).toBeUndefined();
    for (const count of [65_536, 100_000]) {
      const refused = await roundTrip(things, { value: fields(count) }, `${count} fields`);
      expect(refused?._tag).toBe("ValidationError");
    }
  },
);

onEachEngine("a list of very many ids, values or alternatives is answered", async (engine) => {
  const things = (await engine.open()).collection("things", z.object({ n: z.number() }));
  const { id } = await things.insert({ n: 1 });
  const ids = Array.from({ length: 50_000 }, (_, i) => `id ${i}`);
  expect((await things.getMany([...ids, id])).filter((one) => one !== undefined)).toHaveLength(1);
  const numbers = Array.from({ length: 20_000 }, (_, i) => i);
  expect(await things.where({ n: { in: numbers } }).count()).toBe(1);
  expect(await things.where({ id: { in: [...ids, id] } }).count()).toBe(1);
  expect(await things.where({ OR: numbers.map((n) => ({ n })) }).count()).toBe(1);
});

onEachEngine(
  "an index value that makes a key too large is refused with nothing written",
  async (engine) => {
    const db = await engine.open();
    const things = db.collection(
      "things",
      z.object({ name: z.string(), tags: z.array(z.string()).default([]) }),
      {
        indexes: { byName: ["name"], byTag: ["tags[]"] },
      },
    );
    const there = await things.insert({ id: "there", name: "x".repeat(4_000) });
    for (const long of [
      "x".repeat(4_097),
      "é".repeat(2_048),
      "\u0000".repeat(2_100),
      "x".repeat(1_000_000),
    ]) {
      const calls = {
        insert: () => things.insert({ name: long }),
        "insert of a tag": () => things.insert({ name: "a", tags: ["a", long] }),
        insertMany: () => things.insertMany([{ name: "a" }, { name: long }]),
        update: () => things.update("there", { name: long }),
        upsert: () => things.upsert({ id: "new" }, { create: { name: long }, update: {} }),
      };
      for (const [name, call] of Object.entries(calls)) {
        const refused = await refusal(call);
        expect(refused, name).toMatchObject({ _tag: "StorageError", code: "KeyTooLarge" });
      }
      // No document can have it, so nothing is found: that is no mistake.
      expect(await things.where({ name: long }).all()).toEqual([]);
      expect(await things.where({ name: { startsWith: long } }).all()).toEqual([]);
      expect(await things.where({ name: { gt: long } }).count()).toBeLessThanOrEqual(1);
      expect(await things.index("byTag", long).count()).toBe(0);
    }
    expectSame(await things.all(), [there], "as before");
    expect(await things.where({ tags: { has: "a" } }).count()).toBe(0);
  },
);

onEachEngine(
  "a bigint that makes a key too large is refused with nothing written",
  async (engine) => {
    const db = await engine.open();
    const things = db.collection("things", z.object({ big: z.bigint() }), {
      indexes: { byBig: ["big"] },
    });
    for (const big of [1n << 40_000n, -(1n << 40_000n)]) {
      expect(await refusal(() => things.insert({ big }))).toMatchObject({ code: "KeyTooLarge" });
      expect(await things.where({ big }).count()).toBe(0);
    }
    for (const big of [1n << 30_000n, -(1n << 30_000n)]) {
      expect(await roundTrip(things, { big }, "a long bigint")).toBeUndefined();
      expect(await things.where({ big }).count()).toBe(1);
    }
    expect(await things.count()).toBe(2);
  },
);
