/**
 * A load that lies in level 0 as several tables is one sorted run: none of them is merged without the others. An output
 * that reached below the one that was left, and shared its newest sequence with it, was read first.
 */
import { expect, test } from "vitest";
import type { WriteOp } from "../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import { bytes, entriesOf, put } from "../engine/lsm/support.ts";
import { SimulatedHost } from "../../src/testing/index.ts";

const keyOf = (i: number): string => `k${String(i).padStart(3, "0")}`;

for (const policy of ["tiered", "lazy-leveled", "leveled"] as const) {
  test(`loaded rows are read whatever is merged beside them, ${policy}`, async () => {
    const engine = await openLsmEngine({
      path: "/db",
      host: new SimulatedHost(),
      policy,
      flushBytesMax: 100_000,
      tableBytesTarget: 2_048,
      blockBytes: 512,
      compression: "none",
      bottomCompression: "none",
      l0TablesTrigger: 6,
      minCompactionFiles: 2,
      ...(policy === "leveled" ? { levelBaseBytes: 1_000_000 } : { levelBaseBytes: 100_000 }),
    });
    const flushed = async (rows: number, bytesEach: number): Promise<void> => {
      const ops: WriteOp[] = [];
      for (let i = 0; i < rows; i++) ops.push(put(keyOf(i * 3), "o".repeat(bytesEach)));
      await engine.write({ ops, requires: [] });
      await engine.flush();
    };
    await flushed(60, 200);
    for (let i = 0; i < 3; i++) await flushed(60, 12);
    const loaded = Array.from({ length: 60 }, (_, i) => [keyOf(i * 3), "n".repeat(30)] as const);
    await engine.load!(
      (async function* () {
        yield loaded.map(([key, value]) => [bytes(key), bytes(value)] as const);
      })(),
    );
    // One table more than may lie there.
    await engine.write({ ops: [put("a", "small")], requires: [] });
    await engine.flush();
    while (engine.stats()["compactions"] === 0) await new Promise((done) => setImmediate(done));
    expect(await engine.verify()).toEqual([]);
    expect(await entriesOf(engine.snapshot())).toEqual([["a", "small"], ...loaded]);
    const reader = engine.snapshot();
    for (const [key, value] of loaded)
      expect(await reader.get(bytes(key)), key).toEqual(bytes(value));
    await engine.close();
  }, 5_000);
}
