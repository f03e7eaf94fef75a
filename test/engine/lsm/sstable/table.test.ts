import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes, hex } from "../../../../src/base/index.ts";
import { crc32 } from "../../../../src/engine/lsm/codec/index.ts";
import { MAX_SEQUENCE, mergeCursor } from "../../../../src/engine/lsm/cursor/index.ts";
import { Memtable } from "../../../../src/engine/lsm/memtable/index.ts";
import { BlockCache, TableWriter } from "../../../../src/engine/lsm/sstable/index.ts";
import {
  allBack,
  allForward,
  bytes,
  entries,
  firstDifference,
  keys,
  moves,
  rangeDeletes,
  sorted,
} from "../cursor/entry-model.ts";
import type { ModelEntry } from "../cursor/entry-model.ts";
import {
  FILE_NUMBER,
  PATH,
  STORE_ID,
  find,
  manyEntries,
  newDisk,
  openTable,
  writeTable,
} from "./table-kit.ts";

/** So small that a few entries make many blocks and partitions. */
const TINY = { blockBytes: 96 };

/** Entries as short texts: comparing large byte arrays one by one is slow. */
function digests(list: readonly (ModelEntry | undefined)[]): readonly (string | undefined)[] {
  return list.map((entry) => {
    if (entry === undefined) return undefined;
    const { key, sequence, kind, value } = entry;
    return `${hex(key)} @${sequence} ${kind} ${value.length} ${crc32(value, 0, value.length, 0)}`;
  });
}

const filledLists = entries(60).filter((list) => list.length > 0);

