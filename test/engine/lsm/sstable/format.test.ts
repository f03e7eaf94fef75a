/** The bytes on disk, as docs/FORMAT.md and the tables beside the codecs show them. */
import { expect, test } from "vitest";
import { hex } from "../../../../src/base/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import { BlockBuilder } from "../../../../src/engine/lsm/sstable/block/block-builder.ts";
import {
  readDataHandle,
  readHandle,
  sealBlock,
  writeDataHandle,
  writeHandle,
} from "../../../../src/engine/lsm/sstable/block/block-frame.ts";
import {
  BlockReader,
  blockProblem,
} from "../../../../src/engine/lsm/sstable/block/block-reader.ts";
import { hashKey } from "../../../../src/engine/lsm/sstable/block/filter.ts";
import { dumpTable } from "../../../../src/engine/lsm/sstable/index.ts";
import {
  decodeRangeDeletes,
  encodeRangeDeletes,
} from "../../../../src/engine/lsm/sstable/range-delete-block.ts";
import { bytes } from "../cursor/entry-model.ts";
import type { ModelEntry } from "../cursor/entry-model.ts";
import { buildFilter } from "./filter-kit.ts";
import { FILE_NUMBER, PATH, fileBytes, openTable, writeTable } from "./table-kit.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

const spaced = (text: string): string => text.replace(/\s+/g, "");

function blockOf(list: readonly ModelEntry[]): Bytes {
  const builder = new BlockBuilder();
  for (const { key, sequence, kind, value } of list) {
    builder.add(key, 0, key.length, sequence, kind, value, 0, value.length);
  }
  const target = new Uint8Array(builder.sizeMax);
  return target.slice(0, builder.finish(target));
}

const example: readonly ModelEntry[] = [
  { key: bytes("ab"), sequence: 5, kind: 1, value: bytes("X") },
  { key: bytes("ac"), sequence: 6, kind: 2, value: bytes("") },
];

test("the worked example of a block's frame and handle", () => {
  const block = new Uint8Array(8);
  block.set(bytes("abc"));
  const handle = sealBlock(block, 3, 7, 0);
  expect(hex(block)).toBe(spaced("61 62 63 01 27 bd 00 91"));
  const encoded = new Uint8Array(14);
  writeHandle(encoded, 0, handle);
  expect(hex(encoded)).toBe(spaced("00 00 00 00 00 00 03 00 00 00 27 bd 00 91"));
  expect(readHandle(encoded, 0)).toEqual(handle);
  const ofData = new Uint8Array(18);
  writeDataHandle(ofData, 0, handle);
  expect(hex(ofData)).toBe(spaced("00 00 00 00 00 00 03 00 00 00 27 bd 00 91 03 00 00 00"));
  expect(readDataHandle(ofData, 0)).toEqual(handle);
});

test("the worked example of a block of entries", () => {
  expect(hex(blockOf(example))).toBe(
    spaced(`
      02 00 00 00  01 00  04 00  05 00 00 00 00 00  00 00
      61
      00 00 00 62  00 00 00 63
      01 00  01 00
      00 00 00 00  01 00 00 00  01 00 00 00
      01 00 00 00  06 00 00 00
      58`),
  );
});

test("the worked example of range deletes", () => {
  const { bytes: encoded, length } = encodeRangeDeletes(
    [{ start: bytes("a"), end: bytes("c"), sequence: 9 }],
    0,
  );
  const shown = spaced("01 00 00 00  03  09 00 00 00 00 00  01  01  61  63");
  expect(hex(encoded.subarray(0, length))).toBe(shown);
  expect(decodeRangeDeletes(encoded, length)).toEqual([
    { start: bytes("a"), end: bytes("c"), sequence: 9 },
  ]);
});

test("the worked example of the filter's hashes and bits", () => {
  const hashes = new Uint32Array(2);
  hashKey(bytes("xxkotobaxx"), 2, 8, hashes);
  expect([...hashes].map((hash) => hash.toString(16))).toEqual(["d0ed8f1d", "7097c874"]);
  const { payload } = buildFilter([bytes("kotoba")]);
  expect(hex(payload.subarray(0, 8))).toBe("0100000000000000");
  const bits = [...payload.subarray(8)].flatMap((byte, i) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => byte & (1 << bit)).map((bit) => 8 * i + bit),
  );
  expect(bits).toEqual(EXAMPLE_BITS);
});
const EXAMPLE_BITS = [0, 127, 130, 222, 225, 333, 390, 406];

test("blocks use the trailer that fits: none, four or eight bytes", () => {
  const put = (key: string, sequence: number, kind: 1 | 2 = 1): ModelEntry => ({
    key: bytes(key),
    sequence,
    kind,
    value: bytes(""),
  });
  const cases: readonly (readonly [number, readonly ModelEntry[]])[] = [
    [0, [put("a", 7), put("b", 7)]],
    [4, [put("a", 7), put("b", 8)]],
    [4, [put("a", 7, 2)]],
    [4, [put("a", 1), put("b", 2 ** 30)]],
    [8, [put("a", 1), put("b", 2 ** 30 + 1, 2)]],
    [8, [put("a", 0), put("b", 2 ** 45 - 1, 2)]],
  ];
  for (const [width, list] of cases) {
    const payload = blockOf(list);
    expect(payload[6]).toBe(width);
    const view = new DataView(payload.buffer);
    expect(blockProblem(payload, view, 0, payload.length, undefined)).toBeUndefined();
    const block = new BlockReader();
    block.attach(payload, view, 0);
    const read = list.map((_, i) => ({ sequence: block.sequence(i), kind: block.kind(i) }));
    expect(read).toEqual(list.map(({ sequence, kind }) => ({ sequence, kind })));
  }
});

const tableExample = (): ReturnType<typeof writeTable> =>
  writeTable(example, [{ start: bytes("a"), end: bytes("c"), sequence: 9 }]);

test("the worked example of a whole table", async () => {
  const { host, meta } = tableExample();
  const text = hex(fileBytes(host), 1_000)
    .replace(/(..)/g, "$1 ")
    .replace(/(.{48})/g, "$1\n");
  await expect(`${text.replace(/ $/gm, "")}\n`).toMatchFileSnapshot(
    "./golden/table-bytes.golden.txt",
  );
  expect(meta).toMatchObject({ fileNumber: FILE_NUMBER, fileBytes: 471, fileCrc: 2_935_161_727 });
});

test("a table as text", async () => {
  const keys = Array.from({ length: 24 }, (_, i) => `users/${String(i * 30).padStart(3, "0")}`);
  const list = keys.map((key, i) => ({
    key: bytes(key),
    sequence: 40 - i,
    kind: i % 5 === 4 ? (2 as const) : (1 as const),
    value: i % 5 === 4 ? bytes("") : bytes(`value ${i}`),
  }));
  const deletes = [
    { start: bytes("users/01"), end: bytes("users/02"), sequence: 12 },
    { start: bytes("v"), end: undefined, sequence: 50 },
  ];
  const { host } = writeTable(list, deletes, { blockBytes: 160 });
  await expect(dumpTable(host, PATH)).toMatchFileSnapshot("./golden/table-dump.golden.txt");
});

test("the same entries make the same file, byte for byte", () => {
  const first = tableExample();
  const second = tableExample();
  expect(fileBytes(first.host)).toEqual(fileBytes(second.host));
  expect(first.host).toBeInstanceOf(SimulatedHost);
  expect(openTable(first).verify()).toEqual([]);
});
