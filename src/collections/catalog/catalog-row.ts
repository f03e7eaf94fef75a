/**
 * What a database keeps of a collection: one row for each.
 *
 *   offset size what
 *   0      1    version of this format: 01; 02 where the schema has versions before the stored one (`past`)
 *   1      …    JSON in UTF-8, the fields of CatalogRow
 *
 * JSON, because it is read once at the first use, should be readable with bare eyes when a database is repaired, and may
 * get more fields. Worked example: the row of a collection "a" of documents { n: number }, as it begins, is
 * 01 7b 22 6e 75 6d 62 65 72 22 3a 31 … for {"number":1,….
 */
import { hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import {
  COPY_MARK_KEY,
  CorruptionError,
  StorageError,
  refuseUnfinishedCopy,
} from "../../engine/contract/index.ts";
import type { ReadView } from "../../engine/contract/index.ts";
import { catalogKey } from "./keyspace.ts";

const ROW_VERSION = 0x01;
/** Of a collection whose documents may say their version: a program that does not know of that must not read them. */
const EVOLVED_ROW_VERSION = 0x02;

export interface CatalogIndex {
  readonly name: string;
  /** From 1, never used again in this collection. */
  readonly number: number;
  /** What the entries follow from (IndexDefinition.fingerprint). */
  readonly fingerprint: string;
  /** building: the entries of documents that were there before may still be missing. */
  readonly state: "ready" | "building";
  /** Of a building index: the pass over the documents that gives them their entries. */
  readonly pass?: number;
  /** The index counts or sums: it has number cells instead of entries. */
  readonly cells?: true;
}

/** A version of the schema before the stored one. */
export interface PastShape {
  /** The shape that the collection had when it left this version. */
  readonly shape: string;
  /** Documents of this version may lack fields that the shape says they have, which get their defaults. */
  readonly fills?: true;
}

export interface CatalogRow {
  /** From 1, never used again in this database. */
  readonly number: number;
  /** The versions of the schema before the one of `shape`, oldest first: that is version past.length + 1. */
  readonly past: readonly PastShape[];
  /** The shape of the stored documents (DocumentSchema.fingerprint). */
  readonly shape: string;
  /**
   * upgrading: stored documents may still be of earlier versions. filling: so it may be, and those of the newest version may
   * lack fields that the shape says they have, which get their defaults. loading: a bulk load was begun and has not ended,
   * so what is stored of documents and entries does not count.
   */
  readonly documents: "ready" | "upgrading" | "filling" | "loading";
  /** Of documents that may be of earlier versions: the pass over them that writes them anew. */
  readonly pass?: number;
  readonly indexes: readonly CatalogIndex[];
  /** The number that the next new index gets; numbers of passes are taken from here too. */
  readonly nextIndex: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function encodeCatalogRow(row: CatalogRow): Bytes {
  const { number, past, pass, shape, documents, indexes, nextIndex } = row;
  const earlier = past.length === 0 ? {} : { past };
  const passing = pass === undefined ? {} : { pass };
  const fields = { number, ...earlier, shape, documents, ...passing, indexes, nextIndex };
  const text = encoder.encode(JSON.stringify(fields));
  const bytes = new Uint8Array(1 + text.length);
  bytes[0] = past.length === 0 ? ROW_VERSION : EVOLVED_ROW_VERSION;
  bytes.set(text, 1);
  return bytes;
}

/**
 * The row of a collection as it is stored, and its bytes; undefined where there is none. Inside a transaction a copy into
 * this place that begins meanwhile is a conflict.
 *
 * @throws StorageError 'UnfinishedCopy' where the rows that are there are no database yet, and as decodeCatalogRow().
 */
export async function readCatalogRow(
  view: ReadView,
  collection: string,
): Promise<{ readonly row: CatalogRow; readonly bytes: Bytes } | undefined> {
  const [mark, bytes] = await view.getMany([COPY_MARK_KEY, catalogKey(collection)]);
  refuseUnfinishedCopy(mark);
  return bytes === undefined ? undefined : { row: decodeCatalogRow(collection, bytes), bytes };
}

/** @throws StorageError 'FormatTooNew' for a later version, CorruptionError for anything that is no row. */
export function decodeCatalogRow(collection: string, bytes: Bytes): CatalogRow {
  const version = bytes[0];
  if (version !== undefined && version > EVOLVED_ROW_VERSION) {
    throw new StorageError("FormatTooNew", { collection, version, known: EVOLVED_ROW_VERSION });
  }
  try {
    const fields: unknown = JSON.parse(decoder.decode(bytes.subarray(1)));
    const row = { past: [], ...(fields as object) };
    const isEvolved = version === EVOLVED_ROW_VERSION;
    if ((isEvolved || version === ROW_VERSION) && isCatalogRow(row)) {
      if (row.past.length > 0 === isEvolved) return row;
    }
  } catch {
    // Falls through to the error that shows the bytes.
  }
  throw new CorruptionError({
    file: `catalog row of ${collection}`,
    offset: 0,
    expected:
      "01 or 02 and JSON with number, past (of 02), shape, documents, indexes and nextIndex",
    found: hex(bytes),
  });
}

const DOCUMENT_STATES: readonly unknown[] = ["ready", "upgrading", "filling", "loading"];

function isCatalogRow(row: unknown): row is CatalogRow {
  const { number, past, pass, shape, documents, indexes, nextIndex } = row as Partial<CatalogRow>;
  return (
    isNumber(number) &&
    Array.isArray(past) &&
    past.every(isPastShape) &&
    typeof shape === "string" &&
    DOCUMENT_STATES.includes(documents) &&
    isNumber(nextIndex) &&
    (pass === undefined || (isNumber(pass) && pass < nextIndex)) &&
    Array.isArray(indexes) &&
    indexes.every(isCatalogIndex) &&
    indexes.every((index) => index.number < nextIndex && (index.pass ?? 0) < nextIndex)
  );
}

function isPastShape(past: unknown): past is PastShape {
  const { fills, shape } = past as Partial<PastShape>;
  return typeof shape === "string" && (fills === undefined || fills === true);
}

function isCatalogIndex(index: unknown): index is CatalogIndex {
  const { name, number, fingerprint, state, pass, cells } = index as Partial<CatalogIndex>;
  return (
    typeof name === "string" &&
    isNumber(number) &&
    typeof fingerprint === "string" &&
    (state === "ready" || state === "building") &&
    (pass === undefined || (state === "building" && isNumber(pass))) &&
    (cells === undefined || cells === true)
  );
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
