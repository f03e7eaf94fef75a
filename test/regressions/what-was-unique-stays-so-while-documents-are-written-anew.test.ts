/** A unique index is made anew by a step; a key that a document further on has is no free key meanwhile. */
import { collection, open } from "kotobadb";
import { MemoryEngine } from "kotobadb/engine";
import { expect, test } from "vitest";
import { z } from "zod";
import { temporaryFolder } from "../support/temporary-folder.ts";

const V1 = collection("users", z.object({ email: z.string() }), {
  indexes: { byEmail: { on: ["email"], unique: true } },
});
const V2 = V1.evolve(
  z.object({ email: z.string(), age: z.number() }),
  (old) => ({ ...old, age: 1 }),
  {
    indexes: { byEmail: { on: ["email"], unique: true } },
  },
);
/** Too many for the batch that is done at once. */
const ROWS = 3_000;
const rows = Array.from({ length: ROWS }, (_, n) => ({ email: `${n}@x.org` }));
const taken = { email: `${ROWS - 1}@x.org`, age: 2 };
const free = { email: "free@x.org", age: 2 };

async function upgrading() {
  const engine = new MemoryEngine();
  const first = await open({ engine }, { collections: { users: V1 } });
  await first.users.insertMany(rows);
  return open({ engine }, { collections: { users: V2 } });
}

test("a key that a document further on has is refused", async () => {
  const db = await upgrading();
  const refused = { _tag: "UniqueViolation", index: "byEmail" };
  await expect(db.users.insert(taken)).rejects.toMatchObject(refused);
  await db.ready();
  expect(await db.users.count()).toBe(ROWS);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("a change of a document to such a key is refused as well", async () => {
  const db = await upgrading();
  const [first] = await db.users.limit(1).all();
  const change = db.users.update(first!.id, { email: taken.email });
  await expect(change).rejects.toMatchObject({ _tag: "UniqueViolation" });
  await db.ready();
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("a key that no document has is written at once", async () => {
  const db = await upgrading();
  await db.users.insert(free);
  expect((await db.users.where({ email: free.email }).explain()).kind).toBe("scan");
  await expect(db.users.insert(free)).rejects.toMatchObject({ _tag: "UniqueViolation" });
  await db.ready();
  expect(await db.users.find({ email: free.email })).toMatchObject(free);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("a transaction, which cannot wait, is told that the index is not ready", async () => {
  const db = await upgrading();
  await db.users.limit(1).all();
  const inside = db.transaction((tx) => tx.users.insert(taken));
  await expect(inside).rejects.toMatchObject({ _tag: "IndexNotReady", index: "byEmail" });
  await db.ready();
  const later = db.transaction((tx) => tx.users.insert(taken));
  await expect(later).rejects.toMatchObject({ _tag: "UniqueViolation" });
});

test("whoever goes on with what another process has begun knows no keys, and waits", async () => {
  await using folder = await temporaryFolder();
  {
    await using db = await open(folder.path, { collections: { users: V1 } });
    await db.users.insertMany(rows);
  }
  {
    await using db = await open(folder.path, { collections: { users: V2 } });
    expect((await db.users.where({ email: "" }).explain()).kind).toBe("scan");
  }
  await using db = await open(folder.path, { collections: { users: V2 } });
  await expect(db.users.insert(taken)).rejects.toMatchObject({ _tag: "UniqueViolation" });
  await db.users.insert(free);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("a default that is new while documents are written anew leaves nothing unfinished", async () => {
  const Rated = V1.evolve(
    z.object({ email: z.string(), age: z.number(), rank: z.number().default(5) }),
    (old) => ({ ...old, age: 1 }),
    { indexes: { byEmail: { on: ["email"], unique: true }, byRank: ["rank"] } },
  );
  await using folder = await temporaryFolder();
  {
    await using db = await open(folder.path, { collections: { users: V1 } });
    await db.users.insertMany(rows);
  }
  {
    await using db = await open(folder.path, { collections: { users: V2 } });
    await db.users.insert(free);
  }
  await using db = await open(folder.path, { collections: { users: Rated } });
  await expect(db.users.insert(taken)).rejects.toMatchObject({ _tag: "UniqueViolation" });
  await db.ready();
  expect(await db.users.where({ rank: 5 }).count()).toBe(ROWS + 1);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});
