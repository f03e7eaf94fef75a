/** The marks of group commit, and what becomes of those who wait when it ends. */
import { afterEach, expect, test, vi } from "vitest";
import type { Durability } from "../../../../src/engine/contract/index.ts";
import { KIND_PUT } from "../../../../src/engine/lsm/codec/index.ts";
import { CommitLog } from "../../../../src/engine/lsm/commit/index.ts";
import { WalWriter } from "../../../../src/engine/lsm/wal/index.ts";
import { bytes } from "../support.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

interface Bench {
  readonly host: SimulatedHost;
  readonly log: CommitLog;
  readonly events: string[];
  readonly append: () => number;
  readonly wantNextLog: () => void;
}

function bench(
  durability: Durability = "durable",
  options: { readonly quickSyncMicros?: number; readonly syncMillis?: number } = {},
): Bench {
  const { quickSyncMicros = 0, syncMillis = 0 } = options;
  const host = new SimulatedHost({ syncMillis });
  host.files.makeDirectory("/db");
  const storeId = new Uint8Array(16);
  let wanted = false;
  let logNumber = 1;
  const events: string[] = [];
  const log = new CommitLog({
    host,
    wal: WalWriter.create({ host: host, directory: "/db", storeId, stepBytes: 512 }, logNumber),
    durability,
    quickSyncMicros,
    sequence: 10,
    owner: {
      wantsNextLog: () => wanted,
      nextLog: () => {
        wanted = false;
        events.push(`next log at ${log.appended}`);
        return WalWriter.create(
          { host: host, directory: "/db", storeId, stepBytes: 512 },
          ++logNumber,
        );
      },
      logsEnd: () => undefined,
      logClosed: () => events.push(`closed up to ${log.closedUpTo}`),
      full: (cause) => events.push(`full ${cause._tag}`),
      visibleChanged: () => events.push(`visible ${log.visible}`),
      failed: (cause) => events.push(`failed ${(cause as Error).name}`),
    },
  });
  const append = (): number => log.append([{ kind: KIND_PUT, key: bytes("k"), value: bytes("v") }]);
  return {
    host,
    log,
    events,
    append,
    wantNextLog: () => {
      wanted = true;
      log.wake();
    },
  };
}

afterEach(() => {
  vi.restoreAllMocks();
});

test("sequences go up by one, and a commit is visible when it is synced", async () => {
  const { append, events, log } = bench();
  expect([append(), append()]).toEqual([11, 12]);
  expect([log.appended, log.synced, log.visible]).toEqual([12, 10, 10]);
  await log.acknowledged(12);
  expect([log.appended, log.synced, log.visible]).toEqual([12, 12, 12]);
  expect(events).toEqual(["visible 12"]);
  expect(log.acknowledged(11)).toBeUndefined();
  await log.close();
});

test("who comes while a sync runs waits for the next one", async () => {
  const { append, log } = bench();
  append();
  const first = log.acknowledged(11);
  while (log.stats["syncs"] === 0) await turn();
  append();
  const second = log.acknowledged(12);
  await first;
  expect(log.synced).toBe(11);
  await second;
  expect([log.synced, log.stats["syncs"]]).toEqual([12, 2]);
  await log.close();
});

test("a commit that waits alone is synced on the thread, where syncs of late were quick", async () => {
  const syncNow = vi.spyOn(WalWriter.prototype, "syncNow");
  const { append, events, log } = bench("durable", { quickSyncMicros: 500 });
  await log.acknowledged(append());
  // The first one is not known to be quick.
  expect(syncNow).not.toHaveBeenCalled();
  await log.acknowledged(append());
  expect(syncNow).toHaveBeenCalledTimes(1);
  expect([log.synced, log.stats["syncs"]]).toEqual([12, 2]);
  expect(events).toEqual(["visible 11", "visible 12"]);

  // Those that wait together are not, and what comes meanwhile shares the next sync.
  const [first, second] = [log.acknowledged(append()), log.acknowledged(append())];
  await first;
  await second;
  expect(syncNow).toHaveBeenCalledTimes(1);
  expect([log.synced, log.stats["syncs"]]).toEqual([14, 3]);
  await log.close();
});

test("no sync of a commit is on the thread where the option says so, or where syncs are slow", async () => {
  const syncNow = vi.spyOn(WalWriter.prototype, "syncNow");
  for (const options of [{ quickSyncMicros: 0 }, { quickSyncMicros: 500, syncMillis: 2 }]) {
    const { append, log } = bench("durable", options);
    for (let i = 0; i < 20; i++) await log.acknowledged(append());
    expect(syncNow).not.toHaveBeenCalled();
    await log.close();
    syncNow.mockClear();
  }
});

test("a disk that turns slow gets its syncs beside the thread again", async () => {
  const syncNow = vi.spyOn(WalWriter.prototype, "syncNow");
  const { append, host, log } = bench("durable", { quickSyncMicros: 500 });
  for (let i = 0; i < 30; i++) await log.acknowledged(append());
  const before = syncNow.mock.calls.length;
  expect(before).toBeGreaterThan(20);
  host.syncMillis = 2;
  for (let i = 0; i < 30; i++) await log.acknowledged(append());
  expect(syncNow.mock.calls.length - before).toBeLessThan(5);
  await log.close();
});

