/** The real thread on real files, with tables so small that it is always at work. */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Closed } from "../../../../src/base/index.ts";
import { CorruptionError } from "../../../../src/engine/contract/index.ts";
import type { WriteOp } from "../../../../src/engine/contract/index.ts";
import { nodeHost } from "../../../../src/engine/lsm/host/index.ts";
import type { BackgroundThread, Host } from "../../../../src/engine/lsm/host/index.ts";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import type { LsmEngine, LsmOptions } from "../../../../src/engine/lsm/index.ts";
import { workerSource } from "../../../../src/engine/lsm/maintenance/index.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { TINY, bytes, del, delRange, drain, entriesOf, put, range } from "../support.ts";
import { applied, sorted } from "../workload.ts";
import type { State } from "../workload.ts";

const SMALL: Omit<LsmOptions, "path"> = {
  ...TINY,
  flushBytesMax: 16 * 1_024,
  levelBaseBytes: 32 * 1_024,
  tableBytesTarget: 8 * 1_024,
  durability: "buffered",
  backgroundThreadBytesMin: 0,
};

/** A host whose threads the test can end, or which runs another script. */
function hostWith(options: { readonly source?: string } = {}): {
  readonly host: Host;
  readonly threads: BackgroundThread[];
} {
  const real = nodeHost();
  const threads: BackgroundThread[] = [];
  const start: NonNullable<Host["threads"]>["start"] = (source, data, listener) => {
    const thread = real.threads!.start(options.source ?? source, data, listener);
    threads.push(thread);
    return thread;
  };
  return { host: { ...real, threads: { start } }, threads };
}

