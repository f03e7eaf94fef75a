/** Who begins to listen while a commit is being synced is told of it when it can be read, or would wait for ever. */
import { openLsmEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";

const key = Uint8Array.of(1);

test("a listener is told of a commit that was appended before it came and becomes visible after", async () => {
  const engine = await openLsmEngine({ path: "/db", host: new SimulatedHost() });
  const written = engine.write({ ops: [{ op: "put", key, value: key }], requires: [] });
  const before = engine.snapshot();
  expect(await before.get(key)).toBeUndefined();
  before.close();
  let wakes = 0;
  engine.onCommit(() => wakes++);
  await written;
  await new Promise((resolve) => setImmediate(resolve));
  expect(wakes).toBe(1);
  await engine.close();
});
