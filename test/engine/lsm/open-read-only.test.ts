/** Opening a database to read it changes nothing, and shows what opening it for writing would show. */
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { StorageError } from "../../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../../src/engine/lsm/index.ts";
import type { LsmEngine } from "../../../src/engine/lsm/index.ts";
import { TINY, bytes, entriesOf, put, text } from "./support.ts";
import { PATH, Workload, sorted } from "./workload.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";

const readOnly = (host: SimulatedHost, path = PATH): Promise<LsmEngine> =>
  openLsmEngine({ path, host, ...TINY, readOnly: true });

test("whatever a crash left, it shows a whole commit at or after the newest acknowledged, and changes no byte", async () => {
  const host = new SimulatedHost({ seed: 5 });
  const workload = new Workload(host, 5);
  const cuts: { disk: SimulatedHost; acknowledged: number }[] = [];
  host.onCall = ({ change }) => {
    if (change === undefined || change % 7 !== 0) return;
    const disk = host.afterPowerCut("seeded", change);
    cuts.push({ disk, acknowledged: workload.acknowledged });
  };
  await workload.run(40);
  let read = 0;
  for (const { acknowledged, disk } of cuts) {
    const { changes } = disk;
    const engine = await readOnly(disk).catch((error: StorageError) => error);
    // Cut before the database was there.
    if (engine instanceof Error) {
      expect([engine.code, acknowledged]).toEqual(["NoDatabase", 0]);
      continue;
    }
    const rows = await entriesOf(engine.snapshot());
    const newest = Number(new Map(rows).get("n") ?? "0");
    expect(newest).toBeGreaterThanOrEqual(acknowledged);
    expect(rows).toEqual(sorted(workload.states[newest]!));
    for (const [key, value] of rows) {
      const view = await engine.begin();
      expect(text(await view.get(bytes(key)))).toBe(value);
      view.abort();
    }
    expect(await engine.verify()).toEqual([]);
    await engine.close();
    expect(disk.changes).toBe(changes);
    read++;
  }
  expect(read).toBeGreaterThan(30);
});

test("writes of every kind are refused in words, and what only reads commits", async () => {
  const host = new SimulatedHost();
  const writer = await openLsmEngine({ path: "/db", host, ...TINY });
  await writer.write({ ops: [put("a", "1")], requires: [] });
  await writer.close();
  const engine = await readOnly(host, "/db");
  const refusal = { _tag: "StorageError", code: "OpenedReadOnly" };
  const failureOf = async (work: () => unknown): Promise<unknown> => {
    try {
      return await work();
    } catch (error) {
      return error;
    }
  };
  expect(await failureOf(() => engine.write({ ops: [put("b", "2")], requires: [] }))).toMatchObject(
    refusal,
  );
  expect(await failureOf(() => engine.flush())).toMatchObject(refusal);
  expect(await failureOf(() => engine.compact())).toMatchObject(refusal);
  const transaction = await engine.begin({ exclusive: true });
  expect(text(await transaction.get(bytes("a")))).toBe("1");
  await transaction.commit({ readKeys: [bytes("a")], readRanges: [], ops: [], requires: [] });
  expect(engine.report()).toMatchObject({ isReadOnly: true, sequence: 1, views: { open: 0 } });
  expect(engine.stats()).toMatchObject({ sequence: 1, sstableCount: 1 });
  await engine.close();
});

test("it is refused while a writer has the directory, and refuses one while it is open", async () => {
  const host = new SimulatedHost();
  const writer = await openLsmEngine({ path: "/db", host, ...TINY });
  await expect(readOnly(host, "/db")).rejects.toMatchObject({ _tag: "DatabaseLocked" });
  await writer.close();
  const reader = await readOnly(host, "/db");
  await expect(openLsmEngine({ path: "/db", host })).rejects.toMatchObject({
    _tag: "DatabaseLocked",
  });
  await reader.close();
  await (await openLsmEngine({ path: "/db", host })).close();
});

test("a folder without a database is refused and not made into one", async () => {
  const host = new SimulatedHost();
  await expect(readOnly(host, "/nowhere")).rejects.toMatchObject({ code: "NoDatabase" });
  expect(host.files.exists("/nowhere")).toBe(false);
  host.files.makeDirectory("/empty");
  await expect(readOnly(host, "/empty")).rejects.toMatchObject({ code: "NoDatabase" });
  expect(host.files.list("/empty")).toEqual([]);
});

test("on a real disk a folder that may not be written to can be read, and keeps every file as it was", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kotoba-read-only-"));
  const path = join(folder, "db");
  try {
    const writer = await openLsmEngine({ path, ...TINY });
    for (let i = 0; i < 30; i++) {
      await writer.write({ ops: [put(`k${i}`, "x".repeat(90))], requires: [] });
    }
    await writer.close();
    const before = readdirSync(path);
    chmodSync(path, 0o555);
    const engine = await openLsmEngine({ path, ...TINY, readOnly: true });
    expect(await entriesOf(engine.snapshot())).toHaveLength(30);
    expect(readdirSync(path)).toEqual(before);
    await expect(openLsmEngine({ path, ...TINY })).rejects.toMatchObject({
      _tag: "DatabaseLocked",
    });
    await engine.close();
    expect(readdirSync(path)).toEqual(before);
  } finally {
    chmodSync(path, 0o755);
    rmSync(folder, { recursive: true });
  }
});
