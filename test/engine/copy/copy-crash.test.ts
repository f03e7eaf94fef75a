/** A copier that ends at any point: what it leaves is no database, and the next one brings it to its end. */
import { collection, open } from "kotobadb";
import { expect, test } from "vitest";
import { z } from "zod";
import { COPY_MARK_KEY, StorageError } from "../../../src/engine/contract/index.ts";
import type { StorageEngine } from "../../../src/engine/contract/index.ts";
import { compareEngines, copyEngine } from "../../../src/engine/copy/index.ts";
import type { CopyResult } from "../../../src/engine/copy/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";
import type { Unsynced } from "../../../src/testing/index.ts";
import { Crash, around, keyOf, numbered, putOf, rowsIn, tinyLsm, writeAll } from "./copy-kit.ts";
import type { Around } from "./copy-kit.ts";

const notes = collection("notes", z.object({ text: z.string() }));
const OPTIONS = { loadBytes: 1_500, commitBytes: 1_500 };

async function sourceOf(rows = 400): Promise<MemoryEngine> {
  const source = new MemoryEngine();
  await writeAll(source, numbered(rows, 20));
  return source;
}

/** What stands there is nothing, an unfinished copy that no program may use, or the whole of the source. */
async function stateOf(
  target: StorageEngine,
  expected: Awaited<ReturnType<typeof rowsIn>>,
): Promise<"nothing" | "unfinished" | "whole"> {
  const rows = await rowsIn(target);
  if (rows.length === 0) return "nothing";
  const [first] = rows;
  if (first![0] !== "0000") {
    expect(rows).toEqual(expected);
    return "whole";
  }
  const db = await open({ engine: target }, { collections: { notes } });
  for (const use of [
    () => db.notes.all(),
    () => db.notes.insert({ text: "among rows to come" }),
    () => db.transaction((tx) => tx.notes.count()),
    () => db.verify(),
  ]) {
    await expect(use()).rejects.toMatchObject({ _tag: "StorageError", code: "UnfinishedCopy" });
  }
  expect(await rowsIn(target)).toEqual(rows);
  return "unfinished";
}

/** Ends the n-th write before it happens, after it has, or in the middle where it is a load. */
const WAYS: Record<string, (crashAt: number, count: (n: number) => void) => Around> = {
  "before a commit": (crashAt, count) => ({
    before: (n, ops) => {
      count(n);
      if (n === crashAt) throw new Crash();
      return ops;
    },
  }),
  "after a commit": (crashAt, count) => ({
    after: (n) => {
      count(n);
      if (n === crashAt) throw new Crash();
    },
  }),
  "before a load or a commit": (crashAt, count) => ({
    before: (n, ops) => {
      count(n);
      if (n === crashAt) throw new Crash();
      return ops;
    },
    piece: (_, rows) => rows,
  }),
  "after a load or a commit": (crashAt, count) => ({
    after: (n) => {
      count(n);
      if (n === crashAt) throw new Crash();
    },
    piece: (_, rows) => rows,
  }),
};

for (const [way, crashing] of Object.entries(WAYS)) {
  test(`a copier that ends ${way}, any of them, leaves no database, and the next one brings the rest`, async () => {
    const source = await sourceOf();
    const expected = await rowsIn(source);
    let writes = 0;
    const count = (n: number): void => {
      writes = Math.max(writes, n);
    };
    await copyEngine(source, around(new MemoryEngine(), crashing(0, count)), OPTIONS);
    const total = writes;
    expect(total).toBeGreaterThan(8);
    const states = new Set<string>();
    let resumed = 0;
    for (let crashAt = 1; crashAt <= total; crashAt++) {
      const target = new MemoryEngine();
      const crashed = around(
        target,
        crashing(crashAt, () => undefined),
      );
      await expect(copyEngine(source, crashed, OPTIONS)).rejects.toBeInstanceOf(Crash);
      const state = await stateOf(target, expected);
      states.add(state);
      if (state === "whole") continue;
      const again = await copyEngine(source, around(target, crashing(0, count)), OPTIONS);
      expect(again).toMatchObject({ rows: 400, beganAnew: false });
      resumed = Math.max(resumed, again.rowsResumed);
      expect(await rowsIn(target)).toEqual(expected);
    }
    expect(states).toEqual(
      new Set(way.startsWith("before") ? ["nothing", "unfinished"] : ["unfinished", "whole"]),
    );
    // The last crashes come when all rows are there.
    expect(resumed).toBe(400);
  });
}

