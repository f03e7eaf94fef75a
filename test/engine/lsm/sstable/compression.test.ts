/** Blocks that are stored compressed: what comes back is what was written, and bytes of any kind harm nothing. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Bytes } from "../../../../src/base/index.ts";
import { CorruptionError, StorageError } from "../../../../src/engine/contract/index.ts";
import { MAX_SEQUENCE } from "../../../../src/engine/lsm/cursor/index.ts";
import { FRAME_BYTES } from "../../../../src/engine/lsm/sstable/block/block-frame.ts";
import {
  CODEC_PLAIN,
  RAW_BYTES_MAX,
  codecOf,
  compressBlock,
  decompressBlock,
  hasZstd,
  isAvailable,
} from "../../../../src/engine/lsm/sstable/compression/block-codec.ts";
import { BlockCompressor } from "../../../../src/engine/lsm/sstable/compression/block-compressor.ts";
import { lz4Compress } from "../../../../src/engine/lsm/sstable/compression/lz4.ts";
import { BlockCache, COMPRESSIONS, TableReader } from "../../../../src/engine/lsm/sstable/index.ts";
import { allForward, bytes } from "../cursor/entry-model.ts";
import type { ModelEntry } from "../cursor/entry-model.ts";
import { forge, wayToFirstBlock } from "./forge.ts";
import { PATH, STORE_ID, diskWith, fileBytes, find, openTable, writeTable } from "./table-kit.ts";

const available = COMPRESSIONS.filter((name) => name !== "none" && isAvailable(name));

/** Bytes as blocks have them: runs, repetitions near and far, and noise between. */
const blockLike: fc.Arbitrary<Bytes> = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((noise) => ({ noise })),
      fc.record({ back: fc.nat(300), count: fc.integer({ min: 1, max: 400 }) }),
    ),
    { maxLength: 40 },
  )
  .map((pieces) => {
    const out: number[] = [];
    for (const piece of pieces) {
      if ("noise" in piece) out.push(...piece.noise);
      else for (let i = 0; i < piece.count; i++) out.push(out[out.length - 1 - piece.back] ?? 7);
    }
    return Uint8Array.from(out);
  });

function compressed(codec: number, block: Bytes): Bytes | undefined {
  const target = new Uint8Array(block.length + 64);
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const length = compressBlock(codec, block, view, block.length, target, target.length);
  return length === 0 ? undefined : target.slice(0, length);
}

/** What decompressBlock() makes of the bytes, with guards around the place that it may write. */
function decompressed(codec: number, stored: Bytes, length: number): Bytes | string {
  const guard = 48;
  const target = new Uint8Array(length + 2 * guard).fill(0xa5);
  const problem = decompressBlock(codec, {
    source: stored,
    sourceView: new DataView(stored.buffer, stored.byteOffset, stored.length),
    start: 0,
    end: stored.length,
    target,
    targetView: new DataView(target.buffer),
    at: guard,
    length,
  });
  const outside = [...target.subarray(0, guard), ...target.subarray(guard + length)];
  expect(outside.every((byte) => byte === 0xa5)).toBe(true);
  return problem ?? target.slice(guard, guard + length);
}

for (const name of available) {
  test(`what is compressed ${name} comes back as it was`, () => {
    fc.assert(
      fc.property(blockLike, (block) => {
        const stored = compressed(codecOf(name), block);
        if (stored !== undefined) {
          expect(decompressed(codecOf(name), stored, block.length)).toEqual(block);
        }
      }),
      { numRuns: 300 },
    );
  });

  test(`bytes that were not compressed ${name} are refused in words, and nothing is written outside`, () => {
    const block = bytes("a text with a text within a text, and again a text ".repeat(8));
    const good = compressed(codecOf(name), block)!;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(good.length),
        fc.nat(2 * block.length),
        (changes, cut, length) => {
          const bad = good.slice(0, cut);
          for (const [at, value] of changes) if (at < cut) bad[at] = value;
          const found = decompressed(codecOf(name), bad, length);
          if (typeof found !== "string") expect(found.length).toBe(length);
        },
      ),
      { numRuns: 1_000 },
    );
    for (const length of [0, 1, block.length - 1, block.length + 1, 10 * block.length]) {
      expect(decompressed(codecOf(name), good, length)).toBeTypeOf("string");
    }
  });
}

