import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  InvalidQuery,
  NotFound,
  UniqueViolation,
  ValidationError,
  collection,
  inc,
  push,
} from "../../src/collections/index.ts";
import { prefixRange } from "../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import { isElsewhere } from "../support/elsewhere.ts";
import { TestDatabase, rowsOf } from "./test-database.ts";

const Users = collection(
  "users",
  z.object({
    email: z.string(),
    name: z.string(),
    age: z.number().optional(),
    role: z.enum(["admin", "member"]).default("member"),
    tags: z.array(z.string()).default([]),
    address: z.object({ city: z.string(), zip: z.number() }).optional(),
    logins: z.number().default(0),
    credit: z.bigint().optional(),
  }),
  {
    indexes: {
      byEmail: { on: ["email"], unique: true },
      byTag: ["tags[]"],
      byPlace: { on: ["address.city", "address.zip"], unique: true },
      byAge: { on: ["-age"], include: ["name", "role"] },
    },
  },
);
const ada = { email: "ada@x.org", name: "Ada" };
const bob = { email: "bob@x.org", name: "Bob" };

async function users() {
  return await new TestDatabase().store(Users);
}

describe("inserting", () => {
  test("gives the document back with its id and defaults, and get() gives the same", async () => {
    const store = await users();
    const inserted = await store.insert(ada);
    expect(inserted).toEqual({
      ...ada,
      id: expect.any(String),
      role: "member",
      tags: [],
      logins: 0,
    });
    expect(await store.get(inserted.id)).toEqual(inserted);
    expect(Object.keys((await store.get(inserted.id))!)).toEqual(Object.keys(inserted));
  });

  test("keeps the caller's own id, and refuses it the second time", async () => {
    const store = await users();
    expect((await store.insert({ ...ada, id: "ada" })).id).toBe("ada");
    const second = store.insert({ ...bob, id: "ada" });
    await expect(second).rejects.toMatchObject({
      _tag: "UniqueViolation",
      collection: "users",
      index: "id",
      existingId: "ada",
    });
    expect((await store.get("ada"))?.["name"]).toBe("Ada");
    expect(await store.all()).toHaveLength(1);
  });

  test("refuses a key that another document has, naming index and holder", async () => {
    const store = await users();
    const first = await store.insert(ada);
    await expect(store.insert({ ...bob, email: ada.email })).rejects.toMatchObject({
      _tag: "UniqueViolation",
      index: "byEmail",
      existingId: first.id,
    });
    expect(await store.all()).toEqual([first]);
  });

  test("refuses ids that cannot be stored", async () => {
    const store = await users();
    for (const id of ["", "x".repeat(257), "é".repeat(129), "\ud800", 7, null]) {
      await expect(store.insert({ ...ada, id })).rejects.toBeInstanceOf(ValidationError);
    }
    expect((await store.insert({ ...ada, id: "é".repeat(128) })).id).toBe("é".repeat(128));
    expect(await store.verify()).toEqual([]);
  });

  test("takes undefined for no id", async () => {
    const store = await users();
    expect((await store.insert({ ...ada, id: undefined })).id).toMatch(/^[0-9A-Z]{26}$/);
  });

  test("does not change what it is given", async () => {
    const store = await users();
    const input = Object.freeze({ ...ada, id: "a", tags: Object.freeze(["x"]) });
    await store.insert(input);
    expect(input).toEqual({ ...ada, id: "a", tags: ["x"] });
  });

  test("a document that does not fit writes nothing", async () => {
    const store = await users();
    const before = await rowsOf(store.database.engine);
    await expect(store.insert({ name: 5 })).rejects.toMatchObject({
      _tag: "ValidationError",
      collection: "users",
    });
    await expect(store.insert(null)).rejects.toBeInstanceOf(ValidationError);
    expect(await rowsOf(store.database.engine)).toEqual(before);
  });

  test("many are inserted in order, all or none", async () => {
    const store = await users();
    const inserted = await store.insertMany([ada, bob]);
    expect(inserted.map((document) => document["name"])).toEqual(["Ada", "Bob"]);
    expect(inserted[0]!.id < inserted[1]!.id).toBe(true);
    const carl = { email: "carl@x.org", name: "Carl" };
    await expect(store.insertMany([carl, { ...carl, name: "Carl 2" }])).rejects.toMatchObject({
      _tag: "UniqueViolation",
      index: "byEmail",
    });
    await expect(store.insertMany([carl, { ...ada }])).rejects.toMatchObject({
      existingId: inserted[0]!.id,
    });
    await expect(store.insertMany([carl, { name: 7 }])).rejects.toBeInstanceOf(ValidationError);
    expect(await store.all()).toEqual(inserted);
    expect(await store.insertMany([])).toEqual([]);
  });
});