test("a cursor over a table of many small blocks shows what a sorted list shows", () => {
  fc.assert(
    fc.property(filledLists, moves, (list, steps) => {
      const table = openTable(writeTable(list, [], TINY));
      expect(firstDifference(table.cursor(), sorted(list), steps)).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

test("a lookup finds the newest entry at or below the sequence", () => {
  fc.assert(
    fc.property(
      filledLists,
      fc.array(keys, { maxLength: 10 }),
      fc.constantFrom(64, 96, 8_192),
      (list, others, blockBytes) => {
        const table = openTable(writeTable(list, [], { blockBytes }));
        for (const key of [...list.map((entry) => entry.key), ...others]) {
          for (const maxSequence of [0, 5, 12, MAX_SEQUENCE]) {
            const expected = sorted(list).find(
              (entry) => compareBytes(entry.key, key) === 0 && entry.sequence <= maxSequence,
            );
            expect(find(table, key, maxSequence)).toEqual(expected);
          }
        }
      },
    ),
  );
});

test("a merge of tables and a memtable shows what one sorted list shows", () => {
  fc.assert(
    fc.property(entries(60), moves, (list, steps) => {
      const cache = new BlockCache(0);
      const memtable = new Memtable();
      const hands: ModelEntry[][] = [[], []];
      for (const [i, entry] of list.entries()) {
        if (i % 3 === 2) memtable.add(entry.sequence, entry.kind, entry.key, entry.value);
        else hands[i % 3]!.push(entry);
      }
      const tables = hands
        .filter((hand) => hand.length > 0)
        .map((hand) => openTable(writeTable(hand, [], TINY), cache).cursor());
      const merged = mergeCursor([memtable.cursor(), ...tables]);
      expect(firstDifference(merged, sorted(list), steps)).toBeUndefined();
    }),
    { numRuns: 150 },
  );
});

test("skipping hidden entries in a table passes over no other", () => {
  fc.assert(
    fc.property(filledLists, keys, fc.integer({ min: 2, max: 14 }), (list, end, sequence) => {
      const cursor = openTable(writeTable(list, [], TINY)).cursor();
      const all = sorted(list);
      const left: number[] = [];
      for (cursor.seekToFirst(); cursor.valid;) {
        const isHidden =
          cursor.sequence < sequence &&
          compareBytes(cursor.keyBuffer.slice(0, cursor.keyEnd), end) < 0;
        if (isHidden) cursor.skipHidden(end, sequence);
        else {
          left.push(cursor.sequence);
          cursor.next();
        }
      }
      const expected = all.filter(
        (entry) => entry.sequence >= sequence || compareBytes(entry.key, end) >= 0,
      );
      expect(left).toEqual(expected.map((entry) => entry.sequence));
      const back: number[] = [];
      for (cursor.seekToLast(); cursor.valid;) {
        const isHidden =
          cursor.sequence < sequence &&
          compareBytes(cursor.keyBuffer.slice(0, cursor.keyEnd), end) >= 0;
        if (isHidden) cursor.skipHiddenBack(end, sequence);
        else {
          back.push(cursor.sequence);
          cursor.prev();
        }
      }
      const expectedBack = all.filter(
        (entry) => entry.sequence >= sequence || compareBytes(entry.key, end) < 0,
      );
      expect(back).toEqual(expectedBack.map((entry) => entry.sequence).toReversed());
    }),
    { numRuns: 150 },
  );
});

test("a table tells in its meta what was added, and verifies without a problem", () => {
  fc.assert(
    fc.property(entries(40), rangeDeletes(4), (list, deletes) => {
      const real = deletes.filter(
        ({ start, end }) => end === undefined || compareBytes(start, end) < 0,
      );
      if (list.length + real.length === 0) return;
      const written = writeTable(list, deletes, TINY);
      const { meta } = written;
      const table = openTable(written);
      expect(table.verify()).toEqual([]);
      expect(meta).toMatchObject({ fileNumber: FILE_NUMBER, level: 3, entries: list.length });
      expect(meta.tombstones).toBe(list.filter(({ kind }) => kind === 2).length);
      expect(meta.rangeDeletes).toBe(real.length);
      expect(table.rangeDeletes.toSorted(byText)).toEqual(real.toSorted(byText));
      const sequences = [...list, ...real].map(({ sequence }) => sequence);
      expect(meta.smallestSequence).toBe(Math.min(...sequences));
      expect(meta.largestSequence).toBe(Math.max(...sequences));
      const starts = [...list.map(({ key }) => key), ...real.map(({ start }) => start)];
      expect(meta.smallestKey).toEqual(starts.toSorted(compareBytes)[0]);
      const isEndless = real.some(({ end }) => end === undefined);
      const ends = [...list.map(({ key }) => key), ...real.map(({ end }) => end ?? bytes(""))];
      expect(meta.largestKey).toEqual(isEndless ? undefined : ends.toSorted(compareBytes).at(-1));
    }),
  );
});
const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

test("a table of many blocks is read whole in both directions, with a cache of any size", () => {
  const list = manyEntries(6_000, 100);
  const written = writeTable(list);
  expect(written.meta.fileBytes).toBeGreaterThan(600_000);
  for (const cacheBytes of [0, 200_000, 8_000_000]) {
    const table = openTable(written, new BlockCache(cacheBytes));
    expect(digests(allForward(table.cursor()))).toEqual(digests(list));
    const back = allBack(table.cursor({ fillCache: false }));
    expect(digests(back.toReversed())).toEqual(digests(list));
    for (const entry of list.filter((_, i) => i % 37 === 0)) {
      expect(digests([find(table, entry.key, MAX_SEQUENCE)])).toEqual(digests([entry]));
    }
  }
  expect(openTable(written).verify()).toEqual([]);
});

test("entries larger than a block, empty keys and empty values come back whole", () => {
  const list: ModelEntry[] = [
    { key: bytes(""), sequence: 5, kind: 1, value: bytes("") },
    { key: bytes(""), sequence: 4, kind: 1, value: new Uint8Array(100_000).fill(1) },
    { key: new Uint8Array(4_096).fill(0x61), sequence: 2, kind: 1, value: bytes("long key") },
    { key: bytes("b"), sequence: 9, kind: 1, value: new Uint8Array(3_000_000).fill(2) },
    { key: bytes("c"), sequence: 2 ** 45 - 1, kind: 2, value: bytes("") },
    { key: bytes("c"), sequence: 1, kind: 1, value: bytes("old") },
  ];
  const table = openTable(writeTable(list));
  expect(digests(allForward(table.cursor()))).toEqual(digests(sorted(list)));
  for (const entry of list) {
    expect(digests([find(table, entry.key, entry.sequence)])).toEqual(digests([entry]));
  }
  expect(table.verify()).toEqual([]);
});

test("versions of one key that fill several blocks are found each", () => {
  const list = Array.from({ length: 400 }, (_, i) => ({
    key: bytes("counter"),
    sequence: i + 1,
    kind: 1 as const,
    value: bytes(`value ${i}`),
  }));
  const table = openTable(writeTable(list, [], { blockBytes: 200 }));
  expect(table.properties.keys).toBe(1);
  for (const entry of list) expect(find(table, entry.key, entry.sequence)).toEqual(entry);
  expect(find(table, bytes("counter"), 0)).toBeUndefined();
});

test("a table of range deletes alone has no entries and still verifies", () => {
  const written = writeTable([], [{ start: bytes("b"), end: undefined, sequence: 3 }]);
  const table = openTable(written);
  expect(find(table, bytes("c"), 9)).toBeUndefined();
  const cursor = table.cursor();
  cursor.seekToFirst();
  expect(cursor.valid).toBe(false);
  cursor.seekBefore(bytes("c"));
  expect(cursor.valid).toBe(false);
  expect(table.rangeDeleteIndex.covers(bytes("c"), 0, 1, 9)).toBe(3);
  expect(written.meta).toMatchObject({ smallestKey: bytes("b"), largestKey: undefined });
  expect(table.verify()).toEqual([]);
});

test("the estimate of the file's size is near what the file has at last", () => {
  const host = newDisk();
  const writer = new TableWriter(host, PATH, FILE_NUMBER, STORE_ID);
  for (const { key, sequence, kind, value } of manyEntries(5_000, 200)) {
    writer.add(key, 0, key.length, sequence, kind, value, 0, value.length);
  }
  const estimate = writer.fileBytes;
  const { fileBytes } = writer.finish(0);
  expect(Math.abs(estimate - fileBytes) / fileBytes).toBeLessThan(0.05);
});

test("entries out of order are a defect that is named", () => {
  const writer = new TableWriter(newDisk(), PATH, FILE_NUMBER, STORE_ID);
  const add = (key: string, sequence: number): void =>
    writer.add(bytes(key), 0, key.length, sequence, 1, bytes(""), 0, 0);
  add("b", 5);
  expect(() => add("a", 6)).toThrow("a table's entries come in order");
  expect(() => add("b", 5)).toThrow("a table's entries come in order");
  expect(() => add("b", 6)).toThrow("a table's entries come in order");
  add("b", 4);
});

test("an abandoned table leaves no file", () => {
  const host = newDisk();
  const writer = new TableWriter(host, PATH, FILE_NUMBER, STORE_ID);
  writer.add(bytes("a"), 0, 1, 1, 1, bytes(""), 0, 0);
  writer.abandon();
  writer.abandon();
  expect(host.files.exists(PATH)).toBe(false);
});

test("a table finished in the background is the same file", async () => {
  const list = manyEntries(200, 50);
  const { meta } = writeTable(list);
  const host = newDisk();
  const writer = new TableWriter(host, PATH, FILE_NUMBER, STORE_ID);
  for (const { key, sequence, kind, value } of list) {
    writer.add(key, 0, key.length, sequence, kind, value, 0, value.length);
  }
  expect(await writer.finishInBackground(3)).toEqual(meta);
});
