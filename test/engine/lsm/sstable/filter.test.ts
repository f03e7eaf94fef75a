import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes, hex, nextKey, prefixEnd } from "../../../../src/base/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import { writeU32 } from "../../../../src/engine/lsm/codec/index.ts";
import { filterProblem } from "../../../../src/engine/lsm/sstable/block/filter.ts";
import type { Filter } from "../../../../src/engine/lsm/sstable/block/filter.ts";
import { bytes, keys } from "../cursor/entry-model.ts";
import { buildFilter } from "./filter-kit.ts";

function filterOf(list: readonly Bytes[], prefixes: readonly number[] = []): Filter {
  return buildFilter(list, prefixes).filter;
}

test("a filter never denies a key that was added", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(keys, fc.uint8Array({ maxLength: 40 }))), (list) => {
      const filter = filterOf(list);
      for (const key of list) expect(filter.mayHold(key, 0, key.length)).toBe(true);
    }),
  );
});

test("a filter without keys denies all", () => {
  expect(filterOf([]).mayHold(bytes("a"), 0, 1)).toBe(false);
});

/** Keys as collections make them, whose bits differ in a few places only: the hard case for a hash. */
const shapes: Record<string, (i: number) => Bytes> = {
  "decimal numbers": (i) => bytes(`users/${String(i).padStart(10, "0")}`),
  "big-endian counters": (i) => {
    const key = new Uint8Array(12);
    new DataView(key.buffer).setUint32(8, i);
    return key;
  },
  "little-endian counters": (i) => {
    const key = new Uint8Array(6);
    new DataView(key.buffer).setUint32(0, i, true);
    return key;
  },
  "random bytes": (i) => {
    const key = new Uint8Array(16);
    let x = i + 1;
    for (let k = 0; k < 16; k++) {
      x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) + k;
      key[k] = x >>> 24;
    }
    return key;
  },
};
for (const [name, keyOf] of Object.entries(shapes)) {
  for (const [count, rounds] of [
    [40, 300],
    [300, 60],
    [1_000, 20],
    [60_000, 1],
  ] as const) {
    test(`far less than 0.1 % of absent keys pass, with ${count} keys of ${name}`, () => {
      // Each round has other keys, so that no lucky filter hides an unlucky one.
      let passed = 0;
      let asked = 0;
      for (let round = 0; round < rounds; round++) {
        const first = round * 4 * count;
        const present = Array.from({ length: count }, (_, i) => keyOf(first + 2 * i));
        const filter = filterOf(present);
        for (let i = 0; i < 300_000 / rounds; i++) {
          const key = keyOf(first + 2 * i + 1);
          if (filter.mayHold(key, 0, key.length)) passed++;
          asked++;
        }
        expect((filter.bytes * 8) / count).toBeLessThan(count < 10_000 ? 18 + 600 / count : 18.1);
      }
      // 0.05 % is the rule's own rate. 300,000 questions stray by 0.004 % (one sigma): five of them fit in 0.07 %.
      expect(asked).toBeGreaterThanOrEqual(299_000);
      expect(passed / asked).toBeLessThanOrEqual(0.0007);
    });
  }
}

