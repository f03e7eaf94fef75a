import { expect, test } from "vitest";
import { compactionDebtBytes, versionOf } from "../../../../src/engine/lsm/compaction/index.ts";
import type { TableMeta } from "../../../../src/engine/lsm/manifest/index.ts";
import { bytes } from "../support.ts";

let numbers = 0;
function table(level: number, fileBytes: number): TableMeta {
  const fileNumber = ++numbers;
  const key = bytes(String(fileNumber).padStart(6, "0"));
  return {
    fileNumber,
    level,
    fileBytes,
    entries: 1,
    rangeDeletes: 0,
    smallestKey: key,
    largestKey: key,
    smallestSequence: 1,
    largestSequence: 1,
    tombstones: 0,
    dataBlocks: 1,
    denseBlocks: 0,
    rawBytes: 1,
    writtenAtMillis: 0,
    fileCrc: 0,
  };
}
const targets = { base: 1, targets: Array.from({ length: 7 }, (_, n) => 100 * 10 ** (n - 1)) };
const debtOf = (...tables: readonly TableMeta[]): number =>
  compactionDebtBytes(versionOf(tables), 4, targets);

test("a tree in shape owes nothing", () => {
  expect(debtOf()).toBe(0);
  expect(debtOf(table(0, 50), table(0, 50), table(0, 50), table(1, 100), table(2, 1_000))).toBe(0);
});

test("level 0 at its trigger owes itself and the level that it is merged with", () => {
  const four = [1, 2, 3, 4].map(() => table(0, 10));
  expect(debtOf(...four)).toBe(40);
  expect(debtOf(...four, table(1, 60))).toBe(40 + 60);
});

test("what a level has too much owes its share of the next one, and sinks on", () => {
  // 50 too many, and with each of them 500 / 150 of level 2.
  expect(debtOf(table(1, 150), table(2, 500))).toBe(Math.round(50 * (1 + 500 / 150)));
  const deep = debtOf(table(1, 150), table(2, 1_000), table(3, 5_000));
  expect(deep).toBe(Math.round(50 * (1 + 1_000 / 150) + 50 * (1 + 5_000 / 1_050)));
});

test("the last level owes nothing, however large", () => {
  expect(debtOf(table(6, 10 ** 12))).toBe(0);
});
