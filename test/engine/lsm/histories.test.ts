/** Random transactions side by side, while tables are flushed and compacted: the history has no cycle. */
import { expect, test } from "vitest";
import type { Durability } from "../../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../../src/engine/lsm/index.ts";
import type { LsmEngine } from "../../../src/engine/lsm/index.ts";
import { SimulatedHost, checkHistory, recordHistory } from "../../../src/testing/index.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { someOptions } from "./random-options.ts";
import { SLOW } from "./read/slow-kit.ts";
import { ROUNDS, TINY } from "./support.ts";

for (const durability of ["durable", "memory"] as const satisfies readonly Durability[]) {
  test(
    `histories are strictly serializable, acknowledged when ${durability}`,
    async () => {
      for (let seed = 1; seed <= 3 * ROUNDS; seed++) {
        // Every third disk is one whose reads are waited for beside the thread.
        const isSlow = seed % 3 === 0;
        const host = new SimulatedHost({ seed, readMillis: isSlow ? 1 : 0 });
        const options = isSlow ? SLOW : TINY;
        const engine = await openLsmEngine({ path: "/db", host, ...options, durability });
        await expectNoCycle(engine, seed, 250);
      }
    },
    30_000 * ROUNDS,
  );
}

test(
  "histories are strictly serializable under options at random",
  async () => {
    for (const [i, options] of someOptions(1, 4 * ROUNDS).entries()) {
      const host = new SimulatedHost({ seed: i, readMillis: i % 2 });
      // Memtables of the largest size drawn would not be full by the end.
      const engine = await openLsmEngine({ path: "/db", host, ...options, flushBytesMax: 2_000 });
      await expectNoCycle(engine, i, 250);
    }
  },
  30_000 * ROUNDS,
);

test("histories are strictly serializable while a background thread does all work", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const engine = await openLsmEngine({ path, ...TINY, backgroundThreadBytesMin: 0 });
  await expectNoCycle(engine, 1, 400);
  expect(engine.stats()["backgroundThreadJobs"]).toBeGreaterThan(10);
}, 30_000);

async function expectNoCycle(engine: LsmEngine, seed: number, transactions: number): Promise<void> {
  const history = await recordHistory(engine, { seed, transactions });
  const report = checkHistory(history);
  expect(report.ok, report.text).toBe(true);
  const { commits, conflicts, flushes } = engine.stats();
  expect(commits).toBeGreaterThan(50);
  expect(conflicts).toBeGreaterThan(0);
  expect(flushes).toBeGreaterThan(0);
  expect(await engine.verify()).toEqual([]);
  await engine.close();
}
