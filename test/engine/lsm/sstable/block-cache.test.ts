import * as fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_SEQUENCE } from "../../../../src/engine/lsm/cursor/index.ts";
import { SLOT_BYTES } from "../../../../src/engine/lsm/sstable/block/block-cache.ts";
import { BlockCache } from "../../../../src/engine/lsm/sstable/index.ts";
import { allForward, shown } from "../cursor/entry-model.ts";
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