describe("inside of one transaction", () => {
  test("a caught UniqueViolation leaves nothing of its document", async () => {
    const store = await users();
    await store.database.transact(async (tx) => {
      const first = await store.inner.insert(tx, ada);
      const again = async () => await store.inner.insert(tx, { ...bob, email: ada.email });
      await expect(again()).rejects.toThrow(UniqueViolation);
      const many = async () =>
        await store.inner.insertMany(tx, [bob, { ...bob, email: ada.email }]);
      await expect(many()).rejects.toMatchObject({ existingId: first.id });
    });
    expect((await store.all()).map((document) => document["name"])).toEqual(["Ada"]);
    expect(await store.verify()).toEqual([]);
  });

  test("a caught error about too large a key leaves nothing of its document", async () => {
    const store = await users();
    await store.database.transact(async (tx) => {
      await store.inner.insert(tx, ada);
      const large = async () => await store.inner.insert(tx, { ...bob, tags: ["x".repeat(5000)] });
      await expect(large()).rejects.toMatchObject({ _tag: "StorageError", code: "KeyTooLarge" });
    });
    expect(await store.all()).toHaveLength(1);
    expect(await store.verify()).toEqual([]);
  });

  test.skipIf(isElsewhere())(
    "a write that failed half-way cannot be committed, even if its error is caught",
    async () => {
      const limits = {
        keyBytes: 4096,
        valueBytes: 100_000,
        transactionBytes: 600,
        transactionMillis: Infinity,
        snapshotMillis: Infinity,
      };
      const store = await new TestDatabase(new MemoryEngine({ limits })).store(
        collection("t", z.object({ a: z.string() }), {
          indexes: { byA: { on: ["a"], include: ["a"] } },
        }),
      );
      const caught = store.database.transact((tx) => {
        expect(() => store.inner.insert(tx, { a: "x".repeat(280) })).toThrow(
          expect.objectContaining({ code: "TransactionTooLarge" }) as Error,
        );
      });
      await expect(caught).rejects.toMatchObject({ code: "TransactionTooLarge" });
      expect(await store.all()).toEqual([]);
    },
  );

  test("a key is free again once its holder is deleted or has moved on", async () => {
    const store = await users();
    const { id } = await store.insert(ada);
    await store.database.transact(async (tx) => {
      await store.inner.delete(tx, id);
      const again = await store.inner.insert(tx, { ...bob, email: ada.email, id });
      await store.inner.update(tx, again.id, { email: "moved@x.org" });
      await store.inner.insert(tx, { ...bob, email: ada.email });
    });
    expect(await store.all()).toHaveLength(2);
    expect(await store.verify()).toEqual([]);
  });

  test("reading first and inserting a taken key is a UniqueViolation, not a conflict without end", async () => {
    const store = await users();
    const { id } = await store.insert(ada);
    const insertion = store.database.transact(async (tx) => {
      const scan = tx.scan(prefixRange(store.inner.layout().indexes[0]!.prefix));
      await scan.next();
      scan.close();
      return await store.inner.insert(tx, { ...bob, email: ada.email });
    });
    await expect(insertion).rejects.toMatchObject({
      _tag: "UniqueViolation",
      existingId: id,
    });
  });

  test("what is written is seen by later reads of the same transaction", async () => {
    const store = await users();
    await store.database.transact(async (tx) => {
      const { id } = await store.inner.insert(tx, ada);
      expect((await store.inner.find(tx, { email: ada.email }))?.id).toBe(id);
      await store.inner.update(tx, id, { email: "new@x.org" });
      expect(await store.inner.find(tx, { email: ada.email })).toBeUndefined();
      expect((await store.inner.get(tx, id))?.["email"]).toBe("new@x.org");
    });
  });
});

describe("reading", () => {
  test("an id that nobody has, or nobody can have, gives undefined", async () => {
    const store = await users();
    expect(await store.get("nobody")).toBeUndefined();
    expect(await store.get("")).toBeUndefined();
    expect(await store.get("\ud800")).toBeUndefined();
    await expect(store.get(undefined as unknown as string)).rejects.toBeInstanceOf(ValidationError);
  });

  test("many ids give documents in their order, with undefined for the missing", async () => {
    const store = await users();
    const [a, b] = await store.insertMany([ada, bob]);
    expect(await store.getMany([b!.id, "x", "", a!.id, b!.id])).toEqual([
      b,
      undefined,
      undefined,
      a,
      b,
    ]);
  });

  test("a unique index finds its one document", async () => {
    const store = await users();
    const oslo = await store.insert({ ...ada, address: { city: "Oslo", zip: 150 } });
    expect(await store.find({ email: "ada@x.org" })).toEqual(oslo);
    expect(await store.find({ "address.zip": 150, "address.city": "Oslo" })).toEqual(oslo);
    expect(await store.find({ id: oslo.id })).toEqual(oslo);
    expect(await store.find({ email: "eve@x.org" })).toBeUndefined();
  });

  test("find takes exactly the fields of a unique index, and no null", async () => {
    const store = await users();
    for (const where of [
      {},
      { name: "Ada" },
      { email: null },
      { email: "a", name: "b" },
      { id: 5 },
    ]) {
      await expect(store.find(where)).rejects.toBeInstanceOf(InvalidQuery);
    }
  });
});

