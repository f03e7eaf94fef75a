/** What a copy brings: everything, of one state, to a place that held nothing. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareEngines, copyEngine } from "../../../src/engine/copy/index.ts";
import type { CopyProgress } from "../../../src/engine/copy/index.ts";
import type { StorageEngine } from "../../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";
import {
  anySteps,
  around,
  keyOf,
  numbered,
  opsOf,
  putOf,
  rowsIn,
  tinyLsm,
  writeAll,
} from "./copy-kit.ts";
import type { TextRows } from "./copy-kit.ts";

const bytesIn = (rows: TextRows): number =>
  rows.reduce((sum, [key, value]) => sum + (key.length + value.length) / 2, 0);

test("rows come through disk, memory and disk again as they were, whatever they are and however the steps fall", async () => {
  await fc.assert(
    fc.asyncProperty(
      anySteps,
      fc.record({
        loadBytes: fc.integer({ min: 1, max: 20_000 }),
        commitBytes: fc.integer({ min: 1, max: 20_000 }),
      }),
      async (steps, options) => {
        const source = await tinyLsm();
        for (const step of steps) await writeAll(source, opsOf(step));
        const middle = new MemoryEngine();
        const target = await tinyLsm();
        const expected = await rowsIn(source);
        const first = await copyEngine(source, middle, options);
        const second = await copyEngine(middle, target, options);
        expect(await rowsIn(middle)).toEqual(expected);
        expect(await rowsIn(target)).toEqual(expected);
        expect(first).toEqual(second);
        expect(first).toMatchObject({
          rows: expected.length,
          bytes: bytesIn(expected),
          rowsResumed: 0,
          beganAnew: false,
        });
        expect(await target.verify()).toEqual([]);
        await Promise.all([source.close(), target.close()]);
      },
    ),
    { numRuns: 15 },
  );
}, 120_000);

test("an engine that has no load(), a disk with a change log too, is filled in commits of bounded size", async () => {
  const source = new MemoryEngine();
  await writeAll(source, [...numbered(700, 1_100), putOf(keyOf(2_600), new Uint8Array(50_000))]);
  const sizes: number[] = [];
  const log = await tinyLsm(new SimulatedHost(), { changeLog: {} });
  const before = (_: number, ops: Parameters<typeof writeAll>[1]): typeof ops => {
    const puts = ops.filter((op) => op.op === "put");
    sizes.push(puts.reduce((sum, { key, value }) => sum + key.length + value.length, 0));
    return ops;
  };
  await copyEngine(source, around(log, { before }), { commitBytes: 10_000 });
  expect(await rowsIn(log)).toEqual(await rowsIn(source));
  expect(sizes.length).toBeGreaterThan(25);
  const MARK_BYTES = 250;
  expect(sizes.filter((bytes) => bytes > 10_000 + MARK_BYTES)).toHaveLength(1);
  await log.close();
});

test("the source may change while it is copied: what was there at the beginning comes over, and nothing else", async () => {
  const source = await tinyLsm();
  await writeAll(source, numbered(3_000, 20));
  const expected = await rowsIn(source);
  const target = new MemoryEngine();
  let changes = 0;
  const busy = around(target, {
    after: async (n) => {
      changes++;
      const i = (n * 37) % 3_000;
      await source.write({
        ops: [
          putOf(keyOf(i), Uint8Array.of(n)),
          putOf(keyOf(5_000 + n), Uint8Array.of(n)),
          { op: "delRange", range: { start: keyOf(i + 1), end: keyOf(i + 9) } },
        ],
        requires: [],
      });
    },
  });
  await copyEngine(source, busy, { commitBytes: 1_000 });
  expect(changes).toBeGreaterThan(50);
  expect(await rowsIn(target)).toEqual(expected);
  expect(await rowsIn(source)).not.toEqual(expected);
  await source.close();
});

test("a target that holds a row is refused, and nothing in it changes", async () => {
  const source = new MemoryEngine();
  await writeAll(source, numbered(3));
  const target = new MemoryEngine();
  await writeAll(target, [putOf(Uint8Array.of(0xff), Uint8Array.of(1))]);
  const before = await rowsIn(target);
  await expect(copyEngine(source, target)).rejects.toMatchObject({
    _tag: "TargetNotEmpty",
    details: { firstKey: "ff" },
  });
  expect(await rowsIn(target)).toEqual(before);
});

test("what was copied to the end is no target any more", async () => {
  const source = new MemoryEngine();
  await writeAll(source, numbered(3));
  const target = new MemoryEngine();
  await copyEngine(source, target);
  await expect(copyEngine(source, target)).rejects.toMatchObject({ _tag: "TargetNotEmpty" });
  expect(await compareEngines(source, target)).toMatchObject({
    differences: 0,
    isUnfinished: false,
  });
});

test("nothing is a database too", async () => {
  const target = await tinyLsm();
  expect(await copyEngine(new MemoryEngine(), target)).toMatchObject({ rows: 0, bytes: 0 });
  expect(await rowsIn(target)).toEqual([]);
  await target.close();
});

const WIDE = { transactionMillis: Infinity, snapshotMillis: Infinity };
for (const [code, limits] of [
  ["KeyTooLarge", { keyBytes: 7, valueBytes: 100_000, transactionBytes: 1_000_000 }],
  ["ValueTooLarge", { keyBytes: 100, valueBytes: 49_999, transactionBytes: 1_000_000 }],
  ["TransactionTooLarge", { keyBytes: 100, valueBytes: 100_000, transactionBytes: 50_000 }],
] as const) {
  test(`a row that the target cannot hold is named before anything is written: ${code}`, async () => {
    const source = new MemoryEngine();
    const large = new TextEncoder().encode("k001999x");
    await writeAll(source, [...numbered(3_000), putOf(large, new Uint8Array(50_000))]);
    let writes = 0;
    const narrow = new MemoryEngine({ limits: { ...WIDE, ...limits } });
    const target = around(narrow, { after: () => writes++ });
    await expect(copyEngine(source, target)).rejects.toMatchObject({
      code,
      details: { key: Buffer.from(large).toString("hex"), target: "memory" },
    });
    expect(writes).toBe(0);
    await writeAll(source, [{ op: "del", key: large }]);
    await copyEngine(source, target);
    expect(await rowsIn(narrow)).toEqual(await rowsIn(source));
  });
}

test("an engine that holds more than it says it takes is found out by the row", async () => {
  const source = new MemoryEngine();
  await writeAll(source, [putOf(keyOf(1), new Uint8Array(200))]);
  const { limits } = new MemoryEngine();
  const boasting = new Proxy(source, {
    get: (target, name) => {
      if (name === "limits") return { ...limits, valueBytes: 100 };
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
  const target = new MemoryEngine({ limits: { ...limits, valueBytes: 100 } });
  await expect(copyEngine(boasting, target)).rejects.toMatchObject({
    code: "ValueTooLarge",
    details: { key: Buffer.from(keyOf(1)).toString("hex") },
  });
});

test("progress is told by phase, rises, and ends at all rows", async () => {
  const source = new MemoryEngine();
  await writeAll(source, numbered(5_000));
  const told: CopyProgress[] = [];
  await copyEngine(source, new MemoryEngine({ limits: "portable" }), {
    onProgress: (progress) => void told.push(progress),
  });
  for (const phase of ["measuring", "copying", "verifying"] as const) {
    const done = told.filter((one) => one.phase === phase).map(({ rowsDone }) => rowsDone);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect([phase, done.at(-1)]).toEqual([phase, 5_000]);
  }
  expect(new Set(told.map(({ rowsTotal }) => rowsTotal))).toEqual(new Set([5_000]));
});

test("who is told of progress is waited for, so that others have their turn while both sides are in memory", async () => {
  const source = new MemoryEngine();
  await writeAll(source, numbered(5_000));
  let turns = 0;
  let isOver = false;
  const others = (): void => {
    turns++;
    if (!isOver) setImmediate(others);
  };
  setImmediate(others);
  await copyEngine(source, new MemoryEngine(), {
    onProgress: () => new Promise((resolve) => setImmediate(resolve)),
  });
  isOver = true;
  expect(turns).toBeGreaterThan(8);
});

test("memory holds a page and a step: the target takes rows before the source was read to its end", async () => {
  const source = new MemoryEngine();
  await writeAll(source, numbered(20_000, 100));
  let pages = 0;
  const counted: StorageEngine = new Proxy(source, {
    get: (target, name) => {
      if (name !== "snapshot") {
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === "function" ? (member.bind(target) as unknown) : member;
      }
      return () => {
        const view = target.snapshot();
        const scan = view.scan.bind(view);
        return Object.assign(view, {
          scan: (...args: Parameters<typeof scan>) => {
            const running = scan(...args);
            const next = running.next.bind(running);
            return Object.assign(running, {
              next: () => {
                pages++;
                return next();
              },
            });
          },
        });
      };
    },
  });
  const pagesAt: number[] = [];
  const target = around(new MemoryEngine(), { after: () => pagesAt.push(pages) });
  await copyEngine(counted, target, { commitBytes: 50_000 });
  const steps = pagesAt.slice(1).map((at, i) => at - pagesAt[i]!);
  expect(pages).toBeGreaterThan(20);
  // The last interval is the verification.
  expect(Math.max(...steps.slice(0, -1))).toBeLessThanOrEqual(2);
});
