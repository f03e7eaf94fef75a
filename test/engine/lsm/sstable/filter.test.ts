import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes, hex, nextKey, prefixEnd } from "../../../../src/base/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import {
  Filter,
  FilterBuilder,
  filterProblem,
} from "../../../../src/engine/lsm/sstable/block/filter.ts";
import { bytes, keys } from "../cursor/entry-model.ts";

function filterOf(list: readonly Bytes[], prefixes: readonly number[] = []): Filter {
  const builder = new FilterBuilder(prefixes);
  for (const key of list) builder.add(key, 0, key.length);
  const payload = builder.finish(0);
  expect(filterProblem(payload, payload.length)).toBeUndefined();
  return new Filter(payload);
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
  const builder = new FilterBuilder();
  builder.add(bytes("a"), 0, 1);
  const payload = builder.finish(0);
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
