/**
 * A transaction that has lost so often that it has the engine to itself: it cannot lose again, and it cannot hold the others
 * for ever, not even where its body waits for one of those that wait for it.
 */
import { Closed, collection, Conflict, open, TransactionTimeout } from "kotobadb";
import type { Db } from "kotobadb";
import { MemoryEngine, openLsmEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import { describe, expect, test } from "vitest";
import { z } from "zod";

const collections = {
  cells: collection("cells", z.object({ name: z.string(), n: z.number() }), {
    indexes: { byName: { on: ["name"], unique: true } },
  }),
};
type Cells = Db<typeof collections>;
type Tx = Pick<Cells, "cells"> & { readonly attempt: number };

/** So many attempts lose before one runs alone. */
const LOSSES = 3;

/** Work outside of any body, done when it is asked for. */
function outside<A>(work: () => Promise<A>): {
  readonly ask: () => void;
  readonly done: Promise<A>;
} {
  let ask = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  return { ask, done: asked.then(work) };
}

/** What every losing body reads, and somebody else changes. */
async function readDisturbed(tx: Tx, disturb: readonly (() => Promise<void>)[]) {
  await tx.cells.find({ name: "read" });
  await disturb[tx.attempt - 1]?.();
}
function disturbances(db: Cells): readonly (() => Promise<void>)[] {
  return Array.from({ length: LOSSES }, (_, n) => {
    const { ask, done } = outside(() =>
      db.cells.upsert({ name: "read" }, { create: { name: "read", n }, update: { n } }),
    );
    return async () => {
      ask();
      await done;
    };
  });
}

const engines = {
  memory: () => new MemoryEngine(),
  // The disk is simulated, and time is not: the body that is waited for here does nothing that a simulator could see.
  lsm: () => openLsmEngine({ path: "/data", host: new SimulatedHost() }),
};
describe.each(Object.entries(engines))("%s", (_, engineOf) => {
  const openIt = async (): Promise<Cells> => {
    const db = await open({ engine: await engineOf() }, { collections });
    await db.ready();
    return db;
  };

  test("it comes through, whoever writes beside it", async () => {
    await using db = await openIt();
    const disturb = disturbances(db);
    let beside: Promise<unknown> = Promise.resolve();
    const { ask, done } = outside(() => db.cells.insert({ name: "beside", n: 0 }));
    const attempt = await db.transaction(async (tx) => {
      await readDisturbed(tx, disturb);
      if (tx.attempt === LOSSES + 1) {
        ask();
        beside = done;
        await new Promise((resolve) => setTimeout(resolve, 5));
        await tx.cells.update((await tx.cells.find({ name: "read" }))!.id, { n: 99 });
      }
      await tx.cells.insert({ name: "mine", n: tx.attempt });
      return tx.attempt;
    });
    expect(attempt).toBe(LOSSES + 1);
    await beside;
    expect(await db.cells.count()).toBe(3);
  });

  test("whose body waits for one that waits for it, its time ends, and the other one is done", async () => {
    await using db = await openIt();
    const disturb = disturbances(db);
    const { ask, done } = outside(() => db.cells.insert({ name: "other", n: 0 }));
    const stuck = db.transaction(
      async (tx) => {
        await readDisturbed(tx, disturb);
        await tx.cells.insert({ name: "mine", n: 0 });
        if (tx.attempt <= LOSSES) return;
        ask();
        await done;
      },
      { timeoutMillis: 80 },
    );
    const error = await stuck.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TransactionTimeout);
    expect(String(error)).toMatch(/took longer than its timeout.*attempts=4.*out of the body/s);
    await done;
    expect((await db.cells.all()).map(({ name }) => name).toSorted()).toEqual(["other", "read"]);
    // Nobody holds anything any more.
    await db.transaction((tx) => tx.cells.insert({ name: "next", n: 0 }));
  });

  test("whose body waits for one that wants to be alone too, the shorter patience ends it", async () => {
    await using db = await openIt();
    const [mine, others] = [disturbances(db), disturbances(db)];
    const { ask, done } = outside(() =>
      db.transaction(
        async (tx) => {
          await readDisturbed(tx, others);
          await tx.cells.insert({ name: "other", n: 0 });
        },
        { timeoutMillis: 60 },
      ),
    );
    let othersEnd: unknown;
    await db.transaction(
      async (tx) => {
        await readDisturbed(tx, mine);
        await tx.cells.insert({ name: "mine", n: 0 });
        if (tx.attempt <= LOSSES) return;
        ask();
        othersEnd = await done.then(
          () => "done",
          (error: unknown) => error,
        );
      },
      { timeoutMillis: 5_000 },
    );
    // It could not even lose its first attempts: what was to disturb it waited, too.
    expect(othersEnd instanceof Conflict || othersEnd instanceof TransactionTimeout).toBe(true);
    expect(await db.cells.find({ name: "mine" })).toBeDefined();
    expect(await db.cells.find({ name: "other" })).toBeUndefined();
  });

  test("an abort of its signal lets the others go on", async () => {
    await using db = await openIt();
    const disturb = disturbances(db);
    const { ask, done } = outside(() => db.cells.insert({ name: "other", n: 0 }));
    const abort = new AbortController();
    const stuck = db.transaction(
      async (tx) => {
        await readDisturbed(tx, disturb);
        if (tx.attempt <= LOSSES) return void (await tx.cells.insert({ name: "mine", n: 0 }));
        ask();
        setTimeout(() => abort.abort(new Error("enough")), 10);
        await done;
      },
      { signal: abort.signal, timeoutMillis: Infinity },
    );
    await expect(stuck).rejects.toThrow("enough");
    await done;
  });

  test("a database that is closed meanwhile sends those away who wait", async () => {
    const db = await openIt();
    const disturb = disturbances(db);
    const { ask, done } = outside(() => db.cells.insert({ name: "other", n: 0 }));
    const waiting = done.catch((error: unknown) => error);
    const stuck = db.transaction(async (tx) => {
      await readDisturbed(tx, disturb);
      if (tx.attempt <= LOSSES) return void (await tx.cells.insert({ name: "mine", n: 0 }));
      ask();
      setTimeout(() => void db.close(), 10);
      await waiting;
      await tx.cells.count();
    });
    await expect(stuck).rejects.toThrow(Closed);
    expect(await waiting).toBeInstanceOf(Closed);
    await db.close();
  });
});
