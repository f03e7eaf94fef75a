/** The rows of the key-value benchmark: what its answers are checked with must itself be right. */
import { expect, test } from "vitest";
import { sumOf } from "../../bench/keyvalue/key-value-store.ts";
import { Rows, shuffled, uniform, zipfian } from "../../bench/keyvalue/rows.ts";

const sizes = { keyBytes: 24, valueBytes: 400 };

test("keys are in the order of their numbers, and a missing one lies right behind each", () => {
  const rows = new Rows(sizes, 2_000);
  const missing = Buffer.alloc(rows.keyBytes);
  for (let n = 0; n < 1_999; n++) {
    rows.writeMissingKey(missing, n);
    expect(Buffer.compare(rows.key(n), missing)).toBe(-1);
    expect(Buffer.compare(missing, rows.key(n + 1))).toBe(-1);
  }
});

test("a hundred rows share a prefix, and the next hundred another", () => {
  const rows = new Rows(sizes, 1_000);
  const prefix = rows.hundredPrefix(342);
  const numbers = Array.from({ length: 1_000 }, (_, n) => n);
  const shared = numbers.filter((n) => rows.key(n).subarray(0, prefix.length).equals(prefix));
  expect(shared).toEqual(numbers.slice(300, 400));
});

test("a value tells its stamp, which changes with each write", () => {
  const rows = new Rows(sizes, 100);
  expect(rows.value(7).readUInt16BE(0)).toBe(rows.stamp(7));
  const before = rows.stamp(7);
  expect(rows.nextValue(7).readUInt16BE(0)).toBe(rows.stamp(7));
  expect(rows.stamp(7)).not.toBe(before);
  expect(rows.value(8)).toHaveLength(400);
});

test("the sum of a range is that of its rows one by one", () => {
  const rows = new Rows(sizes, 100);
  rows.nextValue(20);
  let sum = 0;
  for (let n = 15; n < 35; n++) sum += sumOf(rows.key(n), rows.value(n));
  expect(rows.sum(15, 35)).toBe(sum);
});

test("orders are the same each time; shuffled has each row once, zipfian few of them often", () => {
  expect(shuffled(1_000, 3)).toEqual(shuffled(1_000, 3));
  expect(shuffled(1_000, 3).toSorted()).toEqual(Uint32Array.from({ length: 1_000 }, (_, n) => n));
  expect(Math.max(...uniform(50, 10_000, 4))).toBe(49);
  const counts = new Map<number, number>();
  for (const n of zipfian(10_000, 20_000, 5)) counts.set(n, (counts.get(n) ?? 0) + 1);
  const most = [...counts.values()].toSorted((a, b) => b - a);
  expect(Math.max(...counts.keys())).toBeLessThan(10_000);
  // The first of ten thousand is drawn about once in ten times.
  expect(most[0]! / 20_000).toBeGreaterThan(0.06);
  expect(most[0]! / 20_000).toBeLessThan(0.15);
});
