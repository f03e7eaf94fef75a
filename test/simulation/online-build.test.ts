/**
 * Writers change documents while the indexes of a new version of the program are built in the background, on a slow disk,
 * and the power fails at any change of it. Whoever opens what is left finds every write that was acknowledged, indexes
 * that agree with the documents as far as they are built, and can finish them. Two runs of one seed are the same.
 */
import { KotobaError, collection, open } from "kotobadb";
import type { Db } from "kotobadb";
import { openLsmEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import type { Unsynced } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { ROUNDS, seeds, withSeed } from "./seeds.ts";

const shape = z.object({
  lane: z.number(),
  round: z.number(),
  key: z.string().nullable(),
  tags: z.array(z.string()),
});
const versions = {
  first: collection("rows", shape),
  second: collection("rows", shape, {
    indexes: {
      byLane: ["lane", "-round"],
      byKey: { on: ["key"], unique: true, include: ["lane"] },
      byTag: ["tags[]"],
      late: { on: ["round"], where: { round: { gt: 3 } } },
      all: { count: true },
      perLane: { sum: "round", by: ["lane"] },
    },
  }),
  other: collection("rows", shape, {
    indexes: { byTag: ["tags[]", "round"], perLane: { sum: "round", by: ["lane"] } },
  }),
};
type Version = keyof typeof versions;
type Rows = Db<{ rows: typeof versions.second }>;

const ROWS = 1_600;
const LANES = 4;
const WRITES = 40;

async function openAs(version: Version, host: SimulatedHost): Promise<Rows> {
  const engine = await openLsmEngine({
    path: "/home/online/db",
    flushBytesMax: 64 * 1_024,
    sliceMillis: 2,
    host,
  });
  const collections = { rows: versions[version] };
  return (await open({ engine }, { collections, host, fullScan: "allow" })) as unknown as Rows;
}

/** What is known of the documents that the lanes write: the round last acknowledged, and the one last begun. */
interface Known {
  readonly acknowledged: Map<string, number | "deleted">;
  readonly begun: Map<string, number | "deleted">;
}

/** A small generator of whole numbers, the same for one seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return Math.floor((state / 0x8000_0000) * below);
  };
}

const idOf = (n: number): string => `d${`${n}`.padStart(5, "0")}`;

/** Each lane changes, adds and deletes documents of its own, all over the keys. */
async function lane(db: Rows, at: number, seed: number, known: Known): Promise<void> {
  const next = numbers(seed * 31 + at);
  for (let i = 0; i < WRITES; i++) {
    // Half of them are new: odd numbers are not there at first.
    const n = next(ROWS / LANES) * LANES * 2 + at * 2 + next(2);
    const id = idOf(n) as never;
    const round = i + 1;
    const isDelete = next(5) === 0;
    known.begun.set(id, isDelete ? "deleted" : round);
    if (isDelete) await db.rows.delete(id);
    else {
      const key = next(3) === 0 ? null : `${n % 7} ${n}`;
      const document = { id, lane: at, round, key, tags: [`t${round % 3}`] };
      await db.rows.upsert({ id }, { create: document, update: { round, key } });
    }
    known.acknowledged.set(id, isDelete ? "deleted" : round);
  }
}

/** A machine with the documents of the first version. */
async function firstHost(seed: number): Promise<SimulatedHost> {
  const host = new SimulatedHost({ seed, traced: true });
  const db = await openAs("first", host);
  await db.rows.insertMany(
    Array.from({ length: ROWS }, (_, i) => ({
      id: idOf(i * 2) as never,
      lane: i % LANES,
      round: 0,
      key: `${i % 7} ${i * 2}`,
      tags: i % 4 === 0 ? [] : ["old"],
    })),
  );
  await db.close();
  return host;
}

interface Cut {
  readonly disk: SimulatedHost;
  readonly known: Known;
  readonly where: string;
}
const WAYS: readonly Unsynced[] = ["seeded", "lost", "kept"];
const slow = { least: 0, most: 4 };

/** Builds the indexes of the second version while the lanes write; what is left if the power fails on the way. */
async function run(host: SimulatedHost, seed: number): Promise<readonly Cut[]> {
  host.readMillis = host.syncMillis = slow;
  const known: Known = { acknowledged: new Map(), begun: new Map() };
  const cuts: Cut[] = [];
  host.onCall = ({ change, path, what }) => {
    if (change === undefined) return;
    cuts.push({
      disk: host.afterPowerCut(WAYS[change % WAYS.length]!, seed * 1_009 + change),
      known: { acknowledged: new Map(known.acknowledged), begun: new Map(known.begun) },
      where: `before change ${change}: ${what} ${path}`,
    });
  };
  await work(host, seed, known);
  host.onCall = undefined;
  return cuts;
}

/** The second version of the program from its start to its end. */
async function work(host: SimulatedHost, seed: number, known: Known): Promise<void> {
  const db = await openAs("second", host);
  try {
    await db.rows.limit(1).all();
    const lanes = Array.from({ length: LANES }, (_, at) => lane(db, at, seed, known));
    await Promise.all([...lanes, db.ready()]);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
  } finally {
    await db.close();
  }
}

async function check(version: Version, { disk, known }: Cut): Promise<void> {
  const host = disk.afterPowerCut("kept", 1);
  const db = await openAs(version, host);
  // In the middle of the build, and when it has ended.
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
  await db.ready();
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
  const rounds = new Map((await db.rows.all()).map(({ id, round }) => [id as string, round]));
  for (const [id, begun] of known.begun) {
    const found = rounds.get(id) ?? "deleted";
    const acknowledged = known.acknowledged.get(id);
    if (found !== begun && acknowledged !== undefined) expect(found, id).toBe(acknowledged);
  }
  expect(await db.rows.count()).toBe(rounds.size);
  await db.close();
}

for (const seed of seeds(41)) {
  test(
    `indexes are built while others write, and a power cut loses nothing of either, seed ${seed}`,
    () =>
      withSeed("online-build.test.ts", seed, async () => {
        const cuts = await run(await firstHost(seed), seed);
        expect(cuts.length).toBeGreaterThan(40);
        const stride = ROUNDS > 1 ? 3 : 23;
        for (const [i, cut] of cuts.entries()) {
          if (i % stride !== seed % stride) continue;
          for (const version of ["second", "other", "first"] as const) {
            try {
              await check(version, cut);
            } catch (cause) {
              throw new Error(`${cut.where}, opened as ${version}`, { cause });
            }
          }
        }
      }),
    300_000 * ROUNDS,
  );
}

test(
  "a disk that fails or fills while indexes are built ends nothing but the program: the next one goes on",
  async () => {
    const disk = await firstHost(51);
    const before = disk.afterPowerCut("kept", 51);
    before.syncMillis = slow;
    await work(before, 51, { acknowledged: new Map(), begun: new Map() });
    let met = 0;
    const faults = ["EIO", "ENOSPC"] as const;
    for (let change = 3; change < before.changes; change += ROUNDS > 1 ? 2 : 13) {
      const host = disk.afterPowerCut("kept", 51);
      host.syncMillis = slow;
      host.failAtChange(change, faults[change % faults.length]!);
      const known: Known = { acknowledged: new Map(), begun: new Map() };
      const error = await work(host, 51, known).catch((cause: unknown) => cause);
      // Whatever the program was told, it is an error of the storage, and none of the documents.
      if (error !== undefined && !(error instanceof KotobaError)) {
        throw new Error(`change ${change}`, { cause: error });
      }
      if (host.faultsMet > 0) met++;
      const where = `fault at change ${change}`;
      for (const version of ["second", "first"] as const) {
        await check(version, { disk: host.afterPowerCut("seeded", change), known, where }).catch(
          (cause: unknown) => {
            throw new Error(`${where}, opened as ${version}`, { cause });
          },
        );
      }
    }
    expect(met).toBeGreaterThan(5);
  },
  300_000 * ROUNDS,
);

test("two runs of one seed build in the same order and write the same bytes", async () => {
  const traceOf = async (): Promise<string> => {
    const host = await firstHost(7);
    await run(host, 7);
    return host.trace.join("\n");
  };
  const trace = await traceOf();
  expect(trace.length).toBeGreaterThan(10_000);
  expect(await traceOf()).toBe(trace);
});
