/**
 * The bytes of a manifest: a file header (codec/file-header.ts, magic "KOTOBAMF"), then records (codec/record.ts)
 * without gaps. The body of a record is its type, then fields until its end:
 *
 *   type u8   1 snapshot: the whole state; the first record, and only that one
 *             2 edit: what changes, atomically
 *             3 close mark: no fields; the last record of a manifest whose writer ended in good order
 *
 *   field     what
 *   1         log number, varint: the oldest log that is still needed
 *   2         next file number, varint: no file has this number or a higher one
 *   3         last sequence, varint: the newest one that the tables hold; in an edit of this field alone, which a writer
 *             makes when it ends, before it closes its log: the newest one that tables and logs hold together
 *   4         removed table: its file number, varint
 *   5         added table: file number, level, file bytes, entries, range deletes, smallest sequence, largest sequence,
 *             tombstones, data blocks, dense blocks, raw bytes, milliseconds since 1970 when it was written (twelve
 *             varints) | CRC-32 of the whole file u32 | smallest key: length varint, bytes
 *             | 1, largest key: length varint, bytes; or 2: to the end of the keyspace
 *   6         format version of the database, varint: the oldest program that may open it; only as the first field
 *
 * Worked example, an edit that removes table 3 and moves the log number to 12: body 02 01 0C 04 03.
 *
 * A body is valid if and only if
 * (1) its fields are known, whole, and fill it; fields 1 to 3 and 6 occur once at most, in a snapshot exactly once;
 * (2) a snapshot removes nothing;
 * (3) in each table the smallest key is not above the largest one, the smallest sequence not above the largest one, and
 *     no more of the data blocks are dense than there are.
 * A program that meets a field 6 above what it knows must not read on: what follows may be of kinds it does not know.
 * So field 6 comes first, and such a database is called too new, never damaged.
 * Whether an edit fits the state before it is decided in manifest-tables.ts.
 */
