import { describe, expect, test } from "vitest";
import { z } from "zod";
import { hex } from "../../../src/base/index.ts";
import { CorruptionError, StorageError } from "../../../src/engine/contract/index.ts";
import {
  CollectionStore,
  SchemaMismatch,
  UniqueViolation,
  collection,
} from "../../../src/collections/index.ts";
import type { Def } from "../../../src/collections/index.ts";
import { catalogKey } from "../../../src/collections/catalog/keyspace.ts";
import {
  decodeCatalogRow,
  encodeCatalogRow,
} from "../../../src/collections/catalog/catalog-row.ts";
import type { CatalogRow } from "../../../src/collections/catalog/catalog-row.ts";
import { FaultyEngine, TestDatabase, rowsOf } from "../test-database.ts";

const fields = { name: z.string(), age: z.number().optional() };
const byName = { byName: ["name"] as const };
const byAge = { byAge: ["age"] as const };
const Plain = collection("people", z.object(fields));
const Named = collection("people", z.object(fields), { indexes: byName });
const Both = collection("people", z.object(fields), { indexes: { ...byName, ...byAge } });
const people = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `n${i % 50}`, age: i, id: `${i}` }));
const io = (): StorageError => new StorageError("Io", { file: "test" });

async function rowOf(database: TestDatabase, name = "people"): Promise<CatalogRow> {
  const text = (await rowsOf(database.engine)).get(hex(catalogKey(name)))!;
  return decodeCatalogRow(name, Uint8Array.from(Buffer.from(text, "hex")));
}
async function entriesUnder(database: TestDatabase, index: number): Promise<number> {
  const prefix = `0102${hex(Uint8Array.of(index))}`;
  return [...(await rowsOf(database.engine)).keys()].filter((key) => key.startsWith(prefix)).length;
}

