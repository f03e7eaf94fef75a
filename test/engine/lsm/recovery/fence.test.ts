/** Two engines on one directory, as when the lock does not reach from one container to the other. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { DatabaseLocked, StorageError } from "../../../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import type { Host, LsmEngine } from "../../../../src/engine/lsm/index.ts";
import { TINY, entriesOf, put } from "../support.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

const PATH = "/data";
const FILLER = "x".repeat(300);

/** The same disk, with a lock that everybody gets. */
function withoutLock(host: Host): Host {
  const files = { ...host.files, lock: async () => ({ release: async () => {} }) };
  return { files, clock: host.clock, random: host.random, timers: host.timers, warn: () => {} };
}

const open = (host: Host): Promise<LsmEngine> =>
  openLsmEngine({ ...TINY, path: PATH, host: withoutLock(host) });

async function write(engine: LsmEngine, key: string, value: string): Promise<boolean> {
  try {
    await engine.write({ ops: [put(key, value)], requires: [] });
    return true;
  } catch {
    return false;
  }
}

test("an engine that was taken over stops writing at its next flush, says why, and reads on", async () => {
  const host = new SimulatedHost({ seed: 3 });
  const older = await open(host);
  await write(older, "a", "of both");
  const newer = await open(host);
  const view = older.snapshot();
  const flushed = older.flush();
  await expect(flushed).rejects.toMatchObject({ _tag: "StorageError", code: "ReadOnly" });
  const failure: unknown = await flushed.catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(StorageError);
  expect((failure as StorageError).cause).toBeInstanceOf(DatabaseLocked);
  expect(await entriesOf(view)).toEqual([["a", "of both"]]);
  view.close();
  expect(await write(older, "b", "no")).toBe(false);
  expect(await write(newer, "b", "yes")).toBe(true);
  await newer.compact();
  await older.close().catch(() => {});
  await newer.close();
});

test("whatever the older of two engines goes on to do, nothing of the newer one is lost", async () => {
  const steps = fc.array(fc.tuple(fc.constantFrom("older", "newer"), fc.nat(9)), {
    minLength: 10,
    maxLength: 50,
  });
  let stopped = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(1_000), steps, async (seed, plan) => {
      const host = new SimulatedHost({ seed });
      const older = await open(host);
      const acknowledged = new Map<string, string>();
      for (let i = 0; i < 12; i++) {
        expect(await write(older, `k${i % 5}`, `${i} ${FILLER}`)).toBe(true);
        acknowledged.set(`k${i % 5}`, `${i} ${FILLER}`);
      }
      const newer = await open(host);
      const engines = { older, newer };
      // What a failed commit wrote is unknown.
      const unknown = new Set<string>();
      for (const [index, [who, key]] of plan.entries()) {
        const value = `${who} ${index} ${FILLER}`;
        const isDone = await write(engines[who as "older" | "newer"], `k${key}`, value);
        if (who === "older") {
          if (!isDone) stopped++;
        } else if (isDone) acknowledged.set(`k${key}`, value);
        else unknown.add(`k${key}`);
      }
      await older.close().catch(() => {});
      await newer.close().catch(() => {});
      for (const disk of [host.afterPowerCut("lost"), host]) {
        const engine = await open(disk);
        expect(await engine.verify()).toEqual([]);
        const view = engine.snapshot();
        const found = new Map(await entriesOf(view));
        for (const [key, value] of acknowledged) {
          if (!unknown.has(key)) expect(found.get(key)).toBe(value);
        }
        view.close();
        await engine.close();
      }
    }),
    { numRuns: 40 },
  );
  expect(stopped).toBeGreaterThan(20);
});
