/** Live queries against fresh ones: equal after every quiet moment, and woken by nothing that does not concern them. */
import { Closed, InvalidOption, InvalidQuery, open } from "kotobadb";
import type { LiveOptions, LiveQuery, LiveResult } from "kotobadb";
import { MemoryEngine, openLsmEngine } from "kotobadb/engine";
import type { StorageEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { isElsewhere } from "../../support/elsewhere.ts";
import { RUNS, collections, openInMemory, openNotes, step, take } from "./support.ts";
import type { Note, NotesDb, Step } from "./support.ts";

const note = (text: string, group = 1) => ({ group, text });
const inMemory = (): Promise<NotesDb> => openInMemory();
/** What counts runs, and turns of the loop, is about engines that tell of a commit before it is answered. */
const testOfTurns = test.skipIf(isElsewhere());

/** Long enough for what is on its way: wakes, runs and deliveries are turns of this loop. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 12; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Holds once all is quiet; elsewhere, where nobody knows when that is, before long. */
async function soon(holds: () => Promise<void>): Promise<void> {
  if (isElsewhere()) return await vi.waitFor(holds, { timeout: 10_000, interval: 10 });
  await quiet();
  await holds();
}

/** What the test needs of a query, whatever its rows are. */
interface Followed {
  live(take: (result: LiveResult<unknown>) => void, options: LiveOptions): LiveQuery;
  all(): Promise<unknown[]>;
}

const queries = (db: NotesDb): readonly Followed[] => [
  db.notes,
  db.notes.where({ group: 1 }),
  db.notes
    .where({ group: { gte: 2 } })
    .orderBy("text", "desc")
    .limit(3),
  db.notes.where({ group: 2 }).select("text"),
  db.notes.index("byGroup", 1).limit(2),
  db.notes.filter((found) => found.text.endsWith("1")).reverse(),
  db.notes.where({ text: "3" }),
  firstOfEither(db),
];

/** Two indexes that are merged. */
const firstOfEither = (db: NotesDb) =>
  db.notes
    .where({ OR: [{ group: 1 }, { text: { gte: "5" } }] })
    .orderBy("text")
    .limit(2);

/** A row as text; a field that is undefined is told from none. */
const textOf = (row: unknown): string =>
  JSON.stringify(row, (_, value: unknown) => (value === undefined ? "undefined" : value));

/** Holds every result against the one before it. */
function checked<R>(): {
  readonly take: (result: LiveResult<R>) => void;
  rows: readonly R[] | undefined;
} {
  const state = {
    rows: undefined as readonly R[] | undefined,
    take(result: LiveResult<R>): void {
      const before = state.rows ?? [];
      const idsOf = (rows: readonly R[]) => new Set(rows.map(textOf));
      if (state.rows !== undefined) expect(result.rows).not.toStrictEqual(before);
      const [old, now] = [idsOf(before), idsOf(result.rows)];
      // What is equal is the same object; all else is named as added or changed.
      for (const row of result.rows) {
        const isTold = result.added.includes(row) || result.changed.includes(row);
        if (old.has(textOf(row))) expect(before).toContain(row);
        else expect(isTold).toBe(true);
      }
      for (const row of result.removed) {
        expect(before).toContain(row);
        expect(now.has(textOf(row))).toBe(false);
      }
      expect(before.length + result.added.length - result.removed.length).toBe(result.rows.length);
      state.rows = result.rows;
    },
  };
  return state;
}

async function follows(open: () => Promise<NotesDb>, steps: readonly Step[]): Promise<void> {
  const db = await open();
  const problems: unknown[] = [];
  const onError = (error: unknown): void => void problems.push(error);
  const followed = queries(db).map((query) => {
    const state = checked<unknown>();
    return { query, state, live: query.live((result) => state.take(result), { onError }) };
  });
  for (const one of steps) {
    await take(db, one, async () => db);
    await soon(async () => {
      for (const { query, state } of followed) expect(state.rows).toStrictEqual(await query.all());
    });
  }
  for (const { live } of followed) live.close();
  expect(problems).toEqual([]);
  await db.close();
}

test("live results are those of a fresh query, whatever was committed", { timeout: 120_000 }, () =>
  fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 15 }), (steps) => follows(inMemory, steps)),
    { numRuns: RUNS },
  ),
);

testOfTurns(
  "in a folder live results are those of a fresh query, whatever was committed",
  { timeout: 120_000 },
  () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), fc.nat(), (steps, seed) =>
        follows(() => openNotes(new SimulatedHost({ seed })), steps),
      ),
      { numRuns: RUNS },
    ),
);

