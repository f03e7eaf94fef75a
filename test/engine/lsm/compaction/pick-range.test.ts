/** Compacting a range takes all that overlaps, so that no older entry of a key ends above a newer one. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import { TINY, bytes, del, delRange, entriesOf, put, range } from "../support.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

test("whatever range is compacted, every key reads as before, and levels stay sound", async () => {
  const letter = fc.integer({ min: 0, max: 25 }).map((i) => String.fromCodePoint(97 + i));
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(fc.constant("put"), letter, letter) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("del"), letter, letter) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("erase"), letter, letter) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("compact"), letter, letter) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const engine = await openLsmEngine({ path: "/db", host: new SimulatedHost(), ...TINY });
      const model = new Map<string, string>();
      for (const [i, [what, a, b]] of steps.entries()) {
        const value = `${i}${"x".repeat(200)}`;
        if (what === "put") {
          model.set(a, value);
          await engine.write({ ops: [put(a, value)], requires: [] });
        } else if (what === "del") {
          model.delete(a);
          await engine.write({ ops: [del(a)], requires: [] });
        } else if (what === "erase" && a < b) {
          for (const key of model.keys()) if (key >= a && key < b) model.delete(key);
          await engine.write({ ops: [delRange(a, b)], requires: [] });
        } else if (what === "compact") await engine.compact(range(a, a < b ? b : undefined));
        const rows = await entriesOf(engine.snapshot());
        expect(rows).toEqual([...model].toSorted(([x], [y]) => (x < y ? -1 : 1)));
      }
      expect(await engine.verify()).toEqual([]);
      await engine.close();
    }),
    { numRuns: 25 },
  );
});

test("a range that nothing touches moves no byte", async () => {
  const engine = await openLsmEngine({ path: "/db", host: new SimulatedHost(), ...TINY });
  for (let i = 0; i < 40; i++) {
    await engine.write({ ops: [put(`k${i}`, "x".repeat(99))], requires: [] });
  }
  await engine.compact();
  const before = engine.stats()["bytesCompacted"];
  await engine.compact({ start: bytes("z"), end: undefined });
  expect(engine.stats()["bytesCompacted"]).toBe(before);
  await engine.compact(range("k1", "k2"));
  await engine.close();
});
