/** Group commit, visibility, exclusive turns, back-pressure and limits of the local engine. */
import { expect, test } from "vitest";
import { Closed } from "../../../../src/base/index.ts";
import { StorageError } from "../../../../src/engine/contract/index.ts";
import type { CommitPlan, WriteOp } from "../../../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import type { LsmEngine, LsmOptions } from "../../../../src/engine/lsm/index.ts";
import { TINY, bytes, entriesOf, put, range, text } from "../support.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

async function open(
  options: Partial<LsmOptions> = {},
): Promise<{ readonly engine: LsmEngine; readonly host: SimulatedHost }> {
  const host = new SimulatedHost();
  return { engine: await openLsmEngine({ path: "/db", host, ...options }), host };
}
const plan = (parts: Partial<CommitPlan>): CommitPlan => ({
  readKeys: [],
  readRanges: [],
  ops: [],
  requires: [],
  ...parts,
});
const write = async (
  engine: LsmEngine,
  ops: readonly WriteOp[],
  durability?: "durable" | "buffered" | "memory",
): Promise<void> => {
  await engine.write({ ops, requires: [], ...(durability === undefined ? {} : { durability }) });
};
const valueOf = async (engine: LsmEngine, key: string): Promise<string | undefined> => {
  const reader = await engine.begin({ readOnly: true });
  const value = text(await reader.get(bytes(key)));
  reader.abort();
  return value;
};

test("writers of one turn share one write and one sync, and those who come meanwhile share the next", async () => {
  const { engine } = await open();
  const before = engine.stats();
  await Promise.all(Array.from({ length: 64 }, (_, i) => write(engine, [put(`k${i}`, "")])));
  const after = engine.stats();
  expect(after["commits"]! - before["commits"]!).toBe(64);
  expect(after["writes"]! - before["writes"]!).toBe(1);
  expect(after["syncs"]! - before["syncs"]!).toBe(1);
  await engine.close();
});

test("a commit that waits for its sync is seen by writers, and by readers once it is synced", async () => {
  const { engine } = await open();
  await write(engine, [put("a", "1")]);
  const waiting = write(engine, [put("a", "2")]);
  const writer = await engine.begin();
  expect(text(await writer.get(bytes("a")))).toBe("2");
  expect(text(await engine.snapshot().get(bytes("a")))).toBe("1");
  await waiting;
  expect(text(await engine.snapshot().get(bytes("a")))).toBe("2");
  await engine.close();
});

test("a transaction without ops resolves only once what it read is synced", async () => {
  const { engine, host } = await open();
  const waiting = write(engine, [put("a", "1")]);
  const reader = await engine.begin();
  expect(text(await reader.get(bytes("a")))).toBe("1");
  const committed = reader.commit(plan({ readKeys: [bytes("a")] }));
  expect(committed).toBeInstanceOf(Promise);
  await committed;
  const survivor = await openLsmEngine({ path: "/db", host: host.afterPowerCut("lost") });
  expect(await valueOf(survivor, "a")).toBe("1");
  await waiting;
  await engine.close();
  await survivor.close();
});

test("a commit of weaker durability resolves early, and whoever is shown it after that waits for its sync", async () => {
  const { engine, host } = await open();
  const result = engine.write({ ops: [put("a", "1")], requires: [], durability: "memory" });
  expect(result).not.toBeInstanceOf(Promise);
  const reader = await engine.begin({ readOnly: true });
  const read = reader.get(bytes("a"));
  expect(read).toBeInstanceOf(Promise);
  expect(text(await read)).toBe("1");
  const survivor = await openLsmEngine({ path: "/db", host: host.afterPowerCut("lost") });
  expect(await valueOf(survivor, "a")).toBe("1");
  expect(reader.get(bytes("a"))).not.toBeInstanceOf(Promise);
  await engine.close();
  await survivor.close();
});

test("a read that waits for a sync which fails is told so, and so is whoever closes", async () => {
  const { engine, host } = await open();
  await write(engine, [put("a", "1")]);
  host.onCall = ({ call, what }) => {
    if (what.startsWith("sync")) host.failAt(call, "EIO");
  };
  await write(engine, [put("a", "2")], "memory");
  const reader = await engine.begin({ readOnly: true });
  await expect(async () => reader.get(bytes("a"))).rejects.toThrow(StorageError);
  expect(await valueOf(engine, "a")).toBe("1");
  // The commit was acknowledged and is lost.
  await expect(engine.close()).rejects.toThrow(StorageError);
});

test("a weaker engine syncs only when a commit asks for it", async () => {
  const { engine, host } = await open({ durability: "buffered" });
  const before = engine.stats()["syncs"]!;
  await write(engine, [put("a", "1")]);
  expect(engine.stats()["syncs"]).toBe(before);
  expect(await valueOf(engine, "a")).toBe("1");
  await write(engine, [put("b", "1")], "durable");
  expect(engine.stats()["syncs"]).toBe(before + 1);
  const survivor = await openLsmEngine({ path: "/db", host: host.afterPowerCut("lost") });
  expect(await valueOf(survivor, "a")).toBe("1");
  await engine.close();
  await survivor.close();
});

