/** The database as its user sees it, in memory and on the disk: one suite for both. */
import {
  Closed,
  collection,
  DatabaseLocked,
  inc,
  InvalidDefinition,
  InvalidQuery,
  NestedTransaction,
  NotFound,
  open,
  push,
  ReadOnlyTransaction,
  SchemaMismatch,
  TransactionClosed,
  UniqueViolation,
  ValidationError,
} from "kotobadb";
import type { Db } from "kotobadb";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { here, isElsewhere } from "../support/elsewhere.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const Users = collection(
  "users",
  z.object({
    email: z.email(),
    name: z.string().min(1),
    age: z.number().int().optional(),
    tags: z.array(z.string()).default([]),
    address: z.object({ city: z.string(), zip: z.number() }),
    logins: z.number().default(0),
  }),
  {
    indexes: {
      byEmail: { on: ["email"], unique: true },
      byCity: ["address.city", "-age"],
      byTag: ["tags[]"],
      grown: { on: ["name"], where: { age: { gte: 18 } } },
    },
  },
);
const collections = { users: Users };
type Database = Db<typeof collections>;
const ada = { email: "ada@x.org", name: "Ada", address: { city: "Oslo", zip: 150 } };
const bob = { email: "bob@x.org", name: "Bob", age: 20, address: { city: "Rome", zip: 1 } };

/** Runs the body on a database in memory, and on one on the disk; or elsewhere. */
function everywhere(name: string, body: (db: Database) => Promise<void>): void {
  describe(name, () => {
    test(isElsewhere() ? "elsewhere" : "in memory", async () => {
      await using db = await open(here(":memory:"), { collections, fullScan: "allow" });
      await body(db);
    });
    test.skipIf(isElsewhere())("on the disk", async () => {
      await using folder = await temporaryFolder();
      await using db = await open(folder.path, { collections, fullScan: "allow" });
      await body(db);
    });
  });
}

