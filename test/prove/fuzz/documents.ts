/** Decoders of what collections store: documents, structures, index entries, cells, ids, catalog rows. */
import { isDeepStrictEqual } from "node:util";
import type { Bytes } from "../../../src/base/index.ts";
import type { Page } from "../../../src/engine/contract/index.ts";
import {
  decodeCatalogRow,
  encodeCatalogRow,
} from "../../../src/collections/catalog/catalog-row.ts";
import { orderedNumber, readOrderedNumber } from "../../../src/collections/catalog/keyspace.ts";
import {
  DocumentCodec,
  decodeStructure,
  encodeStructure,
  encodeValue,
} from "../../../src/collections/document/document-codec.ts";
import { documentKey, idOf, idProblem } from "../../../src/collections/document/document-key.ts";
import { coveredIn, encodeIndexValue } from "../../../src/collections/index/index-value.ts";
import { KeyWriter } from "../../../src/collections/key/key-writer.ts";
import {
  OPAQUE_SHAPE,
  leafShape,
  objectShape,
} from "../../../src/collections/schema/field-shape.ts";
import { parseShape, shapeText } from "../../../src/collections/schema/shape-text.ts";
import { isStorable } from "../../../src/collections/schema/storable.ts";
import {
  CellMaker,
  cellKey,
  decodeAmount,
  encodeAmount,
  placeOfCell,
} from "../../../src/collections/tally/tally-cells.ts";
import { bindTally, parseTally } from "../../../src/collections/tally/tally-definition.ts";
import { referenceOf } from "../../../src/transaction/reading/reference.ts";
import type { Decoder, Input } from "./decoder.ts";
import { bytesOf, joined, needEqual, textOf } from "./values.ts";

const NO_PREFIX = bytesOf("");

// ---------------------------------------------------------------- documents

const DOCUMENTS: readonly Readonly<Record<string, unknown>>[] = [
  { name: "Ada", age: 36 },
  { name: "Öz", tags: ["a", "b", { c: null }], at: new Date(5), big: 2n ** 70n },
  {
    address: { city: "Oslo", zip: { code: "0150" } },
    bytes: Uint8Array.of(1, 2, 3),
    gone: undefined,
  },
  { name: "x".repeat(40), ratio: -1.5, list: Array.from({ length: 20 }, (_, i) => i) },
  { constructor: 1, toString: "no", "": true },
];
const writer = new DocumentCodec("things", OPAQUE_SHAPE, []);
/** Structure numbers travel in the bytes, names as well: what of MessagePack we never write is there too. */
const DOCUMENT_SEEDS: readonly Bytes[] = [
  ...DOCUMENTS.map((document) => Uint8Array.from(writer.encode(document))),
  ...DOCUMENTS.map((document) => encodeValue(document)),
  // A structure defined inside of a document, a reference, a set, an error, a bundle of strings.
  Uint8Array.of(0xd4, 0x72, 0x45, 0x92, 0xa1, 0x61, 0xa1, 0x62, 1, 2),
  Uint8Array.of(0x81, 0xa1, 0x61, 0xd6, 0x69, 0, 0, 0, 1, 0x91, 0xd6, 0x70, 0, 0, 0, 1),
  Uint8Array.of(0x81, 0xa1, 0x61, 0xd4, 0x73, 0, 0x92, 1, 2),
  Uint8Array.of(
    0x81,
    0xa1,
    0x61,
    0xd4,
    0x65,
    0,
    0x93,
    0xa5,
    0x45,
    0x72,
    0x72,
    0x6f,
    0x72,
    0xa1,
    0x62,
    0xc0,
  ),
  Uint8Array.of(0xd6, 0x62, 0, 0, 0, 6, 0x81, 0xc1, 1, 0xa0, 0xa1, 0x61),
].map((bytes) => Uint8Array.from(bytes));
const STRUCTURES = writer.unsaved().map(({ value }) => decodeStructure("things", value));
/** Looked at so often: whether other documents are still read and written right. */
const HEALTH_ONE_IN = 2_048;
const WALK_ONE_IN = 32;

let reader = new DocumentCodec("things", OPAQUE_SHAPE, STRUCTURES);

/** What an input left behind in the codec must not be seen by the next document, read or written. */
function checkCodec(choice: number): void {
  if (choice & 1) checkKnown();
  checkFresh();
  if ((choice & 1) === 0) checkKnown();
  reader = new DocumentCodec("things", OPAQUE_SHAPE, STRUCTURES);
}

function checkKnown(): void {
  for (const [i, document] of DOCUMENTS.entries()) {
    const bytes = DOCUMENT_SEEDS[i]!;
    const found = reader.decode(bytes, 0, bytes.length);
    if (!isDeepStrictEqual(found, document)) throw new Error(`document ${i} reads as another one`);
    const again = reader.encode(document);
    needEqual(again, 0, again.length, bytes, bytes.length, `document ${i} is written another way`);
  }
}