test("a transaction older than what is remembered fails with TooOld, also without any conflict", async () => {
  const { engine, host } = await open({ transactionMillisMax: 50 });
  const old = await engine.begin();
  await old.get(bytes("a"));
  const keepsAlive = await engine.begin();
  await keepsAlive.get(bytes("a"));
  await write(engine, [put("x", "1")]);
  await host.timers.sleep(60);
  await write(engine, [put("y", "1")]);
  await expect(async () =>
    old.commit(plan({ readKeys: [bytes("a")], ops: [put("z", "1")] })),
  ).rejects.toMatchObject({ code: "TooOld", retryable: true, committed: "no" });
  // Who only read may end: it has seen one state.
  await keepsAlive.commit(plan({ readKeys: [bytes("a")] }));
  await engine.close();
});

test("a transaction that began before more than can be remembered was committed fails with TooOld, and runs again", async () => {
  const { engine } = await open({ recentCommitsBytesMax: 4_000 });
  const old = await engine.begin();
  await old.get(bytes("a"));
  for (let i = 0; i < 60; i++) await write(engine, [put(`other ${i}`, "1")]);
  expect(engine.stats()["recentCommitsBytes"]).toBeLessThanOrEqual(4_000);
  await expect(async () =>
    old.commit(plan({ readKeys: [bytes("a")], ops: [put("z", "1")] })),
  ).rejects.toMatchObject({ code: "TooOld", retryable: true, committed: "no" });
  expect(await valueOf(engine, "z")).toBeUndefined();
  const again = await engine.begin();
  await again.get(bytes("a"));
  await again.commit(plan({ readKeys: [bytes("a")], ops: [put("z", "2")] }));
  expect(await valueOf(engine, "z")).toBe("2");
  await engine.close();
});

test("nothing is remembered of commits that no open transaction can conflict with", async () => {
  const { engine } = await open();
  for (let i = 0; i < 20; i++) await write(engine, [put(`k${i}`, "")]);
  expect(engine.stats()["recentCommits"]).toBe(0);
  const reader = await engine.begin();
  await reader.get(bytes("a"));
  await write(engine, [put("b", "")]);
  expect(engine.stats()["recentCommits"]).toBe(1);
  reader.abort();
  await write(engine, [put("c", "")]);
  expect(engine.stats()["recentCommits"]).toBe(0);
  await engine.close();
});

test("while an exclusive transaction is open other commits wait, and then go on in their order", async () => {
  const { engine } = await open();
  const holder = await engine.begin({ exclusive: true });
  const order: string[] = [];
  const later = ["b", "c"].map((key) => write(engine, [put(key, "")]).then(() => order.push(key)));
  const second = Promise.resolve(engine.begin({ exclusive: true }));
  const gaveUp = new AbortController();
  const third = Promise.resolve(engine.begin({ exclusive: true, signal: gaveUp.signal }));
  gaveUp.abort();
  await expect(third).rejects.toBe(gaveUp.signal.reason);
  expect(await holder.get(bytes("b"))).toBeUndefined();
  await holder.commit(plan({ readKeys: [bytes("b")], ops: [put("a", "")] }));
  order.push("a");
  await Promise.all(later);
  (await second).abort();
  expect(order.toSorted()).toEqual(["a", "b", "c"]);
  expect((await entriesOf(engine.snapshot())).map(([key]) => key)).toEqual(["a", "b", "c"]);
  await engine.close();
});

test("close() sends away who waits for a turn and keeps what was accepted", async () => {
  const { engine, host } = await open();
  const accepted = write(engine, [put("a", "1")]);
  const holder = await engine.begin({ exclusive: true });
  const waiting = write(engine, [put("b", "1")]);
  const closing = engine.close();
  await expect(waiting).rejects.toThrow(Closed);
  await accepted;
  await closing;
  holder.abort();
  expect(() => engine.snapshot()).toThrow(Closed);
  const again = await openLsmEngine({ path: "/db", host });
  expect(await entriesOf(again.snapshot())).toEqual([["a", "1"]]);
  await again.close();
});

test("commits wait for flushes rather than fill the memory", async () => {
  const { engine } = await open({ ...TINY, durability: "memory" });
  const memtableBytes: number[] = [];
  const writes: Promise<unknown>[] = [];
  for (let i = 0; i < 300; i++) {
    const key = `k${String(i).padStart(3, "0")}`;
    const look = (): unknown => memtableBytes.push(engine.stats()["memtableBytes"]!);
    writes.push(write(engine, [put(key, "x".repeat(100))]).then(look));
    memtableBytes.push(engine.stats()["memtableBytes"]!);
  }
  await Promise.all(writes);
  expect(Math.max(...memtableBytes)).toBeLessThan(3 * TINY.flushBytesMax!);
  expect(engine.stats()["stalls"]).toBeGreaterThan(0);
  expect(await entriesOf(engine.snapshot(), range("k", "l"))).toHaveLength(300);
  await engine.close();
});

