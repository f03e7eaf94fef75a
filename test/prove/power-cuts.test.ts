/** The quick share of the power cuts, and the test of the test: planted mistakes are found out. */
import type { StorageEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { overlaid } from "../../src/testing/kit/index.ts";
import { tapped } from "./kit/engine-tap.ts";
import { proveQuickly } from "./kit/prove-quickly.ts";
import { powerCuts, record } from "./power-cuts.ts";
import type { Recorded } from "./power-cuts.ts";
import { checkSurvivor } from "./workload/check.ts";
import type { Plant } from "./workload/workload.ts";

const counts = proveQuickly(powerCuts, { timeoutMillis: 300_000 });

test("states of each kind came up", () => {
  for (const way of ["seeded", "journal", "lost", "kept"])
    expect(counts.get(`left as "${way}"`), way).toBeGreaterThan(500);
  expect(counts.get("cut again in recovery")).toBeGreaterThan(100);
  for (const times of [1, 2, 3])
    expect(counts.get(`of the engine alone, cut ${times} times in a row`)).toBeGreaterThan(100);
});

test("the same seed gives the same disk, byte for byte", async () => {
  const disks: SimulatedHost[] = [];
  for (let run = 0; run < 2; run++) {
    const host = new SimulatedHost({ seed: 5 });
    await record(5, { lives: 1, batches: 8, tearings: 0 }, { host });
    disks.push(host);
  }
  const [first, second] = disks as [SimulatedHost, SimulatedHost];
  expect(second.changes).toBe(first.changes);
  expect(second.paths()).toEqual(first.paths());
  for (const path of first.paths()) expect(second.contentOf(path)).toEqual(first.contentOf(path));
});

// ------------------------------------------------------------------ the test is tested

/** What is found first: while recording (a snapshot that shows what never was), or at a cut. */
async function firstProblem(recording: Promise<Recorded>): Promise<string | undefined> {
  try {
    const { cuts, history } = await recording;
    for (const cut of cuts) await checkSurvivor(cut, cut.version, history);
  } catch (error) {
    return String(error);
  }
  return undefined;
}
const SMALL = { lives: 1, batches: 8, tearings: 1 } as const;

test("planted: a log that is never synced is found out", async () => {
  const host = new SimulatedHost({ seed: 21 });
  const { files } = host;
  const open = files.open.bind(files);
  files.open = (path, mode) => {
    const handle = open(path, mode);
    if (!path.endsWith(".log")) return handle;
    return overlaid(handle, { sync: async () => undefined, syncNow: () => undefined });
  };
  expect(await firstProblem(record(21, SMALL, { host }))).toMatch(
    /commits must be there|durable as the record/,
  );
});

test("planted: a transaction that is written in two halves is found out", async () => {
  const plant: Plant = (engine: StorageEngine) =>
    tapped(engine, async (plan, commit) => {
      if (plan.ops.length < 4) return commit(plan);
      const half = plan.ops.length >> 1;
      await engine.write({ ops: plan.ops.slice(0, half), requires: [] });
      return commit({
        ...plan,
        ops: plan.ops.slice(half),
        readKeys: [],
        readRanges: [],
        requires: [],
      });
    });
  expect(await firstProblem(record(22, SMALL, { plant }))).toBeDefined();
});

test("planted: acknowledging before the sync is found out", async () => {
  const plant: Plant = (engine: StorageEngine) =>
    tapped(engine, (plan, commit) => commit({ ...plan, durability: "memory" }));
  expect(await firstProblem(record(23, SMALL, { plant }))).toMatch(/commits must be there/);
});