describe("numbers", () => {
  test("are given in the order of first use, and kept", async () => {
    const database = new TestDatabase();
    const A = collection("a", z.object(fields));
    const B = collection("b", z.object(fields));
    expect((await database.store(A)).inner.layout().number).toBe(1);
    expect((await database.store(B)).inner.layout().number).toBe(2);
    const reopened = database.reopened();
    expect((await reopened.store(B)).inner.layout().number).toBe(2);
    expect((await reopened.store(Plain)).inner.layout().number).toBe(3);
  });

  test("are shared by two stores of one name, used at once or later", async () => {
    const database = new TestDatabase();
    const stores = [1, 2, 3].map(() => new CollectionStore(database.catalog, Named.definition));
    await Promise.all(stores.map(async (store) => await store.ready()));
    expect(stores.map((store) => store.layout().number)).toEqual([1, 1, 1]);
    const twin = collection("people", z.object(fields), { indexes: byName });
    const other = await database.store(twin);
    const [first] = await Promise.all([other.insert({ name: "a" }), other.insert({ name: "b" })]);
    expect(await database.transact((tx) => stores[0]!.get(tx, first.id))).toEqual(first);
    expect(await other.verify()).toEqual([]);
  });

  test("are not shared by different collections that begin at once", async () => {
    const database = new TestDatabase();
    const names = ["a", "b", "c", "d", "e"];
    const stores = await Promise.all(
      names.map((name) => database.store(collection(name, z.object(fields)) as Def)),
    );
    const numbers = stores.map((store) => store.inner.layout().number);
    expect(numbers.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
  });

  test("of dropped indexes are never given again", async () => {
    let database = new TestDatabase();
    await (await database.store(Both)).insertMany(people(3));
    for (const [definition, numbers] of [
      [Named, [1]],
      [Both, [1, 3]],
      [Plain, []],
      [Both, [4, 5]],
    ] as const) {
      database = database.reopened();
      const store = await database.store(definition);
      expect((await rowOf(database)).indexes.map((index) => index.number)).toEqual(numbers);
      expect(await store.verify()).toEqual([]);
      for (const gone of [1, 2, 3].filter((n) => !(numbers as readonly number[]).includes(n))) {
        expect(await entriesUnder(database, gone)).toBe(0);
      }
    }
  });
});

describe("the first use", () => {
  test("reads only, when nothing has changed", async () => {
    const database = new TestDatabase();
    await (await database.store(Both)).insertMany(people(3));
    const engine = database.engine;
    const before = await rowsOf(engine);
    await database.reopened().store(Both);
    expect(await rowsOf(engine)).toEqual(before);
  });

  test("that fails is tried again by the next operation", async () => {
    const engine = new FaultyEngine();
    const database = new TestDatabase(engine);
    const store = new CollectionStore(database.catalog, Named.definition);
    engine.faults.push(io());
    await expect(store.ready()).rejects.toBeInstanceOf(StorageError);
    await store.ready();
    expect(store.ready()).toBeUndefined();
    expect(store.layout().number).toBe(1);
  });

  test("of another definition while the first is in use is refused", async () => {
    const database = new TestDatabase();
    await database.store(Plain);
    await expect(database.store(Named)).rejects.toMatchObject({
      _tag: "SchemaMismatch",
      collection: "people",
    });
    expect(await database.reopened().store(Named)).toBeDefined();
  });

  test("of a definition that does not fit changes nothing and names the field", async () => {
    const database = new TestDatabase();
    const stored = await (await database.store(Named)).insert({ name: "Ada", age: 36 });
    const before = await rowsOf(database.engine);
    const narrower = collection("people", z.object({ name: z.string() }));
    const reopened = database.reopened();
    await expect(reopened.store(narrower)).rejects.toThrow(/"age" is stored/);
    await expect(reopened.store(narrower)).rejects.toBeInstanceOf(SchemaMismatch);
    expect(await rowsOf(database.engine)).toEqual(before);
    expect(await (await reopened.store(Named)).get(stored.id)).toEqual(stored);
  });
});

describe("a new index", () => {
  test("is built from the documents that are there, in batches", async () => {
    const database = new TestDatabase();
    await (await database.store(Plain)).insertMany(people(1100));
    const reopened = database.reopened();
    const store = await reopened.store(Both);
    expect(await entriesUnder(reopened, 1)).toBe(1100);
    expect(await entriesUnder(reopened, 2)).toBe(1100);
    expect((await rowOf(reopened)).indexes.map((index) => index.state)).toEqual(["ready", "ready"]);
    expect(await store.verify()).toEqual([]);
  });

  test("whose building was cut short is built anew by the next first use", async () => {
    for (const failingCommit of [1, 2]) {
      const engine = new FaultyEngine();
      const database = new TestDatabase(engine);
      await (await database.store(Named)).insertMany(people(1100));
      for (let i = 0; i < failingCommit; i++) engine.faults.push(undefined);
      // Twice: waiting for the build tries it again.
      engine.faults.push(io(), io());
      const crashed = database.reopened();
      await expect(crashed.store(Both)).rejects.toBeInstanceOf(StorageError);
      expect((await rowOf(crashed)).indexes.map((index) => index.state)).toEqual([
        "ready",
        "building",
      ]);
      engine.faults.length = 0;
      // Between the two tries a program that does not know the index changes documents.
      const between = await database.reopened().store(Named);
      expect(await entriesUnder(database, 2)).toBe(0);
      await between.delete("5");
      await between.update("7", { age: undefined });
      const recovered = await database.reopened().store(Both);
      expect(await recovered.verify()).toEqual([]);
      expect(await entriesUnder(database, 3)).toBe(1099);
    }
  });

  test("whose building was cut short goes on where it stopped, unique or not, here and in the next process", async () => {
    for (const unique of [false, true]) {
      const engine = new FaultyEngine();
      const database = new TestDatabase(engine);
      await (await database.store(Plain)).insertMany(people(1100));
      const Aged = collection("people", z.object(fields), {
        indexes: { byAge: { on: ["age"], unique } },
      });
      engine.faults.push(undefined, undefined, io());
      const crashed = database.reopened();
      await expect(crashed.store(Aged)).rejects.toBeInstanceOf(StorageError);
      expect(await entriesUnder(database, 1)).toBe(1000);
      const row = await rowOf(database);
      expect(row.indexes).toMatchObject([{ number: 1, state: "building", pass: 1 }]);
      // Behind the position that was reached nothing is done again: an entry that was taken away is not put back.
      const [entry] = [...(await rowsOf(engine))].find(([key]) => key.startsWith("010201"))!;
      await database.transact((tx) => tx.delete(Uint8Array.from(Buffer.from(entry, "hex"))));
      const store = await (unique ? crashed : database.reopened()).store(Aged);
      expect(await entriesUnder(database, 1)).toBe(1099);
      expect(await store.verify()).toEqual([expect.stringMatching(/lacks the document/) as string]);
    }
  });

  test("that is unique fails where two documents have one key, until they have not", async () => {
    const database = new TestDatabase();
    const plain = await database.store(Plain);
    await plain.insertMany(people(60));
    const Unique = collection("people", z.object(fields), {
      indexes: { byName: { on: ["name"], unique: true } },
    });
    const failing = database.reopened().store(Unique);
    await expect(failing).rejects.toBeInstanceOf(UniqueViolation);
    await expect(failing).rejects.toMatchObject({ index: "byName" });
    const mending = await database.reopened().store(Plain);
    for (let i = 50; i < 60; i++) await mending.update(`${i}`, { name: `other${i}` });
    const store = await database.reopened().store(Unique);
    expect((await store.find({ name: "other50" }))?.id).toBe("50");
    expect(await store.verify()).toEqual([]);
  });

  test("in the place of an old one of its name is built, and the old one is gone", async () => {
    const database = new TestDatabase();
    await (await database.store(Named)).insertMany(people(10));
    const turned = collection("people", z.object(fields), { indexes: { byName: ["-name"] } });
    const reopened = database.reopened();
    const store = await reopened.store(turned);
    expect(await entriesUnder(reopened, 1)).toBe(0);
    expect(await entriesUnder(reopened, 2)).toBe(10);
    expect(await store.verify()).toEqual([]);
  });
});

test("a snapshot from before an index was built is read without it, others with it", async () => {
  const database = new TestDatabase();
  const beforeAll = await database.engine.snapshot();
  await (await database.store(Plain)).insertMany(people(5));
  const beforeIndex = await database.engine.snapshot();
  const { inner } = await database.reopened().store(Named);
  const afterIndex = await database.engine.snapshot();
  for (const view of [beforeAll, beforeIndex, afterIndex]) await inner.requireCompleteIn(view);
  const names = [beforeAll, beforeIndex, afterIndex].map((view) =>
    inner
      .asSeenBy(view)
      .layout()
      .indexes.map(({ name }) => name),
  );
  // Before the collection's beginning there is nothing that an index could lack.
  expect(names).toEqual([["byName"], [], ["byName"]]);
});

describe("a schema that grew", () => {
  const filledFields = {
    ...fields,
    logins: z.number().default(7),
    settings: z.object({ dark: z.boolean() }).prefault({ dark: true }),
  };
  const Filled = collection("people", z.object(filledFields), {
    indexes: {
      ...byName,
      byLogins: ["logins"],
      dark: { on: ["settings.dark"], where: { logins: 7 } },
    },
  });

  test("leaves documents as they are, where they fit", async () => {
    const database = new TestDatabase();
    const [ada] = await (await database.store(Plain)).insertMany([{ name: "Ada" }]);
    const grown = collection("people", z.object({ ...fields, email: z.string().optional() }));
    const store = await database.reopened().store(grown);
    expect(await store.get(ada!.id)).toEqual(ada);
    await store.update(ada!.id, { email: "a@x.org" });
    await expect(database.reopened().store(Plain)).rejects.toThrow(/"email" is stored/);
  });

  test("fills in defaults, and indexes them", async () => {
    const database = new TestDatabase();
    await (await database.store(Named)).insertMany(people(1100));
    const store = await database.reopened().store(Filled);
    expect(await store.get("3")).toEqual({
      id: "3",
      name: "n3",
      age: 3,
      logins: 7,
      settings: { dark: true },
    });
    expect((await store.all()).every((document) => document["logins"] === 7)).toBe(true);
    expect(await store.verify()).toEqual([]);
    expect((await rowOf(database)).documents).toBe("ready");
    expect(await database.reopened().store(Filled)).toBeDefined();
  });

  test("whose filling was cut short is filled by the next first use", async () => {
    const engine = new FaultyEngine();
    const database = new TestDatabase(engine);
    await (await database.store(Named)).insertMany(people(1100));
    engine.faults.push(undefined, undefined, io());
    await expect(database.reopened().store(Filled)).rejects.toBeInstanceOf(StorageError);
    expect((await rowOf(database)).documents).toBe("filling");
    const store = await database.reopened().store(Filled);
    expect((await store.all()).every((document) => document["logins"] === 7)).toBe(true);
    expect(await store.verify()).toEqual([]);
  });
});

describe("a catalog row", () => {
  const fields: Omit<CatalogRow, "past"> = {
    number: 1,
    shape: '{"object":{}}',
    documents: "ready",
    indexes: [{ name: "byName", number: 1, fingerprint: "x", state: "building" }],
    nextIndex: 2,
  };
  const row: CatalogRow = { ...fields, past: [] };
  const evolved: CatalogRow = {
    ...fields,
    past: [{ shape: '{"object":{}}', fills: true }, { shape: '{"object":{"a":"string"}}' }],
    documents: "upgrading",
  };

  test("is a version and JSON", () => {
    const bytes = encodeCatalogRow(row);
    expect(bytes[0]).toBe(1);
    expect(new TextDecoder().decode(bytes.subarray(1))).toBe(JSON.stringify(fields));
    expect(decodeCatalogRow("people", bytes)).toEqual(row);
  });

  test("has another version where the schema has versions before the stored one", () => {
    const bytes = encodeCatalogRow(evolved);
    expect(bytes[0]).toBe(2);
    expect(decodeCatalogRow("people", bytes)).toEqual(evolved);
    for (const [first, source] of [
      [1, evolved],
      [2, row],
      [2, { ...evolved, past: [{ shape: 5 }] }],
      [2, { ...evolved, past: [null] }],
      [2, { ...evolved, past: "x" }],
    ] as const) {
      const bad = Uint8Array.from([first, ...Buffer.from(JSON.stringify(source))]);
      expect(() => decodeCatalogRow("people", bad)).toThrow(CorruptionError);
    }
  });

  test("of a later version is refused as too new, and anything else as damaged", () => {
    const later = encodeCatalogRow(row);
    later[0] = 3;
    expect(() => decodeCatalogRow("people", later)).toThrow(
      expect.objectContaining({ code: "FormatTooNew" }) as Error,
    );
    const text = (json: string) => Uint8Array.from([1, ...Buffer.from(json)]);
    for (const bad of [
      new Uint8Array(0),
      Uint8Array.of(0),
      text("{"),
      text("null"),
      text("{}"),
      text(JSON.stringify({ ...row, number: 0 })),
      text(JSON.stringify({ ...row, nextIndex: 1 })),
      text(JSON.stringify({ ...row, documents: "soon" })),
    ]) {
      expect(() => decodeCatalogRow("people", bad)).toThrow(CorruptionError);
    }
  });
});
