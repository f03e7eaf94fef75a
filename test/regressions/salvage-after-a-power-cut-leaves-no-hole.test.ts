/** Behind the torn end of a log lay whole records that were not durable; salvage took them, and lost what came before. */
import { expect, test } from "vitest";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import { SimulatedHost } from "../../src/testing/index.ts";
import { TINY, entriesOf, put } from "../engine/lsm/support.ts";

test("a database that a power cut tore is opened by salvage as by every other mode: the first commits, without a gap", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const host = new SimulatedHost({ seed });
    const engine = await openLsmEngine({ path: "/db", host, durability: "buffered" });
    // Longer than a sector, so that a record in the middle can be torn while the next one is whole.
    for (let i = 0; i < 9; i++)
      await engine.write({ ops: [put(`k${i}`, "x".repeat(300 + 70 * i))], requires: [] });
    const disk = host.crash("seeded", seed);
    const options = { path: "/db", host: disk, ...TINY, recovery: "salvage" } as const;
    const found = await entriesOf((await openLsmEngine(options)).snapshot());
    expect([seed, found.map(([key]) => key)]).toEqual([seed, found.map((_, i) => `k${i}`)]);
  }
});
