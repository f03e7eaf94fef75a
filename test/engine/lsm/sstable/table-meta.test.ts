/** What a finished table tells the manifest about its contents. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { bytes } from "../cursor/entry-model.ts";
import type { ModelEntry } from "../cursor/entry-model.ts";
import { newDisk, writeTable } from "./table-kit.ts";

function entry(n: number, isDelete: boolean, valueBytes: number): ModelEntry {
  const value = isDelete ? bytes("") : new Uint8Array(valueBytes).fill(n);
  return { key: bytes(String(n).padStart(8, "0")), sequence: 1, kind: isDelete ? 2 : 1, value };
}

test("blocks without deletes are not dense, blocks of nothing else all are", () => {
  for (const isDelete of [false, true]) {
    const entries = Array.from({ length: 5_000 }, (_, i) => entry(i, isDelete, 40));
    const { meta } = writeTable(entries);
    expect(meta.dataBlocks).toBeGreaterThan(5);
    expect(meta.denseBlocks).toBe(isDelete ? meta.dataBlocks : 0);
  }
});

test("a block is dense from half of its entries on, or from a hundred deletes on", () => {
  const denseOf = (deletes: number, puts: number): number => {
    const entries = Array.from({ length: deletes + puts }, (_, i) => entry(i, i < deletes, 0));
    const { meta } = writeTable(entries, [], { blockBytes: 1 << 20 });
    expect(meta.dataBlocks).toBe(1);
    return meta.denseBlocks;
  };
  expect(denseOf(5, 5)).toBe(1);
  expect(denseOf(5, 6)).toBe(0);
  expect(denseOf(99, 1_000)).toBe(0);
  expect(denseOf(100, 1_000)).toBe(1);
});

test("deletes are counted in the block that holds them", () => {
  const entries = Array.from({ length: 2_000 }, (_, i) => entry(i, i < 1_000, 100));
  const { meta } = writeTable(entries);
  const onlyDeletes = writeTable(entries.slice(0, 1_000)).meta;
  expect(meta.denseBlocks).toBeLessThan(meta.dataBlocks / 2);
  expect(Math.abs(meta.denseBlocks - onlyDeletes.dataBlocks)).toBeLessThanOrEqual(1);
});

test("raw bytes are those of keys and values, and the time is the wall clock's", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(50)), { minLength: 1 }), (cases) => {
      const entries = cases.map(([isDelete, size], i) => entry(i, isDelete, size));
      const host = newDisk();
      const { meta } = writeTable(entries, [], {}, host);
      const raw = entries.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
      expect(meta.rawBytes).toBe(raw);
      expect(meta.writtenAtMillis).toBe(host.clock.nowMillis());
    }),
  );
});
