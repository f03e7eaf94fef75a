/** A log that cannot be closed for want of room is no damage: its end is kept, and written when there is room. */
import { openLsmEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";

test("verify() of an open database finds nothing wrong with a log whose end waits for room", async () => {
  let full = 0;
  for (let change = 15; change < 60; change++) {
    const host = new SimulatedHost({ seed: 1 });
    const engine = await openLsmEngine({ path: "/db", host, flushBytesMax: 1_024, sliceMillis: 0 });
    host.failAtChange(change, "ENOSPC");
    for (let i = 0; i < 12; i++) {
      const put = { op: "put", key: new Uint8Array([i]), value: new Uint8Array(200) } as const;
      try {
        await engine.write({ ops: [put], requires: [], durability: "memory" });
      } catch {
        full++;
      }
      await host.timers.pause();
      // An engine that failed may have left an edit in its manifest that it never showed.
      if (engine.stats()["isFailed"] === 1) break;
      expect(await engine.verify(), `change ${change}, write ${i}`).toEqual([]);
    }
    await engine.close().catch(() => undefined);
  }
  expect(full).toBeGreaterThan(0);
});
