/** What the original engine got wrong, each by its behaviour. Its claims are kept here: this engine does them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import type { LsmEngine, LsmOptions } from "../../src/engine/lsm/index.ts";
import { TINY, bytes, del, entriesOf, put, range, text } from "../engine/lsm/support.ts";
import { SimulatedHost } from "../../src/testing/index.ts";

let path: string;
let engine: LsmEngine;

async function open(options: Partial<LsmOptions> = {}): Promise<void> {
  engine = await openLsmEngine({ path, ...options });
}
async function write(key: string, value: string): Promise<void> {
  await engine.write({ ops: [put(key, value)], requires: [] });
}
async function get(key: string): Promise<string | undefined> {
  const snapshot = engine.snapshot();
  try {
    return text(await snapshot.get(bytes(key)));
  } finally {
    snapshot.close();
  }
}

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "kotobadb-original-"));
});
afterEach(async () => {
  await engine.close();
  rmSync(path, { recursive: true, force: true });
});

test("what was put is there after opening again: the log is replayed, not cut off", async () => {
  await open();
  await write("a", "1");
  await engine.close();
  await open();
  await write("b", "2");
  await engine.close();
  await open();
  expect([await get("a"), await get("b")]).toEqual(["1", "2"]);
});

test("an acknowledged put survives a power cut: it is synced, not only flushed to the operating system", async () => {
  const host = new SimulatedHost();
  await open({ host, path: "/db" });
  await write("a", "1");
  const survivor = await openLsmEngine({ host: host.afterPowerCut("lost"), path: "/db" });
  expect(text(await survivor.snapshot().get(bytes("a")))).toBe("1");
  await survivor.close();
});

test("a deleted key stays deleted when the delete was flushed to a table", async () => {
  await open();
  await write("a", "1");
  await engine.flush();
  await engine.write({ ops: [del("a")], requires: [] });
  await engine.flush();
  expect(await get("a")).toBeUndefined();
  await engine.compact();
  expect(await get("a")).toBeUndefined();
});

test("a scan by prefix finds rows that were flushed to tables", async () => {
  await open();
  for (let i = 0; i < 1_001; i++) await write(`user:${String(i).padStart(4, "0")}`, `${i}`);
  await write("zebra", "");
  await engine.flush();
  const snapshot = engine.snapshot();
  const rows = await entriesOf(snapshot, range("user:", "user;"));
  snapshot.close();
  expect(rows).toHaveLength(1_001);
  expect(rows[0]).toEqual(["user:0000", "0"]);
});

test("compaction keeps the newest value of a key, not the first", async () => {
  await open();
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 20; i++) await write(`k${i}`, `r${round}`);
    await engine.flush();
  }
  await engine.compact();
  for (let i = 0; i < 20; i++) expect(await get(`k${i}`)).toBe("r4");
});

test("after compaction and opening again a key still has its newest value", async () => {
  await open();
  for (let round = 0; round < 4; round++) {
    await write("k", `r${round}`);
    await engine.flush();
  }
  await engine.compact();
  await write("k", "r4");
  await engine.flush();
  await engine.close();
  await open();
  expect(await get("k")).toBe("r4");
});

test("an empty value is a value", async () => {
  await open();
  await write("x", "");
  expect(await get("x")).toBe("");
  await engine.flush();
  expect(await get("x")).toBe("");
  await engine.close();
  await open();
  expect(await get("x")).toBe("");
});

test("the log does not grow for ever: what was flushed leaves it", async () => {
  await open();
  const logBytes: number[] = [];
  for (let i = 0; i < 20; i++) {
    await write(`k${i}`, "x".repeat(20_000));
    await engine.flush();
    logBytes.push(engine.stats()["logBytes"]!);
  }
  expect(Math.max(...logBytes)).toBeLessThan(1_000);
  expect(engine.stats()).toMatchObject({ sstableCount: expect.any(Number) });
  expect(await engine.verify()).toEqual([]);
});

test("writers do not wait for a compaction: it runs beside them, in slices", async () => {
  const host = new SimulatedHost();
  await open({ ...TINY, host, path: "/db", flushBytesMax: 64 * 1_024, tableBytesTarget: 8_192 });
  for (let i = 0; i < 400; i++) await write(`k${String(i).padStart(3, "0")}`, "x".repeat(100));
  let isCompacting = true;
  const compaction = engine.compact().then(() => {
    isCompacting = false;
  });
  let written = 0;
  while (isCompacting && written < 1_000) {
    await write(`during${written}`, "");
    written++;
  }
  await compaction;
  expect(written).toBeGreaterThan(20);
  expect(await get("during0")).toBe("");
});

test("a batch is seen whole or not at all, and a view does not see what came after it", async () => {
  await open();
  await engine.write({ ops: [put("a", "1"), put("b", "1")], requires: [] });
  const before = engine.snapshot();
  await engine.write({ ops: [put("a", "2"), put("b", "2")], requires: [] });
  expect(await entriesOf(before)).toEqual([
    ["a", "1"],
    ["b", "1"],
  ]);
  before.close();
  expect([await get("a"), await get("b")]).toEqual(["2", "2"]);
});