describe("updating", () => {
  test("a patch changes the fields it names and no others", async () => {
    const store = await users();
    const { id } = await store.insert({ ...ada, age: 36, tags: ["a"] });
    const updated = await store.update(id, { name: "Ada L.", age: undefined, role: "admin" });
    expect(updated).toEqual({
      id,
      email: ada.email,
      name: "Ada L.",
      role: "admin",
      tags: ["a"],
      logins: 0,
    });
    expect(await store.get(id)).toEqual(updated);
    expect(await store.verify()).toEqual([]);
  });

  test("inc and push start from nothing where the field is missing", async () => {
    const store = await users();
    const { id } = await store.insert(ada);
    const updated = await store.update(id, {
      logins: inc(),
      age: inc(5),
      credit: inc(7n),
      tags: push("a", "b"),
    });
    expect(updated).toMatchObject({ logins: 1, age: 5, credit: 7n, tags: ["a", "b"] });
    const again = await store.update(id, { logins: inc(-3), credit: inc(), tags: push("c") });
    expect(again).toMatchObject({ logins: -2, credit: 8n, tags: ["a", "b", "c"] });
  });

  test("inc and push on other types are refused", async () => {
    const store = await users();
    const { id } = await store.insert(ada);
    await expect(store.update(id, { name: inc() })).rejects.toBeInstanceOf(ValidationError);
    await expect(store.update(id, { name: push("x") })).rejects.toBeInstanceOf(ValidationError);
    await expect(store.update(id, { logins: inc(1n) })).rejects.toBeInstanceOf(ValidationError);
    await expect(store.update(id, { tags: push(5) })).rejects.toBeInstanceOf(ValidationError);
    await expect(store.update(id, { logins: inc(NaN) })).rejects.toBeInstanceOf(ValidationError);
  });

  test("concurrent increments are all counted", async () => {
    const store = await users();
    const { id } = await store.insert(ada);
    await Promise.all(Array.from({ length: 20 }, () => store.update(id, { logins: inc() })));
    expect((await store.get(id))?.["logins"]).toBe(20);
  });

  test("a function sees the document and gives the patch", async () => {
    const store = await users();
    const { id } = await store.insert({ ...ada, age: 1 });
    await store.update(id, (user) => ({ age: (user["age"] as number) + 1 }));
    expect((await store.get(id))?.["age"]).toBe(2);
    await expect(store.update(id, async () => ({ age: 3 }))).rejects.toBeInstanceOf(
      ValidationError,
    );
  });

  test("the id cannot be changed by a patch or a replacement", async () => {
    const store = await users();
    const { id } = await store.insert(ada);
    await expect(store.update(id, { id: "other" })).rejects.toBeInstanceOf(ValidationError);
    await expect(store.replace(id, { ...ada, id: "other" })).rejects.toBeInstanceOf(
      ValidationError,
    );
    expect((await store.update(id, { id, name: "A" }))["name"]).toBe("A");
    expect((await store.replace(id, { ...ada, id }))["name"]).toBe("Ada");
  });

  test("a patched document must fit the schema", async () => {
    const store = await users();
    const { id } = await store.insert(ada);
    await expect(store.update(id, { name: undefined })).rejects.toBeInstanceOf(ValidationError);
    await expect(store.update(id, { role: "boss" })).rejects.toBeInstanceOf(ValidationError);
    await expect(store.update(id, [] as object)).rejects.toBeInstanceOf(ValidationError);
    expect((await store.get(id))?.["name"]).toBe("Ada");
  });

  test("a replacement keeps nothing of the old document but its id", async () => {
    const store = await users();
    const { id } = await store.insert({ ...ada, age: 36, tags: ["a", "b"] });
    expect(await store.replace(id, bob)).toEqual({
      ...bob,
      id,
      role: "member",
      tags: [],
      logins: 0,
    });
    expect(await store.verify()).toEqual([]);
  });

  test("a document that is not there is NotFound, and deleting it says so", async () => {
    const store = await users();
    await expect(store.update("nobody", {})).rejects.toBeInstanceOf(NotFound);
    await expect(store.replace("nobody", ada)).rejects.toMatchObject({
      _tag: "NotFound",
      id: "nobody",
    });
    expect(await store.delete("nobody")).toBe(false);
    const { id } = await store.insert(ada);
    expect(await store.delete(id)).toBe(true);
    expect(await store.all()).toEqual([]);
    expect(await store.verify()).toEqual([]);
  });

  test("a key that another document has cannot be taken over", async () => {
    const store = await users();
    const [a, b] = await store.insertMany([ada, bob]);
    await expect(store.update(b!.id, { email: ada.email })).rejects.toMatchObject({
      _tag: "UniqueViolation",
      index: "byEmail",
      existingId: a!.id,
    });
    expect(await store.verify()).toEqual([]);
  });
});

