/** Filters too large to stay in memory, on a disk that is really slow: their pieces are waited for as rows are. */
import { expect, test } from "vitest";
import { prefixEnd } from "../../../../src/base/index.ts";
import { CorruptionError } from "../../../../src/engine/contract/index.ts";
import type { KeyRange } from "../../../../src/engine/contract/index.ts";
import type { LsmEngine, LsmOptions } from "../../../../src/engine/lsm/index.ts";
import { bytes, drain, entriesOf, put, text } from "../support.ts";
import { keyOf, openOn, readsDuring } from "./slow-kit.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

const ROWS = 8_000;
const OPTIONS: Partial<LsmOptions> = {
  flushBytesMax: 8 << 20,
  tableBytesTarget: 8 << 20,
  sliceMillis: 2,
  prefixFilterBytes: [4],
};
/** Hundred rows of each even hundred: the prefix of an odd one is in no key. */
const numberOf = (i: number): number => 200 * Math.floor(i / 100) + (i % 100);
const valueOf = (i: number): string => `${i}:${"v".repeat(60)}`;
const hundred = (i: number): string => `k${String(i).padStart(3, "0")}`;
const prefixRange = (i: number): KeyRange => {
  const start = bytes(hundred(i));
  return { start, end: prefixEnd(start) };
};

async function filledOnce(host: SimulatedHost): Promise<LsmEngine> {
  const engine = await openOn(host, OPTIONS);
  const ops = Array.from({ length: ROWS }, (_, i) => put(keyOf(numberOf(i)), valueOf(i)));
  await engine.write({ ops, requires: [] });
  await engine.compact();
  expect(host.paths().filter((path) => path.endsWith(".sst"))).toHaveLength(1);
  return engine;
}
const rowsIn = (even: number): readonly (readonly [string, string])[] =>
  Array.from({ length: 100 }, (_, i) => {
    const row = 50 * even + i;
    return [keyOf(numberOf(row)), valueOf(row)] as const;
  });

test("gets and scans of a slow disk do not block for a piece of a filter, and are answered right", async () => {
  const host = new SimulatedHost({ readMillis: 5 });
  const engine = await filledOnce(host);
  const view = engine.snapshot();
  const before = engine.stats();
  const { beside, blocking } = await readsDuring(host, async () => {
    for (let i = 0; i < ROWS; i += 211) {
      const found = view.get(bytes(keyOf(numberOf(i))));
      expect(text(await found)).toBe(valueOf(i));
      expect(await view.get(bytes(`${keyOf(numberOf(i))}x`))).toBeUndefined();
    }
    const asked = Array.from({ length: 60 }, (_, i) => 131 * i);
    const many = await view.getMany(asked.map((i) => bytes(keyOf(numberOf(i)))));
    expect(many.map(text)).toEqual(asked.map(valueOf));
    for (let group = 0; group < 20; group++) {
      const wanted = group % 2 === 0 ? rowsIn(group) : [];
      expect(await entriesOf(view, prefixRange(group))).toEqual(wanted);
      const back = await entriesOf(view, prefixRange(group), { reverse: true });
      expect(back).toEqual(wanted.toReversed());
    }
  });
  expect(blocking).toBe(0);
  expect(beside).toBeGreaterThan(100);
  const after = engine.stats();
  expect(after["cacheFilterMisses"]! - before["cacheFilterMisses"]!).toBeGreaterThan(20);
  expect(after["rangesRefused"]! - before["rangesRefused"]!).toBe(20);
  expect(after["pinnedBytes"]).toBeLessThan(2_048);
  view.close();
  await engine.close();
});

test("a scan that waits for a piece of a filter goes on in the tables that are there by then", async () => {
  const host = new SimulatedHost({ readMillis: 5 });
  const engine = await filledOnce(host);
  const view = engine.snapshot();
  const scans = Array.from({ length: 8 }, (_, i) => view.scan(prefixRange(10 * i)));
  const pages = scans.map((scan) => scan.next());
  for (const page of pages) expect(page).toBeInstanceOf(Promise);
  await engine.write({ ops: [put("z", "z")], requires: [] });
  await engine.compact();
  for (const [i, page] of pages.entries()) {
    const { rows } = await page;
    const rest = await drain(scans[i]!);
    expect(rows + rest.length).toBe(100);
    expect(rest).toEqual(rowsIn(10 * i).slice(rows));
  }
  view.close();
  await engine.close();
});

