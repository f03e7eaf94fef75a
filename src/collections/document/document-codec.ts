/**
 * Documents as bytes: MessagePack by msgpackr, with its records extension. A record is one byte (two from structure 32
 * on), the number of its structure (the list of its field names), then the values alone. Structures belong to one
 * collection; each is a row of its own, `structureKey(collection, number)` → MessagePack array of the names.
 *
 * Always true:
 * (1) Structures are only ever added: a number means the same names for ever. Rows are written blindly and twice without
 *     harm, since what is written for a number is always the same.
 * (2) A document is committed only together with every structure that is not known to be committed: the caller puts
 *     `unsaved()` into the same commit and calls `saved()` once that commit has succeeded, and only then. What an aborted
 *     commit had made new is thereby written by the next one that commits.
 * (3) Where structures are added there is one codec for a collection in a database, and one process that writes: two
 *     would give one number two meanings, and one would not know what the other has added. Where several write, none adds
 *     any: names that no stored structure has travel inside their document, as in (6).
 * (4) Decoding keeps no reference to the source: bytes are copied out, strings are new.
 * (5) Where a string of more than 64 bytes begins with a byte order mark, it is stored with two of them: msgpackr reads
 *     such a string by a TextDecoder that takes one away.
 * (6) Names that no schema declares (the keys of a z.record) make no structures: they travel inside their document.
 * (7) A document of the first version of its schema is the record alone. In front of one of a later version stand c1, which
 *     begins nothing in MessagePack, and the version as an ordered number.
 *
 * Worked example, the first document of a collection: { name: "Ada", age: 36 } is 40 a3 416461 24, and its structure 0
 * is 92 a4 6e616d65 a3 616765. The same document, written when the schema had its version 2, is c1 02 40 a3 416461 24.
 */
// The package's main door loads a native accelerator where it finds one; this one is JavaScript alone.
import { Packr, RESERVE_START_SPACE } from "msgpackr/pack";
import { EMPTY_BYTES, assert, hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { CorruptionError } from "../../engine/contract/index.ts";
import { orderedNumber } from "../catalog/keyspace.ts";
import { ValidationError, changedElsewhere } from "../collection-error.ts";
import type { FieldShape, ObjectShape } from "../schema/field-shape.ts";
import { documentDepthMax, isLongMarked, isPlainObject } from "../schema/storable.ts";
import { RecordReader } from "./record-reader.ts";

/**
 * Part of the format: it decides which first bytes mean a record. The first 32 structures have numbers of one byte; a
 * collection whose documents come in more than 256 shapes writes the names of the others inside each document.
 */
const SHARED_STRUCTURES_MAX = 256;
/**
 * None: msgpackr can number the shapes of one document inside of it, but gives some of those documents back wrong (an
 * array of two equal shapes is enough). Shapes that are not shared are written as maps, with their names.
 */
const OWN_STRUCTURES_MAX = 0;

/** The first byte of a document that says its version. */
const VERSIONED = 0xc1;

type FieldNames = readonly string[];

/**
 * Where documents, structures and covered fields all agree. A field called toJSON is a field, no hook. No document refers
 * to parts of itself: with structuredClone msgpackr would follow what damaged bytes say, to values without end.
 */
const COMMON = {
  useBigIntExtension: true,
  copyBuffers: true,
  useToJSON: false,
  structuredClone: false,
} as const;

/** A value without structures of its own: names travel with it. For index entries and structures themselves. */
const plain = new Packr({ ...COMMON, useRecords: false, mapsAsObjects: true });

export function encodeValue(value: unknown): Bytes {
  return packed(plain, value);
}

/** The bytes of the value behind `prefix`. */
function packed(packr: Packr, value: unknown, prefix: Bytes = EMPTY_BYTES): Bytes {
  const bytes = packedBehind(packr, value, prefix);
  return mayHoldMark(bytes) ? packedBehind(packr, withMarks(value), prefix) : bytes;
}

function packedBehind(packr: Packr, value: unknown, prefix: Bytes): Bytes {
  if (prefix.length === 0) return packr.pack(value);
  const bytes = packr.pack(value, RESERVE_START_SPACE | prefix.length);
  bytes.set(prefix);
  return bytes;
}

/** Is EF BB BF anywhere in the bytes? Most documents have no EF at all. */
function mayHoldMark(bytes: Bytes): boolean {
  for (let at = bytes.indexOf(0xef); at >= 0; at = bytes.indexOf(0xef, at + 1))
    if (bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) return true;
  return false;
}

function withMarks(value: unknown): unknown {
  if (typeof value === "string") {
    return isLongMarked(value) ? `\ufeff${value}` : value;
  }
  if (Array.isArray(value)) return value.map(withMarks);
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withMarks(part)]));
}

