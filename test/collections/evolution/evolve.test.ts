import { describe, expect, test } from "vitest";
import { z } from "zod";
import { hex } from "../../../src/base/index.ts";
import {
  EvolutionFailed,
  InvalidDefinition,
  SchemaMismatch,
  collection,
} from "../../../src/collections/index.ts";
import type { Def } from "../../../src/collections/index.ts";
import { decodeCatalogRow } from "../../../src/collections/catalog/catalog-row.ts";
import type { CatalogRow } from "../../../src/collections/catalog/catalog-row.ts";
import { catalogKey } from "../../../src/collections/catalog/keyspace.ts";
import { StorageError } from "../../../src/engine/contract/index.ts";
import { FaultyEngine, TestDatabase, rowsOf } from "../test-database.ts";

const V1 = collection("users", z.object({ fullName: z.string() }), {
  indexes: { byFullName: ["fullName"] },
});
const V2 = V1.evolve(z.object({ name: z.string() }), ({ fullName }) => ({ name: fullName }), {
  indexes: { byName: ["name"], all: { count: true } },
});
const V3 = V2.evolve(
  z.object({ first: z.string(), last: z.string(), tags: z.array(z.string()).default([]) }),
  ({ name }) => ({ first: name.split(" ")[0]!, last: name.split(" ")[1] ?? "" }),
  { indexes: { byLast: { on: ["last"], unique: true }, all: { count: true } } },
);

async function rowOf(database: TestDatabase): Promise<CatalogRow> {
  const text = (await rowsOf(database.engine)).get(hex(catalogKey("users")))!;
  return decodeCatalogRow("users", Uint8Array.from(Buffer.from(text, "hex")));
}
/** The values of all document rows. */
async function valuesOf(database: TestDatabase): Promise<string[]> {
  const rows = [...(await rowsOf(database.engine))];
  return rows.filter(([key]) => key.startsWith("0100")).map(([, value]) => value);
}
async function filled(definition: Def, names: readonly object[]): Promise<TestDatabase> {
  const database = new TestDatabase();
  await (await database.store(definition)).insertMany(names);
  return database;
}
const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "none",
    (e: unknown) => e,
  );

