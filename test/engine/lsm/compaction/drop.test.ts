/** Tables that nobody needs go without being read; what an open view needs stays. */
import { expect, test } from "vitest";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import type { LsmEngine, LsmOptions } from "../../../../src/engine/lsm/index.ts";
import type { FileHandle, Host } from "../../../../src/engine/lsm/host/index.ts";
import { TINY, delRange, entriesOf, put } from "../support.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

const PATH = "/data";
const FILLER = "x".repeat(200);

/** A host that notes which tables are read. */
function readingsOf(host: Host): { host: Host; reads: Map<string, number> } {
  const reads = new Map<string, number>();
  const counted = (file: FileHandle): FileHandle => ({
    path: file.path,
    read: (...where) => {
      reads.set(file.path, (reads.get(file.path) ?? 0) + 1);
      return file.read(...where);
    },
    readAsync: (...where) => {
      reads.set(file.path, (reads.get(file.path) ?? 0) + 1);
      return file.readAsync(...where);
    },
    write: (...what) => file.write(...what),
    size: () => file.size(),
    truncate: (size) => file.truncate(size),
    sync: () => file.sync(),
    syncNow: () => file.syncNow(),
    close: () => file.close(),
  });
  const files = {
    ...host.files,
    open: (...how: Parameters<Host["files"]["open"]>) => counted(host.files.open(...how)),
  };
  return {
    host: { files, clock: host.clock, random: host.random, timers: host.timers, warn: () => {} },
    reads,
  };
}

async function fill(engine: LsmEngine, prefix: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const key = `${prefix}${String(i).padStart(4, "0")}`;
    await engine.write({ ops: [put(key, `${i} ${FILLER}`)], requires: [] });
  }
}

async function until(host: SimulatedHost, isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 2_000 && !isTrue(); i++) await host.timers.pause();
  expect(isTrue()).toBe(true);
}

const tablesIn = (host: SimulatedHost): string[] =>
  host.paths().filter((path) => path.endsWith(".sst"));

async function opened(
  more: Partial<LsmOptions> = {},
): Promise<{ disk: SimulatedHost; engine: LsmEngine; reads: Map<string, number> }> {
  const disk = new SimulatedHost({ seed: 9 });
  const { host, reads } = readingsOf(disk);
  // Sizes are as they are written: what fills the rows would be compressed to next to nothing.
  const plain = { compression: "none", bottomCompression: "none" } as const;
  const engine = await openLsmEngine({ ...TINY, ...plain, ...more, path: PATH, host });
  return { disk, engine, reads };
}

test("a range delete frees the files that it covers without reading them", async () => {
  const { disk, engine, reads } = await opened({ blockCacheBytesMax: 64 * 1_024 });
  await fill(engine, "a", 10);
  await fill(engine, "m", 120);
  await fill(engine, "z", 10);
  await engine.compact();
  const before = tablesIn(disk);
  expect(before.length).toBeGreaterThan(10);
  reads.clear();
  await engine.write({ ops: [delRange("m", "n")], requires: [] });
  await engine.flush();
  const goneNow = (): string[] => before.filter((path) => !tablesIn(disk).includes(path));
  await until(disk, () => goneNow().length > 8);
  expect(engine.stats()["drops"]).toBeGreaterThan(8);
  const gone = goneNow();
  const untouched = gone.filter((path) => !reads.has(path));
  // Those at the ends of the range hold other keys too, and are merged.
  expect(untouched.length).toBeGreaterThanOrEqual(gone.length - 2);
  const view = engine.snapshot();
  expect((await entriesOf(view)).map(([key]) => key[0]).join("")).toBe(
    "a".repeat(10) + "z".repeat(10),
  );
  view.close();
  expect(await engine.verify()).toEqual([]);
  await engine.close();
  const again = await openLsmEngine({ ...TINY, path: PATH, host: disk.afterPowerCut("lost") });
  const survivor = again.snapshot();
  expect(await entriesOf(survivor)).toHaveLength(20);
  survivor.close();
  await again.close();
});

test("not while a snapshot still sees them, and later then", async () => {
  const { disk, engine } = await opened();
  await fill(engine, "m", 60);
  await engine.compact();
  const view = engine.snapshot();
  await engine.write({ ops: [delRange("m", "n")], requires: [] });
  await engine.flush();
  for (let i = 0; i < 200; i++) await disk.timers.pause();
  expect(engine.stats()["drops"]).toBe(0);
  expect(await entriesOf(view)).toHaveLength(60);
  view.close();
  await fill(engine, "q", 5);
  await engine.flush();
  await until(disk, () => (engine.stats()["drops"] ?? 0) > 4);
  const now = engine.snapshot();
  expect(await entriesOf(now)).toHaveLength(5);
  now.close();
  await engine.close();
});

test("fifo keeps about its bytes, and the newest of them", async () => {
  const { disk, engine } = await opened({ policy: "fifo", fifoBytesMax: 40_000 });
  const oldest = new Set<string>();
  for (let round = 0; round < 40; round++) {
    await fill(engine, `r${String(round).padStart(2, "0")}-`, 10);
    if (round === 3) for (const path of tablesIn(disk)) oldest.add(path);
  }
  await engine.flush();
  await until(disk, () => (engine.stats()["totalBytes"] ?? Infinity) <= 40_000);
  expect(engine.stats()["drops"]).toBeGreaterThan(5);
  expect(tablesIn(disk).some((path) => oldest.has(path))).toBe(false);
  const view = engine.snapshot();
  const keys = (await entriesOf(view)).map(([key]) => key);
  expect(keys.at(-1)).toBe("r39-0009");
  expect(keys[0]! > "r10").toBe(true);
  view.close();
  expect(await engine.verify()).toEqual([]);
  await engine.close();
});

test("deletes leave the last level by themselves once every view sees them", async () => {
  const { disk, engine } = await opened({ tombstoneDensePercent: 5 });
  await fill(engine, "k", 60);
  await engine.compact();
  const view = engine.snapshot();
  for (let i = 0; i < 60; i++) {
    const key = new TextEncoder().encode(`k${String(i).padStart(4, "0")}`);
    await engine.write({ ops: [{ op: "del", key }], requires: [] });
  }
  await engine.compact();
  expect(engine.stats()["totalBytes"]).toBeGreaterThan(60 * 200);
  view.close();
  await fill(engine, "z", 1);
  await engine.flush();
  await until(disk, () => (engine.stats()["totalBytes"] ?? Infinity) < 3_000);
  expect(await engine.verify()).toEqual([]);
  await engine.close();
});