test("a load that ends in its middle leaves rows that do not count: they are taken away before the copy goes on", async () => {
  const source = await sourceOf();
  const target = new MemoryEngine();
  let pieces = 0;
  const half: Around = {
    piece: (_, rows) => {
      if (++pieces === 3) throw new Crash();
      return rows;
    },
  };
  // Steps of two pieces: the first of the second step is there when the crash comes.
  const options = { loadBytes: 600_000 };
  await writeAll(
    source,
    [1, 2, 3, 4].map((i) => putOf(keyOf(1_000 + i), new Uint8Array(300_000))),
  );
  await expect(copyEngine(source, around(target, half), options)).rejects.toBeInstanceOf(Crash);
  const left = await rowsIn(target);
  expect(left.length).toBeGreaterThan(401);
  // What came after the mark's position is gone from the source since.
  await writeAll(source, [{ op: "del", key: keyOf(1_003) }]);
  const again = await copyEngine(source, around(target, { piece: (_, rows) => rows }), options);
  expect(again.beganAnew).toBe(false);
  expect(await rowsIn(target)).toEqual(await rowsIn(source));
});

async function crashedAfter(source: StorageEngine, target: StorageEngine): Promise<void> {
  const crash = around(target, {
    after: (n) => {
      if (n === 6) throw new Crash();
    },
  });
  await expect(copyEngine(source, crash, OPTIONS)).rejects.toBeInstanceOf(Crash);
}

for (const [what, change, expected] of [
  ["the same", [], { beganAnew: false }],
  ["another one behind the position", [putOf(keyOf(399), Uint8Array.of(9))], { beganAnew: false }],
  [
    "one that has a row more behind it",
    [putOf(keyOf(900), Uint8Array.of(9))],
    { beganAnew: false },
  ],
  ["one with another value before it", [putOf(keyOf(1), Uint8Array.of(9))], { beganAnew: true }],
  [
    "one that has a row more before it",
    [putOf(Uint8Array.of(1), Uint8Array.of(9))],
    { beganAnew: true },
  ],
  ["one that lacks a row before it", [{ op: "del", key: keyOf(1) }], { beganAnew: true }],
  [
    "one that is empty",
    [{ op: "delRange", range: { start: new Uint8Array(0), end: undefined } }],
    { beganAnew: true },
  ],
] as const satisfies readonly [string, Parameters<typeof writeAll>[1], Partial<CopyResult>][]) {
  test(`when the source's state is ${what}, the copy ${expected.beganAnew ? "begins anew" : "goes on"}, and is right`, async () => {
    const source = await sourceOf();
    const target = new MemoryEngine();
    await crashedAfter(source, target);
    await writeAll(source, change);
    const result = await copyEngine(source, target, OPTIONS);
    expect(result).toMatchObject(expected);
    expect(result.rowsResumed > 0).toBe(!expected.beganAnew);
    expect(await rowsIn(target)).toEqual(await rowsIn(source));
  });
}

test("another database that has come as far in its commits is not taken for the source", async () => {
  const [one, other] = [await sourceOf(), new MemoryEngine()];
  await writeAll(other, numbered(400, 20, 2));
  expect(other.snapshot().version).toBe(one.snapshot().version);
  const target = new MemoryEngine();
  await crashedAfter(one, target);
  expect(await copyEngine(other, target, OPTIONS)).toMatchObject({ beganAnew: true });
  expect(await rowsIn(target)).toEqual(await rowsIn(other));
});

test("of two copiers at once one is told that it was overtaken, and the other one's copy is right", async () => {
  const source = await sourceOf();
  const target = new MemoryEngine();
  let second: Promise<CopyResult> | undefined;
  const slow = around(target, {
    after: async (n) => {
      if (n === 4) await (second = copyEngine(source, target, OPTIONS));
    },
  });
  await expect(copyEngine(source, slow, OPTIONS)).rejects.toMatchObject({ _tag: "CopyOvertaken" });
  expect(await second).toMatchObject({ rows: 400 });
  expect(await rowsIn(target)).toEqual(await rowsIn(source));
});

test("a copier that another one has taken over from stops, also where that one has come no further", async () => {
  const source = await sourceOf();
  const target = new MemoryEngine();
  const claiming = around(target, {
    after: () => {
      throw new Crash();
    },
  });
  const slow = around(target, {
    after: async (n) => {
      if (n === 4) await copyEngine(source, claiming, OPTIONS).catch(() => undefined);
    },
  });
  await expect(copyEngine(source, slow, OPTIONS)).rejects.toMatchObject({ _tag: "CopyOvertaken" });
  const { rowsResumed } = await copyEngine(source, target, OPTIONS);
  expect(rowsResumed).toBeGreaterThan(50);
  expect(await rowsIn(target)).toEqual(await rowsIn(source));
});

