/** Values of every kind: stored exactly, or refused before anything is written. */
import { expect } from "vitest";
import { z } from "zod";
import { OTHER_VALUES, STORABLE_VALUES, THROWING_VALUES } from "./lists.ts";
import { expectSame, onEachEngine, refusal, roundTrip } from "./loose.ts";
import type { Fields } from "./loose.ts";

const SCHEMAS = {
  unknown: z.object({ value: z.unknown() }),
  anything: z.object({ value: z.unknown() }),
  "open at the top": z.looseObject({}),
  "without a schema library": {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value: unknown) => ({ value }),
    },
  },
};

for (const [name, schema] of Object.entries(SCHEMAS)) {
  onEachEngine(`a storable value is stored exactly, ${name}`, async (engine) => {
    const db = await engine.open();
    const things = db.collection("things", schema);
    const kept: Fields[] = [];
    for (const [what, value] of Object.entries(STORABLE_VALUES)) {
      for (const document of [{ value }, { value: [value, { value }] }]) {
        expect(await roundTrip(things, document, what), what).toBeUndefined();
        kept.push(document);
      }
    }
    const found = (await things.all()).map(({ value }) => ({ value }));
    expectSame(found, kept, "all of them");
  });

  onEachEngine(`another value is refused, and nothing is written, ${name}`, async (engine) => {
    const db = await engine.open();
    const things = db.collection("things", schema);
    const there = await things.insert({ id: "there", value: 1 });
    for (const [what, make] of Object.entries(OTHER_VALUES)) {
      for (const value of [make(), [make()], { inside: make() }]) {
        const calls = {
          insert: () => things.insert({ value }),
          insertMany: () => things.insertMany([{ value: 1 }, { value }]),
          update: () => things.update("there", { value }),
          "update by a function": () => things.update("there", () => ({ value })),
          replace: () => things.replace("there", { value }),
          upsert: () => things.upsert({ id: "there" }, { create: { value }, update: { value } }),
        };
        for (const [call, run] of Object.entries(calls)) {
          expect(await refusal(run), `${call}: ${what}`).toBeDefined();
        }
      }
    }
    expectSame(await things.all(), [there], "as before");
  });
}

onEachEngine("a value that throws while it is read fails its call alone", async (engine) => {
  const db = await engine.open();
  const things = db.collection("things", z.object({ value: z.unknown() }));
  const there = await things.insert({ id: "there", value: 1 });
  for (const [what, make] of Object.entries(THROWING_VALUES)) {
    for (const value of [make(), [make()], { inside: make() }]) {
      await expect(things.insert({ value }), what).rejects.toThrow(Error);
      await expect(things.insertMany([{ value: 1 }, { value }]), what).rejects.toThrow(Error);
      await expect(things.update("there", { value }), what).rejects.toThrow(Error);
    }
  }
  expectSame(await things.all(), [there], "as before");
});

onEachEngine("-0 is stored as the 0 that it equals, wherever it stands", async (engine) => {
  const db = await engine.open();
  const schema = z.object({ value: z.unknown(), n: z.number() });
  const things = db.collection("things", schema, { indexes: { byN: ["n"] } });
  const expected = { value: [0, { a: 0 }], n: 0 };
  const refused = await roundTrip(things, { value: [-0, { a: -0 }], n: -0 }, "-0", expected);
  expect(refused).toBeUndefined();
  for (const zero of [0, -0]) {
    expect(await things.where({ n: zero }).count()).toBe(1);
    expect(await things.index("byN", zero).count()).toBe(1);
  }
});

onEachEngine("what a caller changes later changes nothing that is stored", async (engine) => {
  const db = await engine.open();
  const things = db.collection("things", z.object({ value: z.unknown() }));
  const bytes = Uint8Array.of(1, 2);
  const at = new Date(5);
  const list = [1];
  const given = { id: "a", value: { bytes, at, list } };
  const stored = await things.insert(given);
  bytes[0] = 9;
  at.setTime(9);
  list.push(9);
  const expected = { id: "a", value: { bytes: Uint8Array.of(1, 2), at: new Date(5), list: [1] } };
  expectSame(await things.get("a"), expected, "get");
  (stored as typeof given).value.list.push(7);
  expectSame(await things.get("a"), expected, "get after the answer was changed");
});

onEachEngine("objects without a prototype are stored as plain ones", async (engine) => {
  const db = await engine.open();
  const things = db.collection("things", z.object({ value: z.unknown() }));
  const bare = Object.assign(Object.create(null) as object, { a: 1 });
  expect(await roundTrip(things, { value: bare }, "bare", { value: { a: 1 } })).toBeUndefined();
});