/** Counts the runs of live queries: each takes one snapshot. */
function countedOn<E extends StorageEngine>(engine: E): { readonly engine: E; runs: number } {
  const state = { engine, runs: 0 };
  const snapshot = engine.snapshot.bind(engine);
  engine.snapshot = () => {
    state.runs++;
    return snapshot();
  };
  return state;
}
const counted = () => countedOn(new MemoryEngine());
const engines: readonly (readonly [string, () => Promise<StorageEngine>])[] = [
  ["in memory", async () => new MemoryEngine()],
  ["in a folder", () => openLsmEngine({ path: "/db", host: new SimulatedHost() })],
];

testOfTurns.each(engines)(
  "%s a live query is run again only by commits that touch what it has read",
  async (_name, engine) => {
    const count = countedOn(await engine());
    await using db = await open({ engine: count.engine }, { collections, fullScan: "allow" });
    await db.notes.insertMany([note("a", 1), note("b", 2)]);
    await db.others.insert({ n: 1 });
    const found: string[][] = [];
    using _ = db.notes
      .where({ group: 1 })
      .live(({ rows }) => void found.push(rows.map(({ text }) => text)));
    await quiet();
    expect(count.runs).toBe(1);
    await db.notes.insert(note("c", 2));
    await db.others.insert({ n: 2 });
    await db.notes.insert(note("d", 3));
    await quiet();
    expect(count.runs).toBe(1);
    await db.notes.insert(note("e", 1));
    await quiet();
    expect(count.runs).toBe(2);
    expect(found).toEqual([["a"], ["a", "e"]]);
  },
);

testOfTurns.each(engines)(
  "%s nothing behind its limit concerns a live query",
  async (_name, engine) => {
    const count = countedOn(await engine());
    await using db = await open({ engine: count.engine }, { collections, fullScan: "allow" });
    await db.notes.insertMany(["a", "b", "m", "n"].map((text) => note(text)));
    expect((await firstOfEither(db).explain()).sort).toBe("merge");
    count.runs = 0;
    using _ = db.notes
      .index("byText")
      .limit(2)
      .live(() => undefined);
    using __ = firstOfEither(db).live(() => undefined);
    await quiet();
    await db.notes.insert(note("z"));
    await quiet();
    expect(count.runs).toBe(2);
    await db.notes.insert(note("aa"));
    await quiet();
    expect(count.runs).toBe(4);
  },
);

testOfTurns("the commits of one turn are one run and one result", async () => {
  const count = counted();
  await using db = await open({ engine: count.engine }, { collections, fullScan: "allow" });
  const sizes: number[] = [];
  using _ = db.notes.live(({ rows }) => void sizes.push(rows.length));
  await quiet();
  await Promise.all(["a", "b", "c", "d"].map((text) => db.notes.insert(note(text))));
  await quiet();
  expect(sizes).toEqual([0, 4]);
  expect(count.runs).toBe(2);
});

testOfTurns("a hundred live queries each follow their own group", async () => {
  const count = counted();
  await using db = await open({ engine: count.engine }, { collections, fullScan: "allow" });
  const results = Array.from({ length: 100 }, (): number[] => []);
  const lives = results.map((sizes, group) =>
    db.notes.where({ group }).live(({ rows }) => void sizes.push(rows.length)),
  );
  await quiet();
  expect(count.runs).toBe(100);
  for (let i = 0; i < 30; i++) await db.notes.insert(note(`${i}`, i % 10));
  await quiet();
  expect(results.map((sizes) => sizes.at(-1))).toEqual(
    results.map((_, group) => (group < 10 ? 3 : 0)),
  );
  expect(count.runs).toBeLessThanOrEqual(100 + 30);
  for (const live of lives) live.close();
  await db.notes.insert(note("after", 1));
  await quiet();
  expect(count.runs).toBeLessThanOrEqual(100 + 30);
});

testOfTurns(
  "a result waits until the one before is dealt with, and what comes meanwhile is one",
  async () => {
    await using db = await inMemory();
    const seen: number[] = [];
    let go = (): void => undefined;
    using _ = db.notes.live(async ({ rows }) => {
      seen.push(rows.length);
      await new Promise<void>((resolve) => (go = resolve));
    });
    await quiet();
    for (const text of ["a", "b", "c"]) {
      await db.notes.insert(note(text));
      await quiet();
    }
    expect(seen).toEqual([0]);
    go();
    await quiet();
    expect(seen).toEqual([0, 3]);
    go();
  },
);

testOfTurns("errors of the function and of runs are told, and the query goes on", async () => {
  const count = counted();
  await using db = await open({ engine: count.engine }, { collections, fullScan: "allow" });
  const errors: unknown[] = [];
  const seen: number[] = [];
  using _ = db.notes.live(
    ({ rows }) => {
      seen.push(rows.length);
      if (rows.length === 1) throw new Error("of the function");
    },
    { onError: (error) => void errors.push(String(error)) },
  );
  await quiet();
  await db.notes.insert(note("a"));
  await quiet();
  const { engine } = count;
  const snapshot = engine.snapshot.bind(engine);
  engine.snapshot = () => {
    engine.snapshot = snapshot;
    throw new Error("of the run");
  };
  await db.notes.insert(note("b"));
  await quiet();
  await db.notes.insert(note("c"));
  await quiet();
  expect(errors).toEqual(["Error: of the function", "Error: of the run"]);
  expect(seen).toEqual([0, 1, 3]);
});

