/**
 * Documents that expire while the power fails and while others write. A power cut takes no document that is not due and
 * brings none back whose deletion was told; who touches a document in time keeps it, and no touch is lost.
 *
 * KOTOBA_ROUNDS=30 npx vitest --run test/simulation/expire.test.ts   runs more seeds.
 */
import { collection, inc, open } from "kotobadb";
import { MemoryEngine, openLsmEngine } from "kotobadb/engine";
import type { StorageEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import type { FaultCode, Unsynced } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { seededRandom } from "../../src/testing/kit/index.ts";
import { tapped } from "../prove/kit/engine-tap.ts";
import { turns } from "../prove/kit/turns.ts";
import { ROUNDS, seeds, withSeed } from "./seeds.ts";

const FILE = "expire.test.ts";
const TTL_MILLIS = 50;
const Things = collection(
  "things",
  z.object({ name: z.string(), seen: z.date(), hits: z.number().default(1) }),
  {
    indexes: {
      byName: { on: ["name"], unique: true },
      stale: { on: ["seen"], expire: "0.05s" },
      all: { count: true },
    },
  },
);
const collections = { things: Things };
const small = {
  path: "/home/expire/db",
  flushBytesMax: 4_000,
  l0TablesTrigger: 2,
  levelBaseBytes: 8_000,
  levelFanOut: 2,
  tableBytesTarget: 4_000,
  sliceMillis: 0,
} as const;

// ------------------------------------------------------------------ power cuts

/** What is known of one document when the power fails. */
interface Known {
  readonly name: string;
  /** The dates that it may have: the acknowledged one, and that of a write under way. */
  readonly seen: readonly number[];
  /** Its deletion was told. */
  readonly gone: boolean;
}
interface Cut {
  readonly disk: SimulatedHost;
  readonly where: string;
  readonly known: readonly Known[];
}
const WAYS: readonly Unsynced[] = ["seeded", "lost", "kept", "journal"];

async function cutsOf(seed: number): Promise<readonly Cut[]> {
  const random = seededRandom(seed, 5);
  const host = new SimulatedHost({ seed, syncMillis: { least: 0, most: 3 } });
  const known = new Map<string, Known>();
  const cuts: Cut[] = [];
  host.onCall = ({ change, path, what }) => {
    if (change === undefined) return;
    const way = WAYS[change % WAYS.length]!;
    cuts.push({
      disk: host.afterPowerCut(way, seed * 1_009 + change),
      where: `before change ${change}: ${what} ${path}, ${way}`,
      known: [...known.values()],
    });
  };
  const db = await open({ engine: await openLsmEngine({ ...small, host }) }, { collections, host });
  await db.ready();
  const now = (): number => host.clock.nowMillis();
  for (let i = 0; i < 60; i++) {
    const name = `n${i}`;
    const other = known.get(`n${random.below(i + 1)}`);
    switch (random.below(4)) {
      case 0: {
        const seen = now() - random.below(60);
        await db.things.insert({ name, seen: new Date(seen) });
        known.set(name, { name, seen: [seen], gone: false });
        break;
      }
      case 1: {
        if (other === undefined || other.gone) break;
        const seen = now();
        known.set(other.name, { ...other, seen: [...other.seen, seen] });
        const touched = await db.things
          .where({ name: other.name })
          .update({ seen: new Date(seen) });
        known.set(
          other.name,
          touched === 1 ? { ...other, seen: [seen] } : { ...other, gone: true },
        );
        break;
      }
      case 2: {
        const at = now();
        await db.expire();
        for (const one of known.values())
          if (one.seen[0]! + TTL_MILLIS <= at) known.set(one.name, { ...one, gone: true });
        break;
      }
      default:
        // Long enough for the database to do it by itself, now and then.
        await host.timers.sleep(random.oneIn(8) ? 61_000 : random.below(30));
        await turns(random.below(20));
    }
  }
  await db.close();
  host.onCall = undefined;
  return cuts;
}

async function checkCut({ disk, known }: Cut): Promise<{ left: number; gone: number }> {
  const engine = await openLsmEngine({ ...small, host: disk });
  const db = await open({ engine }, { collections, host: disk });
  const now = disk.clock.nowMillis();
  const found = new Map((await db.things.all()).map(({ name, seen }) => [name, seen.getTime()]));
  let [left, gone] = [0, 0];
  for (const one of known) {
    const seen = found.get(one.name);
    if (one.gone) {
      gone++;
      if (seen !== undefined) throw new Error(`${one.name} came back after its deletion`);
    } else if (seen === undefined) {
      if (one.seen.every((millis) => millis + TTL_MILLIS > now))
        throw new Error(`${one.name} was not due and is lost`);
    } else {
      left++;
      if (!one.seen.includes(seen)) throw new Error(`${one.name} has a date that nobody wrote`);
    }
  }
  await db.expire();
  for (const { seen } of await db.things.all())
    if (seen.getTime() + TTL_MILLIS <= now) throw new Error("a due document outlived a visit");
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
  await db.close();
  return { left, gone };
}

for (const seed of seeds(11, 2))
  test(
    `a power cut takes no document that is not due, and brings no expired one back, seed ${seed}`,
    () =>
      withSeed(FILE, seed, async () => {
        const cuts = await cutsOf(seed);
        expect(cuts.length).toBeGreaterThan(30);
        let [left, gone] = [0, 0];
        for (const [i, cut] of cuts.entries()) {
          if (ROUNDS === 1 && i % 2 !== seed % 2) continue;
          try {
            const seen = await checkCut(cut);
            left += seen.left;
            gone += seen.gone;
          } catch (cause) {
            throw new Error(cut.where, { cause });
          }
        }
        expect(left).toBeGreaterThan(20);
        expect(gone).toBeGreaterThan(20);
      }),
    120_000 * ROUNDS,
  );

// ------------------------------------------------------------------ calls that fail

/** What is wrong after the `nth` call of the disk has failed while documents were deleted that are due, if anything is. */
async function afterFault(nth: number, fault: FaultCode): Promise<{ told: number; met: number }> {
  const host = new SimulatedHost({ seed: nth });
  const db = await open({ engine: await openLsmEngine({ ...small, host }) }, { collections, host });
  const seen = (i: number): Date => new Date(host.clock.nowMillis() + (i % 2 === 0 ? -60 : 1e6));
  await db.things.insertMany(
    Array.from({ length: 300 }, (_, i) => ({ name: `n${i}`, seen: seen(i) })),
  );
  host.failAt(host.calls + nth, fault);
  for (let seconds = 0; seconds < 70; seconds += 5) {
    await host.timers.sleep(5_000);
    await turns(40);
  }
  const met = host.faultsMet;
  host.heal();
  // An engine that has seen a sync fail says so once more.
  await db.close().catch(() => undefined);
  const again = await open(
    { engine: await openLsmEngine({ ...small, host }) },
    { collections, host },
  );
  await again.expire();
  const names = (await again.things.all()).map(({ name }) => Number(name.slice(1)));
  expect(names.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 150 }, (_, i) => 2 * i + 1));
  expect(await again.verify()).toEqual({ ok: true, problems: [] });
  await again.close();
  return { told: host.warnings.length, met };
}

