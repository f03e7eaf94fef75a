/** The report of an engine is held against what was done to it. */
import { expect, test } from "vitest";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import type { LsmEngine } from "../../../../src/engine/lsm/index.ts";
import { spaceAmplification } from "../../../../src/engine/lsm/report/index.ts";
import { TINY, bytes, put } from "../support.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

const open = (host: SimulatedHost): Promise<LsmEngine> =>
  openLsmEngine({ path: "/db", host, ...TINY });

test("a new engine has nothing to report", async () => {
  const engine = await open(new SimulatedHost());
  expect(engine.report()).toMatchObject({
    isReadOnly: false,
    isFailed: false,
    sequence: 0,
    tables: 0,
    levels: [],
    amplification: { write: undefined, read: undefined, sortedRuns: 0, space: undefined },
    views: { open: 0, snapshots: 0 },
    stalls: { count: 0 },
  });
  await engine.close();
});

test("levels add up to the tables, and what passed through them to the work that was done", async () => {
  const engine = await open(new SimulatedHost());
  let committed = 0;
  for (let i = 0; i < 150; i++) {
    const op = put(`k${i % 40}`, "x".repeat(90));
    if (op.op === "put") committed += op.key.length + op.value.length;
    await engine.write({ ops: [op], requires: [] });
  }
  await engine.compact();
  const { amplification, background, commits, levels, log, tables, totalBytes } = engine.report();
  const sum = (pick: (level: (typeof levels)[number]) => number): number =>
    levels.reduce((total, level) => total + pick(level), 0);
  expect(sum((level) => level.tables)).toBe(tables);
  expect(sum((level) => level.bytes)).toBe(totalBytes);
  expect(sum((level) => level.bytesWritten)).toBe(
    background.bytesFlushed + background.bytesCompacted,
  );
  expect(sum((level) => level.bytesRead)).toBeGreaterThan(0);
  expect(commits).toMatchObject({ count: 150, bytes: committed, conflicts: 0 });
  const written = log.bytesTotal + background.bytesFlushed + background.bytesCompacted;
  expect(amplification.write).toBeCloseTo(written / committed);
  expect(amplification.space).toBe(1);
  expect(amplification.sortedRuns).toBe(1);
  await engine.close();
});

test("snapshots that are open are counted, with the time and the commits that the oldest one is behind", async () => {
  const host = new SimulatedHost();
  const engine = await open(host);
  const snapshot = engine.snapshot();
  await host.timers.sleep(5_000);
  for (let i = 0; i < 3; i++) await engine.write({ ops: [put("k", "v")], requires: [] });
  const later = engine.snapshot();
  expect(engine.report().views).toEqual({
    open: 2,
    oldestLag: 3,
    snapshots: 2,
    oldestSnapshotMillis: 5_000,
  });
  snapshot.close();
  later.close();
  expect(engine.report().views).toMatchObject({ open: 0, oldestLag: 0, snapshots: 0 });
  await engine.close();
});

test("filters count what they spared, also of tables that are gone", async () => {
  const engine = await open(new SimulatedHost());
  for (let i = 0; i < 20; i++) {
    await engine.write({ ops: [put(`k${i}`, "x".repeat(100))], requires: [] });
  }
  await engine.flush();
  const view = await engine.begin({ readOnly: true });
  for (let i = 0; i < 10; i++) await view.get(bytes(`k${i}x`));
  view.abort();
  const before = engine.report().reads;
  expect(before.lookups).toBe(10);
  expect(before.filter.refused).toBeGreaterThan(0);
  await engine.compact();
  expect(engine.report().reads.filter).toEqual(before.filter);
  await engine.close();
});

test("space amplification is all bytes over those of the deepest level, and is not guessed without one", () => {
  expect(spaceAmplification([10, 0, 0])).toBeUndefined();
  expect(spaceAmplification([])).toBeUndefined();
  expect(spaceAmplification([10, 30, 100, 0])).toBeCloseTo(1.4);
});