describe("documents of earlier versions", () => {
  test("are read as the newest version, and stored as such from the first use on", async () => {
    const database = await filled(V1, [
      { id: "a", fullName: "Ada Lovelace" },
      { id: "b", fullName: "Bob Ross" },
    ]);
    const store = await database.reopened().store(V3);
    expect(await store.get("a")).toEqual({ id: "a", first: "Ada", last: "Lovelace", tags: [] });
    expect(await store.find({ last: "Ross" })).toMatchObject({ id: "b" });
    expect(await store.verify()).toEqual([]);
    expect((await valuesOf(database)).every((value) => value.startsWith("c103"))).toBe(true);
    const row = await rowOf(database);
    expect(row).toMatchObject({ documents: "ready", nextIndex: 4 });
    expect(row.past.map(({ shape }) => shape)).toEqual([
      '{"object":{"fullName":"string"}}',
      '{"object":{"name":"string"}}',
    ]);
    expect(row.indexes.map(({ name, number, state }) => [name, number, state])).toEqual([
      ["byLast", 2, "ready"],
      ["all", 3, "ready"],
    ]);
  });

  test("go through every version between, one after the other", async () => {
    const database = await filled(V1, [{ id: "a", fullName: "Ada Lovelace" }]);
    await database.reopened().store(V2);
    expect(await valuesOf(database)).toEqual([expect.stringMatching(/^c102/)]);
    const store = await database.reopened().store(V3);
    expect(await store.all()).toEqual([{ id: "a", first: "Ada", last: "Lovelace", tags: [] }]);
    expect(await store.verify()).toEqual([]);
  });

  test("get what their own version has as a default by now before the first step", async () => {
    const Plain = collection("users", z.object({ name: z.string() }));
    const database = await filled(Plain, [{ id: "a", name: "Ada" }]);
    const Filled = collection(
      "users",
      z.object({ name: z.string(), logins: z.number().default(7) }),
    ).evolve(z.object({ text: z.string() }), ({ logins, name }) => ({ text: `${name} ${logins}` }));
    const store = await database.reopened().store(Filled);
    expect(await store.get("a")).toEqual({ id: "a", text: "Ada 7" });
  });

  test("get their id as the second argument, and none in the first", async () => {
    const database = await filled(V1, [{ id: "a", fullName: "Ada" }]);
    const seen: unknown[] = [];
    const Next = V1.evolve(z.object({ key: z.string() }), (old, id) => {
      seen.push(old);
      return { key: id.toUpperCase() };
    });
    const store = await database.reopened().store(Next);
    expect(await store.get("a")).toEqual({ id: "a", key: "A" });
    expect(seen[0]).toEqual({ fullName: "Ada" });
  });

  test("keep undefined, dates, bytes and bigints as a get gives them", async () => {
    const Kinds = z.object({ at: z.date(), bytes: z.instanceof(Uint8Array), big: z.bigint() });
    const First = collection("users", Kinds);
    const value = { at: new Date(5), bytes: Uint8Array.of(1, 2), big: 2n ** 70n };
    const database = await filled(First, [{ id: "a", ...value }]);
    const Next = First.evolve(Kinds.extend({ more: z.string().optional() }), (old) => old);
    const store = await database.reopened().store(Next);
    expect(await store.get("a")).toEqual({ id: "a", ...value });
  });

  test("share nothing with a default of the schema", async () => {
    const database = await filled(V1, [{ id: "a", fullName: "Ada" }]);
    const engine = database.engine;
    const before = await rowsOf(engine);
    const store = await database.reopened().store(V3);
    const [first, second] = [await store.get("a"), await store.get("a")];
    (first!["tags"] as string[]).push("x");
    expect(second!["tags"]).toEqual([]);
    expect(before.size).toBeGreaterThan(0);
  });
});