/** Another reading of LZ4's format, as plain as can be. */
function plainLz4(stored: Bytes): number[] {
  const out: number[] = [];
  let at = 0;
  const length = (bits: number): number => {
    let sum = bits;
    if (bits === 15) {
      let more: number;
      do {
        more = stored[at++]!;
        sum += more;
      } while (more === 255);
    }
    return sum;
  };
  for (;;) {
    const token = stored[at++]!;
    for (let left = length(token >>> 4); left > 0; left--) out.push(stored[at++]!);
    if (at === stored.length) return out;
    const distance = stored[at]! + 256 * stored[at + 1]!;
    at += 2;
    const count = 4 + length(token & 15);
    for (let i = 0; i < count; i++) out.push(out[out.length - distance]!);
  }
}

test("what lz4Compress writes is what the format's plain reading gives, also over 64 KiB", () => {
  fc.assert(
    fc.property(blockLike, fc.integer({ min: 1, max: 20 }), (block, times) => {
      const long = new Uint8Array(block.length * times);
      for (let i = 0; i < times; i++) long.set(block, i * block.length);
      const stored = compressed(codecOf("fast"), long);
      if (stored !== undefined) expect(Uint8Array.from(plainLz4(stored))).toEqual(long);
    }),
    { numRuns: 200 },
  );
  const far = new Uint8Array(200_000).map((_, i) => (i * i * 31) >>> 7);
  far.copyWithin(150_000, 0, 50_000);
  expect(Uint8Array.from(plainLz4(compressed(codecOf("fast"), far)!))).toEqual(far);
  expect(decompressed(codecOf("fast"), compressed(codecOf("fast"), far)!, far.length)).toEqual(far);
});

test("the worked example of a compressed block", () => {
  const stored = compressed(codecOf("fast"), bytes("abcabcabcabcabcabcabcabc"))!;
  // 3 literals, then 16 bytes from 3 back; the last 5 bytes are literals.
  expect([...stored]).toEqual([0x3c, 0x61, 0x62, 0x63, 3, 0, 0x50, ...bytes("bcabc")]);
});

test("a limit is kept, however the bytes fall", () => {
  fc.assert(
    fc.property(blockLike, fc.nat(400), (block, limit) => {
      const target = new Uint8Array(600).fill(0xa5);
      const view = new DataView(block.buffer);
      const length = lz4Compress(block, view, block.length, target, limit);
      expect(length).toBeLessThanOrEqual(limit);
      expect(target.subarray(limit).every((byte) => byte === 0xa5)).toBe(true);
    }),
  );
});

test("a block is stored compressed only if that saves an eighth, and after many failures few are tried", () => {
  const noise = new Uint8Array(4_000);
  let x = 1;
  for (let i = 0; i < noise.length; i++) noise[i] = x = Math.imul(x, 0x5bd1e995) ^ (x >>> 13);
  const compressor = new BlockCompressor("fast");
  const stored = (block: Bytes): number => {
    compressor.room(block.length + FRAME_BYTES).set(block);
    const length = compressor.compress(block.length);
    if (compressor.codec === CODEC_PLAIN) expect(length).toBe(block.length);
    else expect(length).toBeLessThanOrEqual(block.length - block.length / 8);
    return compressor.codec;
  };
  const easy = new Uint8Array(4_000);
  expect(stored(easy)).toBe(codecOf("fast"));
  for (let i = 0; i < 9; i++) expect(stored(noise)).toBe(CODEC_PLAIN);
  const after = Array.from({ length: 8 }, () => stored(easy));
  expect(after.filter((codec) => codec !== CODEC_PLAIN).length).toBeGreaterThan(0);
  expect(after.at(-1)).toBe(codecOf("fast"));
  expect(after[0]).toBe(CODEC_PLAIN);
});

const list: readonly ModelEntry[] = Array.from({ length: 200 }, (_, i) => ({
  key: bytes(`users/${String(i * 5).padStart(5, "0")}`),
  sequence: 100 + i,
  kind: i % 9 === 4 ? (2 as const) : (1 as const),
  value: i % 9 === 4 ? bytes("") : bytes(`{"name":"user ${i}","city":"Lisbon","likes":["tea"]}`),
}));