function checkFresh(): void {
  const fresh = { of: "a new shape", with: { inner: [{ part: 1 }] } };
  const bytes = Uint8Array.from(reader.encode(fresh));
  const added = reader.unsaved().map(({ value }) => decodeStructure("things", value));
  if (added.length !== 3 || reader.structureCount !== STRUCTURES.length + 3)
    throw new Error(`${added.length} new structures where a document has three`);
  const later = new DocumentCodec("things", OPAQUE_SHAPE, [...STRUCTURES, ...added]);
  if (!isDeepStrictEqual(later.decode(bytes, 0, bytes.length), fresh))
    throw new Error("a document of a new shape reads as another one");
}

/** How many values a value consists of; more than it has bytes: parts of it are one another, or without end. */
function sizeOf(value: unknown, most: number): number {
  if (most < 0) return 1;
  if (typeof value !== "object" || value === null) return 1;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return 1;
  let size = 1;
  for (const part of Object.values(value) as unknown[]) {
    size += sizeOf(part, most - size);
    if (size > most) break;
  }
  return size;
}

const documents: Decoder = {
  name: "documents",
  seeds: DOCUMENT_SEEDS,
  judge({ bytes, choice, length }) {
    if ((choice >>> 4) % HEALTH_ONE_IN === 0) checkCodec(choice >>> 20);
    const record = reader.decode(bytes, 0, length);
    if ((choice >>> 8) % WALK_ONE_IN !== 0) return true;
    if (sizeOf(record, 4 * length + 16) > 4 * length + 16)
      throw new Error("more values than bytes");
    // Of what a collection would never have written, it is enough that it is told or given as it is.
    if (!isStorable(record)) return true;
    const again = writer.encode(record);
    if (!isDeepStrictEqual(writer.decode(again, 0, again.length), record))
      throw new Error("written again, it is another document");
    return true;
  },
};

// ---------------------------------------------------------------- documents that say their version

/** Versions whose numbers take one byte, and two. */
const VERSIONS = [2, 127, 128, 300] as const;
const evolved = new DocumentCodec("things", OPAQUE_SHAPE, STRUCTURES, Math.max(...VERSIONS));
const VERSIONED_SEEDS: readonly Bytes[] = VERSIONS.flatMap((version) => {
  const codec = new DocumentCodec("things", OPAQUE_SHAPE, STRUCTURES, version);
  return DOCUMENTS.map((document) => Uint8Array.from(codec.encode(document)));
});

const versionedDocuments: Decoder = {
  name: "documents of later versions",
  seeds: [...VERSIONED_SEEDS, DOCUMENT_SEEDS[0]!],
  judge({ bytes, choice, length }) {
    const version = evolved.versionAt(bytes, 0, length);
    const record = evolved.decode(bytes, 0, length);
    if ((choice >>> 8) % WALK_ONE_IN !== 0 || !isStorable(record)) return true;
    if (sizeOf(record, 4 * length + 16) > 4 * length + 16)
      throw new Error("more values than bytes");
    const codec = new DocumentCodec("things", OPAQUE_SHAPE, STRUCTURES, version);
    const again = codec.encode(record);
    if (codec.versionAt(again, 0, again.length) !== version)
      throw new Error("written again, it is of another version");
    if (!isDeepStrictEqual(codec.decode(again, 0, again.length), record))
      throw new Error("written again, it is another document");
    return true;
  },
};

const structures: Decoder = {
  name: "structures",
  seeds: STRUCTURES.map(encodeStructure),
  judge({ view }) {
    return decodeStructure("things", view).length >= 0;
  },
};

const INCLUDE = ["name", "age"];
const someKey = joined(Uint8Array.of(1, 0), documentKey(NO_PREFIX, "ada"));
const indexValues: Decoder = {
  name: "values of index entries",
  seeds: [
    encodeIndexValue(someKey, INCLUDE, { name: "Ada", age: 36 }),
    encodeIndexValue(joined(new Uint8Array(200), someKey), INCLUDE, { name: "x".repeat(30) }),
  ],
  judge({ bytes, choice, length }) {
    return coveredIn(bytes, 0, length, choice & 2 ? INCLUDE : []).length >= 0;
  },
};

const page = { valueStart: [0], valueEnd: [0] };
const references: Decoder = {
  name: "references",
  seeds: [
    encodeIndexValue(someKey, [], {}),
    encodeIndexValue(joined(new Uint8Array(200), someKey), [], {}),
    Uint8Array.of(0x80, 0x80, 1, 0xff),
  ],
  judge({ bytes, length }) {
    page.valueEnd[0] = length;
    const key = referenceOf({ ...page, buffer: bytes } as unknown as Page, 0);
    if (key.length >= length) throw new Error("a key that is longer than its entry");
    return true;
  },
};

// ---------------------------------------------------------------- cells

