import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { StorageEngine } from "../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import { SimulatedHost, checkHistory, recordHistory } from "../../src/testing/index.ts";

/** HISTORY_SEED=7 repeats one seed, HISTORY_SEEDS=1000 tries many. */
const onlySeed = process.env["HISTORY_SEED"];
const seedCount = Number(process.env["HISTORY_SEEDS"] ?? 5);
const seeds =
  onlySeed === undefined ? Array.from({ length: seedCount }, (_, i) => i + 1) : [Number(onlySeed)];

async function expectSerial(name: string, seed: number, engine: StorageEngine): Promise<void> {
  const report = checkHistory(await recordHistory(engine, { seed }));
  await engine.close();
  const command = `HISTORY_SEED=${seed} npx vitest --run test/contract/histories -t "${name}"`;
  expect(report.ok, `${report.text}\nTo repeat: ${command}`).toBe(true);
  expect(report.committed).toBeGreaterThan(100);
  expect(report.aborted).toBeGreaterThan(10);
}

describe("random histories have a serial order", () => {
  it.each(seeds)("on the memory engine, seed %i", async (seed) => {
    await expectSerial("memory engine", seed, new MemoryEngine());
  });

  it.each(seeds)("on the lsm engine with the memory host, seed %i", async (seed) => {
    const host = new SimulatedHost({ seed });
    // So small that flushes and compactions happen in the middle of transactions.
    const options = { flushBytesMax: 4_096, tableBytesTarget: 4_096, levelBaseBytes: 16_384 };
    const engine = await openLsmEngine({ path: "database", host, ...options });
    await expectSerial("memory host", seed, engine);
  });

  it("on the lsm engine with the node host", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kotoba-history-"));
    try {
      await expectSerial("node host", seeds[0]!, await openLsmEngine({ path: folder }));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("the same seed records the same history twice where the engine answers at once", async () => {
    const [one, two] = [
      await recordHistory(new MemoryEngine(), { seed: 3 }),
      await recordHistory(new MemoryEngine(), { seed: 3 }),
    ];
    expect(one).toEqual(two);
  });
});
