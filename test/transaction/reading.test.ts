import fc from "fast-check";
import { expect, test } from "vitest";
import type { Bytes } from "../../src/base/index.ts";
import {
  CorruptionError,
  EMPTY_DONE_PAGE,
  PageBuilder,
  rangeContains,
} from "../../src/engine/contract/index.ts";
import type { KeyRange, Page, ReadView } from "../../src/engine/contract/index.ts";
import { EngineRows } from "../../src/transaction/reading/engine-rows.ts";
import { KeySet } from "../../src/transaction/reading/key-set.ts";
import { RangeSet } from "../../src/transaction/reading/range-set.ts";
import { ReadSet } from "../../src/transaction/reading/read-set.ts";
import { referenceOf } from "../../src/transaction/reading/reference.ts";
import { bytes, text } from "./support.ts";

const one = (n: number): Bytes => new Uint8Array([n]);
const smallRange = fc
  .record({
    start: fc.integer({ min: 0, max: 30 }),
    length: fc.integer({ min: 0, max: 8 }),
    open: fc.integer({ min: 0, max: 9 }),
  })
  .map(({ start, length, open }): KeyRange => ({
    start: one(start),
    end: open === 0 ? undefined : one(start + length),
  }));
const all = Array.from({ length: 45 }, (_, n) => n);
const holds = (range: KeyRange, n: number): boolean =>
  n >= range.start[0]! && (range.end === undefined || n < range.end[0]!);

test("a set of ranges holds what its ranges hold, joined and in order, and cuts others by it", () => {
  fc.assert(
    fc.property(fc.array(smallRange, { maxLength: 8 }), smallRange, (ranges, other) => {
      const grown = ranges.reduce((set, range) => set.with(range), RangeSet.EMPTY);

      for (const set of [grown, RangeSet.of(ranges)]) {
        expect(all.filter((n) => set.has(one(n)))).toEqual(
          all.filter((n) => ranges.some((range) => holds(range, n))),
        );
        const bounds = set.ranges.flatMap(({ start, end }) => [start[0]!, end?.[0] ?? 99]);
        expect(bounds).toEqual([...new Set(bounds)].toSorted((a, b) => a - b));
        const outside = set.partsOutside(other);
        expect(all.filter((n) => outside.some((part) => holds(part, n)))).toEqual(
          all.filter((n) => holds(other, n) && !set.has(one(n))),
        );
      }
    }),
  );
});

test("a set of keys keeps each key once, in the order of their coming", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 2, max: 9 }), { maxLength: 300 }), (keys) => {
      const set = new KeySet();
      const seen = new Set<string>();
      for (const key of keys) {
        expect(set.add(key, false)).toBe(!seen.has(String(key)));
        seen.add(String(key));
      }
      expect(set.keys.map(String)).toEqual([...seen]);
    }),
  );
});

test("ten thousand scans of neighbouring ranges are kept as one range", () => {
  const reads = new ReadSet(true);
  for (let n = 0; n < 10_000; n++) {
    const key = (m: number): Bytes => new Uint8Array([m >> 8, m & 255]);
    reads.finish(reads.begin(key(n), key(n + 1)));
  }

  expect(reads.ranges()).toHaveLength(1);
});

test.each([false, true])(
  "a scan that ended by its limit with an empty page goes on behind its last row (reverse: %s)",
  (reverse) => {
    const rows = [1, 2, 3, 4, 5];
    /** An engine that says only with an empty page that the limit was reached. */
    const view: ReadView = {
      get: () => undefined,
      read: () => undefined,
      getMany: () => [],
      scan(range, { limit = Infinity } = {}) {
        const inside = rows.filter((n) => rangeContains(range, one(n)));
        const shown = (reverse ? inside.toReversed() : inside).slice(0, limit);
        return {
          next(): Page {
            const row = shown.shift();
            if (row === undefined) return EMPTY_DONE_PAGE;
            const built = new PageBuilder({ keysOnly: false, rows: 1, bytes: 1 });
            built.add(one(row), 0, 1, one(row), 0, 0);
            return built.build(false);
          },
          close() {},
        };
      },
    };
    const source = new EngineRows(view, [{ start: one(0), end: one(9) }], { reverse });
    const seen: number[] = [];
    for (let page = source.next(2); page !== undefined; page = source.next(2)) {
      const arrived = page as Page;
      seen.push(arrived.buffer[arrived.keyStart[0]!]!);
    }

    expect(seen).toEqual(reverse ? rows.toReversed() : rows);
  },
);

const pageOf = (value: Bytes): Page => ({
  rows: 1,
  buffer: value,
  keyStart: Int32Array.of(0),
  keyEnd: Int32Array.of(0),
  valueStart: Int32Array.of(0),
  valueEnd: Int32Array.of(value.length),
  done: true,
});

test("the worked example of a reference reads as written", () => {
  expect(text(referenceOf(pageOf(new Uint8Array([0x03, 0x61, 0x62, 0x63, 0xff])), 0))).toBe("abc");
});

test("a reference of more than 127 bytes has a length of two bytes", () => {
  const key = bytes("k".repeat(300));
  expect(referenceOf(pageOf(new Uint8Array([0xac, 0x02, ...key])), 0)).toEqual(key);
});

test.each([
  ["nothing", []],
  ["half a length", [0x80]],
  ["a length that never ends", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ["less than its length", [0x05, 0x61]],
])("a reference that is %s is corruption", (_, value) => {
  expect(() => referenceOf(pageOf(new Uint8Array(value)), 0)).toThrow(CorruptionError);
});
