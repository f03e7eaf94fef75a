import * as fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_SEQUENCE } from "../../../../src/engine/lsm/cursor/index.ts";
import { SLOT_BYTES } from "../../../../src/engine/lsm/sstable/block/block-cache.ts";
import { BlockCache } from "../../../../src/engine/lsm/sstable/index.ts";
import { allForward, applyMove, moves, shown } from "../cursor/entry-model.ts";
import { find, manyEntries, openTable, writeTable } from "./table-kit.ts";

/** Fills a slot with a byte that tells block from block. */
const stamp = (owner: number, offset: number): number => (owner * 31 + offset * 7) % 251;

function touch(cache: BlockCache, owner: number, offset: number): boolean {
  let start = cache.find(owner, offset);
  const wasHit = start >= 0;
  if (!wasHit) {
    start = cache.claim(owner, offset, (at) => {
      cache.slab.fill(stamp(owner, offset), at, at + SLOT_BYTES);
    });
  }
  const slot = cache.slab.subarray(start, start + SLOT_BYTES);
  expect(slot[0]).toBe(stamp(owner, offset));
  expect(slot[SLOT_BYTES - 1]).toBe(stamp(owner, offset));
  return wasHit;
}

test("a block that is found is the block that was put there, through evictions and closed tables", () => {
  const step = fc.oneof(
    { weight: 20, arbitrary: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat(14)) },
    { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constant(-1)) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const cache = new BlockCache(12 * SLOT_BYTES);
      const kept = new Set<string>();
      for (const [owner, block] of steps) {
        if (block < 0) {
          cache.forget(owner);
          for (const name of kept) if (name.startsWith(`${owner}/`)) kept.delete(name);
          continue;
        }
        const wasHit = touch(cache, owner, block * 8_192);
        // Never a block that was not put there since its table was forgotten.
        if (wasHit) expect(kept.has(`${owner}/${block}`)).toBe(true);
        kept.add(`${owner}/${block}`);
        expect(touch(cache, owner, block * 8_192)).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

test("a block that is kept stays in its place until it is let go of or the turn is over, and others still find room", () => {
  const step = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({ does: fc.constant("touch" as const), block: fc.nat(40) }),
    },
    { weight: 4, arbitrary: fc.record({ does: fc.constant("keep" as const), block: fc.nat(40) }) },
    { weight: 2, arbitrary: fc.record({ does: fc.constant("letGo" as const), block: fc.nat(40) }) },
    { weight: 1, arbitrary: fc.constant({ does: "turn" as const, block: 0 }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const cache = new BlockCache(0);
      const kept = new Map<number, number>();
      for (const { does, block } of steps) {
        if (does === "turn") {
          cache.beginTurn();
          kept.clear();
        } else if (does === "letGo") {
          const start = kept.get(block);
          if (start !== undefined) cache.letGo(start);
          kept.delete(block);
        } else {
          touch(cache, 1, block * 8_192);
          const start = cache.find(1, block * 8_192);
          // Of eight slots four.
          if (does === "keep") {
            const isKept = cache.keep(start);
            expect(isKept).toBe(kept.has(block) || kept.size < 4);
            if (isKept) kept.set(block, start);
          }
        }
        for (const [one, start] of kept) expect(cache.find(1, one * 8_192)).toBe(start);
      }
    }),
    { numRuns: 300 },
  );
});

test("a table that is closed lets go of what was kept of it", () => {
  const cache = new BlockCache(0);
  for (let i = 0; i < 4; i++) {
    touch(cache, 1, i * 8_192);
    expect(cache.keep(cache.find(1, i * 8_192))).toBe(true);
  }
  cache.forget(1);
  touch(cache, 2, 0);
  expect(cache.keep(cache.find(2, 0))).toBe(true);
});

test("blocks that fit are all kept, and hits and misses are counted", () => {
  const cache = new BlockCache(100 * SLOT_BYTES);
  for (let i = 0; i < 60; i++) expect(touch(cache, 1, i * 8_192)).toBe(false);
  for (let i = 0; i < 60; i++) expect(touch(cache, 1, i * 8_192)).toBe(true);
  expect(cache.stats).toMatchObject({ hits: 60, misses: 60, evictions: 0 });
});

test("a block in use outlives a scan through more blocks than the cache holds", () => {
  const cache = new BlockCache(40 * SLOT_BYTES);
  let misses = 0;
  for (let i = 0; i < 2_000; i++) {
    touch(cache, 1, (i + 10) * 8_192);
    if (i % 5 === 0 && !touch(cache, 1, 0)) misses++;
  }
  expect(misses).toBe(1);
});

test("a block whose reading failed is not kept", () => {
  const cache = new BlockCache(0);
  const fail = (): number =>
    cache.claim(1, 0, () => {
      throw new Error("unreadable");
    });
  for (let i = 0; i < 50; i++) expect(fail).toThrow("unreadable");
  expect(cache.find(1, 0)).toBe(-1);
  expect(touch(cache, 1, 0)).toBe(false);
  expect(touch(cache, 1, 0)).toBe(true);
});

test("large blocks share their part of the bytes, least used first to leave", () => {
  const cache = new BlockCache(400_000);
  const block = (size: number): { bytes: Uint8Array; view: DataView } => {
    const bytes = new Uint8Array(size);
    return { bytes, view: new DataView(bytes.buffer) };
  };
  cache.keepLarge(1, 0, block(40_000));
  cache.keepLarge(1, 1, block(40_000));
  expect(cache.findLarge(1, 0)).toBeDefined();
  cache.keepLarge(2, 2, block(40_000));
  expect(cache.findLarge(1, 1)).toBeUndefined();
  expect(cache.findLarge(1, 0)).toBeDefined();
  cache.keepLarge(1, 3, block(200_000));
  expect(cache.findLarge(1, 3)).toBeUndefined();
  cache.forget(2);
  expect(cache.findLarge(2, 2)).toBeUndefined();
});

test("a cursor keeps its entry while the whole cache is read over", () => {
  const list = manyEntries(3_000, 100);
  const written = writeTable(list);
  const cache = new BlockCache(0);
  const table = openTable(written, cache);
  const cursor = table.cursor();
  let i = 0;
  for (cursor.seekToFirst(); cursor.valid; cursor.next(), i++) {
    if (i % 100 !== 0) continue;
    const before = shown(cursor);
    for (let k = 0; k < list.length; k += 60) find(table, list[k]!.key, MAX_SEQUENCE);
    expect(shown(cursor)).toEqual(before);
    expect(before).toEqual(list[i]);
  }
  expect(i).toBe(list.length);
  expect(cache.stats.evictions).toBeGreaterThan(100);
});

test("a cursor in place keeps its entry in its turn, and finds it again in a later one", () => {
  const list = manyEntries(3_000, 100);
  const cache = new BlockCache(0);
  const table = openTable(writeTable(list), cache);
  const cursor = table.cursor({ inPlace: true });
  let i = 0;
  for (cursor.seekToFirst(); cursor.valid; cursor.next(), i++) {
    expect(shown(cursor)).toEqual(list[i]);
    if (i % 100 !== 0) continue;
    for (let k = 0; k < list.length; k += 60) find(table, list[k]!.key, MAX_SEQUENCE);
    expect(shown(cursor)).toEqual(list[i]);
    if (i % 200 !== 0) continue;
    cache.beginTurn();
    for (let k = 0; k < list.length; k += 60) find(table, list[k]!.key, MAX_SEQUENCE);
    cursor.resume();
    expect(shown(cursor)).toEqual(list[i]);
  }
  expect(i).toBe(list.length);
});

test("cursors in place answer as copying ones do, also where the cache cannot keep all that they stand on", () => {
  const list = manyEntries(2_000, 100);
  const written = writeTable(list);
  const cache = new BlockCache(0);
  // Of each cursor two blocks: with five of them, most must copy.
  const tables = Array.from({ length: 5 }, () => openTable(written, cache));
  const step = fc.record({
    cursor: fc.nat(4),
    turns: fc.boolean(),
    move: fc.oneof(
      { weight: 1, arbitrary: moves.map((some) => some.slice(0, 1)) },
      {
        weight: 4,
        arbitrary: fc.constantFrom([{ move: "next" as const }], [{ move: "prev" as const }]),
      },
      {
        weight: 1,
        arbitrary: fc.nat(1_999).map((i) => [{ move: "seek" as const, key: list[i]!.key }]),
      },
    ),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      const lent = tables.map((table) => table.cursor({ inPlace: true }));
      const copied = tables.map((table) => table.cursor());
      for (const { cursor, move, turns } of steps) {
        if (turns) {
          cache.beginTurn();
          for (const one of lent) one.resume();
        }
        if (!lent[cursor]!.valid && move[0]!.move !== "seek") continue;
        for (const one of move) {
          applyMove(lent[cursor]!, one);
          applyMove(copied[cursor]!, one);
        }
        expect(lent.map(shown)).toEqual(copied.map(shown));
      }
      for (const one of [...lent, ...copied]) one.close();
    }),
    { numRuns: 100 },
  );
});

