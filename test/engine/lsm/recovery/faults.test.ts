/** What one failing call leads to, for those who wait and those who come after; test/prove/faults.ts fails every call. */
import { expect, test } from "vitest";
import { KotobaError } from "../../../../src/base/index.ts";
import { DiskFull, StorageError } from "../../../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import { TINY, entriesOf, put } from "../support.ts";
import { PATH, sorted } from "../workload.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

test("after a failed sync no commit is taken, each waiting one says it is unknown, and reads go on at what was acknowledged", async () => {
  const host = new SimulatedHost({ seed: 5 });
  const engine = await openLsmEngine({ path: PATH, host });
  await engine.write({ ops: [put("a", "kept")], requires: [] });
  host.onCall = ({ call, what }) => {
    if (what.startsWith("sync")) host.failAt(call, "EIO");
  };
  const waiting = await Promise.allSettled(
    ["b", "c"].map(async (key) => engine.write({ ops: [put(key, "lost")], requires: [] })),
  );
  for (const result of waiting) {
    expect(result.status).toBe("rejected");
    const reason: unknown = (result as PromiseRejectedResult).reason;
    expect(reason).toBeInstanceOf(StorageError);
    expect(reason).toMatchObject({ code: "CommitUnknown", committed: "unknown" });
  }
  host.onCall = undefined;
  const refused = await outcome(async () => engine.write({ ops: [put("d", "")], requires: [] }));
  expect(refused).toMatchObject({ code: "ReadOnly", committed: "no" });
  expect(await entriesOf(engine.snapshot())).toEqual([["a", "kept"]]);
  const writer = await engine.begin();
  expect(await entriesOf(writer)).toEqual([["a", "kept"]]);
  await writer.commit({ ops: [], requires: [], readKeys: [], readRanges: [] });
  await engine.close();
});

test("where overwriting needs room too, commits fail while the disk is full, and after opening again everything acknowledged is there", async () => {
  const host = new SimulatedHost({ seed: 6 });
  const engine = await openLsmEngine({ path: PATH, host });
  await engine.write({ ops: [put("a", "kept")], requires: [] });
  host.onCall = ({ call, what }) => {
    if (what.startsWith("write")) host.failAt(call, "ENOSPC");
  };
  const first = await outcome(async () => engine.write({ ops: [put("b", "")], requires: [] }));
  expect(first).toMatchObject({ code: "CommitUnknown" });
  expect((first as Error).cause).toBeInstanceOf(DiskFull);
  const second = await outcome(async () => engine.write({ ops: [put("c", "")], requires: [] }));
  expect(second).toBeInstanceOf(DiskFull);
  host.onCall = undefined;
  await engine.close();
  const again = await openLsmEngine({ path: PATH, host });
  // The first one was unknown: it was kept, and written when there was room. The second one was refused.
  expect(await entriesOf(again.snapshot())).toEqual([
    ["a", "kept"],
    ["b", ""],
  ]);
  await again.close();
});

test("a background failure ends writing too, and what it failed to flush is replayed", async () => {
  const host = new SimulatedHost({ seed: 8 });
  const engine = await openLsmEngine({ path: PATH, host, ...TINY });
  host.onCall = ({ call, path }) => {
    if (path.endsWith(".sst")) host.failAt(call, "EIO");
  };
  const written = new Map<string, string>();
  let error: unknown;
  for (let i = 0; i < 500 && error === undefined; i++) {
    const key = `k${String(i).padStart(3, "0")}`;
    error = await outcome(async () => {
      await engine.write({ ops: [put(key, "x".repeat(50))], requires: [] });
      written.set(key, "x".repeat(50));
    });
  }
  expect(error).toBeInstanceOf(KotobaError);
  expect((await outcome(() => engine.flush())) as KotobaError).toMatchObject({ code: "ReadOnly" });
  expect(await entriesOf(engine.snapshot())).toEqual(sorted(written));
  host.onCall = undefined;
  await engine.close();
  const again = await openLsmEngine({ path: PATH, host, ...TINY });
  const rows = new Map(await entriesOf(again.snapshot()));
  for (const [key, value] of written) expect(rows.get(key)).toBe(value);
  await again.close();
});

async function outcome(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error;
  }
}

test("closing tells of commits of weaker durability that a background failure kept from the disk", async () => {
  for (const durability of ["buffered", "memory"] as const) {
    const host = new SimulatedHost();
    const engine = await openLsmEngine({ path: "/db", host, ...TINY, durability });
    await engine.write({ ops: [put("a", "x".repeat(600))], requires: [] });
    host.failAt(host.calls + 1, "EIO");
    const flushed = engine.flush();
    await expect(flushed).rejects.toBeInstanceOf(StorageError);
    expect(engine.stats()["syncedSequence"]).toBe(0);
    await expect(engine.close()).rejects.toMatchObject({ _tag: "StorageError" });
  }
});
