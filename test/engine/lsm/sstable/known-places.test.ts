import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Bytes } from "../../../../src/base/index.ts";
import type { PointResult } from "../../../../src/engine/lsm/cursor/index.ts";
import { SLOT_BYTES } from "../../../../src/engine/lsm/sstable/block/block-cache.ts";
import { BlockReads } from "../../../../src/engine/lsm/sstable/block/block-reads.ts";
import { BlockCache, KnownPlaces, TableReader } from "../../../../src/engine/lsm/sstable/index.ts";
import { bytes } from "../cursor/entry-model.ts";
import type { ModelEntry } from "../cursor/entry-model.ts";
import { PATH, STORE_ID, hashOf, openTable, writeTable } from "./table-kit.ts";

const newResult = (): PointResult => ({
  sequence: 0,
  kind: 0,
  buffer: bytes(""),
  start: 0,
  end: 0,
});
const valueOf = ({ buffer, end, start }: PointResult): string =>
  new TextDecoder().decode(buffer.subarray(start, end));

const put = (key: string, sequence: number, value: string): ModelEntry => ({
  key: bytes(key),
  sequence,
  kind: 1,
  value: bytes(value),
});

/** Looks the key up in the table and has its place learned. */
function learnFrom(table: TableReader, places: KnownPlaces, key: Bytes): boolean {
  const out = newResult();
  if (!table.get(key, hashOf(key), 1_000_000, out)) return false;
  places.learn(hashOf(key), table.foundBlock, table.foundEntry, out);
  return true;
}
function known(places: KnownPlaces, key: Bytes, sequence = 1_000_000): string | undefined {
  const out = newResult();
  return places.find(key, hashOf(key), sequence, out) ? valueOf(out) : undefined;
}

const KEYS = 600;
const entries = Array.from({ length: KEYS }, (_, i) =>
  put(`key-${String(i).padStart(4, "0")}`, i + 1, `${i}/${"x".repeat(90)}`),
);

test("what is known is what the table holds, through evictions, closed tables and numbers that begin anew", () => {
  const written = writeTable(entries, [], { blockBytes: 2_048 });
  const step = fc.oneof(
    {
      weight: 30,
      arbitrary: fc.record({ does: fc.constant("get" as const), of: fc.nat(KEYS - 1) }),
    },
    { weight: 1, arbitrary: fc.constant({ does: "reopen" as const, of: 0 }) },
    { weight: 1, arbitrary: fc.constant({ does: "forget" as const, of: 0 }) },
  );
  let knownCount = 0;
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 50, maxLength: 400 }),
      fc.constantFrom(256, 4_096, 65_536),
      fc.constantFrom(5, 40, undefined),
      (steps, placesBytes, fillsMax) => {
        const cache = new BlockCache(12 * SLOT_BYTES, new BlockReads(), fillsMax);
        const places = new KnownPlaces(cache, placesBytes);
        places.forget(KEYS);
        let table = openTable(written, cache);
        for (const { does, of } of steps) {
          if (does === "forget") places.forget(KEYS);
          if (does === "reopen") {
            table.close();
            table = openTable(written, cache);
          }
          if (does !== "get") continue;
          const { key, value } = entries[of]!;
          const before = known(places, key);
          if (before !== undefined) {
            knownCount++;
            expect(before).toBe(new TextDecoder().decode(value));
          }
          learnFrom(table, places, key);
          expect(known(places, key)).toBe(new TextDecoder().decode(value));
        }
        table.close();
      },
    ),
    { numRuns: 200 },
  );
  expect(knownCount).toBeGreaterThan(100);
});

test("after the tables have changed nothing of before is known, however often they change", () => {
  const cache = new BlockCache(100 * SLOT_BYTES);
  const places = new KnownPlaces(cache, 65_536);
  const table = openTable(writeTable(entries), cache);
  const { key } = entries[7]!;
  places.forget(KEYS);
  learnFrom(table, places, key);
  expect(known(places, key)).toBeDefined();
  // More than there are numbers of generations, so that one comes back.
  for (let change = 0; change < 70_000; change++) {
    places.forget(KEYS);
    if (known(places, key) !== undefined) throw new Error(`known after ${change} changes`);
  }
});

test("a reader that began before what is known looks elsewhere", () => {
  const cache = new BlockCache(100 * SLOT_BYTES);
  const places = new KnownPlaces(cache, 65_536);
  const table = openTable(writeTable([put("a", 5, "old"), put("a", 9, "new")]), cache);
  places.forget(9);
  learnFrom(table, places, bytes("a"));
  expect(known(places, bytes("a"), 9)).toBe("new");
  expect(known(places, bytes("a"), 8)).toBeUndefined();
});

test("a delete and a value larger than a slot are not known, nor is a key that only hashes alike", () => {
  const cache = new BlockCache(100 * SLOT_BYTES);
  const places = new KnownPlaces(cache, 65_536);
  const large = put("large", 3, "x".repeat(2 * SLOT_BYTES));
  const gone: ModelEntry = { key: bytes("gone"), sequence: 4, kind: 2, value: bytes("") };
  const table = openTable(writeTable([large, gone, put("there", 5, "5")]), cache);
  places.forget(5);
  for (const key of ["large", "gone", "there"])
    expect(learnFrom(table, places, bytes(key))).toBe(true);
  expect(known(places, bytes("large"))).toBeUndefined();
  expect(known(places, bytes("gone"))).toBeUndefined();
  expect(places.find(bytes("other"), hashOf(bytes("there")), 9, newResult())).toBe(false);
  expect(known(places, bytes("there"))).toBe("5");
});

test("of a table that a load made, the sequence is the one at which it was added", () => {
  const cache = new BlockCache(100 * SLOT_BYTES);
  const places = new KnownPlaces(cache, 65_536);
  const { host, meta } = writeTable([put("a", 0, "loaded")]);
  // What a load made says 0, and is read as of the sequence at which it was added.
  const table = TableReader.open(host, PATH, { ...meta, largestSequence: 40 }, STORE_ID, cache);
  places.forget(50);
  learnFrom(table, places, bytes("a"));
  expect(known(places, bytes("a"), 40)).toBe("loaded");
  expect(known(places, bytes("a"), 39)).toBeUndefined();
});

test("what was learned of a block is not read out of another one that took its slot", () => {
  const cache = new BlockCache(0);
  const places = new KnownPlaces(cache, 65_536);
  const older = entries.map((entry) => ({
    ...entry,
    value: entry.value.map((byte) => (byte === 120 ? 121 : byte)),
  }));
  // The same keys at the same places of blocks, as a deeper level may hold them.
  const deeper = openTable(writeTable(older), cache);
  const upper = openTable(writeTable(entries), cache);
  places.forget(KEYS);
  let sameSlot = 0;
  for (const [i, { key, value }] of entries.entries()) {
    learnFrom(upper, places, key);
    const slot = upper.foundBlock;
    // More or fewer blocks in between, so that the one with the same key comes to lie in the same slot, too.
    for (let k = 0; k < (i * 7) % KEYS; k += 20) {
      const other = entries[k]!.key;
      deeper.get(other, hashOf(other), KEYS, newResult());
    }
    deeper.get(key, hashOf(key), KEYS, newResult());
    if (deeper.foundBlock === slot) sameSlot++;
    const found = known(places, key);
    if (found !== undefined) expect(found).toBe(new TextDecoder().decode(value));
  }
  expect(sameSlot).toBeGreaterThan(0);
});
