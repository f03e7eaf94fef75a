/**
 * Single calls to the disk fail, each in a run of its own, under the whole database. The caller is told by a typed error or not at all;
 * what survives, with and without a power cut after it, is exactly the first k transactions, all acknowledged ones among
 * them; and a database that is opened on it goes on.
 *
 * KOTOBA_ROUNDS=10 npx vitest --run test/simulation/faults.test.ts   takes every call, of more seeds.
 */
import { SimulatedHost } from "kotobadb/testing";
import type { Fault } from "kotobadb/testing";
import { expect, test } from "vitest";
import { checkSurvivor, History } from "../prove/workload/check.ts";
import { statesOf, Workload } from "../prove/workload/workload.ts";
import { ROUNDS, seeds, withSeed } from "./seeds.ts";

const BATCHES = ROUNDS > 1 ? 14 : 8;

async function run(seed: number, host: SimulatedHost): Promise<Workload> {
  const workload = new Workload(host, seed, { lanes: 1 });
  await workload.run(1, BATCHES);
  return workload;
}
function historyOf(workload: Workload): History {
  const commits = workload.committed.toSorted((a, b) => a.sequence - b.sequence);
  return new History(
    commits.map(({ sequence }) => sequence),
    statesOf(commits),
  );
}

for (const fault of ["EIO", "ENOSPC", "ENOSPC-part"] as const satisfies readonly Fault[]) {
  for (const seed of seeds(611)) {
    test(
      `${fault} at any one call: a typed error or success, and nothing acknowledged is lost, seed ${seed}`,
      () =>
        withSeed("faults.test.ts", seed, async () => {
          const clean = new SimulatedHost({ seed });
          // The same seed does the same until the call fails, and stops there: so the clean run knows what was begun.
          const whole = historyOf(await run(seed, clean));
          expect(clean.calls).toBeGreaterThan(150);
          let failed = 0;
          const stride = ROUNDS > 1 ? 1 : 11;
          for (let call = 1 + (seed % stride); call <= clean.calls; call += stride) {
            const host = new SimulatedHost({ seed });
            host.failAt(call, fault);
            const workload = await run(seed, host);
            if (workload.error !== undefined) failed++;
            const own = historyOf(workload);
            const fewest = own.countUpTo(workload.acknowledged);
            for (const unsynced of ["kept", "seeded"] as const) {
              const history = workload.error === undefined ? own : whole;
              const where = `${fault} at call ${call}, then ${unsynced}`;
              const { version } = workload;
              const cut = { disk: host.afterPowerCut(unsynced, call), where, version, fewest };
              await checkSurvivor(cut, version, history, unsynced === "kept").catch(
                (cause: unknown) => {
                  throw new Error(`${where}, after ${String(workload.error)}: ${String(cause)}`, {
                    cause,
                  });
                },
              );
            }
          }
          expect(failed).toBeGreaterThan(10);
        }),
      300_000 * ROUNDS,
    );
  }
}
