/** Random transactions side by side, while tables are flushed and compacted: the history has no cycle. */
import { expect, test } from "vitest";
import type { Durability } from "../../../src/engine/contract/index.ts";
import { MemoryHost, openLsmEngine } from "../../../src/engine/lsm/index.ts";
import { checkHistory, recordHistory } from "../../../src/testing/index.ts";
import { SLOW } from "./read/slow-kit.ts";
import { ROUNDS, TINY } from "./support.ts";

for (const durability of ["durable", "memory"] as const satisfies readonly Durability[]) {
  test(`histories are strictly serializable, acknowledged when ${durability}`, async () => {
    for (let seed = 1; seed <= 3 * ROUNDS; seed++) {
      // Every third disk is one whose reads are waited for beside the thread.
      const isSlow = seed % 3 === 0;
      const host = new MemoryHost({ seed, readMillis: isSlow ? 1 : 0 });
      const options = isSlow ? SLOW : TINY;
      const engine = await openLsmEngine({ path: "/db", host, ...options, durability });
      const history = await recordHistory(engine, { seed, transactions: 250 });
      const report = checkHistory(history);
      expect(report.ok, report.text).toBe(true);
      const { commits, conflicts, flushes } = engine.stats();
      expect(commits).toBeGreaterThan(50);
      expect(conflicts).toBeGreaterThan(0);
      expect(flushes).toBeGreaterThan(0);
      expect(await engine.verify()).toEqual([]);
      await engine.close();
    }
  }, 30_000);
}
