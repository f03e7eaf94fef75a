/** Lost edits of the manifest name logs that are gone; what the later ones hold was served without what came before. */
import { expect, test } from "vitest";
import { CorruptionError } from "../../src/engine/contract/index.ts";
import { openLsmEngine, verifyDatabase } from "../../src/engine/lsm/index.ts";
import { SimulatedHost } from "../../src/testing/index.ts";
import { TINY, put } from "../engine/lsm/support.ts";

test("a manifest whose last edits never reached the disk is refused, as the log that it names is gone", async () => {
  const host = new SimulatedHost();
  const engine = await openLsmEngine({ path: "/db", host, ...TINY });
  host.failFrom(1, "lost-write", ({ path }) => path.includes("/MANIFEST"));
  for (let i = 0; i < 12; i++)
    await engine.write({ ops: [put(`k${i}`, "x".repeat(100))], requires: [] });
  await engine.flush();
  await engine.write({ ops: [put("after", "x")], requires: [] });
  const disk = host.crash("kept");
  const options = { path: "/db", host: disk, ...TINY };
  const where = { expected: "the oldest log needed", found: "no such file" };
  await expect(openLsmEngine({ ...options, readOnly: true })).rejects.toMatchObject(where);
  await expect(openLsmEngine(options)).rejects.toBeInstanceOf(CorruptionError);
  const { problems } = await verifyDatabase({ path: "/db", host: disk });
  expect(problems.join()).toContain("expected the oldest log needed, found no such file");
});
