/** Writes that would slip past their transaction: not awaited, through the database itself, or after the end. */
import {
  collection,
  NestedTransaction,
  open,
  TransactionClosed,
  UnawaitedWork,
  ValidationError,
} from "kotobadb";
import type { Db, Id } from "kotobadb";
import { MemoryEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { promisedEngine } from "../query/promised-engine.ts";
import { engineHere, variantsHere } from "../support/elsewhere.ts";

const Notes = collection("notes", z.object({ text: z.string(), n: z.number().default(0) }), {
  indexes: { byText: { on: ["text"], unique: true } },
});
const collections = { notes: Notes };
type Notebook = Db<typeof collections>;
type Hands = Pick<Notebook, "notes">;
const FIRST = "first" as Id<"notes">;
const note = { text: "new" };

/** Everything that writes, by name. */
const writes: Readonly<Record<string, (on: Hands) => Promise<unknown>>> = {
  insert: ({ notes }) => notes.insert(note),
  insertMany: ({ notes }) => notes.insertMany([note]),
  update: ({ notes }) => notes.update(FIRST, { n: 1 }),
  replace: ({ notes }) => notes.replace(FIRST, note),
  upsert: ({ notes }) => notes.upsert({ text: "first" }, { create: note, update: { n: 1 } }),
  delete: ({ notes }) => notes.delete(FIRST),
  "update by query": ({ notes }) => notes.where({ n: 0 }).update({ n: 1 }),
  "delete by query": ({ notes }) => notes.where({ n: 0 }).delete(),
  import: ({ notes }) => notes.import(['{"text":"new","n":0}']),
};
/** Everything that reads. */
const reads: typeof writes = {
  get: ({ notes }) => notes.get(FIRST),
  getMany: ({ notes }) => notes.getMany([FIRST]),
  find: ({ notes }) => notes.find({ text: "first" }),
  all: ({ notes }) => notes.where({ n: 0 }).all(),
  count: ({ notes }) => notes.count(),
  page: ({ notes }) => notes.page({ size: 1 }),
  stream: async ({ notes }) => {
    for await (const { text } of notes.stream()) return text;
    return undefined;
  },
};

const engines = variantsHere<readonly [string, () => Promise<Notebook>]>(
  [
    ["memory", () => open(":memory:", { collections, fullScan: "allow" })],
    ["lsm", () => open("/data", { collections, host: new SimulatedHost(), fullScan: "allow" })],
    [
      "far away",
      () =>
        open({ engine: promisedEngine(new MemoryEngine()) }, { collections, fullScan: "allow" }),
    ],
  ],
  ["far away", () => open({ engine: engineHere() }, { collections, fullScan: "allow" })],
);

describe.each(engines)("%s", (kind, openIt) => {
  /** A database with one note, which must be all that there is afterwards. */
  async function unchanged(work: (db: Notebook) => Promise<void>): Promise<void> {
    const db = await openIt();
    await db.notes.insert({ id: FIRST, text: "first" });
    await work(db);
    expect(await db.notes.all()).toEqual([{ id: FIRST, text: "first", n: 0 }]);
    await db.close();
  }

  test.each(Object.keys(writes))(
    "through the database inside of a body it is refused: %s",
    (name) =>
      unchanged(async (db) => {
        const direct = db.transaction(async () => await writes[name]!(db));
        await expect(direct).rejects.toThrow(NestedTransaction);
        const later = db.transaction(async (tx) => {
          await tx.notes.count();
          await new Promise((resolve) => setTimeout(resolve, 1));
          await writes[name]!(db);
        });
        await expect(later).rejects.toThrow(NestedTransaction);
      }),
  );

  test.each([...Object.keys(writes), ...Object.keys(reads)])(
    "through a transaction that has ended it is refused: %s",
    (name) =>
      unchanged(async (db) => {
        let kept: Hands | undefined;
        await db.transaction(async (tx) => {
          kept = tx;
          await tx.notes.count();
        });
        const work = writes[name] ?? reads[name]!;
        await expect(work(kept!)).rejects.toThrow(TransactionClosed);
      }),
  );

  test("a load in the body of a transaction is refused", () =>
    unchanged(async (db) => {
      const load = (on: Hands) => on.notes.load([note]);
      await expect(db.transaction(async () => await load(db))).rejects.toThrow();
      await expect(db.transaction(async (tx) => await load(tx))).rejects.toThrow();
    }));

  test("work that failed and that nobody looked at fails the transaction", () =>
    unchanged(async (db) => {
      const body = db.transaction(async (tx) => {
        void tx.notes.insert({ text: 5 } as never);
        await tx.notes.insert(note);
      });
      const error = await body.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(UnawaitedWork);
      expect((error as UnawaitedWork).cause).toBeInstanceOf(ValidationError);
    }));

  // Where an insert reads nothing it is done at once, and belongs to the transaction.
  const takesTime = (name: string): boolean => name !== "insert" && name !== "insertMany";
  if (kind === "far away")
    test.each([...Object.keys(writes), ...Object.keys(reads)].filter(takesTime))(
      "what the body began and did not wait for fails the transaction: %s",
      (name) =>
        unchanged(async (db) => {
          let left: Promise<unknown> = Promise.resolve();
          const body = db.transaction(async (tx) => {
            left = (writes[name] ?? reads[name]!)(tx);
            left.catch(() => undefined);
            await Promise.resolve();
          });
          await expect(body).rejects.toThrow(UnawaitedWork);
          await left.catch(() => undefined);
        }),
    );

  test("hooks of a commit cannot be added when the transaction has ended", async () => {
    const db = await openIt();
    let onCommit: ((hook: () => void) => void) | undefined;
    await db.transaction(async (tx) => {
      onCommit = (hook) => tx.onCommit(hook);
      await tx.notes.insert(note);
    });
    expect(() => onCommit!(() => undefined)).toThrow(TransactionClosed);
    await db.close();
  });
});
