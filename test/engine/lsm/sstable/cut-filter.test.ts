/** Tables whose filter is too large to stay in memory: its pieces come from the cache and the file as rows do. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { prefixEnd } from "../../../../src/base/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import { CorruptionError, StorageError } from "../../../../src/engine/contract/index.ts";
import { readU32 } from "../../../../src/engine/lsm/codec/index.ts";
import { MAX_SEQUENCE } from "../../../../src/engine/lsm/cursor/index.ts";
import { FRAME_BYTES, readHandle } from "../../../../src/engine/lsm/sstable/block/block-frame.ts";
import type { BlockHandle } from "../../../../src/engine/lsm/sstable/block/block-frame.ts";
import {
  PIECE_LINES,
  hashKey,
  lineOf,
  piecesIn,
} from "../../../../src/engine/lsm/sstable/block/filter.ts";
import { FOOTER_BYTES } from "../../../../src/engine/lsm/sstable/footer.ts";
import { BlockCache, TableReader, dumpTable } from "../../../../src/engine/lsm/sstable/index.ts";
import { bytes } from "../cursor/entry-model.ts";
import type { ModelEntry } from "../cursor/entry-model.ts";
import {
  PATH,
  STORE_ID,
  diskWith,
  fileBytes,
  find,
  manyEntries,
  openTable,
  writeTable,
} from "./table-kit.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

const NO_CACHE = 0;

function hashesOf(key: Bytes): readonly [number, number] {
  const hashes = new Uint32Array(2);
  hashKey(key, 0, key.length, hashes);
  return [hashes[0]!, hashes[1]!];
}

/** The plain twin: all lines in one row of bits, after the words of docs/FORMAT.md. */
class PlainFilter {
  readonly #lines: number;
  readonly #bits: Uint8Array;