describe("callers without types", () => {
  const wrong: Readonly<Record<string, (store: Awaited<ReturnType<typeof users>>) => unknown>> = {
    "get of a number": (store) => store.get(5 as never),
    "delete of a number": (store) => store.delete(5 as never),
    "update of a number": (store) => store.update(5 as never, {}),
    "getMany of a string": (store) => store.getMany("x" as never),
    "getMany of nothing": (store) => store.getMany(undefined as never),
    "insertMany of an object": (store) => store.insertMany({} as never),
    "upsert without values": (store) => store.upsert({ id: "x" }, undefined as never),
    "upsert without a key": (store) => store.upsert(undefined as never, {} as never),
    "find of nothing": (store) => store.find(undefined as never),
    "update with nothing": (store) => store.update("ada", undefined as never),
    "inc of a string": (store) => store.update("ada", { logins: inc("a" as never) }),
  };

  test.skipIf(isElsewhere())(
    "are told what is wrong, in words that name the collection",
    async () => {
      const store = await users();
      await store.insert({ ...ada, id: "ada" });
      const told: string[] = [];
      for (const [name, work] of Object.entries(wrong)) {
        const error: unknown = await Promise.resolve(work(store)).catch(
          (reason: unknown) => reason,
        );
        told.push(`${name}\n  ${(error as Error).name}: ${(error as Error).message}\n`);
      }
      await expect(told.join("")).toMatchFileSnapshot("./golden/wrong-calls.golden.txt");
    },
  );

  test("read a message of bounded length, and find every issue in the error", () => {
    const path = ["a", ..."x".repeat(98).split(""), "z".repeat(200)];
    const issues = Array.from({ length: 50 }, () => ({ path, message: "is wrong" }));
    const error = new ValidationError("users", issues);
    expect(error.issues).toHaveLength(50);
    expect(error.message.length).toBeLessThan(1_500);
    expect(error.message).toContain(`a.x.x.x.x.x.….x.${"z".repeat(64)}… (100 deep): is wrong; `);
    expect(error.message).toContain("; and 40 more)");
  });
});

describe("upsert", () => {
  const values = { create: { ...ada, logins: 1 }, update: { logins: inc() } };

  test("inserts what is not there and updates what is", async () => {
    const store = await users();
    const first = await store.upsert({ email: ada.email }, values);
    const second = await store.upsert({ email: ada.email }, values);
    expect([first["logins"], second["logins"]]).toEqual([1, 2]);
    expect(second.id).toBe(first.id);
  });

  test("by id gives the new document that id", async () => {
    const store = await users();
    expect((await store.upsert({ id: "ada" }, values)).id).toBe("ada");
    expect((await store.upsert({ id: "ada" }, values))["logins"]).toBe(2);
    const other = { ...values, create: { ...bob, id: "x" } };
    await expect(store.upsert({ id: "bob" }, other)).rejects.toBeInstanceOf(ValidationError);
  });

  test("whoever loses the race updates instead of failing", async () => {
    const store = await users();
    await Promise.all(Array.from({ length: 10 }, () => store.upsert({ email: ada.email }, values)));
    expect((await store.all()).map((document) => document["logins"])).toEqual([10]);
  });

  test("a race that is surely lost is run again", async () => {
    const store = await users();
    let runs = 0;
    let letRivalGo = (): void => {};
    const rival = new Promise<void>((resolve) => (letRivalGo = resolve)).then(() =>
      store.insert(ada),
    );
    const result = await store.database.transact(async (tx) => {
      runs++;
      const upserted = await store.inner.upsert(tx, { email: ada.email }, values);
      if (runs === 1) letRivalGo();
      await rival;
      return upserted;
    });
    expect(runs).toBe(2);
    expect(result["logins"]).toBe(1);
    expect(await store.all()).toHaveLength(1);
  });
});
