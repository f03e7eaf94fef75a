/**
 * The power cuts of the engine alone: cheap, so that there are many, with range deletes, flushes and compactions at
 * every other step. Whatever survives is the state after one commit, no earlier than the last acknowledged one.
 */
import { SimulatedHost } from "kotobadb/testing";
import type { Unsynced } from "kotobadb/testing";
import { someOptions } from "../engine/lsm/random-options.ts";
import type { RandomOptions } from "../engine/lsm/random-options.ts";
import { checkSurvivor, Workload } from "../engine/lsm/workload.ts";
import { seededRandom } from "../../src/testing/kit/index.ts";

/** Of five states two are as POSIX allows them, one is as a journal leaves it, one has nothing unsynced, one all of it. */
export const WAYS: readonly Unsynced[] = ["seeded", "journal", "lost", "seeded", "kept"];

interface Cut {
  readonly where: string;
  readonly way: Unsynced;
  readonly disk: SimulatedHost;
  readonly acknowledged: number;
  readonly appended: number;
}

function cutBefore(
  host: SimulatedHost,
  seed: number,
  tearings: number,
  cut: (cut: Omit<Cut, "acknowledged" | "appended">) => void,
): void {
  host.onCall = ({ change, path, what }) => {
    if (change === undefined) return;
    for (let i = 0; i < tearings; i++) {
      const way = WAYS[(change + i) % WAYS.length]!;
      const disk = host.afterPowerCut(way, seed * 1_000_003 + change * tearings + i);
      cut({ where: `before change ${change}: ${what} ${path}, ${way}`, way, disk });
    }
  };
}

/** Tells `judged` of each state that was looked at: how often the power had failed before it, and in what way at last. */
export async function cutEngine(
  seed: number,
  judged: (cutsInRow: number, way: Unsynced, rules: string) => void,
): Promise<void> {
  const random = seededRandom(seed, 78);
  const host = new SimulatedHost({ seed, rules: seed % 10 === 7 ? "windows" : "posix" });
  const options = optionsOf(seed);
  const workload = new Workload(host, seed, options);
  const cuts: Cut[] = [];
  cutBefore(host, seed, 2, (cut) => {
    cuts.push({ ...cut, acknowledged: workload.acknowledged, appended: workload.appended });
  });
  await workload.run(10 + random.below(20));
  if (workload.errors.length > 0) throw workload.errors[0];
  const { states } = workload;
  const judge = async (cut: Cut, goesOn: boolean, cutsInRow: number): Promise<void> => {
    try {
      await checkSurvivor(cut.disk, states, cut.acknowledged, cut.appended, goesOn);
    } catch (cause) {
      throw new Error(`${cut.where}: ${String(cause)}`, { cause });
    }
    judged(cutsInRow, cut.way, host.rules);
  };
  const deeper = random.below(48);
  for (const [i, cut] of cuts.entries()) {
    // Before the state is judged: that writes to it.
    const second = i % 24 === deeper % 24 ? await cutsWhileOpening(cut, seed + i, options) : [];
    for (const [j, again] of second.entries()) {
      const third = j % 48 === deeper ? await cutsWhileOpening(again, seed + i + j, options) : [];
      for (const once of third) await judge(once, false, 3);
      await judge(again, j % 8 === 0, 2);
    }
    await judge(cut, i % 8 === 0, 1);
  }
}

/** Every other round runs under options at random; what promises less than "durable" is not drawn here. */
function optionsOf(seed: number): RandomOptions {
  if (seed % 2 === 0) return {};
  const [drawn] = someOptions(seed, 1);
  const fixed = { durability: "durable", recovery: "strict", limits: "local" } as const;
  return { ...drawn, ...fixed, minCompactionFiles: 2 };
}

/** What a power cut would leave before each change of opening and closing. */
async function cutsWhileOpening(cut: Cut, seed: number, options: RandomOptions): Promise<Cut[]> {
  const cuts: Cut[] = [];
  const disk = cut.disk.afterPowerCut("kept", seed);
  cutBefore(disk, seed, 1, (again) => {
    cuts.push({ ...cut, ...again, where: `${cut.where}; while opening, ${again.where}` });
  });
  await new Workload(disk, seed, options).run(0);
  return cuts;
}
