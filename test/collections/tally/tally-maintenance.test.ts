/** Cells as they are stored: built for documents that are there, dropped, checked, and refused where they cannot be. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  ValidationError,
  collection,
  verifyStored,
  storedCollections,
} from "../../../src/collections/index.ts";
import { TestDatabase, rowsOf } from "../test-database.ts";
import type { TestStore } from "../test-database.ts";

const schema = z.object({
  role: z.string(),
  amount: z.number().optional(),
  big: z.bigint().default(0n),
});
const Plain = collection("rows", schema);
const Counted = collection("rows", schema, {
  indexes: {
    byRole: ["role"],
    perRole: { count: true, by: ["role"] },
    spent: { sum: "amount" },
  },
});
const key = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
const cell = (value: bigint): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, value);
  return bytes;
};
/** The rows of the indexes by their keys, without those that hold entries. */
async function cellsOf(database: TestDatabase, index: number): Promise<[string, bigint][]> {
  const prefix = `0102${index.toString(16).padStart(2, "0")}`;
  return [...(await rowsOf(database.engine))]
    .filter(([rowKey]) => rowKey.startsWith(prefix))
    .map(([rowKey, value]) => [
      rowKey.slice(prefix.length),
      BigInt.asIntN(64, BigInt(`0x${value}`)),
    ]);
}
const roles = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ role: `r${i % 3}`, ...(i % 4 ? { amount: i } : {}) }));

describe("cells", () => {
  test("are built for documents that are there, in batches, and go with their index", async () => {
    let database = new TestDatabase();
    await (await database.store(Plain)).insertMany(roles(1_100));
    database = database.reopened();
    const store = await database.store(Counted);
    expect(await store.verify()).toEqual([]);
    // Two parts, then the cell: 00 counts documents.
    const count = (role: string) => `50${Buffer.from(role).toString("hex")}0000`;
    expect(await cellsOf(database, 2)).toEqual([
      [count("r0"), 367n],
      [count("r1"), 367n],
      [count("r2"), 366n],
    ]);
    const sum = roles(1_100).reduce((all, { amount = 0 }) => all + amount, 0);
    expect(await cellsOf(database, 3)).toEqual([
      ["00", 1_100n],
      ["01", 275n],
      ["32", BigInt(sum)],
    ]);
    database = database.reopened();
    await (await database.store(Plain)).insert({ role: "r9" });
    expect(await cellsOf(database, 2)).toEqual([]);
    expect(await cellsOf(database, 3)).toEqual([]);
    database = database.reopened();
    // Numbers are not given again, and what was written meanwhile is counted.
    expect(await (await database.store(Counted)).verify()).toEqual([]);
    expect((await cellsOf(database, 6))[0]).toEqual(["00", 1_101n]);
  });

  test("are built anew where what they count is declared otherwise, and kept where it is not", async () => {
    let database = new TestDatabase();
    await (await database.store(Counted)).insertMany(roles(10));
    const before = await rowsOf(database.engine);
    database = database.reopened();
    await database.store(Counted);
    expect(await rowsOf(database.engine)).toEqual(before);
    database = database.reopened();
    const Changed = collection("rows", schema, {
      indexes: {
        byRole: ["role"],
        perRole: { count: true, by: ["role"], where: { amount: { gt: 5 } } },
      },
    });
    expect(await (await database.store(Changed)).verify()).toEqual([]);
    expect(await cellsOf(database, 2)).toEqual([]);
    expect((await cellsOf(database, 4)).map(([, count]) => count)).toEqual([2n, 1n]);
  });

  test("are changed by a write that fills in a default while others are built", async () => {
    let database = new TestDatabase();
    await (await database.store(Counted)).insertMany(roles(5));
    database = database.reopened();
    const Filled = collection(
      "rows",
      z.object({ ...schema.shape, points: z.number().default(2.5) }),
      {
        indexes: { points: { sum: "points" }, perPoints: { count: true, by: ["points"] } },
      },
    );
    expect(await (await database.store(Filled)).verify()).toEqual([]);
    expect((await cellsOf(database, 4)).map(([of, amount]) => [of, amount])).toEqual([
      ["00", 5n],
      ["31", 5n * 0x8000_0000n],
      ["32", 10n],
    ]);
  });

  test("that came back to 0 stay, and mean the same as none", async () => {
    const database = new TestDatabase();
    const store = await database.store(Counted);
    const { id } = await store.insert({ role: "a", amount: 5 });
    await store.delete(id);
    expect((await cellsOf(database, 2)).map(([, count]) => count)).toEqual([0n]);
    expect(await store.verify()).toEqual([]);
    await database.transact((tx) => tx.delete(key("01020250610000")));
    expect(await store.verify()).toEqual([]);
  });
});