for (const compression of available) {
  test(`a table compressed ${compression} answers as a plain one does, and is smaller`, () => {
    const plain = writeTable(list, [], { blockBytes: 1_024 });
    const packed = writeTable(list, [], { blockBytes: 1_024, compression });
    expect(packed.meta.fileBytes).toBeLessThan(plain.meta.fileBytes * 0.75);
    for (const cacheBytes of [0, 1 << 20]) {
      const table = openTable(packed, new BlockCache(cacheBytes));
      for (const entry of list) {
        expect(find(table, entry.key, MAX_SEQUENCE)).toEqual(entry);
        expect(find(table, bytes(`${String(entry.key)}x`), MAX_SEQUENCE)).toBeUndefined();
      }
      expect(allForward(table.cursor())).toEqual(allForward(openTable(plain).cursor()));
      expect(allForward(table.cursor({ fillCache: false }))).toHaveLength(list.length);
      expect(table.verify()).toEqual([]);
    }
  });

  test(`a value larger than a slot of the cache comes back from a table compressed ${compression}`, () => {
    const value = new Uint8Array(300_000).map((_, i) => (i >>> 3) * 7);
    const large = [...list.slice(0, 3), { key: bytes("z"), sequence: 9, kind: 1 as const, value }];
    const written = writeTable(large, [], { compression });
    expect(written.meta.fileBytes).toBeLessThan(200_000);
    for (const cacheBytes of [0, 1 << 22]) {
      const table = openTable(written, new BlockCache(cacheBytes));
      expect(find(table, bytes("z"), MAX_SEQUENCE)?.value).toEqual(value);
      expect(allForward(table.cursor())).toHaveLength(4);
    }
  });

  test(`no flipped bit of a table compressed ${compression} leads to a wrong answer`, () => {
    const written = writeTable(list.slice(0, 12), [], { blockBytes: 300, compression });
    const original = fileBytes(written.host);
    expect(wayToFirstBlock(original).data.rawLength).toBeGreaterThan(
      wayToFirstBlock(original).data.length,
    );
    for (let at = 0; at < original.length; at++) {
      const content = Uint8Array.from(original);
      content[at]! ^= 1 << (at % 8);
      const read = (): unknown => {
        const cache = new BlockCache(0);
        const table = TableReader.open(diskWith(content), PATH, written.meta, STORE_ID, cache);
        return allForward(table.cursor());
      };
      expect(read).toThrow(CorruptionError);
    }
  });

  test(`a forged block compressed ${compression} is refused as damage, whatever it says of itself`, () => {
    const written = writeTable(list.slice(0, 12), [], { blockBytes: 300, compression });
    const original = fileBytes(written.host);
    const read = (content: Bytes): string => {
      const cache = new BlockCache(0);
      const table = TableReader.open(diskWith(content), PATH, written.meta, STORE_ID, cache);
      try {
        return `${allForward(table.cursor()).length} entries`;
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
        expect(error.file).toBe(PATH);
        return "refused";
      }
    };
    expect(read(forge(original, "data", () => undefined))).toBe("12 entries");
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        (changes) => {
          const content = forge(original, "data", (payload) => {
            for (const [at, value] of changes) payload[at % payload.length] = value;
          });
          expect(read(content)).toMatch(/refused|entries/);
        },
      ),
      { numRuns: 300 },
    );
    // The length before compression: too small, too large, and so large that nobody should make room for it.
    const { data } = wayToFirstBlock(original);
    for (const rawLength of [
      0,
      data.length - 1,
      data.length,
      data.rawLength - 1,
      data.rawLength + 1,
      20_000,
      RAW_BYTES_MAX,
      RAW_BYTES_MAX + 1,
      0xffff_ffff,
    ]) {
      expect([rawLength, read(forge(original, "data", () => undefined, { rawLength }))]).toEqual([
        rawLength,
        "refused",
      ]);
    }
    for (const codec of [0, 1, 2, 3, 5, 255].filter((one) => one !== codecOf(compression))) {
      expect([codec, read(forge(original, "data", () => undefined, { codec }))]).toEqual([
        codec,
        "refused",
      ]);
    }
  });
}

test("index, filter and the rest are stored as they are", () => {
  const content = fileBytes(writeTable(list, [], { compression: "fast" }).host);
  const { top, partition } = wayToFirstBlock(content);
  for (const { offset, length } of [top, partition]) {
    expect(content[offset + length]).toBe(CODEC_PLAIN);
  }
});

test.skipIf(hasZstd)(
  "a Node without Zstandard refuses such a block and names the Node to use",
  () => {
    const original = fileBytes(writeTable(list, [], { compression: "fast" }).host);
    const meta = writeTable(list, [], { compression: "fast" }).meta;
    const content = forge(original, "data", () => undefined, { codec: codecOf("zstd") });
    const table = TableReader.open(diskWith(content), PATH, meta, STORE_ID, new BlockCache(0));
    expect(() => allForward(table.cursor())).toThrow(StorageError);
    expect(() => allForward(table.cursor())).toThrow(/Node 22\.15/);
  },
);
