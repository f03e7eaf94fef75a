/** A log that got its name and could not be opened was left behind without a close mark, and another one followed it. */
import { expect, test } from "vitest";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import { SimulatedHost } from "../../src/testing/index.ts";
import { TINY, entriesOf, put } from "../engine/lsm/support.ts";

for (const what of ["open", "size"]) {
  test(`no room in ${what} of a log that has its name: what was acknowledged is there after a power cut`, async () => {
    const host = new SimulatedHost();
    const engine = await openLsmEngine({ path: "/db", host, ...TINY });
    let faults = 0;
    host.onCall = (call) => {
      if (faults > 0 || call.what !== what || !call.path.endsWith(".log")) return;
      faults++;
      host.failAt(call.call, "ENOSPC");
    };
    const kept: [string, string][] = [];
    for (let i = 10; i < 60; i++) {
      const row: [string, string] = [`k${i}`, "x".repeat(80)];
      const write = async (): Promise<unknown> =>
        engine.write({ ops: [put(...row)], requires: [] });
      if (await write().catch(() => undefined)) kept.push(row);
      // So that a later log is in use, if there is one, and holds commits that no table has.
      if (faults > 0 && i % 5 === 0) {
        const again = await openLsmEngine({
          path: "/db",
          host: host.afterPowerCut("lost"),
          ...TINY,
        });
        expect((await entriesOf(again.snapshot())).slice(0, kept.length)).toEqual(kept);
        await again.close();
      }
    }
    expect(faults).toBe(1);
  });
}
