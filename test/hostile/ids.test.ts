/** Ids of every kind: the same document again, or a refusal; never another document. */
import { expect } from "vitest";
import { z } from "zod";
import { NotFound, ValidationError } from "../../src/index.ts";
import { isWellFormed } from "../../src/collections/index.ts";
import { HOSTILE_IDS, NO_IDS } from "./lists.ts";
import { expectSame, onEachEngine, refusal, shown } from "./loose.ts";

const schema = z.object({ n: z.number() });
const isRefused = (id: string): boolean =>
  id === "" || !isWellFormed(id) || new TextEncoder().encode(id).length > 256;

onEachEngine(
  "an id is found again byte for byte, or refused before anything is written",
  async (engine) => {
    const first = await engine.open();
    const things = first.collection("things", schema);
    const kept: string[] = [];
    for (const [n, id] of HOSTILE_IDS.entries()) {
      const text = shown(id);
      const refused = await refusal(() => things.insert({ id, n }));
      if (isRefused(id)) {
        expect(refused, text).toBeInstanceOf(ValidationError);
        // What cannot be stored is simply not there.
        const looked = await refusal(async () => expect(await things.get(id)).toBeUndefined());
        if (looked !== undefined) expect(looked, text).toBeInstanceOf(ValidationError);
        continue;
      }
      expect(refused, text).toBeUndefined();
      kept.push(id);
      expectSame(await things.get(id), { id, n }, text);
      expectSame(await things.find({ id }), { id, n }, text);
      expectSame(await things.where({ id }).all(), [{ id, n }], text);
      expectSame(await things.update(id, { n }), { id, n }, text);
      expect((await refusal(() => things.insert({ id, n })))?._tag, text).toBe("UniqueViolation");
    }
    const found = (await things.all()).map(({ id }) => id as string);
    expect(found.toSorted()).toEqual(kept.toSorted());
    expectSame(
      (await things.getMany(kept)).map((thing) => thing!["id"]),
      kept,
      "getMany",
    );
    for (const id of kept) {
      expect(await things.delete(id)).toBe(true);
      expect(await things.get(id)).toBeUndefined();
      expect(await things.delete(id)).toBe(false);
    }
    expect(await things.count()).toBe(0);
  },
);

onEachEngine(
  "what is no string is refused as an id by every call, and finds nothing",
  async (engine) => {
    const db = await engine.open();
    const things = db.collection("things", schema);
    await things.insert({ id: "a", n: 1 });
    await things.insert({ n: 2 });
    for (const [i, id] of NO_IDS.entries()) {
      const calls = {
        get: () => things.get(id),
        getOrThrow: () => things.getOrThrow(id),
        getMany: () => things.getMany([id]),
        find: () => things.find({ id }),
        update: () => things.update(id, { n: 9 }),
        replace: () => things.replace(id, { n: 9 }),
        delete: () => things.delete(id),
        upsert: () => things.upsert({ id }, { create: { n: 9 }, update: { n: 9 } }),
        insert: () => things.insert({ id, n: 9 }),
      };
      for (const [name, call] of Object.entries(calls)) {
        const refused = await refusal(call);
        expect(refused, `${name} of ${i}`).toBeDefined();
        expect(refused, `${name} of ${i}`).not.toBeInstanceOf(NotFound);
      }
    }
    expect((await things.all()).map(({ n }) => n as number)).toEqual([2, 1]);
  },
);