test("a commit that waits for room can be given up", async () => {
  const { engine } = await open({ ...TINY, durability: "memory" });
  while (engine.stats()["memtableBytes"]! < 2 * TINY.flushBytesMax!) {
    void engine.write({
      ops: [put(`k${engine.stats()["commits"]}`, "x".repeat(200))],
      requires: [],
    });
  }
  const gaveUp = new AbortController();
  const waiting = Promise.resolve(
    engine.write({ ops: [put("never", "")], requires: [], signal: gaveUp.signal }),
  );
  gaveUp.abort();
  await expect(waiting).rejects.toBe(gaveUp.signal.reason);
  await write(engine, [put("later", "")]);
  expect(await valueOf(engine, "never")).toBeUndefined();
  await engine.close();
});

test("options out of their bounds are refused by name", async () => {
  await expect(open({ l0TablesTrigger: 1 })).rejects.toThrow(/l0TablesTrigger .* from 2 to 64/);
  await expect(open({ durability: "none" as "memory" })).rejects.toThrow(/durability/);
  await expect(open({ flushBytesMax: Number.NaN })).rejects.toThrow(RangeError);
});

test("a directory that is open is refused, and free after close()", async () => {
  const { engine, host } = await open();
  await expect(openLsmEngine({ path: "/db", host })).rejects.toMatchObject({
    _tag: "DatabaseLocked",
  });
  await engine.close();
  await (await openLsmEngine({ path: "/db", host })).close();
});

test("a leaked view is seen in stats", async () => {
  const { engine } = await open();
  const leaked = engine.snapshot();
  for (let i = 0; i < 5; i++) await write(engine, [put("a", String(i))]);
  expect(engine.stats()).toMatchObject({ openViews: 1, oldestViewLag: 5 });
  leaked.close();
  expect(engine.stats()).toMatchObject({ openViews: 0, oldestViewLag: 0 });
  await engine.close();
});

test("who waits for a flush or a compaction is told when the engine closes or fails", async () => {
  const closing = await open(TINY);
  for (let i = 0; i < 50; i++) await write(closing.engine, [put(`k${i}`, "x".repeat(100))]);
  const outcomes = Promise.allSettled([closing.engine.flush(), closing.engine.compact()]);
  await closing.engine.close();
  for (const outcome of await outcomes) {
    if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(Closed);
  }
  expect((await outcomes)[1].status).toBe("rejected");
  await expect(closing.engine.compact()).rejects.toThrow(Closed);

  const failing = await open(TINY);
  for (let i = 0; i < 50; i++) await write(failing.engine, [put(`k${i}`, "x".repeat(100))]);
  failing.host.onCall = ({ call, path }) => {
    if (path.endsWith(".sst")) failing.host.failAt(call, "EIO");
  };
  await expect(failing.engine.compact()).rejects.toThrow(StorageError);
  await expect(failing.engine.compact()).rejects.toMatchObject({ code: "ReadOnly" });
  await failing.engine.close();
});

test("cleanupWal leaves one empty log and no spares, and says how much it set free", async () => {
  const { engine, host } = await open(TINY);
  for (let i = 0; i < 60; i++) await write(engine, [put(`k${i}`, "x".repeat(100))]);
  await engine.flush();
  expect(engine.stats()["spareLogs"]).toBeGreaterThan(0);
  const logs = (): string[] => host.paths().filter((path) => /log$|spare$/.test(path));
  const before = logs().reduce((bytes, path) => bytes + host.contentOf(path).length, 0);
  const freed = await engine.cleanupWal();
  expect(freed).toBeGreaterThan(1_000);
  expect(freed).toBeLessThanOrEqual(before + 2_560);
  expect(logs()).toHaveLength(1);
  expect(engine.stats()).toMatchObject({
    spareLogs: 0,
    spareLogBytes: 0,
    logFiles: 1,
    immutables: 0,
  });
  await write(engine, [put("after", "1")]);
  expect(await valueOf(engine, "k7")).toBe("x".repeat(100));
  await engine.close();
});

test("stats() says how long syncs took and how many commits shared one", async () => {
  const { engine } = await open();
  for (let i = 0; i < 9; i++) await write(engine, [put(`k${i}`, "")]);
  await Promise.all(Array.from({ length: 50 }, (_, i) => write(engine, [put(`k${i}`, "")])));
  const { commitsPerSyncMax, commitsPerSyncMean, commitsPerSyncP99, syncMicrosMax, syncs } =
    engine.stats();
  expect([syncs, commitsPerSyncMax, commitsPerSyncP99]).toEqual([10, 50, 50]);
  expect(commitsPerSyncMean).toBeCloseTo(5.9);
  // The clock of the simulated disk stands still.
  expect(syncMicrosMax).toBe(0);
  await engine.close();
});
