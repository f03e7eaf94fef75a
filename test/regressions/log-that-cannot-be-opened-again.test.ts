/**
 * A new log whose file cannot be opened once it has its name ends the engine: there is a log. Told as a full disk, as the
 * call may be, another log was made behind it, and the database was then refused as damaged.
 */
import { expect, test } from "vitest";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import { SimulatedHost } from "../../src/testing/index.ts";
import { TINY, entriesOf, put } from "../engine/lsm/support.ts";

test("a log that cannot be opened after it was named is not followed by another one", async () => {
  for (let more = 0; more < 24; more++) {
    const host = new SimulatedHost();
    const engine = await openLsmEngine({ path: "/db", host, ...TINY });
    let refused = 0;
    host.onCall = ({ call, path, what }) => {
      if (what !== "open" || !path.endsWith(".log") || refused > 0) return;
      refused++;
      host.failAt(call, "ENOSPC");
    };
    const kept: [string, string][] = [];
    for (let i = 100, left = more; left > 0; i++) {
      if (refused > 0) left--;
      const row: [string, string] = [`k${i}`, "x".repeat(60)];
      try {
        await engine.write({ ops: [put(...row)], requires: [] });
        kept.push(row);
      } catch {
        // It may say that it takes no more; what it took counts.
      }
    }
    const again = await openLsmEngine({ path: "/db", host: host.crash("lost"), ...TINY });
    const found = new Map(await entriesOf(again.snapshot()));
    for (const [key, value] of kept) expect(found.get(key)).toBe(value);
    await again.close();
  }
});