testOfTurns("an error that nobody takes is a warning of the host", async () => {
  const host = new SimulatedHost();
  const warnings: unknown[] = [];
  host.warn = (error) => void warnings.push(String(error));
  await using db = await openNotes(host);
  using _ = db.notes.live(() => {
    throw new Error("nobody looks");
  });
  await quiet();
  expect(warnings).toEqual(["Error: nobody looks"]);
});

testOfTurns("a query that every run would refuse is told once", async () => {
  await using db = await open(":memory:", { collections, fullScan: "error" });
  const errors: unknown[] = [];
  const live = db.notes.where({ extra: { a: 1 } }).live(() => undefined, {
    onError: (error) => void errors.push((error as { _tag: string })._tag),
  });
  await quiet();
  await db.notes.insert(note("a"));
  await quiet();
  expect(errors).toEqual(["FullScan"]);
  live.close();
});

testOfTurns("close ends it, also while a run is under way; and so does the database", async () => {
  const host = new SimulatedHost();
  const db = await openNotes(host);
  await db.notes.insert(note("a"));
  const seen: string[] = [];
  const closed = db.notes.live(() => void seen.push("closed at once"));
  closed.close();
  closed.close();
  const errors: unknown[] = [];
  db.notes.live(() => void seen.push("open"), { onError: (error) => void errors.push(error) });
  await quiet();
  const stream = db.notes.live()[Symbol.asyncIterator]();
  expect((await stream.next()).value!.rows).toHaveLength(1);
  const waiting = expect(stream.next()).rejects.toBeInstanceOf(Closed);
  db.notes.live(() => void seen.push("as the database closes"), {
    onError: (error) => void errors.push(error),
  });
  await db.close();
  await waiting;
  await quiet();
  expect(seen).toEqual(["open"]);
  expect(errors).toEqual([]);
  expect(() => db.notes.live(() => undefined)).toThrow(Closed);
});

testOfTurns(
  "a live query that begins while a commit is being synced shows it in the end",
  async () => {
    await using db = await openNotes(new SimulatedHost());
    await db.ready();
    const written = db.notes.insert(note("a"));
    const sizes: number[] = [];
    using _ = db.notes.live((result) => void sizes.push(result.rows.length));
    await written;
    await quiet();
    expect(sizes.at(-1)).toBe(1);
  },
);

test("wrong calls are refused at once", async () => {
  await using db = await inMemory();
  expect(() => db.notes.live("x" as never)).toThrow(InvalidOption);
  expect(() => db.notes.live(() => undefined, { onErrors: 1 } as never)).toThrow(InvalidOption);
  expect(() => db.notes.where({ nothing: 1 } as never).live(() => undefined)).toThrow(InvalidQuery);
  await db.transaction(async (tx) => {
    expect(() => tx.notes.live(() => undefined)).toThrow(InvalidQuery);
    expect(() => tx.notes.store()).toThrow(InvalidQuery);
  });
});

testOfTurns(
  "a store keeps its snapshot until a row changes, and unchanged rows stay the same objects",
  async () => {
    const count = counted();
    await using db = await open({ engine: count.engine }, { collections, fullScan: "allow" });
    const [a] = await db.notes.insertMany([note("a"), note("b")]);
    const { getSnapshot, subscribe } = db.notes.where({ group: 1 }).store();
    expect(getSnapshot()).toBeUndefined();
    await quiet();
    expect(count.runs).toBe(0);
    let calls = 0;
    const leave = [subscribe(() => calls++), subscribe(() => calls++)];
    await quiet();
    const first = getSnapshot()!;
    expect([first.length, calls, count.runs]).toEqual([2, 2, 1]);
    await db.notes.update(a!.id, { text: "a" });
    await quiet();
    expect(getSnapshot()).toBe(first);
    await db.notes.update(a!.id, { text: "A" });
    await quiet();
    const second = getSnapshot()!;
    expect(second.map(({ text }) => text).toSorted()).toEqual(["A", "b"]);
    const sameRow = (rows: readonly Note[]) => rows.find(({ text }) => text === "b");
    expect(sameRow(second)).toBe(sameRow(first));
    expect(calls).toBe(4);
    for (const go of leave) go();
    const { runs } = count;
    await db.notes.insert(note("while nobody looks"));
    await quiet();
    expect(count.runs).toBe(runs);
    expect(getSnapshot()).toBe(second);
    using _ = { [Symbol.dispose]: subscribe(() => calls++) };
    await quiet();
    expect(getSnapshot()).toHaveLength(3);
    expect(sameRow(getSnapshot()!)).toBe(sameRow(second));
  },
);
