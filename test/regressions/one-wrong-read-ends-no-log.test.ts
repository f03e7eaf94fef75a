/** One read of a log that went wrong without a word looked like the torn end of the log: acknowledged commits were dropped. */
import { expect, test } from "vitest";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import { SimulatedHost } from "../../src/testing/index.ts";
import { TINY, entriesOf, put } from "../engine/lsm/support.ts";

for (const fault of ["flipped-read", "misdirected-read"] as const)
  test(`a ${fault} while a log is replayed costs nothing: what looks like its end is read again`, async () => {
    const host = new SimulatedHost();
    const engine = await openLsmEngine({ path: "/db", host, ...TINY, walFileBytes: 512 });
    await engine.write({ ops: [put("a", "1")], requires: [] });
    for (let seed = 1; seed <= 40; seed++) {
      const disk = host.afterPowerCut("kept", seed);
      let reads = 0;
      disk.onCall = ({ call, path, what }) => {
        // The header is read first, and vouches for itself.
        if (what === "read" && path.endsWith(".log") && ++reads === 2) disk.failAt(call, fault);
      };
      const again = await openLsmEngine({ path: "/db", host: disk, ...TINY });
      expect(disk.faultsMet).toBe(1);
      expect(await entriesOf(again.snapshot())).toEqual([["a", "1"]]);
      await again.close();
    }
  });
