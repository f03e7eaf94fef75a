/**
 * The power fails at every change of the disk, under the whole database: documents, indexes, unique keys, catalog and
 * structures. Whatever survives must be exactly the first k transactions in the order of their commits, k no less than
 * was acknowledged; and the database must go on from there, also when the power fails again while it is opened.
 *
 * KOTOBA_ROUNDS=20 npx vitest --run test/simulation/power-cut.test.ts   runs more seeds, longer, with more tearings.
 */
import type { Durability, StorageEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import type { Unsynced } from "kotobadb/testing";
import { expect, test } from "vitest";
import { overlaid, tapped } from "./engine-tap.ts";
import { checkSurvivor, History, openVersion, textOf } from "./power-cut-check.ts";
import type { Cut } from "./power-cut-check.ts";
import type { Version } from "./power-cut-collections.ts";
import { statesOf, Workload } from "./power-cut-workload.ts";
import type { Plant } from "./power-cut-workload.ts";
import { ROUNDS, seeds, withSeed } from "./seeds.ts";

const WAYS: readonly Unsynced[] = ["seeded", "lost", "kept", "seeded"];
const LONG = ROUNDS > 1;
const TIMEOUT = 300_000 * ROUNDS;

interface Recorded {
  readonly cuts: readonly Cut[];
  readonly history: History;
  readonly changes: number;
  readonly commits: number;
  /** How many commits each snapshot had seen. */
  readonly shown: readonly number[];
}

interface Planted {
  readonly host?: SimulatedHost;
  readonly plant?: Plant;
  readonly durability?: Durability;
}

/** Runs the workload, and keeps what a power cut before each change of the disk would leave. */
async function record(
  seed: number,
  size: { readonly lives: number; readonly batches: number; readonly tearings: number },
  { durability = "durable", host = new SimulatedHost({ seed }), plant }: Planted = {},
): Promise<Recorded> {
  const workload = new Workload(host, seed, { plant, durability });
  const cuts: (Omit<Cut, "fewest"> & { readonly acknowledged: number; readonly shown: number })[] =
    [];
  host.onCall = ({ change, path, what }) => {
    if (change === undefined) return;
    const { acknowledged, version } = workload;
    const shown = workload.shown.length;
    for (let i = 0; i < size.tearings; i++) {
      const way = WAYS[(change + i) % WAYS.length]!;
      const disk = host.afterPowerCut(way, seed * 1_000_003 + change * size.tearings + i);
      const where = `power cut before change ${change}: ${what} ${path}, ${way}`;
      cuts.push({ disk, where, version, acknowledged, shown });
    }
  };
  await workload.run(size.lives, size.batches);
  if (workload.error !== undefined) throw workload.error;
  host.onCall = undefined;
  const commits = workload.committed.toSorted((a, b) => a.sequence - b.sequence);
  const history = new History(
    commits.map(({ sequence }) => sequence),
    statesOf(commits),
  );
  const shown = workload.shown.map(({ documents, version }) => {
    const text = textOf(documents);
    const k = history.find(text, version, 0);
    if (k === undefined) throw new Error(`a snapshot: ${history.difference(text, version, 0)}`);
    return k;
  });
  // What the workload believes is what its own disk holds at the end, or every comparison would be void.
  const all = { disk: host, where: "the end", version: 2, fewest: commits.length } as const;
  await checkSurvivor(all, 2, history);
  const survivors = cuts.map((cut): Cut => {
    const promised = [history.countUpTo(cut.acknowledged), ...shown.slice(0, cut.shown)];
    return { ...cut, fewest: durability === "durable" ? Math.max(...promised) : 0 };
  });
  return { cuts: survivors, history, changes: host.changes, commits: commits.length, shown };
}

async function check(
  cut: Cut,
  version: Version,
  history: History,
  goesOn: boolean,
): Promise<number> {
  try {
    return await checkSurvivor(cut, version, history, goesOn);
  } catch (cause) {
    throw new Error(
      `${cut.where}, opened by version ${version}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

for (const seed of seeds(11)) {
  test(
    `whatever change the power cut comes before, exactly the first k transactions survive, seed ${seed}`,
    () =>
      withSeed("power-cut.test.ts", seed, async () => {
        const size = LONG
          ? { lives: 2, batches: 16, tearings: 2 }
          : { lives: 1, batches: 10, tearings: 1 };
        const { changes, commits, cuts, history, shown } = await record(seed, size);
        expect(new Set(shown).size).toBeGreaterThan(5);
        expect(changes).toBeGreaterThan(LONG ? 600 : 150);
        const survivors = new Set<number>();
        for (const [i, cut] of cuts.entries()) {
          // A new version of the program may be what opens the disk after the power cut.
          const version = cut.version === 1 && i % 3 === 0 ? 2 : cut.version;
          survivors.add(await check(cut, version, history, LONG || i % 4 === 0));
        }
        expect(survivors.size).toBeGreaterThan(commits / 3);
      }),
    TIMEOUT,
  );
}

for (const seed of seeds(211)) {
  test(
    `the power fails again while the database is opened, and again while that is opened, seed ${seed}`,
    () =>
      withSeed("power-cut.test.ts", seed, async () => {
        const { cuts, history } = await record(seed, { lives: 1, batches: 8, tearings: 1 });
        const sample = LONG ? 7 : 43;
        let nested = 0;
        for (const [i, cut] of cuts.entries()) {
          if (i % sample !== 0) continue;
          const version = i % 2 === 0 ? 2 : cut.version;
          const second = await cutsWhileOpening(cut, version, seed + i);
          for (const [j, again] of second.entries()) {
            if (j % (sample * 2) === 0) {
              const third = await cutsWhileOpening(again, version, seed + i + j);
              for (const [l, once] of third.entries())
                if (l % 5 === 0) await check(once, version, history, true);
            }
            await check(again, version, history, LONG || j % 8 === 0);
            nested++;
          }
        }
        expect(nested).toBeGreaterThan(50);
      }),
    TIMEOUT,
  );
}

/** Opens the disk, registers and builds what is missing; what a power cut would leave before each change of it. */
async function cutsWhileOpening(cut: Cut, version: Version, seed: number): Promise<Cut[]> {
  const cuts: Cut[] = [];
  // The disk of the first cut must stay as it is: it may be checked as well.
  const disk = cut.disk.afterPowerCut("kept", seed);
  disk.onCall = ({ change, path, what }) => {
    if (change === undefined) return;
    const way = WAYS[change % WAYS.length]!;
    const where = `${cut.where}; while opening, before change ${change}: ${what} ${path}, ${way}`;
    cuts.push({ ...cut, disk: disk.afterPowerCut(way, seed * 7_919 + change), where, version });
  };
  const db = await openVersion(disk, version);
  await db.close();
  disk.onCall = undefined;
  return cuts;
}

for (const durability of ["memory", "buffered"] as const) {
  for (const seed of seeds(411)) {
    test(
      `weaker durability loses the newest transactions, and nothing between others, ${durability}, seed ${seed}`,
      () =>
        withSeed("power-cut.test.ts", seed, async () => {
          const size = { lives: 1, batches: LONG ? 12 : 6, tearings: 1 };
          const { cuts, history } = await record(seed, size, { durability });
          const lost = new Set<boolean>();
          for (const cut of cuts) {
            const version = cut.version;
            lost.add((await check(cut, version, history, false)) > 0);
          }
          expect(lost.size).toBe(2);
        }),
      TIMEOUT,
    );
  }
}

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
