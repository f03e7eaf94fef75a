/**
 * The power fails at every change of the disk, under the whole database: documents, indexes, unique keys, catalog and
 * structures. Whatever survives must be exactly the first k transactions in the order of their commits, k no less than
 * was acknowledged; and the database must go on from there, also when the power fails again while it is opened.
 */
import type { Durability } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import type { Unsynced } from "kotobadb/testing";
import { seededRandom } from "../../src/testing/kit/index.ts";
import { count } from "./kit/proof.ts";
import type { Counts, Proof } from "./kit/proof.ts";
import { checkSurvivor, History, openVersion, textOf } from "./workload/check.ts";
import type { Cut } from "./workload/check.ts";
import type { Version } from "./workload/collections.ts";
import { statesOf, Workload } from "./workload/workload.ts";
import type { Plant } from "./workload/workload.ts";
import { cutEngine, WAYS } from "./engine-power-cuts.ts";

const UNIT = "disk states after simulated power cuts";

export interface Size {
  /** How often each version of the program is opened. */
  readonly lives: number;
  /** Transactions of each writer in one life. */
  readonly batches: number;
  /** Different states of the disk that are looked at for each change of it. */
  readonly tearings: number;
}

/** A cut and the way in which it left the disk. */
type TornCut = Cut & { readonly way: Unsynced };

export interface Recorded {
  readonly cuts: readonly TornCut[];
  readonly history: History;
  readonly changes: number;
  readonly commits: number;
  /** How many commits each snapshot had seen. */
  readonly shown: readonly number[];
}

export interface RecordOptions {
  readonly host?: SimulatedHost;
  readonly plant?: Plant;
  readonly durability?: Durability;
  readonly lanes?: number;
}

/** Runs the workload, and keeps what a power cut before each change of the disk would leave. */
export async function record(
  seed: number,
  size: Size,
  options: RecordOptions = {},
): Promise<Recorded> {
  const { durability = "durable", host = new SimulatedHost({ seed }), lanes = 3, plant } = options;
  const workload = new Workload(host, seed, { plant, durability, lanes });
  const cuts: (Omit<TornCut, "fewest"> & {
    readonly acknowledged: number;
    readonly shown: number;
  })[] = [];
  host.onCall = ({ change, path, what }) => {
    if (change === undefined) return;
    const { acknowledged, version } = workload;
    const shown = workload.shown.length;
    for (let i = 0; i < size.tearings; i++) {
      const way = WAYS[(change + i) % WAYS.length]!;
      const disk = host.afterPowerCut(way, seed * 1_000_003 + change * size.tearings + i);
      const where = `power cut before change ${change}: ${what} ${path}, ${way}`;
      cuts.push({ disk, where, way, version, acknowledged, shown });
    }
  };
  await workload.run(size.lives, size.batches);
  if (workload.error !== undefined) throw workload.error;
  if (host.warnings.length > 0) throw new Error(`a warning: ${String(host.warnings[0]!.error)}`);
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
  const survivors = cuts.map((cut): TornCut => {
    const promised = [history.countUpTo(cut.acknowledged), ...shown.slice(0, cut.shown)];
    return { ...cut, fewest: durability === "durable" ? Math.max(...promised) : 0 };
  });
  return { cuts: survivors, history, changes: host.changes, commits: commits.length, shown };
}

/** Opens the disk, registers and builds what is missing; what a power cut would leave before each change of it. */
async function cutsWhileOpening(cut: Cut, version: Version, seed: number): Promise<TornCut[]> {
  const cuts: TornCut[] = [];
  // The disk of the first cut must stay as it is: it may be checked as well.
  const disk = cut.disk.afterPowerCut("kept", seed);
  disk.onCall = ({ change, path, what }) => {
    if (change === undefined) return;
    const way = WAYS[change % WAYS.length]!;
    const where = `${cut.where}; while opening, before change ${change}: ${what} ${path}, ${way}`;
    cuts.push({
      ...cut,
      disk: disk.afterPowerCut(way, seed * 7_919 + change),
      where,
      way,
      version,
    });
  };
  const db = await openVersion(disk, version);
  await db.close();
  disk.onCall = undefined;
  return cuts;
}

async function check(
  cut: TornCut,
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

/** One workload, cut everywhere; some of the cuts are cut again while they are opened, and some of those once more. */
async function round(seed: number, counts: Counts): Promise<void> {
  // States of the engine alone are cheaper: seven rounds of eight.
  if (seed % 8 === 1) return cutDatabase(seed, counts);
  return cutEngine(seed, (cutsInRow, way, rules) => {
    count(counts, UNIT);
    count(counts, `left as "${way}"`);
    count(counts, `of the engine alone, cut ${cutsInRow} times in a row`);
    if (rules === "windows") count(counts, "under the rules of Windows");
  });
}

async function cutDatabase(seed: number, counts: Counts): Promise<void> {
  const random = seededRandom(seed, 77);
  const durability: Durability = random.oneIn(4)
    ? "buffered"
    : random.oneIn(8)
      ? "memory"
      : "durable";
  const size = { lives: 1 + random.below(2), batches: 2 + random.below(7), tearings: 2 };
  const { cuts, history } = await record(seed, size, { durability, lanes: 1 + random.below(3) });
  const deeper = random.below(80);
  const judge = async (
    cut: TornCut,
    version: Version,
    goesOn: boolean,
    what: string,
  ): Promise<void> => {
    await check(cut, version, history, goesOn);
    count(counts, UNIT);
    count(counts, `left as "${cut.way}"`);
    count(counts, what);
  };
  for (const [i, cut] of cuts.entries()) {
    // A new version of the program may be what opens the disk after the power cut.
    const version = cut.version === 1 && i % 3 === 0 ? 2 : cut.version;
    // Before the state is judged: that writes to it.
    const second = i % 80 === deeper ? await cutsWhileOpening(cut, version, seed + i) : [];
    for (const [j, again] of second.entries()) {
      const third =
        j % 50 === deeper % 50 ? await cutsWhileOpening(again, version, seed + i + j) : [];
      for (const once of third) await judge(once, version, false, "cut a third time in recovery");
      await judge(again, version, j % 8 === 0, "cut again in recovery");
    }
    await judge(cut, version, i % 8 === 0, `after ${durability} commits`);
  }
}

export const powerCuts: Proof = {
  name: "power-cuts",
  unit: UNIT,
  quick: 5_000,
  full: 300_000,
  share: 23,
  round,
};
