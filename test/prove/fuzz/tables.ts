/** Decoders of tables: the parts one by one as they are behind their checksums, and whole files. */
import { compareBytes } from "../../../src/base/index.ts";
import type { Bytes } from "../../../src/base/index.ts";
import {
  KIND_DELETE,
  KIND_PUT,
  crc32,
  readU48,
  tableName,
  writeU32,
} from "../../../src/engine/lsm/codec/index.ts";
import type { PointResult } from "../../../src/engine/lsm/cursor/index.ts";
import type { TableMeta } from "../../../src/engine/lsm/manifest/index.ts";
import {
  DATA_HANDLE_BYTES,
  HANDLE_BYTES,
  blockSeed,
  readDataHandle,
  readHandle,
} from "../../../src/engine/lsm/sstable/block/block-frame.ts";
import { BlockReader, blockProblem } from "../../../src/engine/lsm/sstable/block/block-reader.ts";
import { Filter, filterProblem, piecesIn } from "../../../src/engine/lsm/sstable/block/filter.ts";
import { lz4Compress, lz4Decompress } from "../../../src/engine/lsm/sstable/compression/lz4.ts";
import { FOOTER_BYTES, readFooter } from "../../../src/engine/lsm/sstable/footer.ts";
import {
  BlockCache,
  TableReader,
  TableWriter,
  describeTable,
  dumpTable,
} from "../../../src/engine/lsm/sstable/index.ts";
import type { Compression } from "../../../src/engine/lsm/sstable/index.ts";
import { decodeProperties, encodeProperties } from "../../../src/engine/lsm/sstable/properties.ts";
import {
  decodeRangeDeletes,
  encodeRangeDeletes,
} from "../../../src/engine/lsm/sstable/range-delete-block.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";
import { hashOf } from "../../engine/lsm/sstable/table-kit.ts";
import type { Decoder, Input } from "./decoder.ts";
import { MemoryFile, contentOf } from "./memory-file.ts";
import { bytesOf, needEqual } from "./values.ts";

const STORE_ID = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const NUMBER = 7;
const PATH = `/db/${tableName(NUMBER)}`;

// ---------------------------------------------------------------- seeds

type Part = "data" | "partition" | "top" | "filter" | "range deletes" | "properties";
interface Block {
  readonly part: Part;
  readonly offset: number;
  readonly length: number;
  /** Where its handle lies. */
  readonly handleAt: number;
}
interface Table {
  readonly bytes: Bytes;
  readonly meta: TableMeta;
  /** Inner ones first, as the checksum of a block is part of the block that points to it. */
  readonly blocks: readonly Block[];
}

function table(
  entries: number,
  compression: Compression,
  blockBytes: number,
  withDeletes: boolean,
): Table {
  const host = new SimulatedHost();
  host.files.makeDirectory("/db");
  const options = { compression, blockBytes, prefixFilterBytes: [4, 7] };
  const writer = new TableWriter(host, PATH, NUMBER, STORE_ID, options);
  for (let i = 0; i < entries; i++) {
    const key = bytesOf(`user/${String(i).padStart(4, "0")}`);
    const value = i % 5 === 3 ? bytesOf("") : bytesOf(`value of ${i % 3} `.repeat(1 + (i % 4)));
    writer.add(
      key,
      0,
      key.length,
      9 + i,
      i % 5 === 3 ? KIND_DELETE : KIND_PUT,
      value,
      0,
      value.length,
    );
  }
  if (withDeletes) {
    writer.addRangeDelete({ start: bytesOf("a"), end: bytesOf("b"), sequence: 40 });
    writer.addRangeDelete({ start: bytesOf("z"), end: undefined, sequence: 41 });
  }
  const meta = writer.finish(1);
  const bytes = contentOf(host, PATH);
  return { bytes, meta, blocks: blocksOf(bytes) };
}

function blocksOf(bytes: Bytes): readonly Block[] {
  const footerAt = bytes.length - FOOTER_BYTES;
  const [data, partitions]: [Block[], Block[]] = [[], []];
  const top = readHandle(bytes, footerAt);
  for (const at of top.length > 0 ? valuesIn(bytes, top.offset) : []) {
    const partition = readHandle(bytes, at);
    partitions.push({ ...partition, handleAt: at, part: "partition" });
    for (const inner of valuesIn(bytes, partition.offset))
      data.push({ ...readDataHandle(bytes, inner), handleAt: inner, part: "data" });
  }
  const parts = (["top", "filter", "range deletes", "properties"] as const).map(
    (part, i): Block => {
      const handleAt = footerAt + i * HANDLE_BYTES;
      return { ...readHandle(bytes, handleAt), handleAt, part };
    },
  );
  return [...data, ...partitions, ...parts.filter(({ length }) => length > 0)];
}