import { compareBytes, copyBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import {
  RECORD_FRAME_BYTES,
  VARINT_BYTES_MAX,
  readU32,
  readVarint,
  writeU32,
  writeVarint,
} from "../codec/index.ts";
import type { TableMeta, VersionEdit } from "./version-edit.ts";

export const MANIFEST_MAGIC = "KOTOBAMF";
export const TYPE_SNAPSHOT = 1;
export const TYPE_EDIT = 2;
export const TYPE_CLOSE = 3;
export type ManifestRecordType = typeof TYPE_SNAPSHOT | typeof TYPE_EDIT | typeof TYPE_CLOSE;

const FIELD_LOG_NUMBER = 1;
const FIELD_NEXT_FILE_NUMBER = 2;
const FIELD_LAST_SEQUENCE = 3;
const FIELD_REMOVED = 4;
const FIELD_ADDED = 5;
const FIELD_FORMAT = 6;
const LARGEST_IS_KEY = 1;
const LARGEST_IS_END = 2;

/** The formats of a database that this code reads; it makes new ones with the newest. */
export const DATABASE_FORMAT_OLDEST = 2;
export const DATABASE_FORMAT_NEWEST = 2;

/** A record of a database that only a newer program may open. */
export interface TooNew {
  readonly type: "too-new";
  readonly formatVersion: number;
}

export interface ManifestRecord {
  readonly type: ManifestRecordType;
  readonly edit: VersionEdit;
}

/** Whether the edit says where the logs end: field 3 alone. Every other edit with a last sequence adds or moves something. */
export function isEndOfLogs(edit: VersionEdit): boolean {
  return edit.lastSequence !== undefined && Object.keys(edit).length === 1;
}

/** A record with room for its frame, which sealRecord completes. */
export function encodeRecord(type: ManifestRecordType, edit: VersionEdit): Bytes {
  const out = new Output();
  out.byte(type);
  out.optional(FIELD_FORMAT, edit.formatVersion);
  out.optional(FIELD_LOG_NUMBER, edit.logNumber);
  out.optional(FIELD_NEXT_FILE_NUMBER, edit.nextFileNumber);
  out.optional(FIELD_LAST_SEQUENCE, edit.lastSequence);
  for (const fileNumber of edit.removed ?? []) out.optional(FIELD_REMOVED, fileNumber);
  for (const table of edit.added ?? []) writeTable(out, table);
  return out.done();
}

function writeTable(out: Output, table: TableMeta): void {
  out.byte(FIELD_ADDED);
  for (const number of [
    table.fileNumber,
    table.level,
    table.fileBytes,
    table.entries,
    table.rangeDeletes,
    table.smallestSequence,
    table.largestSequence,
    table.tombstones,
    table.dataBlocks,
    table.denseBlocks,
    table.rawBytes,
    table.writtenAtMillis,
  ]) {
    out.varint(number);
  }
  out.fixed32(table.fileCrc);
  out.key(table.smallestKey);
  if (table.largestKey === undefined) {
    out.byte(LARGEST_IS_END);
    return;
  }
  out.byte(LARGEST_IS_KEY);
  out.key(table.largestKey);
}

/** The record with this body, or what is wrong with it, in words. The result shares no memory with the body. */
export function decodeBody(body: Bytes): ManifestRecord | TooNew | string {
  const type = body[0];
  if (type !== TYPE_SNAPSHOT && type !== TYPE_EDIT && type !== TYPE_CLOSE) {
    return `a record of type ${type}`;
  }
  const input = new Input(body, 1);
  const formatVersion = readFormat(input, body[1]);
  if (formatVersion !== undefined && formatVersion > DATABASE_FORMAT_NEWEST) {
    return { type: "too-new", formatVersion };
  }
  const numbers = new Map<number, number>();
  const removed: number[] = [];
  const added: TableMeta[] = [];
  while (!input.atEnd && !input.failed) {
    const field = input.byte();
    if (field >= FIELD_LOG_NUMBER && field <= FIELD_LAST_SEQUENCE) {
      if (numbers.has(field)) return `field ${field} twice`;
      numbers.set(field, input.varint());
    } else if (field === FIELD_REMOVED) {
      removed.push(input.varint());
    } else if (field === FIELD_ADDED) {
      added.push(readTable(input));
    } else {
      return `unknown field ${field}`;
    }
  }
  if (input.failed) return "a field that is cut off or badly spelled";
  const wrong = added.map(problemOfTable).find((problem) => problem !== undefined);
  if (wrong !== undefined) return wrong;
  const hasFormat = formatVersion !== undefined;
  const count = numbers.size + removed.length + added.length;
  if (type === TYPE_CLOSE && (count > 0 || hasFormat)) return "a close mark with fields";
  if (type === TYPE_SNAPSHOT && (numbers.size < 3 || removed.length > 0 || !hasFormat)) {
    return "a snapshot that is not whole";
  }
  const edit = editOf(numbers, removed, added);
  return { type, edit: hasFormat ? { ...edit, formatVersion } : edit };
}

/** The format version, if the first field is one. */
function readFormat(input: Input, field: number | undefined): number | undefined {
  if (field !== FIELD_FORMAT) return undefined;
  input.byte();
  return input.varint();
}

function editOf(
  numbers: ReadonlyMap<number, number>,
  removed: readonly number[],
  added: readonly TableMeta[],
): VersionEdit {
  const logNumber = numbers.get(FIELD_LOG_NUMBER);
  const nextFileNumber = numbers.get(FIELD_NEXT_FILE_NUMBER);
  const lastSequence = numbers.get(FIELD_LAST_SEQUENCE);
  return {
    ...(logNumber === undefined ? {} : { logNumber }),
    ...(nextFileNumber === undefined ? {} : { nextFileNumber }),
    ...(lastSequence === undefined ? {} : { lastSequence }),
    ...(removed.length === 0 ? {} : { removed }),
    ...(added.length === 0 ? {} : { added }),
  };
}

function readTable(input: Input): TableMeta {
  const fileNumber = input.varint();
  const level = input.varint();
  const fileBytes = input.varint();
  const entries = input.varint();
  const rangeDeletes = input.varint();
  const smallestSequence = input.varint();
  const largestSequence = input.varint();
  const tombstones = input.varint();
  const dataBlocks = input.varint();
  const denseBlocks = input.varint();
  const rawBytes = input.varint();
  const writtenAtMillis = input.varint();
  const fileCrc = input.fixed32();
  const smallestKey = input.key();
  const bound = input.byte();
  if (bound !== LARGEST_IS_KEY && bound !== LARGEST_IS_END) input.fail();
  const largestKey = bound === LARGEST_IS_KEY ? input.key() : undefined;
  return {
    fileNumber,
    level,
    fileBytes,
    entries,
    rangeDeletes,
    smallestKey,
    largestKey,
    smallestSequence,
    largestSequence,
    tombstones,
    dataBlocks,
    denseBlocks,
    rawBytes,
    writtenAtMillis,
    fileCrc,
  };
}

function problemOfTable(table: TableMeta): string | undefined {
  const { fileNumber, smallestKey, largestKey, smallestSequence, largestSequence } = table;
  if (largestKey !== undefined && compareBytes(smallestKey, largestKey) > 0) {
    return `table ${fileNumber} with its keys in the wrong order`;
  }
  if (table.denseBlocks > table.dataBlocks) {
    return `table ${fileNumber} with ${table.denseBlocks} dense blocks of ${table.dataBlocks}`;
  }
  return smallestSequence <= largestSequence
    ? undefined
    : `table ${fileNumber} with its sequences in the wrong order`;
}

class Output {
  #bytes: Bytes = new Uint8Array(256);
  #used = RECORD_FRAME_BYTES;

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#used++] = value;
  }

  fixed32(value: number): void {
    this.#reserve(4);
    writeU32(this.#bytes, this.#used, value);
    this.#used += 4;
  }

  varint(value: number): void {
    this.#reserve(VARINT_BYTES_MAX);
    this.#used = writeVarint(this.#bytes, this.#used, value);
  }

  key(key: Bytes): void {
    this.varint(key.length);
    this.#reserve(key.length);
    this.#bytes.set(key, this.#used);
    this.#used += key.length;
  }

  optional(field: number, value: number | undefined): void {
    if (value === undefined) return;
    this.byte(field);
    this.varint(value);
  }

  done(): Bytes {
    return this.#bytes.subarray(0, this.#used);
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#used + bytes, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** Reads to the end of its bytes and no further: after the first thing that is not there it gives zeros and has failed. */
class Input {
  readonly #bytes: Bytes;
  readonly #after: { at: number };
  failed = false;

  constructor(bytes: Bytes, at: number) {
    this.#bytes = bytes;
    this.#after = { at };
  }

  get atEnd(): boolean {
    return this.#after.at === this.#bytes.length;
  }

  fail(): void {
    this.failed = true;
  }

  byte(): number {
    const at = this.#take(1);
    return at === undefined ? 0 : this.#bytes[at]!;
  }

  fixed32(): number {
    const at = this.#take(4);
    return at === undefined ? 0 : readU32(this.#bytes, at);
  }

  varint(): number {
    const value = readVarint(this.#bytes, this.#after.at, this.#bytes.length, this.#after);
    if (value >= 0) return value;
    this.failed = true;
    return 0;
  }

  key(): Bytes {
    const length = this.varint();
    const at = this.#take(length);
    return at === undefined ? new Uint8Array(0) : copyBytes(this.#bytes, at, at + length);
  }

  #take(bytes: number): number | undefined {
    const at = this.#after.at;
    if (at + bytes > this.#bytes.length) {
      this.failed = true;
      return undefined;
    }
    this.#after.at = at + bytes;
    return at;
  }
}