describe("a step that fails", () => {
  const Strict = V1.evolve(z.object({ name: z.string().min(4) }), (old) => {
    if (old.fullName === "boom") throw new TypeError("no such name");
    return { name: old.fullName };
  });

  test("is told with the document, the step and the issues, and changes nothing", async () => {
    const database = await filled(V1, [
      { id: "a", fullName: "Ada Lovelace" },
      { id: "b", fullName: "Bo" },
    ]);
    const before = await rowsOf(database.engine);
    const error = await failure(database.reopened().store(Strict));
    expect(error).toBeInstanceOf(EvolutionFailed);
    expect(error).toMatchObject({ collection: "users", id: "b", version: 1 });
    expect((error as EvolutionFailed).issues[0]!.path).toEqual(["name"]);
    expect(await rowsOf(database.engine)).toEqual(before);
    // The program before goes on, and can correct the document.
    const store = await database.reopened().store(V1);
    await store.update("b", { fullName: "Bobby" });
    expect(await (await database.reopened().store(Strict)).get("b")).toEqual({
      id: "b",
      name: "Bobby",
    });
  });

  test("by throwing is told with what was thrown", async () => {
    const database = await filled(V1, [{ id: "a", fullName: "boom" }]);
    const error = (await failure(database.reopened().store(Strict))) as EvolutionFailed;
    expect(error.issues).toEqual([{ path: [], message: "TypeError: no such name" }]);
    expect((error.cause as Error).message).toBe("no such name");
    expect(error.message).toContain("step=1 to 2");
  });

  test("by giving a promise is refused", async () => {
    const Late = V1.evolve(
      z.looseObject({}),
      (old) => Promise.reject(new Error(old.fullName)) as unknown as {},
    );
    const database = await filled(V1, [{ id: "a", fullName: "Ada" }]);
    expect(await failure(database.reopened().store(Late))).toMatchObject({
      _tag: "EvolutionFailed",
      issues: [{ path: [], message: expect.stringContaining("promise") }],
    });
  });

  test("is told again to every operation, without being tried again", async () => {
    const database = await filled(V1, [{ id: "a", fullName: "boom" }]);
    let runs = 0;
    const Failing = V1.evolve(z.object({}), () => {
      runs++;
      throw new Error("never");
    });
    const reopened = database.reopened();
    for (let i = 0; i < 3; i++) {
      expect(await failure(reopened.store(Failing))).toBeInstanceOf(EvolutionFailed);
    }
    expect(runs).toBe(1);
  });

  test("by giving two documents one key of a unique index is refused, naming both", async () => {
    const Short = V1.evolve(
      z.object({ name: z.string() }),
      ({ fullName }) => ({ name: fullName.slice(0, 3) }),
      { indexes: { byName: { on: ["name"], unique: true } } },
    );
    const database = await filled(V1, [
      ...Array.from({ length: 700 }, (_, n) => ({ id: `x${n}`, fullName: `${n}` })),
      { id: "z", fullName: "699 and more" },
    ]);
    const before = await rowsOf(database.engine);
    expect(await failure(database.reopened().store(Short))).toMatchObject({
      _tag: "UniqueViolation",
      index: "byName",
      existingId: "x699",
      id: "z",
    });
    expect(await rowsOf(database.engine)).toEqual(before);
    await (await database.reopened().store(V1)).delete("z");
    expect(await (await database.reopened().store(Short)).verify()).toEqual([]);
  });

  test("by giving what cannot be stored is refused", async () => {
    const database = await filled(V1, [{ id: "a", fullName: "Ada" }]);
    const before = await rowsOf(database.engine);
    const Long = V1.evolve(
      z.object({ name: z.string() }),
      () => ({ name: "x".repeat(database.engine.limits.keyBytes) }),
      { indexes: { byName: ["name"] } },
    );
    expect(await failure(database.reopened().store(Long))).toMatchObject({ code: "KeyTooLarge" });
    expect(await rowsOf(database.engine)).toEqual(before);
  });

  test("that is async, or no function, is refused where it is defined", () => {
    const schema = z.object({ name: z.string() });
    expect(() => V1.evolve(schema, (async () => ({ name: "" })) as never)).toThrow(
      InvalidDefinition,
    );
    expect(() => V1.evolve(schema, undefined as never)).toThrow(InvalidDefinition);
  });
});

describe("a database", () => {
  test("of a later version is refused, and nothing is written", async () => {
    const database = await filled(V3, [{ id: "a", first: "Ada", last: "L" }]);
    const before = await rowsOf(database.engine);
    const error = await failure(database.reopened().store(V2));
    expect(error).toBeInstanceOf(SchemaMismatch);
    expect(error).toMatchObject({ reason: "newer" });
    expect(String(error)).toContain(
      "of version 3 of the schema, the program knows the versions 1 to 2",
    );
    expect(await rowsOf(database.engine)).toEqual(before);
  });

  test("with another version in the middle of the chain is refused, naming it", async () => {
    const Other = collection("users", z.object({ fullName: z.string() }))
      .evolve(z.object({ title: z.string() }), ({ fullName }) => ({ title: fullName }))
      .evolve(z.object({ first: z.string() }), ({ title }) => ({ first: title }))
      .evolve(z.object({ text: z.string() }), ({ first }) => ({ text: first }));
    for (const stored of [V2, V3]) {
      const database = await filled(stored, []);
      const error = await failure(database.reopened().store(Other));
      expect(error).toMatchObject({ _tag: "SchemaMismatch", reason: "past" });
      expect(String(error)).toContain("version 2 of 4 in the program");
      expect(String(error)).toContain('"name" is stored');
    }
  });

  test("whose fields do not fit names the missing step", async () => {
    const database = await filled(V1, [{ id: "a", fullName: "Ada" }]);
    const Wrong = collection("users", z.object({ name: z.string(), age: z.number() }));
    expect(await failure(database.reopened().store(Wrong))).toMatchObject({
      reason: "fields",
      missingStep:
        ".evolve(Version2, ({ fullName, ...old }) => ({ ...old, name: fullName /* is it? */, age: /* number */ }))",
    });
  });

  test("may get new fields and indexes at its newest version without a step", async () => {
    const database = await filled(V2, [{ id: "a", name: "Ada" }]);
    const More = V1.evolve(
      z.object({ name: z.string(), logins: z.number().default(3) }),
      ({ fullName }) => ({ name: fullName }),
      { indexes: { byLogins: ["logins"] } },
    );
    const store = await database.reopened().store(More);
    expect(await store.all()).toEqual([{ id: "a", name: "Ada", logins: 3 }]);
    expect(await store.verify()).toEqual([]);
    expect((await rowOf(database)).past).toHaveLength(1);
  });
});

