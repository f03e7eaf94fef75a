import { expect, test } from "vitest";
import { z } from "zod";
import { CorruptionError } from "../../src/engine/contract/index.ts";
import { collection } from "../../src/collections/index.ts";
import { TestDatabase } from "./test-database.ts";

const Users = collection("users", z.object({ email: z.string(), tags: z.array(z.string()) }), {
  indexes: { byEmail: { on: ["email"], unique: true }, byTag: ["tags[]"] },
});
const key = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
/** Entries of ada: byEmail 01 02 01 "a", byTag 01 02 02 "x" and "y". */
const EMAIL = "010201506100";
const TAG_X = "0102025078001161";
const DOCUMENT = "01001161";

async function damaged(
  change: (tx: { put(k: Uint8Array, v: Uint8Array): void; delete(k: Uint8Array): void }) => void,
) {
  const store = await new TestDatabase().store(Users);
  await store.insertMany([
    { id: "a", email: "a", tags: ["x", "y"] },
    { id: "b", email: "b", tags: [] },
  ]);
  expect(await store.verify()).toEqual([]);
  await store.database.transact((tx) => change(tx));
  return await store.verify();
}

test("a lost entry is found", async () => {
  expect(await damaged((tx) => tx.delete(key(TAG_X)))).toEqual([
    'users: the index "byTag" lacks the document "a"',
  ]);
});

test("an entry of a document that does not exist is found", async () => {
  expect(await damaged((tx) => tx.delete(key(DOCUMENT)))).toEqual([
    'users: the index "byEmail" refers to "a", which does not exist',
    'users: the index "byTag" refers to "a", which does not exist',
  ]);
});

test("an entry that its document does not give is found", async () => {
  expect(await damaged((tx) => tx.put(key("010202507a001161"), key("0401001161")))).toEqual([
    'users: the index "byTag" has an entry that "a" does not give',
  ]);
});

test("an entry of another document in a unique key is found", async () => {
  expect(await damaged((tx) => tx.put(key(EMAIL), key("0401001162")))).toEqual([
    'users: the index "byEmail" has another entry in the place of "a"',
    'users: the index "byEmail" has an entry that "b" does not give',
  ]);
});

test("what cannot be read is found, and the rest is still looked at", async () => {
  const problems = await damaged((tx) => {
    tx.put(key(DOCUMENT), key("45"));
    tx.put(key("010202507a001162"), key("ff"));
  });
  expect(problems.filter((problem) => problem.includes("damaged")).length).toBeGreaterThanOrEqual(
    3,
  );
  expect(problems.every((problem) => problem.startsWith("users: "))).toBe(true);
});

test("damaged places of the storage are named, and what lies outside of them is compared", async () => {
  const store = await new TestDatabase().store(Users);
  await store.insertMany([
    { id: "a", email: "a", tags: ["x"] },
    { id: "b", email: "b", tags: [] },
  ]);
  await store.database.transact((tx) => tx.delete(key("010201506200")));
  const damage = new CorruptionError({ file: "t.sst", offset: 7, expected: "a", found: "b" });
  const problems = await store.database.read(async (view) => {
    const damagedView = Object.create(view) as typeof view;
    const fails = (of: Uint8Array): boolean => Buffer.from(of).toString("hex") === EMAIL;
    damagedView.get = (of) => {
      if (fails(of)) throw damage;
      return view.get(of);
    };
    damagedView.presume = () => false;
    damagedView.getMany = (keys) => {
      if (keys.some(fails)) throw damage;
      return view.getMany(keys);
    };
    damagedView.scan = (range, options) => {
      const scan = view.scan(range, options);
      if (!Buffer.from(range.start).equals(key("010202"))) return scan;
      return { next: () => Promise.reject(damage), close: () => scan.close() };
    };
    return await store.inner.verify(damagedView);
  });
  expect(problems).toEqual([
    `users: ${damage.message}`,
    'users: the index "byEmail" lacks the document "b"',
  ]);
});
