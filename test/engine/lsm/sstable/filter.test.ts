import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Bytes } from "../../../../src/base/index.ts";
import {
  Filter,
  FilterBuilder,
  filterProblem,
} from "../../../../src/engine/lsm/sstable/block/filter.ts";
import { bytes, keys } from "../cursor/entry-model.ts";

function filterOf(list: readonly Bytes[]): Filter {
  const builder = new FilterBuilder();
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
  for (const count of [1_000, 60_000]) {
    test(`at most 0.1 % of absent keys pass, with ${count} keys of ${name}`, () => {
      const present = Array.from({ length: count }, (_, i) => keyOf(2 * i));
      const filter = filterOf(present);
      const asked = 300_000;
      let passed = 0;
      for (let i = 0; i < asked; i++) {
        const key = keyOf(2 * i + 1);
        if (filter.mayHold(key, 0, key.length)) passed++;
      }
      expect(passed / asked).toBeLessThanOrEqual(0.001);
      expect((filter.bytes * 8) / count).toBeLessThan(count < 10_000 ? 17 : 16.1);
    });
  }
}

test("a filter whose size does not fit its lines is refused", () => {
  const builder = new FilterBuilder();
  builder.add(bytes("a"), 0, 1);
  const payload = builder.finish(0);
  expect(filterProblem(payload, payload.length - 1)).toBeDefined();
  expect(filterProblem(payload, 7)).toBeDefined();
  payload[0] = 2;
  expect(filterProblem(payload, payload.length)).toBeDefined();
});