export function decodeValueBytes(bytes: Bytes, start: number, end: number, where: string): unknown {
  try {
    return plain.unpack(plainBytes(bytes), { start, end });
  } catch (cause) {
    throw damaged(where, bytes, start, end, cause);
  }
}

export class DocumentCodec {
  readonly #collection: string;
  readonly #packr: Packr;
  /** Every structure that was ever given a number here, committed or not. */
  readonly #structures: FieldNames[];
  readonly #reader: RecordReader;
  /** How many of them are known to be committed. */
  #savedCount: number;
  /** One object for all calls: it is read at once and not kept. */
  readonly #place = { start: 0, end: 0 };

  /** Of the documents that are written. */
  readonly version: number;
  readonly #adds: boolean;
  /** What stands in front of each of them. */
  readonly #prefix: Bytes;

  /**
   * `stored`: the structures of the collection in the order of their numbers, all of them committed. `version`: of the
   * documents that are written; none is of a later one. `adds`: new shapes become structures; default true.
   */
  constructor(
    collection: string,
    shape: ObjectShape,
    stored: readonly FieldNames[],
    version: number = 1,
    { adds = true }: { readonly adds?: boolean } = {},
  ) {
    this.#collection = collection;
    this.version = version;
    this.#adds = adds;
    this.#prefix =
      version === 1 ? EMPTY_BYTES : Uint8Array.of(VERSIONED, ...orderedNumber(version));
    this.#structures = [...stored];
    this.#reader = new RecordReader(this.#structures);
    this.#savedCount = stored.length;
    const declared = new DeclaredNames(shape);
    this.#packr = new Packr({
      ...COMMON,
      useRecords: true,
      maxSharedStructures: SHARED_STRUCTURES_MAX,
      maxOwnStructures: OWN_STRUCTURES_MAX,
      mapsAsObjects: true,
      // Where all objects are maps they are as short as they can be, and may have more than 65,535 fields.
      variableMapSize: !adds,
      shouldShareStructure: (names: string[]) => adds && declared.has(names),
      getStructures: () => this.#structures.map((names) => [...names]),
      saveStructures: (all: unknown) => this.#keep(all as FieldNames[]),
    });
  }

  /** Called by msgpackr inside of pack(), when documents of a new shape were encoded. */
  #keep(all: readonly FieldNames[]): boolean {
    for (let i = this.#structures.length; i < all.length; i++) {
      this.#structures.push(Object.freeze([...all[i]!]));
    }
    assert(this.#structures.length === all.length, "the codec and its structures agree");
    return true;
  }

  /**
   * The bytes may share memory with other documents' bytes; they never change.
   * HOT: once for each write (bench/micro/collections.ts).
   *
   * @throws ValidationError for what MessagePack has no form for, with msgpackr's own error as its cause.
   */
  encode(record: Readonly<Record<string, unknown>>): Bytes {
    try {
      return plainBytes(packed(this.#packr, record, this.#prefix));
    } catch (cause) {
      const path = unpackablePath(record);
      const message = `it cannot be stored${cause instanceof Error ? `: ${cause.message}` : ""}`;
      throw new ValidationError(this.#collection, [{ path, message }], { cause });
    }
  }

  /**
   * Which version of the schema the document at bytes[start, end) is of.
   *
   * @throws CorruptionError where it says none that there is; SchemaMismatch 'changed' for one that another program may
   *   have brought.
   */
  versionAt(bytes: Bytes, start: number, end: number): number {
    const version = versionAt(bytes, start, end);
    if (version !== NO_VERSION && version <= this.version) return version;
    if (version !== NO_VERSION && !this.#adds)
      throw changedElsewhere(this.#collection, `a document is of version ${version} of its schema`);
    throw damaged(`document of ${this.#collection}`, bytes, start, end);
  }

  /**
   * The record at bytes[start, end), read where it lies, whatever its version.
   * HOT: once for each document read (bench/micro/collections.ts).
   */
  decode(bytes: Bytes, start: number, end: number): Record<string, unknown> {
    const version = this.versionAt(bytes, start, end);
    const behind = version === 1 ? start : start + (version < 0x80 ? 2 : 3);
    const read = this.#reader.read(bytes, behind, end);
    if (isRecord(read)) return read;
    this.#place.start = behind;
    this.#place.end = end;
    let record: unknown;
    try {
      record = this.#packr.unpack(plainBytes(bytes), this.#place);
    } catch (cause) {
      throw damaged(`document of ${this.#collection}`, bytes, start, end, cause);
    }
    if (!isRecord(record)) throw damaged(`document of ${this.#collection}`, bytes, start, end);
    return record;
  }

  /** Are there structures that the next commit must carry? */
  get dirty(): boolean {
    return this.#structures.length > this.#savedCount;
  }

  /** How many structures there are: pass it to saved() after the commit that carried unsaved(). */
  get structureCount(): number {
    return this.#structures.length;
  }

  /** The structures that are not known to be committed, with their numbers. */
  unsaved(): readonly { readonly number: number; readonly value: Bytes }[] {
    return this.#structures
      .slice(this.#savedCount)
      .map((names, i) => ({ number: this.#savedCount + i, value: encodeStructure(names) }));
  }

  /** A commit that carried the first `count` structures, or that found them committed, has succeeded. */
  saved(count: number): void {
    assert(count <= this.#structures.length, "only structures that were made are saved");
    this.#savedCount = Math.max(this.#savedCount, count);
  }
}

const NO_VERSION = 0;

/**
 * The version of a document's bytes, in the only spelling that it has; 0 where they say none.
 * HOT: bench/micro/collections.ts.
 */
export function versionAt(bytes: Bytes, start: number, end: number): number {
  if (bytes[start] !== VERSIONED) return 1;
  // A document follows, so one byte more at least.
  if (start + 2 >= end) return NO_VERSION;
  const first = bytes[start + 1]!;
  if (first < 0x80) return first >= 2 ? first : NO_VERSION;
  if (first >= 0xc0 || start + 3 >= end) return NO_VERSION;
  const version = (first & 0x3f) * 256 + bytes[start + 2]!;
  return version >= 0x80 ? version : NO_VERSION;
}

export function encodeStructure(names: FieldNames): Bytes {
  return encodeValue(names);
}

export function decodeStructure(collection: string, value: Bytes): FieldNames {
  const names = decodeValueBytes(value, 0, value.length, `structure of ${collection}`);
  if (!Array.isArray(names) || !names.every((name) => typeof name === "string")) {
    throw damaged(`structure of ${collection}`, value, 0, value.length);
  }
  return names;
}

/** The names that objects of a schema may have; anything where the schema does not tell. */
class DeclaredNames {
  readonly #names = new Set<string>();
  #unknown = false;

  constructor(shape: ObjectShape) {
    this.#collect(shape, new Set());
    // A schema that tells nothing about its fields: every shape is as good as declared.
    if (shape.fields.size === 0 && shape.open) this.#unknown = true;
  }

  has(names: FieldNames): boolean {
    return this.#unknown || names.every((name) => this.#names.has(name));
  }

  #collect(shape: FieldShape, seen: Set<FieldShape>): void {
    if (seen.has(shape)) return;
    seen.add(shape);
    if (shape.kind === "object") {
      for (const [name, field] of shape.fields) {
        this.#names.add(name);
        this.#collect(field, seen);
      }
      if (shape.rest !== undefined) this.#collect(shape.rest, seen);
    } else if (shape.kind === "array") this.#collect(shape.element, seen);
    else if (shape.kind === "union")
      for (const member of shape.members) this.#collect(member, seen);
  }
}

/** Where in a value, which cannot be packed, the innermost part stands that cannot be packed by itself. */
function unpackablePath(value: unknown): PropertyKey[] {
  const path: PropertyKey[] = [];
  let part = value;
  // Deeper than documents may nest only where a getter lies about its value.
  while (typeof part === "object" && part !== null && path.length < documentDepthMax) {
    const fields = part as Readonly<Record<string, unknown>>;
    const name = Object.keys(fields).find((key) => !isPackable(fields[key]));
    if (name === undefined) break;
    path.push(Array.isArray(part) ? Number(name) : name);
    part = fields[name];
  }
  return path;
}

function isPackable(value: unknown): boolean {
  try {
    encodeValue(value);
    return true;
  } catch {
    return false;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}

/** From a Buffer msgpackr would cut Buffers; bytes in documents are always a Uint8Array of their own memory. */
function plainBytes(bytes: Bytes): Bytes {
  return bytes.constructor === Uint8Array
    ? bytes
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(
  where: string,
  bytes: Bytes,
  start: number,
  end: number,
  cause?: unknown,
): CorruptionError {
  return new CorruptionError({
    file: where,
    offset: start,
    expected: "MessagePack of known structures",
    found: `${hex(bytes.subarray(start, end), 32)}${cause instanceof Error ? `: ${cause.message}` : ""}`,
  });
}
