/** How the engine's options reach its tables: read back from the files. */
import { expect, test } from "vitest";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import type { LsmOptions } from "../../../../src/engine/lsm/index.ts";
import { dumpTable } from "../../../../src/engine/lsm/sstable/index.ts";
import { TINY, put } from "../support.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

/** "compression name: blocks compressed" of each table that is left. */
async function compressions(options: Partial<LsmOptions>, isCompacted: boolean): Promise<string[]> {
  const host = new SimulatedHost();
  const engine = await openLsmEngine({
    ...TINY,
    host,
    path: "/db",
    l0TablesTrigger: 64,
    ...options,
  });
  for (let i = 0; i < 12; i++) {
    const ops = Array.from({ length: 10 }, (_, k) =>
      put(`key ${i * 10 + k}`, "a value ".repeat(9)),
    );
    await engine.write({ ops, requires: [] });
  }
  if (isCompacted) await engine.compact();
  await engine.close();
  return host.files
    .list("/db")
    .filter((name) => name.endsWith(".sst"))
    .map((name) => /compressed (.*)$/m.exec(dumpTable(host, `/db/${name}`))?.[1] ?? "not said");
}

test("tables are compressed fast, and as asked above and at the bottom", async () => {
  const fresh = await compressions({}, false);
  expect(fresh.length).toBeGreaterThan(0);
  expect(fresh.every((text) => /^fast: [1-9]/.test(text))).toBe(true);
  const compacted = await compressions({}, true);
  expect(compacted.some((text) => /^fast: [1-9]/.test(text))).toBe(true);
  const densely = await compressions({ bottomCompression: "dense" }, true);
  expect(densely.some((text) => /^dense: [1-9]/.test(text))).toBe(true);
  const asked = { compression: "none", bottomCompression: "fast" } as const;
  expect((await compressions(asked, false)).every((text) => text.startsWith("none: none"))).toBe(
    true,
  );
  expect((await compressions(asked, true)).some((text) => /^fast: [1-9]/.test(text))).toBe(true);
});

test("options that no table can be written with are refused by name", async () => {
  const wrong: readonly (readonly [Partial<LsmOptions>, RegExp])[] = [
    [{ blockBytes: 100 }, /blockBytes/],
    [{ blockBytes: 16_384 }, /blockBytes/],
    [{ periodicMillis: 20 }, /periodicMillis must be 0 or at least 1000/],
    [{ compression: "best" as "fast" }, /compression must be one of none, fast, dense, zstd/],
    [{ bottomCompression: "best" as "fast" }, /bottomCompression/],
    [{ prefixFilterBytes: [7, 4] }, /prefixFilterBytes/],
    [{ prefixFilterBytes: [0] }, /prefixFilterBytes/],
    [{ prefixFilterBytes: [1, 2, 3, 4, 5] }, /prefixFilterBytes/],
  ];
  for (const [options, message] of wrong) {
    const opening = async (): Promise<unknown> =>
      openLsmEngine({ host: new SimulatedHost(), path: "/db", ...options });
    await expect(opening()).rejects.toThrow(message);
  }
});