describe("a write that is refused changes no cell", () => {
  test("and says the index and the field", async () => {
    const database = new TestDatabase();
    const store = await database.store(
      collection("rows", schema, { indexes: { bigs: { sum: "big" } } }),
    );
    await store.insert({ role: "a", big: 2n ** 1_024n - 1n });
    const error = await store
      .insert({ role: "a", big: -(2n ** 1_024n) })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ValidationError);
    expect((error as Error).message).toContain('big: the index "bigs" sums bigints below 2^1024');
    expect((await cellsOf(database, 1))[0]).toEqual(["00", 1n]);
    expect(await store.verify()).toEqual([]);
  });

  test("where a unique key is taken, with all of its call", async () => {
    const store = await new TestDatabase().store(
      collection("rows", schema, {
        indexes: { one: { on: ["role"], unique: true }, all: { count: true } },
      }),
    );
    await store.insert({ role: "a" });
    await expect(store.insertMany([{ role: "b" }, { role: "a" }])).rejects.toThrow();
    expect(await cellsOf(store.database, 2)).toEqual([["00", 1n]]);
  });

  test("where its group would be too long for a key", async () => {
    const store = await new TestDatabase().store(
      collection("rows", schema, { indexes: { per: { count: true, by: ["role"] } } }),
    );
    await store.insert({ role: "a" });
    await store.database.transact(async (tx) => {
      await store.inner.insert(tx, { role: "b" });
      // Caught: what was written before is committed, and nothing of this one.
      const large = async () => await store.inner.insert(tx, { role: "x".repeat(4_096) });
      await expect(large()).rejects.toMatchObject({ code: "KeyTooLarge" });
    });
    expect((await cellsOf(store.database, 1)).map(([, count]) => count)).toEqual([1n, 1n]);
    expect(await store.verify()).toEqual([]);
  });

  test("where what it is grouped by has no place in a key", async () => {
    const store = await new TestDatabase().store(
      collection("rows", z.looseObject({}), {
        indexes: { per: { count: true, by: ["any"] } },
      } as object),
    );
    await store.insert({ any: "x" });
    await expect(store.insert({ any: { deep: 1 } })).rejects.toThrow(
      /any: the index "per" groups by strings, numbers/,
    );
    expect((await store.verify()).length).toBe(0);
  });
});

describe("verify finds", () => {
  async function damaged(
    change: (tx: Parameters<Parameters<TestDatabase["transact"]>[0]>[0]) => void,
  ) {
    const store: TestStore = await new TestDatabase().store(Counted);
    await store.insertMany([{ role: "a", amount: 2.5 }, { role: "a" }, { role: "b", amount: -7 }]);
    expect(await store.verify()).toEqual([]);
    await store.database.transact((tx) => change(tx));
    const stored = await store.database.read(async (view) => {
      const [rows] = await storedCollections(view);
      return (await verifyStored(rows!, view)).problems;
    });
    return { typed: await store.verify(), stored };
  }
  const COUNT_OF_A = "01020250610000";

  test("a wrong count", async () => {
    const { typed, stored } = await damaged((tx) => tx.put(key(COUNT_OF_A), cell(3n)));
    expect(typed).toEqual([
      'rows: the index "perRole" holds 3 for the count of role = "a", its documents give 2',
    ]);
    expect(stored).toEqual([]);
  });

  test("a lost count, and a lost part of a sum", async () => {
    const { typed } = await damaged((tx) => {
      tx.delete(key(COUNT_OF_A));
      tx.delete(key("01020331"));
      tx.put(key("01020301"), cell(5n));
    });
    expect(typed).toEqual([
      'rows: the index "perRole" holds nothing for the count of role = "a", its documents give 2',
      'rows: the index "spent" holds 5 for the count without a number of all, its documents give 1',
      'rows: the index "spent" holds nothing for part 31 of the sum of all, its documents give 2147483648',
    ]);
  });

  test("a count of documents that are not there", async () => {
    const { typed } = await damaged((tx) => tx.put(key("01020250780000"), cell(1n)));
    expect(typed).toEqual([
      'rows: the index "perRole" holds 1 for the count of role = "x", its documents give 0',
    ]);
  });

  test("the key of no cell", async () => {
    const { typed } = await damaged((tx) => tx.put(key("01020250610001"), cell(1n)));
    expect(typed[0]).toMatch(
      /^rows: cell 01020250610001 of the index "perRole": .*the key of a cell/,
    );
  });

  test("what is no cell, also without the schema", async () => {
    const { typed, stored } = await damaged((tx) => tx.put(key(COUNT_OF_A), key("07")));
    expect(typed[0]).toMatch(
      /^rows: cell 01020250610000 of the index "perRole": .*a signed integer of 8 bytes/,
    );
    expect(stored).toHaveLength(1);
    expect(stored[0]).toContain('of "perRole": expected a signed integer of 8 bytes');
  });

  test("nothing where a document cannot be read: there is nothing to hold the cells against", async () => {
    const store: TestStore = await new TestDatabase().store(Counted);
    await store.insert({ role: "a" });
    await store.database.transact((tx) => tx.put(key("01001161"), key("45")));
    const problems = await store.verify();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^rows: document 01001161: /);
  });
});
