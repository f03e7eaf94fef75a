/**
 * The power fails at every change of the disk while a new version of a program fills in a field and builds indexes over
 * stored documents, in several batches. Whichever version opens the disk next, the newer one, the older one or a third
 * one with other indexes, it finds every document, and indexes that agree with them.
 */
import { collection, open, SchemaMismatch, UniqueViolation } from "kotobadb";
import type { Db } from "kotobadb";
import { openLsmEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import type { Unsynced } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { ROUNDS, seeds, withSeed } from "./seeds.ts";

const fields = { n: z.number(), name: z.string(), tags: z.array(z.string()) };
const options = { path: "/home/build/db", flushBytesMax: 64 * 1_024, sliceMillis: 2 } as const;

/** What each version of the program says of its rows. */
const versions = {
  first: collection("rows", z.object(fields), { indexes: { byN: ["n"] } }),
  second: collection("rows", z.object(fields), {
    indexes: {
      byN: { on: ["-n"], unique: true },
      byName: ["name", "-n"],
      byTag: ["tags[]"],
      perName: { count: true, by: ["name"] },
      total: { sum: "n" },
    },
  }),
  other: collection("rows", z.object(fields), {
    indexes: {
      byN: ["n"],
      byTag: ["tags[]", "n"],
      few: { on: ["name"], where: { n: { lt: 40 } } },
      perName: { count: true, by: ["name"], where: { n: { lt: 40 } } },
    },
  }),
  filled: collection("rows", z.object({ ...fields, rank: z.number().default(5) }), {
    indexes: { byN: ["n"], byRank: ["rank", "n"], perRank: { sum: "rank", by: ["rank"] } },
  }),
};
type Version = keyof typeof versions;
/** More than two batches of the catalog. */
const ROWS = 1_100;
const row = (n: number) => ({
  n,
  name: `name ${n % 7}`,
  tags: n % 3 === 0 ? [] : [`t${n % 5}`, "all"],
});
type Rows = Db<{ rows: typeof versions.first }>;

async function openAs(version: Version, host: SimulatedHost): Promise<Rows> {
  const engine = await openLsmEngine({ ...options, host });
  return (await open(
    { engine },
    { collections: { rows: versions[version] }, host },
  )) as unknown as Rows;
}

/** A disk with the rows of the first version. */
async function firstDisk(seed: number, rows: readonly object[]): Promise<SimulatedHost> {
  const host = new SimulatedHost({ seed });
  const db = await openAs("first", host);
  await db.rows.insertMany(rows as ReturnType<typeof row>[]);
  await db.close();
  return host;
}

interface Cut {
  readonly disk: SimulatedHost;
  readonly where: string;
}
const WAYS: readonly Unsynced[] = ["seeded", "lost", "kept"];

/** Runs `work` on a copy of the disk; what a power cut before each of its changes would leave. */
async function cutsOf(
  disk: SimulatedHost,
  seed: number,
  work: (host: SimulatedHost) => Promise<void>,
): Promise<Cut[]> {
  const host = disk.afterPowerCut("kept", seed);
  const cuts: Cut[] = [];
  host.onCall = ({ change, path, what }) => {
    if (change === undefined) return;
    const way = WAYS[change % WAYS.length]!;
    const left = host.afterPowerCut(way, seed * 1_009 + change);
    cuts.push({ disk: left, where: `before change ${change}: ${what} ${path}, ${way}` });
  };
  await work(host);
  host.onCall = undefined;
  return cuts;
}

async function build(version: Version, host: SimulatedHost): Promise<void> {
  const db = await openAs(version, host);
  await db.ready();
  await db.close();
}

async function checkRows(version: Version, host: SimulatedHost): Promise<void> {
  const db = await openAs(version, host);
  const rows = await db.rows.orderBy("n").all();
  expect(rows.map(({ id, ...rest }) => (id.length === 26 ? rest : id))).toEqual(
    Array.from({ length: ROWS }, (_, n) =>
      version === "filled" ? { ...row(n), rank: 5 } : row(n),
    ),
  );
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
  expect(await db.rows.where({ tags: { has: "all" } }).count()).toBe(ROWS - Math.ceil(ROWS / 3));
  expect(await db.rows.where({ name: "name 3", n: { lt: 40 } }).count()).toBe(6);
  expect(await db.rows.where({ name: "name 3" }).count()).toBe(Math.ceil((ROWS - 3) / 7));
  expect(await db.rows.count()).toBe(ROWS);
  if (version === "second") {
    const error = await db.rows.insert(row(7)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UniqueViolation);
  }
  await db.close();
}

for (const seed of seeds(31)) {
  test(
    `indexes that were being built when the power failed are whole for whoever opens next, seed ${seed}`,
    () =>
      withSeed("index-build.test.ts", seed, async () => {
        const disk = await firstDisk(
          seed,
          Array.from({ length: ROWS }, (_, n) => row(n)),
        );
        const cuts = await cutsOf(disk, seed, (host) => build("second", host));
        expect(cuts.length).toBeGreaterThan(15);
        const stride = ROUNDS > 1 ? 1 : 7;
        for (const [i, cut] of cuts.entries()) {
          if (i % stride !== seed % stride) continue;
          for (const version of ["second", "first", "other"] as const) {
            try {
              await checkRows(version, cut.disk.afterPowerCut("kept", seed));
            } catch (cause) {
              throw new Error(`${cut.where}, opened as ${version}`, { cause });
            }
          }
        }
      }),
    300_000 * ROUNDS,
  );

  test(
    `a field that was being filled in when the power failed is filled in once it is opened again, seed ${seed}`,
    () =>
      withSeed("index-build.test.ts", seed, async () => {
        const disk = await firstDisk(
          seed,
          Array.from({ length: ROWS }, (_, n) => row(n)),
        );
        const cuts = await cutsOf(disk, seed, (host) => build("filled", host));
        expect(cuts.length).toBeGreaterThan(15);
        let refused = 0;
        for (const [i, { disk: left, where }] of cuts.entries()) {
          if (ROUNDS === 1 && i % 5 !== seed % 5) continue;
          // The older program either still finds its own documents, or is told that they are newer.
          const older = await checkRows("first", left.afterPowerCut("kept", 1)).catch(
            (e: unknown) => e,
          );
          if (older instanceof SchemaMismatch) refused++;
          else if (older !== undefined) throw new Error(where, { cause: older });
          await checkRows("filled", left.afterPowerCut("kept", 1)).catch((cause: unknown) => {
            throw new Error(where, { cause });
          });
        }
        expect(refused).toBeGreaterThan(0);
      }),
    300_000 * ROUNDS,
  );
}

test("a unique index over documents that have one key twice is refused, changes nothing, and can be tried again", async () => {
  const twice = [...Array.from({ length: ROWS }, (_, n) => row(n)), row(ROWS - 3)];
  const disk = await firstDisk(5, twice);
  const cuts = await cutsOf(disk, 5, async (host) => {
    const db = await openAs("second", host);
    for (let attempt = 0; attempt < 2; attempt++) {
      const error = await db.ready().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(UniqueViolation);
    }
    await db.close();
  });
  for (const [i, cut] of cuts.entries()) {
    if (ROUNDS === 1 && i % 7 !== 0) continue;
    // The older program can still remove the one too many; then the newer one has its index.
    const host = cut.disk;
    const db = await openAs("first", host);
    expect(await db.verify(), cut.where).toEqual({ ok: true, problems: [] });
    const [, extra] = await db.rows.where({ n: ROWS - 3 }).all();
    await db.rows.delete(extra!.id);
    await db.close();
    await checkRows("second", host);
  }
});
