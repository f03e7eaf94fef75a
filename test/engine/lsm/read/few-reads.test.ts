/** How many blocks reading touches: counted at the disk, below a cache that holds next to nothing. */
import { expect, test } from "vitest";
import type { LsmEngine } from "../../../../src/engine/lsm/index.ts";
import { bytes, del, delRange, drain, entriesOf, put, range, text } from "../support.ts";
import { filled, keyOf, readsDuring, valueOf } from "./slow-kit.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

const QUICK = { slowReadMicros: 1_000_000 };
const ROWS = 20_000;

async function blocksOf(
  host: SimulatedHost,
  engine: LsmEngine,
  read: (view: ReturnType<LsmEngine["snapshot"]>) => unknown,
): Promise<number> {
  const view = engine.snapshot();
  const { blocking } = await readsDuring(host, () => read(view));
  view.close();
  return blocking;
}

for (const tables of ["one table", "many tables"]) {
  test(`a scan over 20,000 rows that one range delete hides reads a few blocks of ${tables}, both ways`, async () => {
    const host = new SimulatedHost();
    const engine = await filled(host, ROWS, {
      ...QUICK,
      flushBytesMax: 64 << 20,
      tableBytesTarget: tables === "one table" ? 64 << 20 : 64 << 10,
      levelBaseBytes: 1 << 30,
    });
    const before = engine.snapshot();
    await engine.write({
      ops: [delRange("k00010", "k19990"), put("k00700", "newer")],
      requires: [],
    });
    const wanted = [...Array(10).keys(), 700, ...Array.from({ length: 10 }, (_, i) => 19_990 + i)];
    for (const where of ["in the memtable", "in a table"]) {
      if (where === "in a table") await engine.flush();
      for (const reverse of [false, true]) {
        const blocks = await blocksOf(host, engine, async (view) => {
          const rows = (await entriesOf(view, undefined, { reverse })).map(([key]) => key);
          expect(reverse ? rows.toReversed() : rows).toEqual(wanted.map(keyOf));
        });
        expect(blocks, `${where}, reverse: ${reverse}`).toBeLessThan(20);
      }
    }
    // Whoever began before the range delete still sees all of it, and reads all of it.
    const { blocking } = await readsDuring(host, async () => {
      expect(await entriesOf(before)).toHaveLength(ROWS);
    });
    expect(blocking).toBeGreaterThan(400);
    before.close();
    await engine.close();
  });
}

test("a scan opens no table and no level that lies beside its range", async () => {
  const host = new SimulatedHost();
  const engine = await filled(host, 5_000, {
    ...QUICK,
    flushBytesMax: 64 << 20,
    l0TablesTrigger: 64,
    levelBaseBytes: 1 << 30,
  });
  for (const prefix of ["a", "b", "c", "x", "y", "z"]) {
    await engine.write({ ops: [put(`${prefix}1`, "1"), put(`${prefix}2`, "2")], requires: [] });
    await engine.flush();
  }
  expect(engine.stats()["level0Tables"]).toBe(6);
  const scanOf = (start: string, end: string) => (view: ReturnType<LsmEngine["snapshot"]>) =>
    entriesOf(view, range(start, end));
  // Of one table: its part of the index and one block.
  expect(await blocksOf(host, engine, scanOf("b", "c"))).toBe(2);
  expect(await blocksOf(host, engine, scanOf("d", "e"))).toBe(0);
  expect(await blocksOf(host, engine, scanOf("k01000", "k01003"))).toBeLessThanOrEqual(3);
  await engine.close();
});

test("a getMany reads each block once, in whatever order it is asked, and answers in that order", async () => {
  const host = new SimulatedHost();
  const engine = await filled(host, 4_000, {
    ...QUICK,
    flushBytesMax: 64 << 20,
    tableBytesTarget: 64 << 20,
  });
  const asked = Array.from({ length: 500 }, (_, i) => (i * 2_741) % 4_400);
  asked.push(asked[3]!, asked[3]!);
  const blocks = await blocksOf(host, engine, async (view) => {
    const values = await view.getMany(asked.map((i) => bytes(keyOf(i))));
    expect(values.map(text)).toEqual(asked.map((i) => (i < 4_000 ? valueOf(i) : undefined)));
    const last = values.at(-1)!;
    last.fill(0);
    expect(text(values.at(-2))).toBe(valueOf(asked[3]!));
  });
  const { dataBlocks } = { dataBlocks: Math.ceil((4_000 * 215) / 8_192) };
  expect(blocks).toBeGreaterThan(dataBlocks / 2);
  expect(blocks).toBeLessThan(dataBlocks + 10);
  await engine.close();
});

test("what is asked for is counted: hits and misses by kind, memory, and what filters saved", async () => {
  const host = new SimulatedHost();
  const engine = await filled(host, 2_000, { ...QUICK, tableBytesTarget: 1 << 20 });
  const view = engine.snapshot();
  const before = engine.stats();
  await view.get(bytes(keyOf(5)));
  await view.get(bytes(keyOf(6)));
  for (let i = 0; i < 100; i++) await view.get(bytes(`k00005x${i}`));
  const after = engine.stats();
  const grown = (name: string): number => after[name]! - before[name]!;
  expect(grown("cacheIndexMisses")).toBe(1);
  expect(grown("cacheDataMisses")).toBe(1);
  expect(grown("cacheIndexHits")).toBeGreaterThanOrEqual(1);
  expect(grown("cacheDataHits")).toBeGreaterThanOrEqual(1);
  expect(grown("filterPassed") + grown("filterRefused")).toBe(102);
  expect(grown("filterRefused")).toBeGreaterThan(95);
  expect(grown("filterMistaken")).toBe(grown("filterPassed") - 2);
  expect(after["cacheBytesUsed"]).toBe(2 * 8_192);
  expect(after["pinnedBytes"]).toBeGreaterThan(2_000);
  expect(after["pinnedBytes"]).toBeLessThan(2_000 * 4);
  view.close();
  // Figures outlive the tables they came from.
  await engine.write({ ops: [delRange("", undefined)], requires: [] });
  await engine.compact();
  expect(engine.stats()).toMatchObject({
    filterRefused: after["filterRefused"],
    pinnedBytes: 0,
    cacheBytesUsed: 0,
  });
  await engine.close();
});

test("a queue is read from its front without reading blocks of what was taken from it again and again", async () => {
  const host = new SimulatedHost();
  const engine = await filled(host, 3_000, {
    ...QUICK,
    flushBytesMax: 64 << 20,
    l0TablesTrigger: 64,
    tableBytesTarget: 1 << 20,
  });
  const taken: string[] = [];
  for (let i = 0; i < 100; i++) {
    const view = engine.snapshot();
    const [row] = await drain(view.scan(range("", undefined), { limit: 1 }));
    view.close();
    taken.push(row![0]);
    await engine.write({ ops: [del(row![0])], requires: [] });
  }
  expect(taken).toEqual(Array.from({ length: 100 }, (_, i) => keyOf(i)));
  await engine.close();
});