const COUNTED = objectShape([
  ["s", leafShape("string")],
  ["m", leafShape("number")],
  ["n", leafShape("number")],
]);
const CELL_PREFIX = Uint8Array.of(1, 2, 1);
const tally = bindTally(
  parseTally("things", COUNTED, "total", { sum: "n", by: ["s", "m"] }),
  CELL_PREFIX,
);
const cellMaker = new CellMaker("things", tally);
const CELL_KEYS = [
  { id: "a", s: "Oslo", m: -1.5, n: 0.1 },
  { id: "b", s: "a\u0000b", n: Infinity },
  { id: "c", s: "", m: 0 },
].flatMap((document) => cellMaker.changesOf(undefined, document).map(({ key }) => key));
const cells: Decoder = {
  name: "keys of cells",
  seeds: CELL_KEYS,
  judge({ bytes, length }) {
    const { cell, values } = placeOfCell(tally, bytes, 0, length);
    const group = new KeyWriter(bytes.slice(0, CELL_PREFIX.length));
    for (const value of values) group.value(value);
    const again = cellKey(group.finish(), cell);
    needEqual(bytes, 0, length, again, again.length, "two keys of one cell");
    return true;
  },
};

const amounts: Decoder = {
  name: "values of cells",
  seeds: [encodeAmount(1), encodeAmount(-(2 ** 53))],
  judge({ bytes, length }) {
    return decodeAmount(bytes, 0, length) >= -(2n ** 63n);
  },
};

// ---------------------------------------------------------------- ids and numbers

const IDS = [
  "01ARZ3NDEKTSV4RRFFQ69G5FAV",
  "ada",
  "ключ",
  "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
  "x".repeat(256),
];
const ids: Decoder = {
  name: "ids",
  seeds: IDS.map((id) => documentKey(NO_PREFIX, id)),
  judge({ bytes, choice, length }) {
    const id = idOf(bytes, 0, length);
    if (choice & 6) return true;
    if (idProblem(id) !== undefined) throw new Error(`an id that is none: ${idProblem(id)}`);
    const again = documentKey(NO_PREFIX, id);
    needEqual(bytes, 0, length, again, again.length, "two keys of one id");
    return true;
  },
};

const numbers: Decoder = {
  name: "ordered numbers",
  seeds: [0, 127, 128, 16_383, 16_384, 2_097_152, 268_435_455].map((value) =>
    Uint8Array.from(orderedNumber(value)),
  ),
  judge({ view }) {
    const value = readOrderedNumber(view);
    if (value === undefined) return false;
    const again = orderedNumber(value);
    if (again.length !== view.length || again.some((byte, i) => byte !== view[i]))
      throw new Error("two spellings of one number");
    return true;
  },
};

// ---------------------------------------------------------------- the catalog

const INDEX = { name: "by_age", number: 1, fingerprint: '{"on":["age"]}', state: "ready" } as const;
const SHAPE = '{"object":{"age":"number","role":{"string":["a","b"]}},"defaults":["role"]}';
const ROWS = [
  { number: 1, past: [], shape: SHAPE, documents: "ready", indexes: [INDEX], nextIndex: 2 },
  {
    number: 300,
    past: [],
    shape: '{"object":{}}',
    documents: "filling",
    indexes: [],
    nextIndex: 1,
  },
  {
    number: 2,
    past: [{ shape: SHAPE, fills: true }, { shape: '{"object":{}}' }],
    shape: SHAPE,
    documents: "upgrading",
    indexes: [INDEX],
    nextIndex: 2,
  },
] as const;
const catalogRows: Decoder = {
  name: "catalog rows",
  seeds: ROWS.map(encodeCatalogRow),
  judge({ choice, view }) {
    const row = decodeCatalogRow("things", view);
    if (choice & 0xe0) return true;
    const again = decodeCatalogRow("things", encodeCatalogRow(row));
    const isSame =
      again.number === row.number &&
      again.past.length === row.past.length &&
      again.indexes.length === row.indexes.length;
    if (!isSame) throw new Error("written again, it is another row");
    return true;
  },
};

const SHAPES = [
  SHAPE,
  '{"object":{"a":{"union":["string",{"array":{"id":"users"}},"undefined"]}},"rest":"unknown"}',
  '{"object":{"n":{"bigint":["1","-2"]},"__proto__":{"boolean":[true]}}}',
];
const shapes: Decoder = {
  name: "shapes",
  seeds: SHAPES.map(bytesOf),
  judge(input: Input) {
    const shape = parseShape("things", textOf(input));
    if (input.choice & 0xe0) return true;
    if (shapeText(parseShape("things", shapeText(shape))) !== shapeText(shape))
      throw new Error("written again, it is another shape");
    return true;
  },
};

export const documentDecoders: readonly Decoder[] = [
  documents,
  versionedDocuments,
  structures,
  indexValues,
  references,
  cells,
  amounts,
  ids,
  numbers,
  catalogRows,
  shapes,
];
