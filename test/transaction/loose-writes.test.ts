/** Writes found by hash and sorted by heads, held against a map of texts and a sort that compares. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes, hex } from "../../src/base/index.ts";
import type { Bytes } from "../../src/base/index.ts";
import { LooseWrites } from "../../src/transaction/own-writes/loose-writes.ts";
import { sortWrites } from "../../src/transaction/own-writes/sort-writes.ts";
import type { KeyWrite } from "../../src/transaction/own-writes/sorted-writes.ts";

/** Long runs of equal bytes, zeros, and keys that go on where another one ends. */
const part = fc.oneof(
  fc.constant([0]),
  fc.constant([0, 0, 0, 0, 0]),
  fc.constant([1, 1, 1, 1, 1, 1, 1]),
  fc.constant([255, 255]),
  fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 3 }),
);
const key: fc.Arbitrary<Bytes> = fc
  .array(part, { maxLength: 6 })
  .map((parts) => new Uint8Array(parts.flat()));

test("are found by their key, each key once, and come in key order", () => {
  fc.assert(
    fc.property(fc.array(key, { maxLength: 300 }), key, (keys, other) => {
      const writes = new LooseWrites();
      const model = new Map<string, KeyWrite>();
      expect(writes.isEmpty).toBe(true);
      keys.forEach((one, i) => {
        const write: KeyWrite = { op: "put", key: one, value: new Uint8Array([i]) };
        expect(writes.set(write)).toBe(model.get(hex(one)));
        model.set(hex(one), write);
      });
      for (const one of [...keys, other]) expect(writes.find(one)).toBe(model.get(hex(one)));
      const sorted = [...model.values()].toSorted((a, b) => compareBytes(a.key, b.key));
      expect(writes.inOrder()).toEqual(sorted);
      expect(writes.isEmpty).toBe(keys.length === 0);
    }),
    { numRuns: 300 },
  );
});

test("tens of thousands of keys of several kinds are sorted as comparing sorts them", () => {
  const writes: KeyWrite[] = [];
  for (let i = 0; i < 30_000; i++) {
    const n = (i * 7_919) % 30_011;
    const text = [`\u0001doc${n}`, `\u0002mail${n % 97}@${n}`, `\u0003${"x".repeat(n % 7)}${n}`][
      i % 3
    ]!;
    writes.push({ op: "del", key: new TextEncoder().encode(text) });
  }
  const compared = writes.toSorted((a, b) => compareBytes(a.key, b.key));
  sortWrites(writes);
  expect(writes.every((write, i) => write === compared[i])).toBe(true);
});
