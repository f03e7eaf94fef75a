/** The codec's structures and the documents that need them: committed together, whatever fails in between. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { CONFLICT } from "../../src/engine/contract/index.ts";
import { collection } from "../../src/collections/index.ts";
import { FaultyEngine, TestDatabase, rowsOf } from "./test-database.ts";
import { isElsewhere, runsHere } from "../support/elsewhere.ts";
import type { TestStore } from "./test-database.ts";

const optional = z.number().optional();
const Shapes = collection(
  "shapes",
  z.object({
    a: optional,
    b: optional,
    c: optional,
    d: optional,
    inner: z.object({ x: optional, y: optional, z: optional }).optional(),
  }),
);

async function structureRows(store: TestStore): Promise<number> {
  return [...(await rowsOf(store.database.engine)).keys()].filter((key) => key.startsWith("0101"))
    .length;
}
async function reread(store: TestStore) {
  return await (await store.database.reopened().store(Shapes)).all();
}

// Where programs share an engine, no structures are made.
describe.skipIf(isElsewhere())("a new shape of documents", () => {
  test("that an aborted transaction made is stored by the next one that commits", async () => {
    const store = await new TestDatabase().store(Shapes);
    const aborted = store.database.transact(async (tx) => {
      await store.inner.insert(tx, { a: 1, b: 2 });
      throw new Error("given up");
    });
    await expect(aborted).rejects.toThrow("given up");
    expect(await structureRows(store)).toBe(0);
    const kept = await store.insert({ a: 3, b: 4 });
    expect(await structureRows(store)).toBe(1);
    expect(await reread(store)).toEqual([kept]);
  });

  test("is stored in front of another, even if only the other's transaction commits", async () => {
    const store = await new TestDatabase().store(Shapes);
    await store.database
      .transact((tx) => {
        void store.inner.insert(tx, { a: 1 });
        throw new Error("given up");
      })
      .catch(() => undefined);
    const kept = await store.insert({ b: 1 });
    expect(await structureRows(store)).toBe(2);
    expect(await reread(store)).toEqual([kept]);
  });

  test("is stored by every commit under way until one has succeeded", async () => {
    const store = await new TestDatabase().store(Shapes);
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const slow = store.database.transact(async (tx) => {
      const inserted = await store.inner.insert(tx, { a: 1 });
      await gate;
      throw new Error(`given up ${inserted.id}`);
    });
    const later = store.database.transact(async (tx) => {
      const inserted = await store.inner.insert(tx, { a: 2 });
      await gate;
      return inserted;
    });
    release();
    await expect(slow).rejects.toThrow("given up");
    expect(await reread(store)).toEqual([await later]);
  });

  test("is stored with the attempt that commits, not the one that conflicted", async () => {
    const engine = new FaultyEngine();
    const store = await new TestDatabase(engine).store(Shapes);
    engine.faults.push(CONFLICT);
    const kept = await store.insert({ a: 1, inner: { x: 1 } });
    expect(await structureRows(store)).toBe(2);
    expect(await reread(store)).toEqual([kept]);
  });

  test("is stored once: later commits carry no structures", async () => {
    const engine = new FaultyEngine();
    const store = await new TestDatabase(engine).store(Shapes);
    await store.insert({ a: 1 });
    const keys: string[] = [];
    const begin = engine.begin.bind(engine);
    engine.begin = (options) => {
      const tx = begin(options) as Awaited<ReturnType<typeof begin>>;
      const commit = tx.commit.bind(tx);
      tx.commit = (plan) => {
        for (const op of plan.ops)
          if (op.op === "put") keys.push(Buffer.from(op.key).toString("hex"));
        return commit(plan);
      };
      return tx;
    };
    await store.insert({ a: 2 });
    expect(keys).toHaveLength(1);
    expect(keys[0]).toMatch(/^0100/);
  });
});

test("whatever commits, is aborted or runs at the same time, every stored document can be read later", async () => {
  const document = fc.record(
    {
      a: fc.nat(9),
      b: fc.nat(9),
      c: fc.nat(9),
      d: fc.nat(9),
      inner: fc.record({ x: fc.nat(9), y: fc.nat(9), z: fc.nat(9) }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  );
  const step = fc.record({
    documents: fc.array(document, { minLength: 1, maxLength: 3 }),
    ending: fc.constantFrom("commit", "commit", "throw", "conflict", "reopen"),
    together: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
      const engine = new FaultyEngine();
      let store = await new TestDatabase(engine).store(Shapes);
      const expected = new Map<string, unknown>();
      let running: Promise<unknown>[] = [];
      for (const { documents, ending, together } of steps) {
        if (ending === "reopen") {
          await Promise.all(running);
          store = await store.database.reopened().store(Shapes);
        }
        if (ending === "conflict") engine.faults.push(CONFLICT);
        const current = store;
        const work = current.database.transact(async (tx) => {
          const inserted = await current.inner.insertMany(tx, documents);
          await Promise.resolve();
          if (ending === "throw") throw new Error("given up");
          return inserted;
        });
        running.push(
          work.then(
            (inserted) => inserted.forEach((one) => expected.set(one.id, one)),
            () => undefined,
          ),
        );
        if (!together) {
          await Promise.all(running);
          running = [];
        }
      }
      await Promise.all(running);
      const found = await reread(store);
      expect(new Map(found.map((one) => [one.id, one]))).toEqual(expected);
    }),
    { numRuns: runsHere(60) },
  );
});

describe("ids of new documents", () => {
  test("rise while the clock goes back, over collections and over reopening", async () => {
    const clock = { millis: 1_700_000_000_000 };
    let database = new TestDatabase(undefined, clock);
    const Others = collection("others", z.object({ a: z.number() }));
    const ids: string[] = [];
    for (const [step, reopens] of [
      [0, false],
      [-5_000, false],
      [10, true],
      [-600_000, true],
      [1, true],
    ] as const) {
      clock.millis += step;
      if (reopens) database = database.reopened();
      const shapes = await database.store(Shapes);
      ids.push((await shapes.insert({})).id);
      if (!reopens) ids.push((await (await database.store(Others)).insert({ a: 1 })).id);
      ids.push((await shapes.insert({})).id);
    }
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("are not drawn along by a caller's own id of the far future", async () => {
    const database = new TestDatabase();
    await (await database.store(Shapes)).insert({ id: "7ZZZZZZZZZZZZZZZZZZZZZZZZZ" });
    const next = await (await database.reopened().store(Shapes)).insert({});
    expect(next.id.slice(0, 2)).toBe("01");
  });
});