test(
  "a call of the disk that fails meanwhile is told or made good, and costs no document that is not due",
  async () => {
    let [told, met] = [0, 0];
    for (const fault of ["EIO", "ENOSPC"] as const)
      for (let nth = 1; nth <= 40; nth += ROUNDS > 1 ? 1 : 3) {
        const seen = await afterFault(nth, fault).catch((cause: unknown) => {
          throw new Error(`${fault} at call ${nth}`, { cause });
        });
        told += seen.told;
        met += seen.met;
      }
    expect(met).toBeGreaterThan(10);
    expect(told).toBeGreaterThan(5);
  },
  120_000 * ROUNDS,
);

// ------------------------------------------------------------------ concurrent writers

interface Touch {
  readonly id: string;
  readonly hits: number;
  readonly seen: number;
}

/** What the workers were told, by the names of the documents; and what is wrong with it, if anything is. */
async function broken(
  kind: "memory" | "lsm",
  seed: number,
  plant: (engine: StorageEngine) => StorageEngine = (engine) => engine,
): Promise<{ readonly problem: string | undefined; readonly generations: number }> {
  const random = seededRandom(seed, 6);
  const host = new SimulatedHost({ seed });
  const engine = kind === "memory" ? new MemoryEngine() : await openLsmEngine({ ...small, host });
  const db = await open({ engine: plant(engine) }, { collections, host });
  await db.ready();
  const pause = (): Promise<void> =>
    random.oneIn(2) ? host.timers.sleep(random.below(40)) : turns(1 + random.below(3));
  const touches = new Map<string, Touch[]>();
  const works = async (): Promise<void> => {
    for (let i = 0; i < 25; i++) {
      const name = `n${random.below(4)}`;
      const slow = random.oneIn(3);
      const touch = await db.transaction(async ({ things }): Promise<Touch> => {
        const there = await things.find({ name });
        const seen = host.clock.nowMillis();
        if (slow) await pause();
        const after =
          there === undefined
            ? await things.insert({ name, seen: new Date(seen) })
            : await things.update(there.id, { seen: new Date(seen), hits: inc() });
        return { id: after.id, hits: after.hits, seen };
      });
      touches.set(name, [...(touches.get(name) ?? []), touch]);
      await pause();
    }
  };
  let working = true;
  const reaps = async (): Promise<void> => {
    while (working) {
      await db.expire();
      await pause();
    }
  };
  const reaping = reaps();
  try {
    await Promise.all(Array.from({ length: 6 }, works));
  } finally {
    working = false;
    await reaping;
  }
  const left = new Map((await db.things.all()).map((one) => [one.id as string, one]));
  const { problems } = await db.verify();
  await db.close();
  expect(host.warnings).toEqual([]);
  let generations = 0;
  let problem: string | undefined;
  for (const list of touches.values()) {
    const lives = new Map<string, Touch[]>();
    for (const touch of list) lives.set(touch.id, [...(lives.get(touch.id) ?? []), touch]);
    generations += lives.size;
    problem ??= problemOf([...lives.values()], left);
  }
  return { problem: problem ?? problems[0], generations };
}

