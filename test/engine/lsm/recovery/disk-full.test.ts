/** A disk that is full for a while: commits are refused as if they had not come, reads go on, and so do writes when there is room. */
import { expect, test } from "vitest";
import { DiskFull, StorageError } from "../../../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import { ROUNDS, TINY, entriesOf, put } from "../support.ts";
import { Dice, PATH, sorted } from "../workload.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";
import type { Fault } from "../../../../src/testing/index.ts";

/** Fails all that needs room, while `isFull` says so. */
function fillable(host: SimulatedHost, fault: Fault): { isFull: boolean; refusals: number } {
  const disk = { isFull: false, refusals: 0 };
  const taking = new Map<string, number>();
  host.onCall = ({ call, path, what }) => {
    if (!disk.isFull || (what !== "write" && what !== "open")) return;
    // Room that was made before is there: only a file that grows finds the disk full.
    const size = host.paths().includes(path) ? host.contentOf(path).length : 0;
    if (what === "open" && size > 0) return;
    const isLog = path.endsWith(".log") || path.endsWith(".spare");
    if (what === "write" && isLog && !taking.has(path)) taking.set(path, size);
    disk.refusals++;
    host.failAt(call, fault);
  };
  return disk;
}

for (const fault of ["ENOSPC", "ENOSPC-part"] as const) {
  test(`${fault} for a while, at any time: what is acknowledged is kept, what is refused has not happened, and writing goes on afterwards`, async () => {
    for (let seed = 1; seed <= 6 * ROUNDS; seed++) {
      const host = new SimulatedHost({ seed });
      const dice = new Dice(seed);
      const engine = await openLsmEngine({ path: PATH, host, ...TINY });
      const disk = fillable(host, fault);
      const kept = new Map<string, string>();
      const open = new Map<string, string>();
      let refused = 0;
      for (let i = 0; i < 120; i++) {
        if (i % 30 === 10) disk.isFull = true;
        if (i % 30 === 20) disk.isFull = false;
        const key = `k${dice.below(30)}`;
        const value = `${i}${"x".repeat(dice.below(90))}`;
        try {
          await engine.write({ ops: [put(key, value)], requires: [] });
          kept.set(key, value);
          open.delete(key);
        } catch (error) {
          const where = `seed ${seed}, commit ${i}`;
          if (error instanceof DiskFull) refused++;
          else {
            expect(error, where).toBeInstanceOf(StorageError);
            expect((error as StorageError).code, where).toBe("CommitUnknown");
            open.set(key, value);
          }
          expect(disk.isFull, where).toBe(true);
        }
        if (i % 30 === 19) await expect(engine.flush()).rejects.toBeInstanceOf(DiskFull);
      }
      expect(refused).toBeGreaterThan(5);
      await engine.compact();
      for (const [key, value] of open) kept.set(key, value);
      expect(engine.stats()["isFailed"]).toBe(0);
      expect(await entriesOf(engine.snapshot())).toEqual(sorted(kept));
      expect(await engine.verify()).toEqual([]);
      const { spareLogs, sstableCount } = engine.stats();
      const names = host.files.list(PATH).filter((name) => name !== "LOCK");
      expect(names, "nothing is left behind of what was written in vain").toHaveLength(
        3 + spareLogs! + sstableCount!,
      );
      const after = host.crash("lost", seed);
      const again = await openLsmEngine({ path: PATH, host: after, ...TINY });
      expect(await entriesOf(again.snapshot())).toEqual(sorted(kept));
      await again.close();
    }
  });
}

test("a commit that finds no room is refused before anything of it happened, seen by nobody, and reads go on", async () => {
  const host = new SimulatedHost();
  const engine = await openLsmEngine({ path: PATH, host, ...TINY, walFileBytes: 512 });
  await engine.write({ ops: [put("a", "kept")], requires: [] });
  const disk = fillable(host, "ENOSPC");
  disk.isFull = true;
  const large = (async () => engine.write({ ops: [put("b", "x".repeat(700))], requires: [] }))();
  await expect(large).rejects.toMatchObject({ _tag: "DiskFull", committed: "no" });
  const writer = await engine.begin();
  expect(await entriesOf(writer)).toEqual([["a", "kept"]]);
  writer.abort();
  disk.isFull = false;
  await engine.write({ ops: [put("b", "taken")], requires: [] });
  expect(await entriesOf(engine.snapshot())).toEqual([
    ["a", "kept"],
    ["b", "taken"],
  ]);
  await engine.close();
});