function valuesIn(bytes: Bytes, offset: number): number[] {
  const block = new BlockReader();
  block.attach(bytes, new DataView(bytes.buffer), offset);
  return Array.from({ length: block.count }, (_, i) => block.valueStart(i));
}

const TABLES: readonly Table[] = [
  table(3, "none", 8_192, false),
  table(12, "none", 128, true),
  table(24, "fast", 512, true),
  table(20, "dense", 512, false),
  table(0, "none", 8_192, true),
];
/** The payloads of these parts, as they are stored. */
function payloads(part: Part, tables: readonly Table[] = TABLES): readonly Bytes[] {
  return tables.flatMap(({ blocks, bytes }) =>
    blocks
      .filter((block) => block.part === part)
      .map(({ length, offset }) => bytes.slice(offset, offset + length)),
  );
}

// ---------------------------------------------------------------- blocks

const reader = new BlockReader();
const wanted = bytesOf("user/0007");
const views = new WeakMap<Bytes, DataView>();
function viewOf(bytes: Bytes): DataView {
  let view = views.get(bytes);
  if (view === undefined) views.set(bytes, (view = new DataView(bytes.buffer)));
  return view;
}

/** Every number that a reader of the block could be given must lie inside of the payload. */
function walkBlock({ bytes, choice, length }: Input, valueBytes: number | undefined): boolean {
  const view = viewOf(bytes);
  if (blockProblem(bytes, view, 0, length, valueBytes) !== undefined) return false;
  reader.attach(bytes, view, 0);
  let end = 0;
  for (let i = 0; i < reader.count; i++) {
    const [start, stop] = [reader.valueStart(i), reader.valueEnd(i)];
    if (start < end || stop < start || stop > length) throw new Error(`entry ${i} is not inside`);
    end = stop;
    const kind = reader.kind(i);
    if (kind !== KIND_PUT && kind !== KIND_DELETE) throw new Error(`entry ${i} of kind ${kind}`);
    if (!Number.isSafeInteger(reader.sequence(i))) throw new Error(`a sequence that is no number`);
    if (valueBytes === DATA_HANDLE_BYTES) readDataHandle(bytes, start);
    else if (valueBytes !== undefined) readHandle(bytes, start);
  }
  if (end !== length) throw new Error("it does not end where its payload does");
  const found = reader.lowerBound(wanted, 1_000);
  if (found < 0 || found > reader.count) throw new Error(`found at ${found}`);
  const key = reader.keyAt(choice % reader.count);
  if (key.length > length + reader.prefixLength + 4) throw new Error("a key that is too long");
  return true;
}

const dataBlocks: Decoder = {
  name: "data blocks",
  seeds: payloads("data", TABLES.slice(0, 2)),
  judge: (input) => walkBlock(input, undefined),
};
const indexBlocks: Decoder = {
  name: "index blocks",
  seeds: [...payloads("top"), ...payloads("partition")],
  judge: (input) => walkBlock(input, input.choice & 2 ? DATA_HANDLE_BYTES : HANDLE_BYTES),
};

const filters: Decoder = {
  name: "filters",
  seeds: payloads("filter"),
  judge({ choice, length, view }) {
    if (filterProblem(view, length) !== undefined) return false;
    const filter = new Filter(view);
    if (piecesIn(view).length === 0) filter.mayHold(wanted, 0, choice % (wanted.length + 1));
    if (filter.bytes !== length) throw new Error(`a filter of ${filter.bytes} bytes in ${length}`);
    return true;
  },
};

const rangeDeletes: Decoder = {
  name: "range deletes",
  seeds: payloads("range deletes"),
  judge({ bytes, choice, length, view }) {
    const found = decodeRangeDeletes(view, length);
    if (typeof found === "string") return false;
    if (choice & 0xe0) return true;
    const order = (i: number): number =>
      compareBytes(found[i - 1]!.start, found[i]!.start) ||
      found[i]!.sequence - found[i - 1]!.sequence;
    const again = encodeRangeDeletes(found, 0);
    // They may come in another order, which nothing depends on.
    if (found.some((_, i) => i > 0 && order(i) > 0)) return again.length === length;
    needEqual(bytes, 0, length, again.bytes, again.length, "another spelling of range deletes");
    return true;
  },
};

const properties: Decoder = {
  name: "properties",
  seeds: payloads("properties"),
  judge({ bytes, choice, length, view }) {
    const found = decodeProperties(view, length);
    if (typeof found === "string") return false;
    if (choice & 0xe0) return true;
    const again = encodeProperties(found, 0);
    needEqual(bytes, 0, length, again.bytes, again.length, "another spelling of properties");
    return true;
  },
};

// ---------------------------------------------------------------- compressed blocks

const RAW_BYTES = 600;
const GUARD = 0xa5;
const raw = new Uint8Array(RAW_BYTES + 16);
const rawView = new DataView(raw.buffer);
const LZ4_TEXTS = [
  "a".repeat(200),
  "the quick brown fox ".repeat(12),
  "abcdefgh".repeat(9) + "x".repeat(90),
];

