/**
 * The power fails at every change of the disk while a newer program writes the documents of an older one anew, in several
 * batches. Whoever opens the disk next finds every document: the newer program as its version says, the older one as it
 * wrote them or refused, and a third one, a version further on, as its own version says.
 */
import { collection, open, SchemaMismatch } from "kotobadb";
import type { Db, Def } from "kotobadb";
import { openLsmEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import type { Unsynced } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { ROUNDS, seeds, withSeed } from "./seeds.ts";

const V1 = collection("rows", z.object({ text: z.string(), n: z.number() }), {
  indexes: { byN: ["n"] },
});
const V2 = V1.evolve(
  z.object({ words: z.array(z.string()), n: z.number() }),
  ({ n, text }) => ({ words: text.split(" "), n: n + 1 }),
  { indexes: { byN: { on: ["n"], unique: true }, byWord: ["words[]"], sum: { sum: "n" } } },
);
const V3 = V2.evolve(
  z.object({ first: z.string(), n: z.number(), rank: z.number().default(5) }),
  ({ n, words }) => ({ first: words[0]!, n: -n }),
  { indexes: { byN: ["n"], perFirst: { count: true, by: ["first"] } } },
);
const versions = [V1, V2, V3] as const;
/** More than two batches of the catalog. */
const ROWS = 1_100;
const texts = (n: number): string => `word${n % 7} all`;
/** What each version says of the row n. */
const said = [
  (n: number) => ({ text: texts(n), n }),
  (n: number) => ({ words: texts(n).split(" "), n: n + 1 }),
  (n: number) => ({ first: `word${n % 7}`, n: -n - 1, rank: 5 }),
] as const;
const options = { path: "/home/rows/db", flushBytesMax: 64 * 1_024, sliceMillis: 2 } as const;
type Rows = Db<{ rows: typeof V1 }>;

async function openAs(version: number, host: SimulatedHost): Promise<Rows> {
  const engine = await openLsmEngine({ ...options, host });
  const rows = versions[version - 1] as Def;
  return (await open({ engine }, { collections: { rows }, host })) as unknown as Rows;
}

async function firstDisk(seed: number): Promise<SimulatedHost> {
  const host = new SimulatedHost({ seed });
  const db = await openAs(1, host);
  await db.rows.insertMany(Array.from({ length: ROWS }, (_, n) => said[0](n)));
  await db.close();
  return host;
}

interface Cut {
  readonly disk: SimulatedHost;
  readonly where: string;
}
const WAYS: readonly Unsynced[] = ["seeded", "lost", "kept"];

/** Lets a version come to its end on a copy of the disk; what a power cut before each change of it would leave. */
async function cutsOf(disk: SimulatedHost, seed: number, version: number): Promise<Cut[]> {
  const host = disk.afterPowerCut("kept", seed);
  const cuts: Cut[] = [];
  host.onCall = ({ change, path, what }) => {
    if (change === undefined) return;
    const way = WAYS[change % WAYS.length]!;
    const left = host.afterPowerCut(way, seed * 1_009 + change);
    cuts.push({ disk: left, where: `before change ${change}: ${what} ${path}, ${way}` });
  };
  const db = await openAs(version, host);
  await db.ready();
  await db.close();
  host.onCall = undefined;
  return cuts;
}

async function checkRows(version: number, host: SimulatedHost): Promise<void> {
  const db = await openAs(version, host);
  try {
    const rows = await db.rows.orderBy("n", version === 3 ? "desc" : "asc").all();
    expect(rows.map(({ id, ...rest }) => (id.length === 26 ? rest : id))).toEqual(
      Array.from({ length: ROWS }, (_, n) => said[version - 1]!(n)),
    );
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
    expect(await db.rows.count()).toBe(ROWS);
  } finally {
    await db.close();
  }
}

for (const seed of seeds(57)) {
  test(
    `documents that were being written anew when the power failed are whole for whoever opens next, seed ${seed}`,
    () =>
      withSeed("evolve.test.ts", seed, async () => {
        const cuts = await cutsOf(await firstDisk(seed), seed, 2);
        expect(cuts.length).toBeGreaterThan(15);
        const stride = ROUNDS > 1 ? 1 : 5;
        let older = 0;
        let refused = 0;
        for (const [i, { disk, where }] of cuts.entries()) {
          if (i % stride !== seed % stride) continue;
          const attempt = await checkRows(1, disk.afterPowerCut("kept", 1)).catch(
            (error: unknown) => error,
          );
          if (attempt instanceof SchemaMismatch && attempt.reason === "newer") refused++;
          else if (attempt === undefined) older++;
          else throw new Error(where, { cause: attempt });
          for (const version of [2, 3]) {
            await checkRows(version, disk.afterPowerCut("kept", 1)).catch((cause: unknown) => {
              throw new Error(`${where}, opened as version ${version}`, { cause });
            });
          }
        }
        expect(refused).toBeGreaterThan(0);
        expect(older + refused).toBeGreaterThan(3);
      }),
    300_000 * ROUNDS,
  );
}