test("an unfinished copy is no source, and comparing tells of it", async () => {
  const source = await sourceOf();
  const target = new MemoryEngine();
  await crashedAfter(source, target);
  const refused = { code: "UnfinishedCopy" };
  await expect(copyEngine(target, new MemoryEngine())).rejects.toMatchObject(refused);
  await expect(compareEngines(target, source)).rejects.toMatchObject(refused);
  expect(await compareEngines(source, target)).toMatchObject({ isUnfinished: true });
});

test("a mark that is damaged, or of a later version, is refused as such", async () => {
  const source = await sourceOf();
  for (const [mark, error] of [
    [Uint8Array.of(2), { code: "FormatTooNew" }],
    [Uint8Array.of(1, 0x7b), { _tag: "CorruptionError" }],
    [new Uint8Array(0), { _tag: "CorruptionError" }],
    [
      new TextEncoder().encode('\u0001{"run":1,"position":"0","rows":1}'),
      { _tag: "CorruptionError" },
    ],
  ] as const) {
    const target = new MemoryEngine();
    await writeAll(target, [putOf(COPY_MARK_KEY, mark)]);
    await expect(copyEngine(source, target)).rejects.toMatchObject(error);
  }
});

test("a program that has the empty target open when the copy begins is refused from then on, until the end", async () => {
  const source = new MemoryEngine();
  const there = await open({ engine: source }, { collections: { notes } });
  await there.notes.insertMany(Array.from({ length: 300 }, (_, i) => ({ text: `note ${i}` })));
  const target = new MemoryEngine();
  const db = await open({ engine: target }, { collections: { notes } });
  let refusals = 0;
  const watched = around(target, {
    after: async () => {
      const isThere = (await target.snapshot().get(COPY_MARK_KEY)) !== undefined;
      if (!isThere) return;
      await expect(db.notes.insert({ text: "too early" })).rejects.toBeInstanceOf(StorageError);
      refusals++;
    },
  });
  await copyEngine(source, watched, OPTIONS);
  expect(refusals).toBeGreaterThan(5);
  expect(await db.notes.count()).toBe(300);
  await db.notes.insert({ text: "now" });
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("a row that somebody writes while the copier looks whether there are any is seen", async () => {
  const source = await sourceOf();
  const target = new MemoryEngine();
  let writes = 0;
  const raced = around(target, {
    before: (n, ops) => {
      writes = n;
      if (n === 1) void target.write({ ops: [putOf(keyOf(7), keyOf(7))], requires: [] });
      return ops;
    },
  });
  await expect(copyEngine(source, raced)).rejects.toMatchObject({ _tag: "TargetNotEmpty" });
  expect(writes).toBe(1);
  expect(await rowsIn(target)).toHaveLength(1);
});

const CUTS: readonly Unsynced[] = ["seeded", "lost", "kept"];

test("a power cut at any change of the target's disk leaves nothing, an unfinished copy or the whole; the next copier ends it", async () => {
  const source = await sourceOf(150);
  const expected = await rowsIn(source);
  const host = new SimulatedHost({ seed: 5 });
  const cuts: { readonly disk: SimulatedHost; readonly what: string }[] = [];
  const engine = await tinyLsm(host);
  host.onCall = ({ change, path, what }) => {
    if (change === undefined) return;
    const way = CUTS[change % CUTS.length]!;
    cuts.push({
      disk: host.afterPowerCut(way, change),
      what: `${change}: ${what} ${path}, ${way}`,
    });
  };
  await copyEngine(source, engine, OPTIONS);
  host.onCall = undefined;
  await engine.close();
  expect(cuts.length).toBeGreaterThan(60);
  const found = { nothing: 0, unfinished: 0, whole: 0 };
  for (const { disk, what } of cuts) {
    try {
      const target = await tinyLsm(disk);
      const state = await stateOf(target, expected);
      found[state]++;
      if (state !== "whole") await copyEngine(source, target, OPTIONS);
      expect(await rowsIn(target)).toEqual(expected);
      expect(await target.verify()).toEqual([]);
      await target.close();
    } catch (cause) {
      throw new Error(what, { cause });
    }
  }
  expect(found.unfinished).toBeGreaterThan(40);
  expect(found.nothing).toBeGreaterThan(0);
}, 60_000);
