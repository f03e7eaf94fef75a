/** A copied database is the database: its collections, indexes, counts and what programs do with them. */
import { collection, open } from "kotobadb";
import type { Id } from "kotobadb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import type { StorageEngine } from "../../../src/engine/contract/index.ts";
import { copyEngine } from "../../../src/engine/copy/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import { rowsIn, tinyLsm } from "./copy-kit.ts";

const people = collection(
  "people",
  z.object({
    name: z.string(),
    town: z.string(),
    age: z.number().int(),
    photo: z.instanceof(Uint8Array).optional(),
  }),
  {
    indexes: {
      byName: { on: ["name"], unique: true },
      byTown: ["town", "age"],
      perTown: { count: true, by: ["town"] },
    },
  },
);
const letters = collection("letters", z.object({ to: z.string(), text: z.string() }));
const collections = { people, letters };
const TOWNS = ["Oslo", "Kyoto", "Lima"];

const anyPeople = fc.array(
  fc.record({
    town: fc.constantFrom(...TOWNS),
    age: fc.nat(99),
    photo: fc.option(fc.integer({ min: 0, max: 20_000 }), { nil: undefined }),
    isDeleted: fc.boolean(),
  }),
  { maxLength: 60 },
);

async function openDatabase(engine: StorageEngine) {
  return open({ engine }, { collections });
}

/** Everything that a program can see. */
async function seenOf(engine: StorageEngine): Promise<unknown> {
  const db = await openDatabase(engine);
  const towns = TOWNS.map(async (town) => ({
    town,
    inOrder: await db.people.where({ town }).orderBy("age").all(),
    count: await db.people.where({ town }).count(),
  }));
  return {
    all: await db.people.all(),
    letters: await db.letters.all(),
    towns: await Promise.all(towns),
    verified: await db.verify(),
  };
}

test("a database copied to memory and to a disk again shows the same, and its program goes on", async () => {
  await fc.assert(
    fc.asyncProperty(anyPeople, fc.integer({ min: 1, max: 5_000 }), async (given, stepBytes) => {
      const source = await tinyLsm();
      const db = await openDatabase(source);
      for (const [i, { isDeleted, photo, ...person }] of given.entries()) {
        const { id } = await db.people.insert({
          ...person,
          name: `person ${i}`,
          ...(photo === undefined ? {} : { photo: new Uint8Array(photo).fill(i) }),
        });
        if (isDeleted) await db.people.delete(id);
        else await db.letters.insert({ to: id, text: "x".repeat(i * 10) });
      }
      await db.letters.insert({ id: "last" as Id<"letters">, to: "all", text: "the end" });
      const expected = await seenOf(source);
      const [middle, target] = [new MemoryEngine(), await tinyLsm()];
      await copyEngine(source, middle, { commitBytes: stepBytes });
      await copyEngine(middle, target, { loadBytes: stepBytes });
      expect(await rowsIn(target)).toEqual(await rowsIn(source));
      expect(await seenOf(middle)).toEqual(expected);
      expect(await seenOf(target)).toEqual(expected);
      const moved = await openDatabase(target);
      const taken = given.findIndex(({ isDeleted }) => !isDeleted);
      const again = { name: `person ${taken}`, town: "Oslo", age: 1 };
      if (taken !== -1) {
        await expect(moved.people.insert(again)).rejects.toMatchObject({ _tag: "UniqueViolation" });
      }
      const before = await moved.people.where({ town: "Oslo" }).count();
      await moved.people.insert({ ...again, name: "somebody new" });
      expect(await moved.people.where({ town: "Oslo" }).count()).toBe(before + 1);
      expect(await moved.verify()).toEqual({ ok: true, problems: [] });
      await Promise.all([source.close(), target.close()]);
    }),
    { numRuns: 12 },
  );
}, 60_000);