test("a cursor in place that was closed serves again, never two at a time", () => {
  const list = manyEntries(500, 100);
  const table = openTable(writeTable(list), new BlockCache(0));
  const open = (): ReturnType<typeof table.cursor> => table.cursor({ inPlace: true });
  const first = open();
  const second = open();
  expect(second).not.toBe(first);
  first.seek(list[100]!.key);
  second.seek(list[400]!.key);
  first.close();
  first.close();
  const third = open();
  const fourth = open();
  expect(third.valid).toBe(false);
  expect(new Set([second, third, fourth]).size).toBe(3);
  fourth.seek(list[7]!.key);
  third.seekToFirst();
  for (let i = 0; i < 300; i++, third.next()) expect(shown(third)).toEqual(list[i]);
  expect(shown(second)).toEqual(list[400]);
  expect(shown(fourth)).toEqual(list[7]);
});

test("a cursor told to leave the cache alone leaves it as it was", () => {
  const cache = new BlockCache(10_000_000);
  const table = openTable(writeTable(manyEntries(2_000, 100)), cache);
  expect(allForward(table.cursor({ fillCache: false }))).toHaveLength(2_000);
  find(table, manyEntries(1, 1)[0]!.key, MAX_SEQUENCE);
  const { misses } = cache.stats;
  find(table, manyEntries(1, 1)[0]!.key, MAX_SEQUENCE);
  expect(cache.stats.misses).toBe(misses);
  expect(cache.stats.hits).toBe(2);
});