const lz4: Decoder = {
  name: "LZ4 blocks",
  seeds: LZ4_TEXTS.map((text) => {
    const source = bytesOf(text);
    const target = new Uint8Array(source.length + 32);
    const length = lz4Compress(
      source,
      new DataView(source.buffer),
      source.length,
      target,
      source.length,
    );
    return target.slice(0, length);
  }),
  judge({ bytes, choice, length }) {
    const drawn = choice >>> 8;
    const size = choice & 0xc0 ? LZ4_TEXTS[drawn % LZ4_TEXTS.length]!.length : drawn % RAW_BYTES;
    for (let i = 0; i < 8; i++) raw[i] = raw[8 + size + i] = GUARD;
    const isRight = lz4Decompress(bytes, viewOf(bytes), 0, length, raw, rawView, 8, size);
    for (let i = 0; i < 8; i++)
      if (raw[i] !== GUARD || raw[8 + size + i] !== GUARD)
        throw new Error("it wrote beside its place");
    return isRight;
  },
};

// ---------------------------------------------------------------- whole files

const tableFile = new MemoryFile(PATH);
const EMPTY = bytesOf("");

function resealFooter({ bytes, length, choice }: Input): void {
  if (length < FOOTER_BYTES) return;
  const at = length - FOOTER_BYTES;
  // What does not change is put back for most: size, version and magic.
  if (choice & 6) bytes.set(TABLES[0]!.bytes.subarray(-16, -12), length - 16);
  if (choice & 6) bytes.set(TABLES[0]!.bytes.subarray(-8), length - 8);
  const seed = blockSeed(readU48(bytes, at + 56), at, FOOTER_BYTES);
  writeU32(bytes, length - 12, crc32(bytes, at, length - 12, seed));
}

const footers: Decoder = {
  name: "footers",
  seeds: TABLES.map(({ bytes }) => bytes.slice(-FOOTER_BYTES)),
  reseal: resealFooter,
  judge(input) {
    const footer = readFooter(tableFile.show(input), input.length);
    if (footer.storeId.length !== 16) throw new Error("half a footer");
    return true;
  },
};

const cache = new BlockCache(1 << 18);
const out: PointResult = { sequence: 0, kind: 0, buffer: EMPTY, start: 0, end: 0 };

/** Gives each block that lies where it lay the checksum of what it is now. */
function resealTable(input: Input): void {
  const { bytes, length } = input;
  const one = TABLES.find((candidate) => candidate.bytes.length === length);
  if (one === undefined) return resealFooter(input);
  for (const { handleAt, length: payload, offset } of one.blocks) {
    const end = offset + payload;
    const crc = crc32(bytes, offset, end + 1, blockSeed(NUMBER, offset, payload));
    writeU32(bytes, end + 1, crc);
    writeU32(bytes, handleAt + 10, crc);
  }
  resealFooter(input);
}

const tables: Decoder = {
  name: "tables",
  seeds: TABLES.map(({ bytes }) => bytes),
  rarity: 20,
  // A handle may say that a block stands for as many bytes as a codec can make of it.
  allocates: 32 * 1_024 * 1_024,
  reseal: resealTable,
  judge(input) {
    const { length } = input;
    const known =
      TABLES.find(({ bytes }) => bytes.length === length) ?? TABLES[input.choice % TABLES.length]!;
    const meta = { ...known.meta, fileBytes: length };
    const { host } = tableFile.show(input);
    const opened = TableReader.open(host, PATH, meta, STORE_ID, cache);
    try {
      // It reports damage in words, and never throws it.
      const problems = opened.verify();
      opened.get(wanted, hashOf(wanted), 1_000, out);
      const cursor = opened.cursor();
      let entries = 0;
      for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
        if (entries++ > length) throw new Error("a cursor without an end");
        if (cursor.keyEnd < cursor.keyStart || cursor.valueEnd < cursor.valueStart)
          throw new Error("an entry that ends before it begins");
      }
      for (cursor.seekToLast(); cursor.valid; cursor.prev()) entries--;
      cursor.close();
      if (problems.length === 0 && entries !== 0) throw new Error("another count backwards");
      return problems.length === 0;
    } finally {
      opened.close();
    }
  },
};

const tableDumps: Decoder = {
  ...tables,
  name: "dumps of tables",
  rarity: 60,
  judge(input) {
    const { host } = tableFile.show(input);
    const { meta } = describeTable(host, PATH);
    if (meta.fileBytes !== input.length) throw new Error(`a table of ${meta.fileBytes} bytes`);
    return dumpTable(host, PATH).length > 0;
  },
};

export const tableDecoders: readonly Decoder[] = [
  footers,
  dataBlocks,
  indexBlocks,
  filters,
  rangeDeletes,
  properties,
  lz4,
  tables,
  tableDumps,
];
