/**
 * A process that churns a store without end holds no more of the machine later than it did early: heap, buffers, memory
 * of the process, descriptors, timers, listeners, files and bytes of the disk. The live data stays the same all along, so
 * whatever grows is a leak; and once the store is closed, everything is given back.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { count } from "./kit/proof.ts";
import type { Counts, Proof } from "./kit/proof.ts";
import { bundleOf } from "./processes/bundle.ts";
import type { ChurnPlan, Leak, Sample } from "./processes/churn.ts";

const UNIT = "thousand operations of churn";
const MIB = 1_048_576;
/** 8 tables (the option openTablesMax), log, manifest, directory lock, and what Node itself has. */
const DESCRIPTORS_MAX = 48;
/** In half of the samples or more, of all bytes of the folder, logs with their room and a change log of 64 KiB included, for each byte of live JSON. */
const DISK_TO_LIVE_MAX = 3;

/** A minute by itself; so long where much else runs beside it. */
const CHURN_MILLIS_MAX = 570_000;

export interface ChurnOptions {
  readonly thousands: number;
  readonly leak?: Leak;
}

/** Churns for so many operations; gives what grew, in words. */
export async function churn(seed: number, options: ChurnOptions): Promise<readonly Sample[]> {
  const folder = await mkdtemp(join(tmpdir(), "kotobadb-soak-"));
  try {
    const plan: ChurnPlan = { folder, seed, ...options };
    const script = await bundleOf("churn.ts");
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ["--expose-gc", script, JSON.stringify(plan)], {
      timeout: CHURN_MILLIS_MAX,
    });
    return stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Sample);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * What grew, in words; nothing if all is flat. The first quarter is for warming up: compiled code, caches and the store
 * itself fill. Of the rest, the second half is held against the first.
 */
export function growthOf(samples: readonly Sample[]): readonly string[] {
  const warm = samples.slice(samples.length >> 2);
  const early = warm.slice(0, warm.length >> 1);
  const late = warm.slice(warm.length >> 1);
  const grew: string[] = [];
  /** The least of each half: what is there only for a moment is no leak. */
  const compare = (name: keyof Sample, factor: number, more: number): void => {
    const least = (of: readonly Sample[]): number => Math.min(...of.map((one) => one[name]));
    const most = least(early) * factor + more;
    if (least(late) > most)
      grew.push(
        `${name} grew from ${least(early)} to ${least(late)}, more than ${Math.round(most)}`,
      );
  };
  compare("heapBytes", 1.05, MIB / 2);
  compare("outsideBytes", 1.05, MIB);
  compare("rssBytes", 1.2, 24 * MIB);
  compare("files", 1.3, 8);
  compare("diskBytes", 1.3, MIB / 2);
  compare("descriptors", 1, 8);
  compare("descriptorsClosed", 1, 0);
  compare("resources", 1, 2);
  compare("resourcesClosed", 1, 0);
  compare("listeners", 1, 0);
  const ratios = warm.map(({ diskBytes, liveBytes }) => diskBytes / liveBytes);
  const ratio = ratios.toSorted((a, b) => a - b)[ratios.length >> 1]!;
  if (ratio > DISK_TO_LIVE_MAX) grew.push(`the disk holds ${ratio.toFixed(1)} times the live data`);
  const descriptors = Math.max(...warm.map((sample) => sample.descriptors));
  if (descriptors > DESCRIPTORS_MAX) grew.push(`${descriptors} descriptors are open`);
  return grew;
}

async function judge(seed: number, thousands: number, counts: Counts): Promise<void> {
  const samples = await churn(seed, { thousands });
  const grew = growthOf(samples);
  if (grew.length > 0)
    throw new Error(`${grew.join("\n")}\n${samples.map((one) => JSON.stringify(one)).join("\n")}`);
  count(counts, UNIT, thousands);
}

const ofThousands = (thousands: number): Proof => ({
  name: "soak",
  unit: UNIT,
  quick: thousands,
  full: 60,
  share: 5,
  roundMillisMax: CHURN_MILLIS_MAX + 30_000,
  round: (seed, counts) => judge(seed, thousands, counts),
});

export const soak: Proof = ofThousands(20);
/** The same for `npm test`: what leaks at every tenth operation or so shows as well. */
export const shortSoak: Proof = ofThousands(6);
