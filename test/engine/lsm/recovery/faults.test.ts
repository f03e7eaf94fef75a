/** Every single I/O call fails once: the caller hears of it, and nothing that was acknowledged is lost. */
import { expect, test } from "vitest";
import { KotobaError } from "../../../../src/base/index.ts";
import { DiskFull, StorageError } from "../../../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import { ROUNDS, TINY, entriesOf, put } from "../support.ts";
import { PATH, Workload, checkSurvivor, sorted } from "../workload.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";
import type { Fault } from "../../../../src/testing/index.ts";

const STEPS = 14;

async function callsOf(seed: number): Promise<number> {
  const host = new SimulatedHost({ seed });
  await new Workload(host, seed).run(STEPS);
  return host.calls;
}

for (const fault of ["EIO", "ENOSPC", "ENOSPC-part"] as const satisfies readonly Fault[]) {
  test(
    `${fault} at any one call ends in a typed error or in success, and nothing acknowledged is lost`,
    async () => {
      const seed = 11;
      const calls = await callsOf(seed);
      expect(calls).toBeGreaterThan(200);
      const stride = Math.max(1, Math.ceil(4 / ROUNDS));
      let failed = 0;
      for (let call = 1 + (seed % stride); call <= calls; call += stride) {
        const host = new SimulatedHost({ seed });
        host.failAt(call, fault);
        const workload = new Workload(host, seed);
        await workload.run(STEPS);
        if (workload.errors.length > 0) failed++;
        const { acknowledged, appended, states } = workload;
        const where = `${fault} at call ${call}, seed ${seed}`;
        try {
          // A power cut right after, and the same disk with all that the operating system still had in memory.
          await checkSurvivor(host.afterPowerCut("seeded", call), states, acknowledged, appended);
          await checkSurvivor(host.afterPowerCut("kept", call), states, acknowledged, appended);
        } catch (cause) {
          throw new Error(where, { cause });
        }
      }
      expect(failed).toBeGreaterThan(30);
    },
    60_000 * ROUNDS,
  );
}

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