/** Numbers that look random and are the same each time. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function someOps(random: (below: number) => number): WriteOp[] {
  const key = (): string => `k${String(random(2_000)).padStart(4, "0")}`;
  const ops = new Map<string, WriteOp>();
  for (let i = 0; i < 20; i++) {
    const name = key();
    ops.set(name, random(5) === 0 ? del(name) : put(name, "v".repeat(random(120))));
  }
  const list = [...ops.values()];
  if (random(40) === 0) list.push(delRange(key(), random(10) === 0 ? undefined : key()));
  return list;
}

async function write(engine: LsmEngine, state: State, ops: readonly WriteOp[]): Promise<State> {
  await engine.write({ ops, requires: [] });
  return applied(state, ops);
}

function tableFiles(path: string): number {
  return readdirSync(path).filter((name) => name.endsWith(".sst")).length;
}

test("vitest supplies the script of the thread", () => {
  expect(workerSource?.length).toBeGreaterThan(10_000);
});

test("what a thread flushed and compacted reads as a sorted map does, in old views too, and after a reopen", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const random = dice(7);
  let state: State = new Map();
  let jobs = 0;
  for (let round = 0; round < 3; round++) {
    const engine = await openLsmEngine({ path, ...SMALL });
    expect(await entriesOf(engine.snapshot())).toEqual(sorted(state));
    for (let i = 0; i < 150; i++) state = await write(engine, state, someOps(random));
    const view = engine.snapshot();
    const scan = view.scan(range("", undefined), { reverse: true });
    const first = await scan.next();
    const seen = sorted(state);
    for (let i = 0; i < 250; i++) state = await write(engine, state, someOps(random));
    if (round !== 1) await engine.compact();
    const expected = seen.toReversed().slice(first.rows);
    expect(first.done ? [] : await drain(scan)).toEqual(expected);
    expect(await entriesOf(view)).toEqual(seen);
    view.close();
    expect(await entriesOf(engine.snapshot())).toEqual(sorted(state));
    expect(await engine.verify()).toEqual([]);
    jobs += engine.stats()["backgroundThreadJobs"]!;
    expect(engine.stats()["backgroundThreadStarts"]).toBe(1);
    await engine.close();
  }
  expect(jobs).toBeGreaterThan(30);
});

test("a thread that dies in the middle loses nothing, is replaced, and in the end done without", async () => {
  await using folder = await temporaryFolder();
  const { host, threads } = hostWith();
  const random = dice(11);
  let state: State = new Map();
  const engine = await openLsmEngine({ path: folder.path, host, ...SMALL });
  for (let kill = 0; kill < 6; kill++) {
    const before = threads.length;
    for (let i = 0; i < 80; i++) {
      state = await write(engine, state, someOps(random));
      // Each time at another moment of its work.
      if (threads.length > 0 && i === 30 + kill * 7) void threads.at(-1)!.stop();
    }
    await engine.flush();
    expect(await entriesOf(engine.snapshot())).toEqual(sorted(state));
    expect(threads.length - before).toBeLessThan(3);
  }
  await engine.compact();
  expect(await engine.verify()).toEqual([]);
  expect(await entriesOf(engine.snapshot())).toEqual(sorted(state));
  const stats = engine.stats();
  await engine.close();
  const left = tableFiles(folder.path);
  expect(stats["backgroundThreadLosses"]).toBe(4);
  expect(threads).toHaveLength(4);
  const again = await openLsmEngine({ path: folder.path });
  expect(again.stats()["sstableCount"]).toBe(left);
  expect(await entriesOf(again.snapshot())).toEqual(sorted(state));
  await again.close();
});

test.each([
  ["ends at once", "process.exit(3)"],
  ["throws when it loads", "throw new Error('no such module')"],
  [
    "throws when it gets work",
    "require('worker_threads').parentPort.on('message', () => { throw 1 })",
  ],
])("where a thread %s, the work is done on the one thread", async (_, source) => {
  await using folder = await temporaryFolder();
  const { host, threads } = hostWith({ source });
  const engine = await openLsmEngine({ path: folder.path, host, ...SMALL });
  let state: State = new Map();
  const random = dice(3);
  for (let i = 0; i < 100; i++) state = await write(engine, state, someOps(random));
  await engine.compact();
  expect(await entriesOf(engine.snapshot())).toEqual(sorted(state));
  expect(threads.length).toBe(4);
  await engine.close();
});

test("damage that the thread meets is a CorruptionError that names the file, and ends writing, not reading", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const options = { path, ...SMALL, l0TablesTrigger: 8 };
  const engine = await openLsmEngine(options);
  for (const round of ["a", "b"]) {
    for (let i = 0; i < 60; i++) {
      await engine.write({ ops: [put(`${round}${i}`, "v".repeat(100))], requires: [] });
    }
    await engine.flush();
  }
  const name = readdirSync(path).find((file) => file.endsWith(".sst"))!;
  const content = readFileSync(join(path, name));
  content[100]! ^= 0xff;
  writeFileSync(join(path, name), content);
  await expect(engine.compact()).rejects.toMatchObject({
    _tag: "CorruptionError",
    file: join(path, name),
  });
  await expect(engine.compact()).rejects.toMatchObject({
    _tag: "StorageError",
    cause: expect.any(CorruptionError) as unknown,
  });
  expect(await engine.snapshot().get(bytes("b5"))).toBeDefined();
  expect(engine.stats()["backgroundThreadJobs"]).toBeGreaterThan(0);
  await engine.close().catch(() => undefined);
});

test("close() during a job gives it up, removes what it began, and keeps what was acknowledged", async () => {
  await using folder = await temporaryFolder();
  const options = { path: folder.path, ...SMALL, flushBytesMax: 1 << 20, l0TablesTrigger: 64 };
  const engine = await openLsmEngine(options);
  let state: State = new Map();
  for (let i = 0; i < 40; i++) {
    const ops = Array.from({ length: 500 }, (_, at) =>
      put(`k${String((i * 500 + at * 7_919) % 20_000).padStart(5, "0")}`, "v".repeat(80)),
    );
    const unique = [...new Map(ops.map((op) => ["key" in op ? String(op.key) : "", op])).values()];
    state = await write(engine, state, unique);
  }
  await engine.flush();
  const compacting = engine.compact();
  const refused = expect(compacting).rejects.toBeInstanceOf(Closed);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await engine.close();
  await refused;
  const left = tableFiles(folder.path);
  const again = await openLsmEngine(options);
  expect(again.stats()["sstableCount"]).toBe(left);
  expect(await entriesOf(again.snapshot())).toEqual(sorted(state));
  await again.close();
});

test("a small database has no thread, nor has one that was opened without", async () => {
  await using folder = await temporaryFolder();
  for (const options of [
    { ...SMALL, backgroundThreadBytesMin: 1 << 20 },
    { ...SMALL, backgroundThread: "off" as const },
  ]) {
    const { host, threads } = hostWith();
    const engine = await openLsmEngine({ path: folder.path, host, ...options });
    for (let i = 0; i < 200; i++) {
      await engine.write({ ops: [put(`k${i}`, "v".repeat(200))], requires: [] });
    }
    await engine.compact();
    expect(engine.stats()["flushes"]).toBeGreaterThan(0);
    expect(threads).toHaveLength(0);
    await engine.close();
  }
  const wrong = { path: folder.path, backgroundThread: "on" as "off" };
  await expect(openLsmEngine(wrong)).rejects.toThrow(/backgroundThread/);
});
