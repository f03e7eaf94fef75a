import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes } from "../../../../src/base/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import type { PointResult } from "../../../../src/engine/lsm/cursor/index.ts";
import { MemoryPool, Memtable, imageCursor } from "../../../../src/engine/lsm/memtable/index.ts";
import {
  allBack,
  allForward,
  bytes,
  entries,
  firstDifference,
  keys,
  moves,
  shown,
  sorted,
} from "../cursor/entry-model.ts";
import type { ModelEntry } from "../cursor/entry-model.ts";

const newResult = (): PointResult => ({
  sequence: 0,
  kind: 0,
  buffer: new Uint8Array(0),
  start: 0,
  end: 0,
});

function filled(list: readonly ModelEntry[]): Memtable {
  const memtable = new Memtable();
  for (const { sequence, kind, key, value } of list) memtable.add(sequence, kind, key, value);
  return memtable;
}

function find(memtable: Memtable, key: Bytes, maxSequence: number): ModelEntry | undefined {
  const out = newResult();
  if (!memtable.get(key, maxSequence, out)) return undefined;
  const { sequence, kind, buffer, start, end } = out;
  return { key, sequence, kind: kind as 1 | 2, value: buffer.slice(start, end) };
}

test("a cursor shows what a sorted list shows", () => {
  fc.assert(
    fc.property(entries(60), moves, (list, steps) => {
      const memtable = filled(list);
      expect(memtable.entries).toBe(list.length);
      expect(firstDifference(memtable.cursor(), sorted(list), steps)).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

test("a lookup finds the newest entry at or below the sequence", () => {
  fc.assert(
    fc.property(entries(60), fc.array(keys, { maxLength: 10 }), (list, others) => {
      const memtable = filled(list);
      for (const key of [...list.map((entry) => entry.key), ...others]) {
        for (const maxSequence of [0, 3, 7, 12]) {
          const expected = sorted(list).find(
            (entry) => compareBytes(entry.key, key) === 0 && entry.sequence <= maxSequence,
          );
          expect(find(memtable, key, maxSequence)).toEqual(expected);
        }
      }
    }),
  );
});

/** Repeatable numbers: a linear congruential generator. */
function* numbers(seed: number): Generator<number> {
  for (let x = seed; ;) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    yield x;
  }
}

const orders: Record<string, (i: number, random: number) => string> = {
  rising: (i) => `users/${String(i).padStart(6, "0")}`,
  falling: (i) => `users/${String(999_999 - i).padStart(6, "0")}`,
  random: (i, random) => `users/${random.toString(36)}/${i}`,
  "of mixed prefixes": (i, random) => `${["a", "bb/long-prefix/", "", "c/"][i % 4]}${random}.${i}`,
};
for (const [name, keyOf] of Object.entries(orders)) {
  test(`a tree of several levels stays in order with ${name} keys`, () => {
    const random = numbers(7);
    const list: ModelEntry[] = [];
    for (let i = 0; i < 5_000; i++) {
      const key = bytes(keyOf(i, random.next().value as number));
      list.push({ key, sequence: i + 1, kind: 1, value: bytes(String(i)) });
    }
    const memtable = filled(list);
    const all = sorted(list);
    expect(allForward(memtable.cursor())).toEqual(all);
    expect(allBack(memtable.cursor())).toEqual(all.toReversed());
    for (const entry of list.filter((_, i) => i % 97 === 0)) {
      expect(find(memtable, entry.key, 10_000)).toEqual(entry);
    }
  });
}

test("thousands of versions of one key are told apart", () => {
  const memtable = new Memtable();
  for (let i = 1; i <= 5_000; i++) memtable.add(i, 1, bytes("counter"), bytes(String(i)));
  memtable.add(5_001, 1, bytes("counte"), bytes("before"));
  memtable.add(5_001, 1, bytes("counter\0"), bytes("after"));
  for (const at of [1, 2, 63, 64, 65, 2_500, 5_000]) {
    expect(find(memtable, bytes("counter"), at)?.value).toEqual(bytes(String(at)));
  }
  expect(find(memtable, bytes("counter"), 0)).toBeUndefined();
});

test("a cursor stays right while entries are added", () => {
  fc.assert(
    fc.property(entries(80, 4), entries(300, 4), (before, later) => {
      const known = new Set(before.map(({ key, sequence }) => `${key.join()}@${sequence}`));
      const added = later.filter(({ key, sequence }) => !known.has(`${key.join()}@${sequence}`));
      const memtable = filled(before);
      const cursor = memtable.cursor();
      const seen: ModelEntry[] = [];
      const queue = [...added];
      for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
        const present = shown(cursor)!;
        seen.push(present);
        for (const one of queue.splice(0, 9))
          memtable.add(one.sequence, one.kind, one.key, one.value);
        expect(shown(cursor)).toEqual(present);
      }
      const seenKeys = seen.map(({ key, sequence }) => `${key.join()}@${sequence}`);
      expect(seen).toEqual(sorted(seen));
      expect(new Set(seenKeys).size).toBe(seen.length);
      for (const one of known) expect(seenKeys).toContain(one);
    }),
    { numRuns: 60 },
  );
});

test("sequences above 32 bits keep their order and value", () => {
  const memtable = new Memtable();
  const large = 2 ** 45 - 2;
  memtable.add(2 ** 32 - 1, 1, bytes("k"), bytes("old"));
  memtable.add(large, 2, bytes("k"), bytes(""));
  expect(find(memtable, bytes("k"), large)).toMatchObject({ sequence: large, kind: 2 });
  expect(find(memtable, bytes("k"), large - 1)).toMatchObject({ sequence: 2 ** 32 - 1, kind: 1 });
});

test("bytes grow with what is added, and a result outlives the growth of the arena", () => {
  const memtable = new Memtable();
  memtable.add(1, 1, bytes("a"), bytes("first"));
  const out = newResult();
  memtable.get(bytes("a"), 9, out);
  const small = memtable.bytes;
  memtable.add(2, 1, bytes("b"), new Uint8Array(3_000_000));
  expect(memtable.bytes - small).toBeGreaterThanOrEqual(3_000_000);
  expect(memtable.bytes - small).toBeLessThan(3_100_000);
  expect(out.buffer.slice(out.start, out.end)).toEqual(bytes("first"));
});

test("range deletes are listed, indexed and counted, and their bytes copied", () => {
  const memtable = new Memtable();
  const start = bytes("b");
  memtable.addRangeDelete({ start, end: undefined, sequence: 4 });
  start[0] = 0;
  expect(memtable.isEmpty).toBe(false);
  expect(memtable.rangeDeletes).toEqual([{ start: bytes("b"), end: undefined, sequence: 4 }]);
  expect(memtable.rangeDeleteIndex.covers(bytes("c"), 0, 1, 9)).toBe(4);
  expect(memtable.bytes).toBeGreaterThan(new Memtable().bytes);
});

test("the same key and sequence twice is a defect that is named, wherever in the tree it lies", () => {
  const list = Array.from({ length: 600 }, (_, i) => ({
    key: bytes(`k${(i * 37) % 600}`),
    sequence: 1,
    kind: 1 as const,
    value: bytes(""),
  }));
  const memtable = filled(list);
  for (const { key } of list) {
    expect(() => memtable.add(1, 2, key, bytes(""))).toThrow("a commit names each key once");
  }
  expect(memtable.entries).toBe(600);
});

test("an image shows what the memtable held, from memory that is shared and not copied", () => {
  fc.assert(
    fc.property(entries(200), (list) => {
      const sent = structuredClone(filled(list).image()!);
      expect(allForward(imageCursor(sent))).toEqual(sorted(list));
      expect(allBack(imageCursor(sent))).toEqual(sorted(list).toReversed());
    }),
    { numRuns: 100 },
  );
  const memtable = new Memtable(new SharedArrayBuffer(1 << 20));
  memtable.add(1, 1, bytes("k"), bytes("v"));
  const { arena } = memtable.image()!;
  expect(arena).toBeInstanceOf(SharedArrayBuffer);
  expect(memtable.image()!.arena).toBe(arena);
});

test("lookups beside a reader of the image do not disturb it", () => {
  const memtable = new Memtable();
  for (let i = 0; i < 1_000; i++)
    memtable.add(i + 1, 1, bytes(`k${String(i).padStart(4, "0")}`), bytes("v"));
  const cursor = imageCursor(memtable.image()!);
  const out = newResult();
  let at = 0;
  for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
    expect(memtable.get(bytes(`k${String(999 - at).padStart(4, "0")}x`), 5_000, out)).toBe(false);
    const key = new TextDecoder().decode(cursor.keyBuffer.slice(cursor.keyStart, cursor.keyEnd));
    expect(key).toBe(`k${String(at++).padStart(4, "0")}`);
  }
  expect(at).toBe(1_000);
});

test("memory that is given back is used again, and whoever still reads the old memtable fails", () => {
  const pool = new MemoryPool(4_096);
  const first = new Memtable(pool.take());
  first.add(1, 1, bytes("key"), bytes("old"));
  const cursor = first.cursor();
  cursor.seekToFirst();
  const memory = first.release();
  pool.give(memory);
  const second = new Memtable(pool.take());
  second.add(2, 1, bytes("key"), bytes("new"));
  expect(second.release()).toBe(memory);
  const out = { sequence: 0, kind: 0, buffer: bytes(""), start: 0, end: 0 };
  expect(() => first.get(bytes("key"), 9, out)).toThrow(/given back/);
  expect(() => cursor.seek(bytes("key"))).toThrow(/given back/);
});

test("memory that has grown beyond its size is not kept", () => {
  const pool = new MemoryPool(1_024);
  const memtable = new Memtable(pool.take());
  memtable.add(1, 1, bytes("key"), new Uint8Array(5_000));
  const grown = memtable.release();
  expect(grown.byteLength).toBeGreaterThan(5_000);
  pool.give(grown);
  expect(pool.take().byteLength).toBe(1_024);
});
