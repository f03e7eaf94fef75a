import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes } from "../../../../src/base/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import { RangeDeleteIndex } from "../../../../src/engine/lsm/cursor/index.ts";
import type { RangeDelete } from "../../../../src/engine/lsm/cursor/index.ts";
import { bytes, keys, rangeDeletes } from "./entry-model.ts";

function coversPlainly(deletes: readonly RangeDelete[], key: Bytes, maxSequence: number): number {
  const sequences = deletes
    .filter(({ start, end }) => {
      const isAfterStart = compareBytes(start, key) <= 0;
      return isAfterStart && (end === undefined || compareBytes(key, end) < 0);
    })
    .map(({ sequence }) => sequence)
    .filter((sequence) => sequence <= maxSequence);
  return Math.max(0, ...sequences);
}

test("the index answers as a search through all range deletes does", () => {
  fc.assert(
    fc.property(
      rangeDeletes(12),
      fc.array(keys, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 0, max: 13 }),
      (deletes, asked, maxSequence) => {
        const index = RangeDeleteIndex.build(deletes);
        const bounds = deletes.flatMap(({ start, end }) =>
          end === undefined ? [start] : [start, end],
        );
        for (const key of [...asked, ...bounds]) {
          const found = index.covers(key, 0, key.length, maxSequence);
          expect(found).toBe(coversPlainly(deletes, key, maxSequence));
        }
      },
    ),
    { numRuns: 400 },
  );
});

test("fragments are sorted, disjoint and not empty, in whatever order ranges were added", () => {
  fc.assert(
    fc.property(rangeDeletes(12), (deletes) => {
      const index = RangeDeleteIndex.build(deletes);
      for (let i = 0; i < index.fragments; i++) {
        const end = index.endOf(i);
        if (end !== undefined) expect(compareBytes(index.startOf(i), end)).toBeLessThan(0);
        if (i + 1 === index.fragments) continue;
        expect(end).toBeDefined();
        expect(compareBytes(end!, index.startOf(i + 1))).toBeLessThanOrEqual(0);
      }
    }),
    { numRuns: 300 },
  );
});

test("a key inside a larger buffer is looked up where it lies", () => {
  const index = RangeDeleteIndex.build([{ start: bytes("b"), end: bytes("d"), sequence: 7 }]);
  const buffer = bytes("xxcyy");
  expect(index.covers(buffer, 2, 3, 9)).toBe(7);
  expect(index.covers(buffer, 2, 3, 6)).toBe(0);
  expect(index.covers(buffer, 3, 4, 9)).toBe(0);
});

test("an empty range deletes nothing, and bytes handed in may be used again", () => {
  const start = bytes("b");
  const index = new RangeDeleteIndex();
  index.add({ start, end: bytes("b"), sequence: 3 });
  expect(index.isEmpty).toBe(true);
  index.add({ start, end: undefined, sequence: 3 });
  start[0] = 0x7a;
  expect(index.covers(bytes("c"), 0, 1, 3)).toBe(3);
});
