/** Sorting rows in memory. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes } from "../../../../src/base/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import { RowBuffer } from "../../../../src/engine/lsm/load/row-buffer.ts";
import { ROUNDS } from "../support.ts";

function orderOf(keys: readonly Bytes[]): number[] {
  const buffer = new RowBuffer(2 ** 24);
  for (const key of keys) buffer.add(key, new Uint8Array(3));
  return [...buffer.sort()];
}

function plainOrderOf(keys: readonly Bytes[]): number[] {
  return keys.map((_, i) => i).toSorted((a, b) => compareBytes(keys[a]!, keys[b]!) || a - b);
}

/** Keys that share much, are prefixes of each other, end in zeros and repeat: all that a head of four bytes gets wrong. */
const key = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.array(fc.constantFrom(0, 1, 255), { maxLength: 14 }).map((list) => Uint8Array.from(list)),
  fc
    .tuple(fc.constantFrom("collection/", "collection/a", "c"), fc.nat(300))
    .map(([prefix, n]) => new TextEncoder().encode(prefix + n)),
  fc.nat(14).map((length) => new Uint8Array(length)),
);

test("rows are put in the order of their keys, those of one key in the order in which they came", () => {
  fc.assert(
    fc.property(fc.array(key, { maxLength: 120 }), (keys) => {
      expect(orderOf(keys)).toEqual(plainOrderOf(keys));
    }),
    { numRuns: 300 * ROUNDS },
  );
});

test("many rows with long shared beginnings are sorted as few are", () => {
  const text = new TextEncoder();
  const keys = Array.from({ length: 5_000 }, (_, i) =>
    text.encode(`a long beginning that all share/${(i * 7_919) % 4_001}/${i % 3}`),
  );
  expect(orderOf(keys)).toEqual(plainOrderOf(keys));
});

test("a buffer holds what its bound allows, and one row of any size when it is empty", () => {
  const buffer = new RowBuffer(1_000);
  expect(buffer.hasRoomFor(50_000)).toBe(true);
  buffer.add(new Uint8Array(10), new Uint8Array(50_000));
  expect(buffer.hasRoomFor(1)).toBe(false);
  buffer.clear();
  let rows = 0;
  while (buffer.hasRoomFor(76)) {
    buffer.add(new Uint8Array(10), new Uint8Array(66));
    rows++;
  }
  expect(rows).toBe(10);
});