test("a scan goes on behind its first page where the tables are new and their filter is not in memory", async () => {
  const host = new SimulatedHost({ readMillis: 5 });
  const engine = await filledOnce(host);
  for (const group of [0, 8, 30, 70]) {
    const view = engine.snapshot();
    const scan = view.scan(prefixRange(group));
    const { rows } = await scan.next();
    expect(rows > 0 && rows < 100).toBe(true);
    await engine.write({ ops: [put(`z${group}`, "z")], requires: [] });
    await engine.compact();
    expect(await drain(scan)).toEqual(rowsIn(group).slice(rows));
    view.close();
  }
  await engine.close();
});

test("a damaged piece that is read beside the thread is found and named", async () => {
  const host = new SimulatedHost({ readMillis: 5 });
  const engine = await filledOnce(host);
  expect(await engine.verify()).toEqual([]);
  const path = host.paths().find((one) => one.endsWith(".sst"))!;
  await engine.close();
  const content = host.contentOf(path);
  // Pieces end right before the small blocks at the end of the file; the last quarter of all before is filter.
  const damagedAt = content.length - 6_000;
  content[damagedAt]! ^= 1;
  const damaged = new SimulatedHost({ readMillis: 5 });
  damaged.files.makeDirectory("/db");
  for (const one of host.paths()) {
    const file = damaged.files.open(one, "create");
    const bytesOf = one === path ? content : host.contentOf(one);
    file.write(bytesOf, 0, bytesOf.length, 0);
    file.close();
  }
  const again = await openOn(damaged, OPTIONS);
  const view = again.snapshot();
  let refused = 0;
  for (let i = 0; i < 40; i++) {
    try {
      expect(text(await view.get(bytes(keyOf(numberOf(i)))))).toBe(valueOf(i));
    } catch (error) {
      expect(error).toBeInstanceOf(CorruptionError);
      expect((error as CorruptionError).file).toBe(path);
      expect((error as CorruptionError).offset).toBeLessThan(damagedAt);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(0);
  expect(refused).toBeLessThan(40);
  view.close();
  await again.close();
});

test("the pieces of many tables are waited for side by side, by a get as by a scan", async () => {
  const host = new SimulatedHost({ readMillis: 10 });
  const tables = 6;
  const engine = await openOn(host, {
    ...OPTIONS,
    l0TablesTrigger: 50,
    levelBaseBytes: 64 << 20,
  });
  const nameOf = (i: number, table: number): string => `${keyOf(numberOf(i))}/${table}`;
  for (let table = 0; table < tables; table++) {
    const ops = Array.from({ length: ROWS }, (_, i) => put(nameOf(i, table), `${table}`));
    await engine.write({ ops, requires: [] });
    await engine.flush();
  }
  expect(engine.stats()["level0Tables"]).toBe(tables);
  const view = engine.snapshot();
  const { clock } = host;
  for (let i = 0; i < ROWS; i += 1_117) {
    const before = clock.monotonicMillis();
    const { beside, blocking } = await readsDuring(host, () =>
      view.get(bytes(`${nameOf(i, 0)}/absent`)),
    );
    expect(blocking).toBe(0);
    expect(beside).toBeLessThanOrEqual(tables + 2);
    // One after another they would take 60 ms. One in a thousand goes on to an index and a block.
    expect(clock.monotonicMillis() - before).toBeLessThanOrEqual(40);

    const asked = clock.monotonicMillis();
    expect(text(await view.get(bytes(nameOf(i, 0))))).toBe("0");
    expect(clock.monotonicMillis() - asked).toBeLessThanOrEqual(40);

    const scanned = clock.monotonicMillis();
    const start = bytes(hundred(2 * Math.floor(i / 100) + 1));
    expect(await entriesOf(view, { start, end: prefixEnd(start) })).toEqual([]);
    expect(clock.monotonicMillis() - scanned).toBeLessThanOrEqual(20);
  }
  // What is found in the newest table is not looked for below.
  const { beside } = await readsDuring(host, async () => {
    for (let i = 0; i < 10; i++) await view.get(bytes(nameOf(i, tables - 1)));
  });
  expect(beside).toBeLessThan(10 * tables);
  view.close();
  await engine.close();
});