test("a sync at once that fails is told as any other, and is the last", async () => {
  const { append, events, host, log } = bench("durable", { quickSyncMicros: 500 });
  await log.acknowledged(append());
  host.onCall = ({ what }) => {
    if (what === "sync") host.failAt(host.calls, "EIO");
  };
  await expect(log.acknowledged(append())).rejects.toMatchObject({ _tag: "StorageError" });
  expect(events.at(-1)).toMatch(/^failed/);
  expect(log.synced).toBe(11);
  host.onCall = undefined;
  const { syncs } = log.stats;
  await log.close();
  expect(log.stats["syncs"]).toBe(syncs);
});

test("the log is exchanged whole: all that was appended is synced in the one before", async () => {
  const { append, events, log, wantNextLog } = bench();
  append();
  wantNextLog();
  await log.acknowledged(11);
  expect(events).toEqual(["next log at 11", "visible 11"]);
  expect(log.logNumber).toBe(2);
  append();
  await log.acknowledged(12);
  expect(events).toEqual(["next log at 11", "visible 11", "closed up to 11", "visible 12"]);
  await log.close();
});

test("while a log is being closed commits go on, and nothing is written to the next log before", async () => {
  for (const durability of ["durable", "buffered"] as const) {
    const { append, host, log, wantNextLog } = bench(durability);
    append();
    await log.acknowledged(11);
    const order: string[] = [];
    let waiting: Promise<void> | undefined;
    host.onCall = ({ path, what }) => {
      if (what === "write" || what === "sync") order.push(`${what} ${path.at(-5)}`);
      // The commit comes while the first log is being closed.
      if (what === "sync" && log.logNumber === 2)
        waiting ??= Promise.resolve(log.acknowledged(append()));
    };
    wantNextLog();
    while (waiting === undefined) await turn();
    await waiting;
    expect(log.logNumber).toBe(2);
    const last = order.lastIndexOf("sync 1");
    expect(order.slice(last - 1, last + 1)).toEqual(["write 1", "sync 1"]);
    expect(order.filter((what) => what === "write 2").length).toBeGreaterThan(0);
    // Making room for the commit is no record: zeros may come before.
    expect(order.lastIndexOf("write 2"), durability).toBeGreaterThan(last);
    host.onCall = undefined;
    await log.close();
  }
});

test("on a full disk what was appended waits, its waiters learn that its outcome is open, and commits are refused until there is room", async () => {
  const { append, events, host, log } = bench();
  append();
  let isFull = true;
  host.onCall = ({ call, what }) => {
    if (isFull && what === "write") host.failAt(call, "ENOSPC");
  };
  await expect(log.acknowledged(11)).rejects.toMatchObject({ code: "CommitUnknown" });
  expect(() => append()).toThrow(/disk is full/);
  expect(() => append()).toThrow(/disk is full/);
  expect([log.appended, log.visible]).toEqual([11, 10]);
  isFull = false;
  expect(append()).toBe(12);
  await log.acknowledged(12);
  expect(log.synced).toBe(12);
  expect(events).toEqual(["full DiskFull", "full DiskFull", "full DiskFull", "visible 12"]);
  await log.close();
});

test("when the log is stopped everybody who waits learns that the outcome is unknown, and no later one is taken", async () => {
  const { append, log } = bench();
  append();
  const waiting = Promise.resolve(log.acknowledged(11));
  const cause = new Error("elsewhere");
  log.stop(cause);
  await expect(waiting).rejects.toMatchObject({
    code: "CommitUnknown",
    committed: "unknown",
    cause,
  });
  expect(() => log.acknowledged(11)).toThrow(/not known/);
  expect(() => append()).toThrow();
  await log.close();
});

test("a failed sync is told once, never tried again, and close() leaves no mark of a clean end", async () => {
  const { append, events, host, log } = bench();
  let syncs = 0;
  host.onCall = ({ call, what }) => {
    if (!what.startsWith("sync")) return;
    syncs++;
    host.failAt(call, "EIO");
  };
  append();
  await expect(log.acknowledged(11)).rejects.toMatchObject({ code: "CommitUnknown" });
  log.wake();
  await turn();
  await log.close();
  expect(syncs).toBe(1);
  expect(events).toEqual(["failed StorageError"]);
});

test("an engine that acknowledges at once has nobody wait", async () => {
  const { append, log } = bench("memory");
  append();
  expect(log.acknowledged(11)).toBeUndefined();
  expect(log.visible).toBe(11);
  await log.acknowledged(11, "durable");
  expect(log.synced).toBe(11);
  await log.close();
});

test("close() waits for those who wait, and writes what nobody waited for", async () => {
  const { append, host, log } = bench("memory");
  append();
  const durable = log.acknowledged(11, "durable");
  append();
  await log.close();
  await durable;
  expect(log.synced).toBe(12);
  expect(host.files.size("/db/000001.log")).toBeGreaterThan(80);
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
