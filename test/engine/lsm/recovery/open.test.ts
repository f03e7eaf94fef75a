/** What lies in the directory before and after opening. */
import { expect, test } from "vitest";
import { CorruptionError } from "../../../../src/engine/contract/index.ts";
import { dumpDatabase, openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import type { LsmEngine } from "../../../../src/engine/lsm/index.ts";
import { TINY, bytes, entriesOf, put } from "../support.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

const open = (host: SimulatedHost): Promise<LsmEngine> =>
  openLsmEngine({ path: "/db", host, ...TINY });
const write = async (engine: LsmEngine, key: string, value = "x".repeat(100)): Promise<void> => {
  await engine.write({ ops: [put(key, value)], requires: [] });
};
const names = (host: SimulatedHost): string[] =>
  host.files.list("/db").filter((name) => !name.startsWith("LOCK"));
const spares = (host: SimulatedHost): string[] =>
  names(host).filter((name) => name.endsWith(".spare"));
const tables = (host: SimulatedHost): string[] =>
  names(host).filter((name) => name.endsWith(".sst"));

test("a directory and its parents are made, and a new database holds nothing", async () => {
  const host = new SimulatedHost();
  const engine = await openLsmEngine({ path: "/a/b/c", host });
  expect(await entriesOf(engine.snapshot())).toEqual([]);
  expect(engine.stats()).toMatchObject({ sstableCount: 0, totalBytes: 0, sequence: 0 });
  await engine.close();
});

test("after work, files are those of the present version: one log, one manifest, its marker, its tables, and two spare logs at most", async () => {
  const host = new SimulatedHost();
  const engine = await open(host);
  for (let i = 0; i < 100; i++) await write(engine, `k${i % 20}`);
  await engine.compact();
  const count = engine.stats()["sstableCount"]!;
  expect(spares(host).length).toBeLessThanOrEqual(2);
  expect(names(host)).toHaveLength(3 + count + spares(host).length);
  expect(tables(host)).toHaveLength(count);
  expect(engine.stats()).toMatchObject({ openTables: count, pendingRemovals: 0 });
  await engine.close();
});

test("a closed database keeps no room for logs to come", async () => {
  const host = new SimulatedHost();
  const engine = await open(host);
  for (let i = 0; i < 100; i++) await write(engine, `k${i % 20}`);
  await engine.flush();
  expect(spares(host).length).toBeGreaterThan(0);
  await engine.close();
  expect(spares(host)).toEqual([]);
  const logs = names(host).filter((name) => name.endsWith(".log"));
  // The header, and the mark that says that it was closed.
  expect(logs.map((name) => host.files.size(`/db/${name}`))).toEqual([75]);
});

test("orphans of a crashed run are swept, what is not ours is left alone, and no number is used twice", async () => {
  const host = new SimulatedHost();
  let engine = await open(host);
  await write(engine, "a");
  await engine.close();
  const strange = ["000900.sst", "notes.txt", "MANIFEST-000901"];
  for (const name of strange) host.files.open(`/db/${name}`, "create").close();
  engine = await open(host);
  expect(names(host)).toContain("notes.txt");
  expect(names(host)).not.toContain("000900.sst");
  expect(names(host)).not.toContain("MANIFEST-000901");
  await write(engine, "b");
  await engine.flush();
  const numbers = tables(host).map((name) => Number.parseInt(name, 10));
  expect(Math.max(...numbers)).toBeGreaterThan(901);
  expect(await entriesOf(engine.snapshot())).toHaveLength(2);
  await engine.close();
});

test("a table that is missing is named, and nothing is changed", async () => {
  const host = new SimulatedHost();
  const engine = await open(host);
  await write(engine, "a");
  await engine.flush();
  await engine.close();
  const [lost] = tables(host);
  host.files.remove(`/db/${lost}`);
  const before = names(host);
  const failure: unknown = await open(host).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(CorruptionError);
  expect((failure as CorruptionError).file).toBe(`/db/${lost}`);
  expect(names(host)).toEqual(before);
  // The lock is free again: the second attempt fails for the same reason, not because of the first.
  await expect(open(host)).rejects.toThrow(CorruptionError);
});

test("data without its manifest is refused, never taken for an empty directory", async () => {
  const host = new SimulatedHost();
  const engine = await open(host);
  await write(engine, "a");
  await engine.close();
  for (const name of names(host)) {
    if (name.startsWith("marker") || name.startsWith("MANIFEST")) host.files.remove(`/db/${name}`);
  }
  await expect(open(host)).rejects.toThrow(CorruptionError);
});

test("a flipped byte in the middle of an older log is damage, not the end of the log", async () => {
  const host = new SimulatedHost();
  const engine = await openLsmEngine({ path: "/db", host, closeFlushBytesMax: 0 });
  for (let i = 0; i < 10; i++) await write(engine, `k${i}`);
  await engine.close();
  const log = names(host).find((name) => name.endsWith(".log"))!;
  const content = host.contentOf(`/db/${log}`).slice();
  content[200] = content[200]! ^ 1;
  host.damage(`/db/${log}`, content);
  await expect(openLsmEngine({ path: "/db", host })).rejects.toThrow(CorruptionError);
});

test("sequences go on after opening again, also when all that was written has vanished from the tables", async () => {
  const host = new SimulatedHost();
  let engine = await open(host);
  await write(engine, "a");
  await engine.write({ ops: [{ op: "del", key: bytes("a") }], requires: [] });
  await engine.flush();
  expect(engine.stats()).toMatchObject({ sequence: 2, sstableCount: 0 });
  await engine.close();
  engine = await open(host);
  expect(engine.stats()).toMatchObject({ sequence: 2 });
  expect((await engine.write({ ops: [put("b", "")], requires: [] })).version).toBe("3");
  await engine.close();
});

test("opening many times over leaves no files behind", async () => {
  const host = new SimulatedHost();
  for (let i = 0; i < 20; i++) {
    const engine = await open(host);
    await write(engine, "k", `value ${i}`);
    await engine.close();
  }
  const engine = await open(host);
  await engine.compact();
  expect(spares(host).length).toBeLessThanOrEqual(2);
  expect(names(host)).toHaveLength(4 + spares(host).length);
  expect(await entriesOf(engine.snapshot())).toEqual([["k", "value 19"]]);
  await engine.close();
});

test("a dump shows the manifest, the log and every table, and takes the lock meanwhile", async () => {
  const host = new SimulatedHost();
  const engine = await openLsmEngine({ path: "/db", host, ...TINY, closeFlushBytesMax: 0 });
  await write(engine, "flushed", "1");
  await engine.flush();
  await write(engine, "logged", "2");
  await expect(dumpDatabase({ path: "/db", host })).rejects.toMatchObject({
    _tag: "DatabaseLocked",
  });
  await engine.close();
  const before = names(host);
  const text = await dumpDatabase({ path: "/db", host });
  expect(text).toMatch(/^# manifest\n/);
  expect(text).toMatch(/# \d+\.log\n[^#]*logged|# \d+\.log\n[^#]*6c6f67676564/);
  expect(text).toMatch(/# \d+\.sst\n[^#]*flushed|# \d+\.sst\n[^#]*666c7573686564/);
  expect(names(host)).toEqual(before);
});