/** The lives of the documents of one name, one after the other. */
function problemOf(
  lives: readonly (readonly Touch[])[],
  left: ReadonlyMap<string, { readonly hits: number }>,
): string | undefined {
  const ordered = lives
    .map((life) => life.toSorted((a, b) => a.hits - b.hits))
    .toSorted((a, b) => a[0]!.seen - b[0]!.seen);
  for (const [i, life] of ordered.entries()) {
    const [first] = life;
    const hits = life.map((touch) => touch.hits);
    if (hits.some((count, n) => count !== n + 1)) return `a touch was lost: ${hits.join()}`;
    const now = left.get(first!.id);
    if (now !== undefined && now.hits !== life.length) return `${now.hits} of ${life.length} hits`;
    const next = ordered[i + 1]?.[0];
    if (next !== undefined && life.some(({ seen }) => seen + TTL_MILLIS > next.seen))
      return "a document was deleted that somebody had touched in time";
  }
  return undefined;
}

for (const kind of ["memory", "lsm"] as const) {
  test(
    `who touches a document in time keeps it, and no touch is lost, ${kind}`,
    async () => {
      let generations = 0;
      for (const seed of seeds(1, 6))
        await withSeed(FILE, seed, async () => {
          const outcome = await broken(kind, seed);
          expect(outcome.problem).toBeUndefined();
          generations += outcome.generations;
        });
      // Some have died in between.
      expect(generations).toBeGreaterThan(12);
    },
    60_000 * ROUNDS,
  );
}

test("planted: an engine that does not check what was read deletes what was touched, or loses a touch", async () => {
  // Nor what it is required to find: else a second document of a name would be refused, and nothing be seen.
  const plant = (engine: StorageEngine): StorageEngine =>
    tapped(engine, (plan, commit) =>
      commit({ ...plan, readKeys: [], readRanges: [], requires: [] }),
    );
  const problems: string[] = [];
  for (let seed = 1; seed <= 20; seed++) {
    const { problem } = await broken("memory", seed, plant);
    if (problem !== undefined) problems.push(problem);
  }
  expect(problems.join()).toMatch(/a touch was lost/);
  expect(problems.join()).toMatch(/touched in time/);
});
