import fc from "fast-check";
import { expect, test } from "vitest";
import type { Bytes } from "../../src/base/index.ts";
import type { KeyRange } from "../../src/engine/contract/index.ts";
import { CHUNK_WRITES_MAX, SortedWrites } from "../../src/transaction/own-writes/sorted-writes.ts";
import type {
  WritesCursor,
  WritesSnapshot,
} from "../../src/transaction/own-writes/sorted-writes.ts";

const keyOf = (n: number): Bytes => new Uint8Array([n >> 16, (n >> 8) & 255, n & 255]);
const numberOf = (key: Bytes): number => (key[0]! << 16) | (key[1]! << 8) | key[2]!;
const rangeOf = (start: number, end: number | undefined): KeyRange => ({
  start: keyOf(start),
  end: end === undefined ? undefined : keyOf(end),
});
const everything = rangeOf(0, undefined);

function walk(cursor: WritesCursor): number[] {
  const seen: number[] = [];
  for (; cursor.current !== undefined; cursor.advance()) seen.push(numberOf(cursor.current.key));
  return seen;
}

const KEYS = 4_000;
const key = fc.integer({ min: 0, max: KEYS });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("run" as const),
      from: key,
      stride: fc.integer({ min: -7, max: 7 }),
      count: fc.integer({ min: 1, max: 600 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("remove" as const),
      start: key,
      length: fc.integer({ min: 0, max: 1_500 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("snapshot" as const),
      start: key,
      length: fc.integer({ min: 0, max: KEYS }),
      open: fc.boolean(),
    }),
  },
);

test("writes over many chunks, their removal and their snapshots are those of a set", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const writes = new SortedWrites();
      const model = new Set<number>();
      const taken: { readonly snapshot: WritesSnapshot; readonly expected: number[] }[] = [];
      for (const todo of steps) {
        switch (todo.do) {
          case "run":
            for (let i = 0; i < todo.count; i++) {
              const n = (((todo.from + i * todo.stride) % KEYS) + KEYS) % KEYS;
              const replaced = writes.set({ op: "del", key: keyOf(n) });
              expect(replaced !== undefined).toBe(model.has(n));
              model.add(n);
            }
            break;
          case "remove": {
            const removed = writes.remove(rangeOf(todo.start, todo.start + todo.length));
            const expected = [...model].filter(
              (n) => n >= todo.start && n < todo.start + todo.length,
            );
            expect(removed.map((write) => numberOf(write.key))).toEqual(
              expected.toSorted((a, b) => a - b),
            );
            for (const n of expected) model.delete(n);
            break;
          }
          case "snapshot": {
            const snapshot = writes.snapshot();
            const all = [...model].toSorted((a, b) => a - b);
            taken.push({ snapshot, expected: all });
            const end = todo.open ? undefined : todo.start + todo.length;
            const part = all.filter((n) => n >= todo.start && (end === undefined || n < end));
            expect(walk(snapshot.cursor(rangeOf(todo.start, end), false))).toEqual(part);
            expect(walk(snapshot.cursor(rangeOf(todo.start, end), true))).toEqual(
              part.toReversed(),
            );
            break;
          }
        }
      }
      for (let n = 0; n < KEYS; n += 13)
        expect(writes.find(keyOf(n)) !== undefined).toBe(model.has(n));
      for (const { snapshot, expected } of taken) {
        expect(walk(snapshot.cursor(everything, false))).toEqual(expected);
        expect(snapshot.toArray().map((write) => numberOf(write.key))).toEqual(expected);
      }
    }),
    { numRuns: 60 },
  );
});

test("a cursor over a range that ends before it starts is empty", () => {
  const writes = new SortedWrites();
  for (let n = 0; n < CHUNK_WRITES_MAX * 3; n++) writes.set({ op: "del", key: keyOf(n) });
  const snapshot = writes.snapshot();

  for (const [start, end] of [
    [600, 10],
    [300, 290],
    [5, 5],
  ] as const) {
    expect(walk(snapshot.cursor(rangeOf(start, end), false))).toEqual([]);
    expect(walk(snapshot.cursor(rangeOf(start, end), true))).toEqual([]);
  }
});
