/** Whatever happens to a table's bytes: the answer is right, or a CorruptionError names the place. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Bytes } from "../../../../src/base/index.ts";
import { CorruptionError, StorageError } from "../../../../src/engine/contract/index.ts";
import { readU32, writeU16, writeU32 } from "../../../../src/engine/lsm/codec/index.ts";
import { MAX_SEQUENCE } from "../../../../src/engine/lsm/cursor/index.ts";
import type { TableMeta } from "../../../../src/engine/lsm/manifest/index.ts";
import {
  FRAME_BYTES,
  HANDLE_BYTES,
  readHandle,
} from "../../../../src/engine/lsm/sstable/block/block-frame.ts";
import { FOOTER_BYTES } from "../../../../src/engine/lsm/sstable/footer.ts";
import { BlockCache, TableReader } from "../../../../src/engine/lsm/sstable/index.ts";
import { allForward, bytes, shown } from "../cursor/entry-model.ts";
import type { ModelEntry } from "../cursor/entry-model.ts";
import { forge as forgeTable, resealFooter, wayToFirstBlock } from "./forge.ts";
import { PATH, STORE_ID, diskWith, fileBytes, find, writeTable } from "./table-kit.ts";

const list: readonly ModelEntry[] = Array.from({ length: 12 }, (_, i) => ({
  key: bytes(`key/${String.fromCharCode(97 + i)}`),
  sequence: 20 + i,
  kind: i === 4 ? (2 as const) : (1 as const),
  value: i === 4 ? bytes("") : bytes(`value ${i}`),
}));
const deletes = [{ start: bytes("key/c"), end: bytes("key/e"), sequence: 99 }];
const written = writeTable(list, deletes, { blockBytes: 150 });
const original = fileBytes(written.host);

/** All that a reader can ask, as text: equal texts are equal answers. */
function answers(content: Bytes, meta: TableMeta = written.meta): string {
  const table = TableReader.open(diskWith(content), PATH, meta, STORE_ID, new BlockCache(0));
  const found = [...list.map(({ key }) => key), bytes("absent"), bytes("key/a5")].map((key) =>
    find(table, key, MAX_SEQUENCE),
  );
  const cursor = table.cursor();
  const forward = allForward(cursor);
  cursor.seekBefore(bytes("key/d"));
  return JSON.stringify([found, forward, shown(cursor), table.rangeDeletes]);
}
const rightAnswers = answers(original);

function outcome(content: Bytes): "right" | "refused" | "wrong" {
  try {
    return answers(content) === rightAnswers ? "right" : "wrong";
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    expect(error.file).toBe(PATH);
    return "refused";
  }
}

test("no flipped bit of any byte leads to a wrong answer", () => {
  for (let at = 0; at < original.length; at++) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const content = Uint8Array.from(original);
      content[at]! ^= flip;
      // Every byte is under a checksum that some read checks.
      expect([at, outcome(content)]).toEqual([at, "refused"]);
    }
  }
});

test("a table cut off at any length is refused, and so is one that is too long", () => {
  for (let length = 0; length < original.length; length++) {
    expect([length, outcome(original.slice(0, length))]).toEqual([length, "refused"]);
  }
  const longer = new Uint8Array(original.length + 1);
  longer.set(original);
  expect(outcome(longer)).toBe("refused");
});

test("zeros or another block in the place of a block are refused", () => {
  const zeroed = Uint8Array.from(original).fill(0, 0, 100);
  expect(outcome(zeroed)).toBe("refused");
  const moved = Uint8Array.from(original);
  moved.copyWithin(0, 140, 290);
  expect(outcome(moved)).toBe("refused");
});

test("a block that was once right in its place is refused under a newer index", () => {
  const older = list.map((entry) => ({ ...entry, value: entry.value.map((byte) => byte ^ 1) }));
  const before = fileBytes(writeTable(older, deletes, { blockBytes: 150 }).host);
  expect(before.length).toBe(original.length);
  const content = Uint8Array.from(original);
  // The first data block, with its own right checksum for this file, offset and length; nothing else changes.
  const { data } = wayToFirstBlock(content);
  expect(wayToFirstBlock(before).data).toMatchObject({ offset: data.offset, length: data.length });
  const end = data.offset + data.length + FRAME_BYTES;
  content.set(before.subarray(data.offset, end), data.offset);
  expect(outcome(content)).toBe("refused");
});

test("a whole table in the place of another is refused: number, store, size, counts", () => {
  const open = (meta: TableMeta, storeId: Bytes): TableReader =>
    TableReader.open(written.host, PATH, meta, storeId, new BlockCache(0));
  const { meta } = written;
  expect(() => open({ ...meta, fileNumber: 8 }, STORE_ID)).toThrow(/file number 8.*file number 7/);
  expect(() => open(meta, new Uint8Array(16))).toThrow(/expected=store id 0000/);
  expect(() => open({ ...meta, fileBytes: meta.fileBytes + 1 }, STORE_ID)).toThrow(CorruptionError);
  expect(() => open({ ...meta, entries: 11 }, STORE_ID)).toThrow(CorruptionError);
  expect(() => open({ ...meta, rangeDeletes: 0 }, STORE_ID)).toThrow(CorruptionError);
});

