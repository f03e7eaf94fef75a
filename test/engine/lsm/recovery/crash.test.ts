/** Power cuts at every change of the disk: while writing, flushing, compacting, opening and closing. */
import { expect, test } from "vitest";
import { ROUNDS } from "../support.ts";
import { Workload, checkSurvivor } from "../workload.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";
import type { Unsynced } from "../../../../src/testing/index.ts";

interface Cut {
  readonly change: number;
  readonly what: string;
  readonly disk: SimulatedHost;
  readonly acknowledged: number;
  readonly appended: number;
}

const WAYS: readonly Unsynced[] = ["seeded", "lost", "kept"];

/** Runs the workload and keeps what a power cut would leave before each change of the disk, torn in so many ways. */
async function cutEverywhere(
  seed: number,
  steps: number,
  tearings: number,
): Promise<{ readonly cuts: readonly Cut[]; readonly workload: Workload }> {
  const host = new SimulatedHost({ seed });
  const workload = new Workload(host, seed);
  const cuts: Cut[] = [];
  host.onCall = ({ change, path, what }) => {
    if (change === undefined) return;
    const { acknowledged, appended } = workload;
    for (let i = 0; i < tearings; i++) {
      const way = WAYS[(change + i) % WAYS.length]!;
      const disk = host.afterPowerCut(way, seed * 1_000 + change * tearings + i);
      cuts.push({ change, what: `${what} ${path}, ${way}`, disk, acknowledged, appended });
    }
  };
  await workload.run(steps);
  expect(workload.errors).toEqual([]);
  expect(workload.acknowledged).toBe(workload.appended);
  return { cuts, workload };
}

for (let round = 0; round < ROUNDS; round++) {
  const seed = 7 + round * 13;
  test(
    `whatever change the power cut comes before, each acknowledged commit is kept and none is kept in part, seed ${seed}`,
    async () => {
      const { cuts, workload } = await cutEverywhere(
        seed,
        ROUNDS === 1 ? 32 : 120,
        ROUNDS === 1 ? 1 : 3,
      );
      expect(cuts.length).toBeGreaterThan(250);
      const survivors = new Set<number>();
      for (const { acknowledged, appended, change, disk, what } of cuts) {
        const where = `seed ${seed}, cut before change ${change}: ${what}`;
        try {
          survivors.add(await checkSurvivor(disk, workload.states, acknowledged, appended));
        } catch (cause) {
          throw new Error(where, { cause });
        }
      }
      expect(survivors.size).toBeGreaterThan(25);
    },
    60_000 * ROUNDS,
  );
}

test(
  "a second power cut while the database is opened after the first one loses nothing either",
  async () => {
    const seed = 3;
    const { cuts, workload } = await cutEverywhere(seed, 30, 1);
    const sample = cuts.filter((_, i) => i % Math.max(1, Math.ceil(37 / ROUNDS)) === 0);
    let second = 0;
    for (const { acknowledged, appended, disk } of sample) {
      const nested: SimulatedHost[] = [];
      disk.onCall = ({ change }) => {
        // What was acknowledged by the first run is all there is to keep: the second one only opens and closes.
        if (change !== undefined) nested.push(disk.afterPowerCut("seeded", seed + change));
      };
      await new Workload(disk, seed).run(0);
      for (const survivor of nested) {
        await checkSurvivor(survivor, workload.states, acknowledged, appended);
        second++;
      }
    }
    expect(second).toBeGreaterThan(30);
  },
  60_000 * ROUNDS,
);