test("a range is denied only if the filter holds no key of it", () => {
  const lengths = fc.constantFrom([], [1], [2, 3], [1, 2, 4, 7]);
  fc.assert(
    fc.property(fc.array(keys, { maxLength: 60 }), keys, keys, lengths, (list, a, b, prefixes) => {
      const distinct = [...new Map(list.map((key) => [hex(key), key])).values()];
      const present = distinct.toSorted(compareBytes);
      const filter = filterOf(present, prefixes);
      const ranges: (readonly [Bytes, Bytes | undefined])[] = [[a, b]];
      for (const key of [a, b, ...present]) {
        ranges.push([key, prefixEnd(key)], [key, undefined], [nextKey(key), prefixEnd(key)]);
      }
      for (const [start, end] of ranges) {
        const isHeld = present.some(
          (key) =>
            compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0),
        );
        if (isHeld) expect(filter.mayHoldRange(start, end)).toBe(true);
      }
      for (const key of present) expect(filter.mayHold(key, 0, key.length)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("ranges of absent prefixes are denied, if the prefix is as long as one in the filter", () => {
  const keyOf = (city: number, i: number): Bytes =>
    bytes(`xyz${String(city).padStart(4, "0")}${String(i).padStart(6, "0")}`);
  const present = Array.from({ length: 4_000 }, (_, i) => keyOf(2 * Math.floor(i / 20), i));
  const filter = filterOf(present, [4, 7, 13]);
  // Each key has its own 13 bytes: too many.
  expect(filter.prefixLengths).toEqual([7, 4]);
  let passed = 0;
  for (let city = 0; city < 400; city++) {
    const start = bytes(`xyz${String(city).padStart(4, "0")}`);
    const isIn = city % 2 === 0 && city < 400;
    const may = filter.mayHoldRange(start, prefixEnd(start));
    if (isIn) expect(may).toBe(true);
    else if (may) passed++;
    // What begins within the range of a prefix ends with it all the same.
    expect(filter.mayHoldRange(keyOf(city, 7), prefixEnd(start))).toBe(may);
  }
  expect(passed).toBeLessThanOrEqual(3);
  expect(filter.mayHoldRange(bytes("abc"), bytes("abd"))).toBe(true);
  expect(filter.mayHoldRange(bytes("abcd"), bytes("abce"))).toBe(false);
  expect(filter.mayHoldRange(bytes("xyz0"), undefined)).toBe(true);
});

test("prefixes cost their own bits only", () => {
  const present = Array.from({ length: 10_000 }, (_, i) =>
    bytes(`idx/${String(i).padStart(8, "0")}`),
  );
  const plain = filterOf(present).bytes;
  // 10 prefixes of 9 bytes, 100 of 10, 10,000 of 12.
  expect(filterOf(present, [9, 10, 12]).bytes - plain).toBeLessThan((110 * 18) / 8 + 64);
  expect(filterOf(present, [9, 10, 12]).prefixLengths).toEqual([10, 9]);
});

test("a filter whose size does not fit its lines is refused", () => {
  const { payload } = buildFilter([bytes("a")]);
  expect(filterProblem(payload, payload.length - 1)).toBeDefined();
  expect(filterProblem(payload, 7)).toBeDefined();
  payload[5] = 3;
  payload[4] = 4;
  expect(filterProblem(payload, payload.length)).toBeDefined();
  payload[4] = 0;
  expect(filterProblem(payload, payload.length)).toBeDefined();
  payload[4] = 2;
  expect(filterProblem(payload, payload.length)).toBeUndefined();
  payload[0] = 2;
  expect(filterProblem(payload, payload.length)).toBeDefined();
});

/** So many keys of 12 bytes, each with bits of its own. */
const counted = (count: number): readonly Bytes[] =>
  Array.from({ length: count }, (_, i) => bytes(`cut/${String(i).padStart(8, "0")}`));
/** The most keys whose filter has so many lines. */
const keysFor = (lines: number): number => Math.floor((lines * 512) / 18);

test("a filter of up to 254 lines is one block, a larger one is cut into pieces of 127 lines", () => {
  for (const [lines, pieces] of [
    [1, []],
    [254, []],
    [255, [127, 127, 1]],
    [381, [127, 127, 127]],
    [382, [127, 127, 127, 1]],
  ] as const) {
    const built = buildFilter(counted(keysFor(lines)));
    expect(built.pieces.map((piece) => piece.length / 64)).toEqual(pieces);
    expect(built.payload.length).toBe(8 + (pieces.length > 0 ? 14 * pieces.length : 64 * lines));
    expect(built.bytes).toBe(8 + 64 * lines + 14 * pieces.length);
    expect(built.filter.bytes).toBe(8 + 64 * lines);
    for (const key of counted(keysFor(lines))) {
      expect(built.filter.mayHold(key, 0, key.length)).toBe(true);
    }
  }
});

test("a filter whose pieces have other sizes than its lines need is refused", () => {
  const { payload } = buildFilter(counted(keysFor(300)));
  expect(payload.length).toBe(8 + 3 * 14);
  const lengthOf = (piece: number): number => 8 + 14 * piece + 6;
  for (const [at, value] of [
    [0, 299],
    [0, 254],
    [0, 0],
    [0, 0xffff_ffff],
    [lengthOf(0), 126 * 64],
    [lengthOf(1), 128 * 64],
    [lengthOf(2), 0xffff_ffff],
    [lengthOf(2), 47 * 64],
  ] as const) {
    const changed = Uint8Array.from(payload);
    writeU32(changed, at, value);
    expect([at, value, filterProblem(changed, changed.length) !== undefined]).toEqual([
      at,
      value,
      true,
    ]);
  }
  expect(filterProblem(payload, payload.length - 14)).toBeDefined();
});