/** The same file with another footer, under a right checksum. */
function withFooter(change: (footer: Bytes) => void): Bytes {
  const content = Uint8Array.from(original);
  change(content.subarray(content.length - FOOTER_BYTES));
  resealFooter(content);
  return content;
}

test("a table of a newer or older format is told from a damaged one", () => {
  const newer = withFooter((footer) => writeU16(footer, 80, 3));
  expect(() => answers(newer)).toThrow(StorageError);
  expect(() => answers(newer)).toThrow(/newer version/);
  const older = withFooter((footer) => writeU16(footer, 80, 1));
  expect(() => answers(older)).toThrow(StorageError);
  expect(() => answers(older)).toThrow(/older version/);
  expect(outcome(withFooter((footer) => writeU16(footer, 80, 0)))).toBe("refused");
});

test("handles that point outside the file are refused", () => {
  for (const handleAt of [0, 14, 28, 42]) {
    for (const [at, value] of [
      [0, 0xffff_ffff],
      [6, 0xffff_ffff],
      [6, 0x7fff_ffff],
      [6, 3],
    ] as const) {
      const content = withFooter((footer) => writeU32(footer, handleAt + at, value));
      expect(outcome(content)).toBe("refused");
    }
  }
});

const forge = (target: "data" | "partition", change: (payload: Bytes) => void): Bytes =>
  forgeTable(original, target, change);

test("the forger forges: an unchanged block under new checksums still reads right", () => {
  expect(outcome(forge("data", () => undefined))).toBe("right");
  expect(outcome(forge("partition", () => undefined))).toBe("right");
});

for (const target of ["data", "partition"] as const) {
  test(`an absurd ${target} block under a right checksum crashes nothing and reads nothing outside`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(149), fc.integer({ min: 0, max: 255 })), {
          minLength: 1,
          maxLength: 4,
        }),
        (changes) => {
          const content = forge(target, (payload) => {
            for (const [at, value] of changes) payload[at % payload.length] = value;
          });
          // Wrong answers are allowed here: nothing tells forged entries from real ones. Other errors are not.
          expect(["right", "wrong", "refused"]).toContain(outcome(content));
        },
      ),
      { numRuns: 500 },
    );
  });
}

const restsOf = (payload: Bytes): number => 16 + payload[4]! + 4 * payload[0]!;
const boundsOf = (payload: Bytes): number => restsOf(payload) + 2 * payload[0]!;

test("each number of a block's header and columns is doubted", () => {
  const absurd: readonly (readonly [string, (payload: Bytes) => void])[] = [
    ["count", (payload) => writeU32(payload, 0, 0xffff_ffff)],
    ["count", (payload) => writeU32(payload, 0, 0)],
    ["count", (payload) => writeU32(payload, 0, readU32(payload, 0) + 1)],
    ["prefix", (payload) => writeU16(payload, 4, 0xffff)],
    ["trailer", (payload) => payload.fill(3, 6, 7)],
    ["flags", (payload) => payload.fill(1, 7, 8)],
    ["flags", (payload) => payload.fill(1, 14, 15)],
    ["rest", (payload) => writeU16(payload, restsOf(payload), 0xffff)],
    ["bound 0", (payload) => writeU32(payload, boundsOf(payload), 1)],
    ["bound 1", (payload) => writeU32(payload, boundsOf(payload) + 4, 0xffff_fff0)],
    ["bound 2", (payload) => writeU32(payload, boundsOf(payload) + 8, 0)],
    ["last bound", (payload) => writeU32(payload, boundsOf(payload) + 4 * payload[0]!, 7)],
  ];
  for (const target of ["data", "partition"] as const) {
    for (const [name, change] of absurd) {
      expect([name, outcome(forge(target, change))]).toEqual([name, "refused"]);
    }
  }
});

test("verify names damage that no read met, and what the manifest says otherwise", () => {
  const content = Uint8Array.from(original);
  const partition = readHandle(content, content.length - FOOTER_BYTES);
  expect(partition.length).toBeGreaterThan(HANDLE_BYTES);
  content[20]! ^= 1;
  const table = TableReader.open(
    diskWith(content),
    PATH,
    written.meta,
    STORE_ID,
    new BlockCache(0),
  );
  const problems = table.verify();
  expect(problems.some((text) => text.includes("the file's checksum is"))).toBe(true);
  expect(problems.some((text) => text.startsWith(`${PATH} at 0: expected checksum`))).toBe(true);
  expect(problems.some((text) => text.includes("the properties say entries"))).toBe(true);

  const wrongMeta = { ...written.meta, tombstones: 5 };
  const other = TableReader.open(written.host, PATH, wrongMeta, STORE_ID, new BlockCache(0));
  expect(other.verify()).toEqual([`${PATH} at 0: the manifest says tombstones 5, the table 1`]);
});

test("verify names a key that the filter denies, and one beyond its index key", () => {
  const forged = forge("data", (payload) => {
    // The last key of the block moves up: "key/e" becomes another, and the heads stay sorted.
    const heads = 16 + payload[4]!;
    payload[heads + 4 * (payload[0]! - 1) + 3]! += 0x60;
  });
  const table = TableReader.open(diskWith(forged), PATH, written.meta, STORE_ID, new BlockCache(0));
  const problems = table.verify().join("\n");
  expect(problems).toContain("the filter denies the key 6b65792fc5");
  expect(problems).toContain("the index key 6b65792f65 is before its block's end");
});