  constructor(added: readonly Bytes[]) {
    this.#lines = Math.ceil((added.length * 18) / 512);
    this.#bits = new Uint8Array(this.#lines * 512);
    for (const key of added) for (const bit of this.#bitsOf(key)) this.#bits[bit] = 1;
  }
  mayHold(key: Bytes): boolean {
    return this.#bitsOf(key).every((bit) => this.#bits[bit] === 1);
  }
  #bitsOf(key: Bytes): readonly number[] {
    const [first, second] = hashesOf(key);
    const line = Math.floor((first * this.#lines) / 2 ** 32);
    return Array.from({ length: 8 }, (_, k) => {
      let probe = second;
      for (let i = 0; i < k; i++) probe = Math.imul(probe, 0x9e3779b1);
      return 512 * line + (probe >>> 23);
    });
  }
}

const groupOf = (group: number): Bytes => bytes(String(group).padStart(6, "0"));
const keyIn = (group: number, i: number): Bytes => bytes(`${String(group).padStart(6, "0")}/${i}`);

/** Four keys in each even group, none in the odd ones. */
function groupedEntries(count: number): readonly ModelEntry[] {
  return Array.from({ length: count }, (_, i) => ({
    key: keyIn(2 * Math.floor(i / 4), i),
    sequence: 1 + i,
    kind: 1 as const,
    value: bytes(`${i}`),
  }));
}

test("a cut filter lets through what a plain one over all of its lines does, with a cache of any size", () => {
  const cases = fc.record({
    // About 7,200 keys and prefixes are not cut yet.
    count: fc.integer({ min: 5_000, max: 12_000 }),
    prefixes: fc.constantFrom([], [6], [2, 6]),
    cacheBytes: fc.constantFrom(NO_CACHE, 1 << 20),
    first: fc.nat(1_000),
  });
  fc.assert(
    fc.property(cases, ({ cacheBytes, count, first, prefixes }) => {
      const list = groupedEntries(count);
      const written = writeTable(list, [], { prefixFilterBytes: prefixes });
      const table = openTable(written, new BlockCache(cacheBytes));
      const prefixesOf = (length: number): Bytes[] =>
        [...new Set(list.map(({ key }) => new TextDecoder().decode(key.subarray(0, length))))].map(
          bytes,
        );
      const twin = new PlainFilter([
        ...list.map(({ key }) => key),
        ...prefixes.flatMap((length) => prefixesOf(length)),
      ]);
      for (let i = first % 37; i < count; i += 37) {
        expect(find(table, list[i]!.key, MAX_SEQUENCE)).toEqual(list[i]);
        const absent = keyIn(2 * Math.floor(i / 4) + 1, first + i);
        const before = table.stats.filterPassed;
        expect(find(table, absent, MAX_SEQUENCE)).toBeUndefined();
        expect(table.stats.filterPassed > before).toBe(twin.mayHold(absent));
        if (prefixes.length === 0) continue;
        for (const group of [2 * Math.floor(i / 4), 2 * Math.floor(i / 4) + 1]) {
          const start = groupOf(group);
          const isWithin = group <= 2 * Math.floor((count - 1) / 4);
          const may = table.mayHoldRange(start, prefixEnd(start));
          expect(may).toBe(isWithin && twin.mayHold(start));
        }
      }
      table.close();
    }),
    { numRuns: 12 },
  );
});

test("far less than 0.1 % of absent keys pass a cut filter", () => {
  const count = 60_000;
  const list = groupedEntries(count);
  const table = openTable(
    writeTable(list, [], { prefixFilterBytes: [] }),
    new BlockCache(16 << 20),
  );
  const asked = 150_000;
  for (let i = 0; i < asked; i++) {
    const key = keyIn(2 * (i % (count / 4)) + 1, i);
    expect(find(table, key, MAX_SEQUENCE) === undefined).toBe(true);
  }
  const { filterMistaken, filterPassed, filterRefused } = table.stats;
  expect(filterPassed + filterRefused).toBe(asked);
  expect(filterMistaken).toBe(filterPassed);
  expect(filterMistaken / asked).toBeLessThanOrEqual(0.0007);
});

test("a table of 200,000 keys keeps a few KiB in memory, and its filter's pieces in the cache's bounds", () => {
  const list = manyEntries(200_000, 8);
  const cache = new BlockCache(1 << 20);
  const table = openTable(writeTable(list), cache);
  const { filterBytes } = table.properties;
  expect(filterBytes).toBeGreaterThan(200_000 * 2.25);
  expect(table.pinnedBytes).toBeLessThan(16 * 1_024);
  for (let i = 0; i < list.length; i += 53) find(table, list[i]!.key, MAX_SEQUENCE);
  const { bytesMax, bytesUsed, filterHits, filterMisses } = cache.stats;
  expect(filterHits + filterMisses).toBe(Math.ceil(list.length / 53));
  expect(filterMisses).toBeGreaterThanOrEqual(Math.floor(filterBytes / 8_192));
  expect(filterHits).toBeGreaterThan(filterMisses);
  expect(bytesUsed).toBeLessThanOrEqual(bytesMax);
  expect(table.verify()).toEqual([]);
  // A scan asks the filter for nothing, and neither does a merge.
  const before = cache.stats.filterMisses + cache.stats.filterHits;
  const cursor = table.cursor({ fillCache: false });
  let entries = 0;
  for (cursor.seekToFirst(); cursor.valid; cursor.next()) entries++;
  expect(entries).toBe(list.length);
  expect(cache.stats.filterMisses + cache.stats.filterHits).toBe(before);
  table.close();
  expect(cache.stats.bytesUsed).toBe(0);
});

test("a table is opened without reading its filter's pieces", () => {
  const host = new SimulatedHost();
  host.files.makeDirectory("/db");
  const written = writeTable(groupedEntries(40_000), [], {}, host);
  const pieces = piecesOf(fileBytes(host));
  const readsOf = (work: () => void): number => {
    const before = host.calls;
    work();
    return host.calls - before;
  };
  const small = writeTable(groupedEntries(10), [], {}, newHost());
  expect(pieces.length).toBeGreaterThan(10);
  const opened = readsOf(() => openTable(written).close());
  const smallBefore = (small.host as SimulatedHost).calls;
  openTable(small).close();
  expect(opened).toBe((small.host as SimulatedHost).calls - smallBefore);
});

function newHost(): SimulatedHost {
  const host = new SimulatedHost();
  host.files.makeDirectory("/db");
  return host;
}

/** Few rows, but so many prefixes that the filter is cut: 2,450 keys, and half as many prefixes of each length. */
const list: readonly ModelEntry[] = Array.from({ length: 2_450 }, (_, i) => ({
  key: Uint8Array.of(i >> 9, (i >> 1) & 0xff, 7, 7, 7, i & 1),
  sequence: 1,
  kind: 1 as const,
  value: bytes("v"),
}));
const written = writeTable(list, [], { prefixFilterBytes: [2, 3, 4, 5] });
const original = fileBytes(written.host);
const rootOf = (content: Bytes): BlockHandle =>
  readHandle(content, content.length - FOOTER_BYTES + 14);
function payloadOf(content: Bytes): Bytes {
  const root = rootOf(content);
  return content.subarray(root.offset, root.offset + root.length);
}
function piecesOf(content: Bytes): readonly BlockHandle[] {
  return piecesIn(payloadOf(content));
}
const pieces = piecesOf(original);
const lines = readU32(payloadOf(original), 0);
/** The first row that the piece answers for. */
function rowOf(piece: number): ModelEntry {
  return list.find(
    ({ key }) => Math.floor(lineOf(hashesOf(key)[0], lines) / PIECE_LINES) === piece,
  )!;
}
const rows = pieces.map((_, piece) => rowOf(piece));

function open(content: Bytes): TableReader {
  return TableReader.open(
    diskWith(content),
    PATH,
    written.meta,
    STORE_ID,
    new BlockCache(NO_CACHE),
  );
}

test("pieces lie one after another, right before the block that names them", () => {
  expect(pieces.map(({ length }) => length / 64)).toEqual([127, 127, lines - 254]);
  for (const [i, piece] of pieces.entries()) {
    const next = pieces[i + 1] ?? rootOf(original);
    expect(piece.offset + piece.length + FRAME_BYTES).toBe(next.offset);
  }
});

test("no flipped byte of a cut filter denies a row: it is an error that names the piece", () => {
  const root = rootOf(original);
  let tried = 0;
  for (let at = pieces[0]!.offset; at < root.offset + root.length + FRAME_BYTES; at++) {
    const content = Uint8Array.from(original);
    content[at]! ^= [0x01, 0x80, 0xff, 0x10][at % 4]!;
    const piece = pieces.findLastIndex(({ offset }) => offset <= at);
    const place = at >= root.offset ? root.offset : pieces[piece]!.offset;
    let failure: unknown;
    try {
      const table = open(content);
      // The block that names the pieces is read when the table is opened.
      expect(at).toBeLessThan(root.offset);
      find(table, rows[piece]!.key, MAX_SEQUENCE);
    } catch (error) {
      failure = error;
    }
    if (!(failure instanceof CorruptionError) || failure.offset !== place) {
      expect([at, failure]).toEqual([at, `CorruptionError at ${place}`]);
    }
    tried++;
  }
  expect(tried).toBeGreaterThan(16_000);
});

test("elsewhere in such a table a flipped byte is a right answer or an error too", () => {
  const outcomes = { right: 0, refused: 0 };
  for (let at = 0; at < original.length; at += 61) {
    const content = Uint8Array.from(original);
    content[at]! ^= 0x20;
    try {
      const table = open(content);
      for (const row of rows) expect(find(table, row.key, MAX_SEQUENCE)).toEqual(row);
      outcomes.right++;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      expect(error.file).toBe(PATH);
      outcomes.refused++;
    }
  }
  expect(outcomes.refused).toBeGreaterThan(100);
});

test("rows of other pieces are found beside a damaged one, and verify and dump name it", () => {
  const content = Uint8Array.from(original);
  const { offset } = pieces[1]!;
  content[offset + 100]! ^= 4;
  const table = open(content);
  for (const piece of [0, 2]) {
    expect(find(table, rows[piece]!.key, MAX_SEQUENCE)).toEqual(rows[piece]);
  }
  expect(() => find(table, rows[1]!.key, MAX_SEQUENCE)).toThrow(CorruptionError);
  const problems = table.verify();
  expect(problems).toHaveLength(2);
  expect(problems[0]).toContain(`${PATH} at ${offset}: expected checksum`);
  expect(problems[1]).toContain("the file's checksum is");
  expect(() => dumpTable(diskWith(content), PATH)).toThrow(CorruptionError);
  expect(openTable(written).verify()).toEqual([]);
});

test("two pieces that changed places are refused", () => {
  const content = Uint8Array.from(original);
  const [one, two] = pieces as readonly [BlockHandle, BlockHandle];
  const size = one.length + FRAME_BYTES;
  content.set(original.subarray(one.offset, one.offset + size), two.offset);
  content.set(original.subarray(two.offset, two.offset + size), one.offset);
  const table = open(content);
  for (const piece of [0, 1]) {
    expect(() => find(table, rows[piece]!.key, MAX_SEQUENCE)).toThrow(CorruptionError);
  }
  expect(find(table, rows[2]!.key, MAX_SEQUENCE)).toEqual(rows[2]);
});

test("a piece whose read fails is an error, and the next lookup is right", () => {
  const host = newHost();
  const { meta } = writeTable(list, [], { prefixFilterBytes: [2, 3, 4, 5] }, host);
  for (const row of rows) {
    const table = openTable({ host, meta });
    host.failAt(host.calls + 1, "EIO");
    expect(() => find(table, row.key, MAX_SEQUENCE)).toThrow(StorageError);
    expect(find(table, row.key, MAX_SEQUENCE)).toEqual(row);
    table.close();
  }
});

test("a cut filter as text", async () => {
  const text = dumpTable(diskWith(original), PATH);
  const shown = text.split("\n").filter((line) => /^filter|^ {2}piece/.test(line));
  await expect(`${shown.join("\n")}\n`).toMatchFileSnapshot("./golden/cut-filter.golden.txt");
});