async function failure(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

everywhere("documents come back as the schema makes them, with a ULID", async ({ users }) => {
  const stored = await users.insert(ada);
  expect(stored).toEqual({ ...ada, id: stored.id, tags: [], logins: 0 });
  expect(stored.id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
  expect(await users.get(stored.id)).toEqual(stored);
  expect(await users.getMany([stored.id, "nobody" as typeof stored.id])).toEqual([
    stored,
    undefined,
  ]);
  expect(await users.find({ email: "ada@x.org" })).toEqual(stored);
});

everywhere(
  "updates by patch, by function, by inc and push keep indexes true",
  async ({ users }) => {
    const { id } = await users.insert(ada);
    await users.update(id, {
      logins: inc(),
      tags: push("math"),
      address: { city: "Bergen", zip: 5 },
    });
    await users.update(id, (user) => ({ age: (user.age ?? 35) + 1 }));
    const found = await users.where({ address: { city: "Bergen" }, tags: { has: "math" } }).all();
    expect(found).toEqual([
      { ...ada, id, age: 36, logins: 1, tags: ["math"], address: { city: "Bergen", zip: 5 } },
    ]);
    expect(await users.where({ address: { city: "Oslo" } }).count()).toBe(0);
    expect((await users.update(id, { age: undefined })).age).toBeUndefined();
  },
);

everywhere("replace, upsert and delete do what they say", async ({ users }) => {
  const where = { email: "bob@x.org" };
  const made = await users.upsert(where, { create: bob, update: { logins: inc() } });
  const again = await users.upsert(where, { create: bob, update: { logins: inc(4) } });
  expect([made.logins, again.logins, again.id]).toEqual([0, 4, made.id]);
  const replaced = await users.replace(made.id, ada);
  expect([replaced.id, replaced.email]).toEqual([made.id, "ada@x.org"]);
  expect(await users.find(where)).toBeUndefined();
  expect([await users.delete(made.id), await users.delete(made.id)]).toEqual([true, false]);
  expect(await users.count()).toBe(0);
});

everywhere("a taken unique key names the index and the document that has it", async ({ users }) => {
  const first = await users.insert(ada);
  const error = await failure(() => users.insert({ ...bob, email: ada.email }));
  expect(error).toBeInstanceOf(UniqueViolation);
  expect(error).toMatchObject({ index: "byEmail", existingId: first.id, collection: "users" });
  const batch = await failure(() => users.insertMany([bob, { ...bob, name: "Bob too" }]));
  expect(batch).toMatchObject({ _tag: "UniqueViolation", index: "byEmail" });
  expect(await users.count()).toBe(1);
});

everywhere("of ten inserts of one key at once, one wins", async ({ users }) => {
  const results = await Promise.allSettled(
    Array.from({ length: 10 }, (_, n) => users.insert({ ...ada, name: `Ada ${n}` })),
  );
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  expect(
    results.filter(
      (result) => result.status === "rejected" && result.reason instanceof UniqueViolation,
    ),
  ).toHaveLength(9);
});

everywhere("a document that does not fit names its fields", async ({ users }) => {
  const wrong = { ...ada, email: "no", address: { city: 3, zip: Number.NaN } };
  const error = await failure(() => users.insert(wrong as never));
  expect(error).toBeInstanceOf(ValidationError);
  const paths = (error as ValidationError).issues.map((issue) => issue.path.join("."));
  expect(paths).toEqual(expect.arrayContaining(["email", "address.city", "address.zip"]));
  expect(await users.count()).toBe(0);
});

everywhere(
  "a wrong filter is an error before any reading, never a wider result",
  async ({ users }) => {
    await users.insert(ada);
    const wrong: object[] = [
      { agee: 5 },
      { age: undefined },
      { age: "x" },
      { age: { gt: undefined } },
      { age: { greater: 3 } },
      { address: { cityy: "Oslo" } },
      { AND: [{ nope: 1 }] },
    ];
    for (const filter of wrong) {
      expect(await failure(() => users.where(filter as never).all())).toBeInstanceOf(InvalidQuery);
      expect(await failure(() => users.where(filter as never).count())).toBeInstanceOf(
        InvalidQuery,
      );
    }
  },
);

everywhere(
  "a missing document is undefined, or NotFound where it must be there",
  async ({ users }) => {
    const { id } = await users.insert(ada);
    await users.delete(id);
    expect(await users.get(id)).toBeUndefined();
    expect(await failure(() => users.getOrThrow(id))).toBeInstanceOf(NotFound);
    expect(await failure(() => users.update(id, { name: "x" }))).toBeInstanceOf(NotFound);
    expect(await failure(() => users.where({ name: "Ada" }).one())).toBeInstanceOf(NotFound);
  },
);

everywhere("transactions are whole, see their own writes and run again", async (db) => {
  const { id } = await db.users.insert(ada);
  const broken = failure(() =>
    db.transaction(async (tx) => {
      await tx.users.insert(bob);
      expect(await tx.users.count()).toBe(2);
      throw new Error("changed my mind");
    }),
  );
  expect(await broken).toMatchObject({ message: "changed my mind" });
  expect(await db.users.count()).toBe(1);
  await Promise.all(
    Array.from({ length: 30 }, () =>
      db.transaction(async (tx) => {
        const { logins } = await tx.users.getOrThrow(id);
        await tx.users.update(id, { logins: logins + 1 });
      }),
    ),
  );
  expect((await db.users.getOrThrow(id)).logins).toBe(30);
});

everywhere("misuse of a transaction is refused in words", async (db) => {
  let leaked: Database["users"] | undefined;
  await db.transaction(async (tx) => {
    leaked = tx.users;
    await tx.users.insert(ada);
  });
  expect(await failure(() => leaked!.insert(bob))).toBeInstanceOf(TransactionClosed);
  const nested = () => db.transaction(async () => await db.transaction(async () => 1));
  expect(await failure(nested)).toBeInstanceOf(NestedTransaction);
  const readOnly = () => db.transaction((tx) => tx.users.insert(bob), { readOnly: true });
  expect(await failure(readOnly)).toBeInstanceOf(ReadOnlyTransaction);
  expect(await db.users.count()).toBe(1);
});

everywhere("a collection may be used for the first time inside a transaction", async (db) => {
  const fresh = z.object({ n: z.number() });
  await db.transaction(async (tx) => {
    await tx.users.insert(ada);
    await tx.collection(db.collection("fresh", fresh)).insert({ n: 1 });
  });
  expect(await db.collection("fresh", fresh).count()).toBe(1);
  expect(await db.users.count()).toBe(1);
});

everywhere("a snapshot keeps its state, and refuses writes", async (db) => {
  const { id } = await db.users.insert(ada);
  {
    using snapshot = db.snapshot();
    expect((await snapshot.users.get(id))?.name).toBe("Ada");
    await db.users.update(id, { name: "Ada L." });
    expect((await snapshot.users.get(id))?.name).toBe("Ada");
    expect(await snapshot.users.where({ name: "Ada" }).count()).toBe(1);
    expect(await failure(() => snapshot.users.insert(bob))).toBeInstanceOf(ReadOnlyTransaction);
  }
  expect((await db.users.get(id))?.name).toBe("Ada L.");
});

everywhere("a stream gives every row of one state, and may be left early", async (db) => {
  const many = Array.from({ length: 700 }, (_, n) => ({ ...bob, email: `u${n}@x.org`, age: n }));
  await db.users.insertMany(many);
  const ages: (number | undefined)[] = [];
  for await (const user of db.users
    .where({ address: { city: "Rome" } })
    .orderBy("age")
    .stream()) {
    if (ages.length === 3) await db.users.insert({ ...ada, age: 1 });
    ages.push(user.age);
  }
  expect(ages).toEqual(many.map(({ age }) => age));
  for await (const user of db.users.stream()) {
    expect(user.id).toBeDefined();
    break;
  }
});

everywhere("a collection opened by name is the same collection", async (db) => {
  const notes = db.collection("notes", z.object({ text: z.string(), at: z.date() }), {
    indexes: { byAt: ["at"] },
  });
  const at = new Date(1_000);
  const { id } = await notes.insert({ text: "x", at });
  const seen = await db.transaction(async (tx) => (await tx.collection(notes).get(id))?.at);
  expect(seen).toEqual(at);
  expect((await notes.index("byAt").gte(new Date(0)).all()).map((note) => note.text)).toEqual([
    "x",
  ]);
  const other = () => db.collection("notes", z.object({ text: z.number() }));
  expect(await failure(other)).toBeInstanceOf(InvalidDefinition);
});

test("what a body works with can be taken out of its transaction, and a collection is one handle", async () => {
  const Notes = collection("notes", z.object({ text: z.string() }));
  await using db = await open(here(":memory:"), { collections: { notes: Notes } });
  const told: unknown[] = [];
  await db.transaction(async (tx) => {
    // oxlint-disable-next-line typescript/unbound-method -- what is taken out is a function of its own
    const { attempt, collection: bind, notes, onCommit } = tx;
    expect(tx.notes).toBe(notes);
    expect("notes" in tx).toBe(true);
    onCommit(() => told.push(attempt));
    await bind(db.notes).insert({ text: "bound" });
    expect(await notes.count()).toBe(1);
  });
  expect(told).toEqual([1]);
  expect(await db.notes.count()).toBe(1);
});

test("a closed database says so, and closing twice is fine", async () => {
  const db = await open(here(":memory:"), { collections });
  await db.users.insert(ada);
  await db.close();
  await db.close();
  expect(await failure(() => db.users.count())).toBeInstanceOf(Closed);
  expect(await failure(() => db.users.insert(bob))).toBeInstanceOf(Closed);
  expect(await failure(() => db.transaction((tx) => tx.users.count()))).toBeInstanceOf(Closed);
});

test.skipIf(isElsewhere())("everything is there after closing and opening again", async () => {
  await using folder = await temporaryFolder();
  const written = await (async () => {
    await using db = await open(folder.path, { collections });
    return await db.users.insertMany([ada, bob]);
  })();
  await using db = await open(folder.path, { collections });
  expect(await db.users.all()).toEqual(written);
  expect(await db.users.find({ email: bob.email })).toEqual(written[1]);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test.skipIf(isElsewhere())(
  "a database that is open is refused a second time, naming the holder",
  async () => {
    await using folder = await temporaryFolder();
    await using first = await open(folder.path);
    const error = await failure(() => open(folder.path));
    expect(first).toBeDefined();
    expect(error).toBeInstanceOf(DatabaseLocked);
    expect((error as DatabaseLocked).holder).toContain(String(process.pid));
  },
);

test.skipIf(isElsewhere())(
  "a stored collection of another shape is refused, and nothing is changed",
  async () => {
    await using folder = await temporaryFolder();
    {
      await using db = await open(folder.path, { collections });
      await db.users.insert(ada);
    }
    {
      const Other = collection("users", z.object({ email: z.number() }));
      await using db = await open(folder.path, { collections: { users: Other } });
      expect(await failure(() => db.users.count())).toBeInstanceOf(SchemaMismatch);
    }
    await using db = await open(folder.path, { collections });
    expect(await db.users.count()).toBe(1);
  },
);
