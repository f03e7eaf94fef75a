/** Power cuts and failures at every I/O call of a load: all of it is there or none, and never without what came before. */
import { expect, test } from "vitest";
import { KotobaError } from "../../../../src/base/index.ts";
import { ROUNDS, put } from "../support.ts";
import { everythingIn, inPieces, openTiny, rowsFrom, tableFiles } from "./load-kit.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";
import type { Fault, Unsynced } from "../../../../src/testing/index.ts";

const WAYS: readonly Unsynced[] = ["seeded", "lost", "kept"];
const ROWS = rowsFrom(90);
/** In runs that must be merged. */
const SHUFFLED = ROWS.toSorted(([a], [b]) => (a.at(-1)! + a < b.at(-1)! + b ? -1 : 1));

/** A load among commits: some before it, some while it runs, to other keys and to its own. */
async function run(
  host: SimulatedHost,
  progress: { written: number; isLoaded: boolean },
): Promise<void> {
  const engine = await openTiny(host);
  try {
    const commit = async (key: string): Promise<void> => {
      await engine.write({ ops: [put(key, "commit")], requires: [] });
      progress.written++;
    };
    await commit("c/0");
    await engine.flush();
    const rows = (async function* () {
      let n = 0;
      for await (const piece of inPieces(SHUFFLED, 30)) {
        await commit(n === 1 ? "row/00001" : `c/${progress.written}`);
        n++;
        yield piece;
      }
    })();
    await engine.load!(rows);
    progress.isLoaded = true;
    await commit("z/last");
    await engine.flush();
    await engine.compact();
  } finally {
    await engine.close();
  }
}

const COMMITS = ["c/0", "c/1", "row/00001", "c/3", "z/last"];

/** Opens what is left and says how much of the load is there, after checking all else. */
async function check(
  disk: SimulatedHost,
  written: number,
  isLoaded: boolean,
  attempted: number,
): Promise<boolean> {
  const engine = await openTiny(disk);
  const found = new Map(await everythingIn(engine));
  const loaded = ROWS.filter(([key, value]) => found.get(key) === value).length;
  const isThere = loaded === ROWS.length;
  if (!isThere) expect(loaded).toBe(0);
  if (isLoaded) expect(isThere).toBe(true);
  COMMITS.forEach((key, i) => {
    // A load stands behind all commits before it: they are there if it is.
    if (i < written || (isThere && i < 4)) expect([key, found.has(key)]).toEqual([key, true]);
    if (i > attempted && !key.startsWith("row/")) expect(found.has(key)).toBe(false);
  });
  expect(await engine.verify()).toEqual([]);
  // Its sequence is never given to a commit: that commit would be lost among the loaded rows, or hide them.
  await engine.write({ ops: [put("row/00050", "newer")], requires: [] });
  expect(new Map(await everythingIn(engine)).get("row/00050")).toBe("newer");
  await engine.compact();
  expect(new Map(await everythingIn(engine)).get("row/00050")).toBe("newer");
  expect(tableFiles(disk)).toHaveLength(engine.stats()["sstableCount"]!);
  await engine.close();
  return isThere;
}

test("a power cut before any change of the disk leaves all of a load or nothing, and never without the commits before it", async () => {
  const host = new SimulatedHost({ seed: 9 });
  const progress = { written: 0, isLoaded: false };
  const cuts: { disk: SimulatedHost; written: number; isLoaded: boolean; what: string }[] = [];
  host.onCall = ({ change, path, what }) => {
    if (change === undefined) return;
    const way = WAYS[change % WAYS.length]!;
    const disk = host.afterPowerCut(way, change);
    cuts.push({ ...progress, disk, what: `change ${change}: ${what} ${path}, ${way}` });
  };
  await run(host, progress);
  expect(cuts.length).toBeGreaterThan(150);
  const outcomes = { there: 0, absent: 0 };
  for (const { disk, isLoaded, what, written } of cuts) {
    try {
      const isThere = await check(disk, written, isLoaded, written);
      outcomes[isThere ? "there" : "absent"]++;
    } catch (cause) {
      throw new Error(what, { cause });
    }
  }
  expect(outcomes.there).toBeGreaterThan(20);
  expect(outcomes.absent).toBeGreaterThan(60);
}, 60_000);

for (const fault of ["EIO", "ENOSPC", "ENOSPC-part"] as const satisfies readonly Fault[]) {
  test(`${fault} at any one call ends in a typed error or in success, and leaves all of a load or nothing`, async () => {
    const whole = new SimulatedHost({ seed: 4 });
    await run(whole, { written: 0, isLoaded: false });
    const stride = Math.max(1, Math.ceil(8 / ROUNDS));
    let failed = 0;
    for (let call = 1; call <= whole.calls; call += stride) {
      const host = new SimulatedHost({ seed: 4 });
      host.failAt(call, fault);
      const progress = { written: 0, isLoaded: false };
      try {
        await run(host, progress);
      } catch (error) {
        failed++;
        if (!(error instanceof KotobaError)) throw new Error(`call ${call}`, { cause: error });
      }
      for (const way of ["seeded", "kept"] as const) {
        try {
          const { isLoaded, written } = progress;
          await check(host.afterPowerCut(way, call), written, isLoaded, written);
        } catch (cause) {
          throw new Error(`${fault} at call ${call}, ${way}`, { cause });
        }
      }
    }
    expect(failed).toBeGreaterThan(15);
  }, 60_000);
}

for (const fault of ["EIO", "ENOSPC"] as const) {
  test(`${fault} while the tables of a load are written fails the load alone: its files go, and commits go on`, async () => {
    const host = new SimulatedHost();
    const engine = await openTiny(host);
    let tableWrites = 0;
    host.onCall = ({ call, path, what }) => {
      if (path.endsWith(".sst") && what.startsWith("write") && ++tableWrites === 5) {
        host.failAt(call, fault);
      }
    };
    await expect(engine.load!(inPieces(SHUFFLED))).rejects.toBeInstanceOf(KotobaError);
    host.onCall = undefined;
    expect(tableWrites).toBe(5);
    expect(tableFiles(host)).toEqual([]);
    await engine.write({ ops: [put("a", "1")], requires: [] });
    await engine.load!(inPieces(SHUFFLED));
    expect(await everythingIn(engine)).toEqual([["a", "1"], ...ROWS]);
    await engine.close();
  });
}
