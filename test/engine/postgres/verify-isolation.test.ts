/** The question that is asked of a server before it is used, asked of engines that are known to be right or wrong. */
import { expect, it } from "vitest";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import { verifyIsolation } from "../../../src/engine/postgres/verify-isolation.ts";
import { brokenValidation } from "../../contract/broken/index.ts";

const random = new Uint8Array(16);

it("an engine that is serializable is accepted, and nothing is left in it", async () => {
  const engine = new MemoryEngine();

  await verifyIsolation(engine, random);

  expect(engine.stats()["rows"]).toBe(0);
});

it.each([
  ["keys that were read are not tracked", "writeSkew"],
  ["ranges that were read are not tracked", "phantom"],
])("an engine is refused where %s", async (defect, letThrough) => {
  const engine = brokenValidation[defect]!();

  await expect(verifyIsolation(engine, random)).rejects.toMatchObject({
    code: "IsolationTooWeak",
    details: { letThrough },
  });
});
