/** A read that gave fewer bytes than the log has looked like zeros behind its last record: acknowledged commits were gone. */
import { expect, test } from "vitest";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import { SimulatedHost } from "../../src/testing/index.ts";
import { TINY, entriesOf, put } from "../engine/lsm/support.ts";

test("opening fails when a log cannot be read whole, and the next one finds everything", async () => {
  const host = new SimulatedHost();
  const engine = await openLsmEngine({ path: "/db", host, ...TINY });
  await engine.write({ ops: [put("a", "1")], requires: [] });
  const disk = host.crash("lost");
  let faults = 0;
  disk.onCall = ({ call, path, what }) => {
    // The header is read first, and whole.
    if (what === "read" && path.endsWith(".log") && ++faults > 1) disk.failAt(call, "short-read");
  };
  const options = { path: "/db", host: disk, ...TINY };
  await expect(openLsmEngine(options)).rejects.toMatchObject({ _tag: "StorageError", code: "Io" });
  expect(disk.faultsMet).toBeGreaterThan(0);
  disk.onCall = undefined;
  disk.heal();
  const again = await openLsmEngine(options);
  expect(await entriesOf(again.snapshot())).toEqual([["a", "1"]]);
  await again.close();
});
