import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes } from "../../../../src/base/index.ts";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import type { LsmEngine } from "../../../../src/engine/lsm/index.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";
import { ROUNDS, TINY, bytes, del, put } from "../support.ts";

async function opened(options: object = {}): Promise<LsmEngine> {
  return openLsmEngine({ path: "/db", host: new SimulatedHost(), ...options });
}

/** Rows of two kinds, as documents and entries of an index are: few long ones, many short ones. */
async function write(engine: LsmEngine, from: number, to: number): Promise<void> {
  const batch = 500;
  for (let first = from; first < to; first += batch) {
    const ops = Array.from({ length: Math.min(batch, to - first) }, (_, i) => first + i).flatMap(
      (n) => [put(`d${padded(n)}`, "x".repeat(180)), put(`i${padded((n * 7919) % to)}`, "y")],
    );
    await engine.write({ ops, requires: [] });
  }
}

function padded(n: number): string {
  return String(n).padStart(6, "0");
}

function estimate(engine: LsmEngine, start: string, end: string | undefined): number {
  return engine.estimateRows({
    start: bytes(start),
    end: end === undefined ? undefined : bytes(end),
  });
}

/** Reads the first row of a range, as a query would: then its block is at hand. */
async function touch(engine: LsmEngine, start: string): Promise<void> {
  const snapshot = engine.snapshot();
  await snapshot.scan({ start: bytes(start), end: undefined }, { limit: 1 }).next();
  snapshot.close();
}

function expectNear(rows: number, truth: number, factor: number, what: string): void {
  expect(rows, what).toBeLessThanOrEqual(truth * factor);
  expect(rows, what).toBeGreaterThanOrEqual(truth / factor);
}

test("ranges in memory are counted, and large ones nearly", async () => {
  const engine = await opened();
  await write(engine, 0, 20_000);
  expect(estimate(engine, "d000100", "d000107")).toBe(7);
  expect(estimate(engine, "d000100", "d001000")).toBe(900);
  expect(estimate(engine, "e", "f")).toBe(0);
  expectNear(estimate(engine, "d", "e"), 20_000, 1.3, "all documents");
  expectNear(estimate(engine, "i005000", "i015000"), 10_000, 1.3, "half of the entries");
  await engine.close();
});

test("ranges in tables are near the truth, short and long rows alike, and small ones exact", async () => {
  const engine = await opened();
  await write(engine, 0, 20_000);
  await engine.flush();
  expectNear(estimate(engine, "d", "e"), 20_000, 1.3, "all documents");
  expectNear(estimate(engine, "i", "j"), 20_000, 1.3, "all entries");
  expectNear(estimate(engine, "i005000", "i015000"), 10_000, 1.3, "half of the entries");
  expectNear(estimate(engine, "d004000", "d004500"), 500, 1.3, "some documents");
  await touch(engine, "i000100");
  expect(estimate(engine, "i000100", "i000101")).toBe(1);
  expect(estimate(engine, "i000100", "i000100a")).toBe(1);
  expect(estimate(engine, "a", "b")).toBe(0);
  expect(estimate(engine, "z", undefined)).toBe(0);
  await engine.close();
});

test("several levels are added up, and deletes are not rows once they are in tables", async () => {
  const engine = await opened({ flushBytesMax: 256 * 1_024, levelBaseBytes: 1 << 20 });
  await write(engine, 0, 20_000);
  await write(engine, 20_000, 24_000);
  await engine.compact();
  expectNear(estimate(engine, "d", "e"), 24_000, 1.3, "all documents");
  for (let first = 0; first < 12_000; first += 500) {
    const ops = Array.from({ length: 500 }, (_, i) => del(`d${padded(first + i)}`));
    await engine.write({ ops, requires: [] });
  }
  await engine.flush();
  expectNear(estimate(engine, "d", "e"), 12_000, 2.5, "half of the documents");
  await engine.compact();
  expectNear(estimate(engine, "d", "e"), 12_000, 1.3, "half of the documents, compacted");
  await engine.close();
});

test("large values are counted one by one", async () => {
  const engine = await opened();
  for (let n = 0; n < 40; n++)
    await engine.write({ ops: [put(`l${padded(n)}`, "x".repeat(40_000))], requires: [] });
  await engine.flush();
  expectNear(estimate(engine, "l", "m"), 40, 1.5, "large rows");
  expectNear(estimate(engine, "l000010", "l000020"), 10, 1.5, "some of them");
  await engine.close();
});

test("whatever was written, an estimate of all rows is not below a third of them, nor far above what was written", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(300), fc.nat(60), fc.boolean()), { minLength: 1, maxLength: 60 }),
      async (runs) => {
        const engine = await opened({ ...TINY, flushBytesMax: 4_096 });
        const there = new Set<string>();
        let written = 0;
        for (const [first, count, isDelete] of runs) {
          const keys = Array.from({ length: count }, (_, i) => `k${padded(first + i)}`);
          written += keys.length;
          for (const key of keys)
            if (isDelete) there.delete(key);
            else there.add(key);
          const ops = keys.map((key) => (isDelete ? del(key) : put(key, "some value")));
          if (ops.length > 0) await engine.write({ ops, requires: [] });
        }
        const rows = estimate(engine, "k", "l");
        expect(rows).toBeGreaterThanOrEqual(there.size / 3);
        expect(rows).toBeLessThanOrEqual(written * 1.5 + 1);
        const sorted = [...there].map(bytes).toSorted(compareBytes);
        expect(engine.estimateRows({ start: sorted[0] ?? bytes(""), end: bytes("a") })).toBe(0);
        await engine.close();
      },
    ),
    { numRuns: 30 * ROUNDS },
  );
});