test("writing an old row anew that was cut short goes on where it stopped, also with a later version", async () => {
  let cut = 0;
  for (const failing of [1, 2, 3, 4, 5]) {
    const engine = new FaultyEngine();
    const database = new TestDatabase(engine);
    const documents = Array.from({ length: 1_100 }, (_, n) => ({
      id: `${n}`,
      fullName: `n${n} l${n}`,
    }));
    await (await database.store(V1)).insertMany(documents);
    engine.faults.push(
      ...Array.from({ length: failing - 1 }, () => undefined),
      // Who waits has it tried again.
      ...Array.from({ length: 9 }, () => new StorageError("Io", { file: "test" })),
    );
    const error = await failure(database.reopened().store(V2));
    if (error instanceof StorageError) cut++;
    else expect(error).toBe("none");
    engine.faults.length = 0;
    const version = failing % 2 === 0 ? V2 : V3;
    const store = await database.reopened().store(version);
    expect(await store.verify(), `failing ${failing}`).toEqual([]);
    const expected = documents.map(({ id, fullName }) =>
      version === V2
        ? { id, name: fullName }
        : { id, first: fullName.split(" ")[0], last: fullName.split(" ")[1], tags: [] },
    );
    const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
    expect((await store.all()).toSorted(byId)).toEqual(expected.toSorted(byId));
    const head = version === V2 ? "c102" : "c103";
    expect((await valuesOf(database)).filter((value) => !value.startsWith(head))).toEqual([]);
  }
  expect(cut).toBeGreaterThanOrEqual(3);
});

test("a field that was being filled in when the next version came is filled in before its step", async () => {
  const engine = new FaultyEngine();
  const database = new TestDatabase(engine);
  const First = collection("users", z.object({ n: z.number() }));
  const Filled = collection("users", z.object({ n: z.number(), rank: z.number().default(5) }));
  await (
    await database.store(First)
  ).insertMany(Array.from({ length: 1_100 }, (_, n) => ({ id: `${n}`, n })));
  engine.faults.push(undefined, undefined, new StorageError("Io", { file: "test" }));
  expect(await failure(database.reopened().store(Filled))).toBeInstanceOf(StorageError);
  expect((await rowOf(database)).documents).toBe("filling");
  const Next = Filled.evolve(z.object({ sum: z.number() }), ({ n, rank }) => ({ sum: n + rank }), {
    indexes: { bySum: ["sum"] },
  });
  const store = await database.reopened().store(Next);
  expect((await store.get("7"))!["sum"]).toBe(12);
  expect((await store.get("1099"))!["sum"]).toBe(1_104);
  expect(await store.verify()).toEqual([]);
  expect((await rowOf(database)).past).toEqual([
    { shape: Filled.definition.schema.fingerprint, fills: true },
  ]);
});
