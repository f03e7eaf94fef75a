/** A log was closed while the name of the next one was not durable; after a power cut the database was refused. */
import { expect, test } from "vitest";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import { SimulatedHost } from "../../src/testing/index.ts";
import { TINY, put } from "../engine/lsm/support.ts";

test("no power cut under the rules of Windows keeps the close mark of a log and loses the log after it", async () => {
  const host = new SimulatedHost({ rules: "windows" });
  const disks: SimulatedHost[] = [];
  host.onCall = ({ path, what }) => {
    if (what !== "sync" || !path.endsWith(".log")) return;
    for (let seed = 0; seed < 8; seed++) disks.push(host.afterPowerCut("seeded", seed));
  };
  const engine = await openLsmEngine({ path: "/db", host, ...TINY });
  for (let i = 0; i < 4; i++) {
    await engine.write({ ops: [put(`k${i}`, "x".repeat(100))], requires: [] });
    await engine.flush();
  }
  await engine.close();
  expect(disks.length).toBeGreaterThan(50);
  for (const disk of disks)
    await (await openLsmEngine({ path: "/db", host: disk, ...TINY })).close();
});
