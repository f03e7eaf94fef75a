/**
 * What a database keeps of a collection: one row for each.
 *
 *   offset size what
 *   0      1    version of this format: 01
 *   1      …    JSON in UTF-8, the fields of CatalogRow
 *
 * JSON, because it is read once at the first use, should be readable with bare eyes when a database is repaired, and may
 * get more fields. Worked example: the row of a collection "a" of documents { n: number }, as it begins, is
 * 01 7b 22 6e 75 6d 62 65 72 22 3a 31 … for {"number":1,….
 */
import { hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { CorruptionError, StorageError } from "../../engine/contract/index.ts";

const ROW_VERSION = 0x01;

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

export interface CatalogRow {
  /** From 1, never used again in this database. */
  readonly number: number;
  /** The shape of the stored documents (DocumentSchema.fingerprint). */
  readonly shape: string;
  /**
   * filling: stored documents may still lack fields that the shape says they have, which get their defaults. loading: a
   * bulk load was begun and has not ended, so what is stored of documents and entries does not count.
   */
  readonly documents: "ready" | "filling" | "loading";
  readonly indexes: readonly CatalogIndex[];
  /** The number that the next new index gets; numbers of passes are taken from here too. */
  readonly nextIndex: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function encodeCatalogRow(row: CatalogRow): Bytes {
  const { number, shape, documents, indexes, nextIndex } = row;
  const text = encoder.encode(JSON.stringify({ number, shape, documents, indexes, nextIndex }));
  const bytes = new Uint8Array(1 + text.length);
  bytes[0] = ROW_VERSION;
  bytes.set(text, 1);
  return bytes;
}

/** @throws StorageError 'FormatTooNew' for a later version, CorruptionError for anything that is no row. */
export function decodeCatalogRow(collection: string, bytes: Bytes): CatalogRow {
  const version = bytes[0];
  if (version !== undefined && version > ROW_VERSION) {
    throw new StorageError("FormatTooNew", { collection, version, known: ROW_VERSION });
  }
  try {
    const row: unknown = JSON.parse(decoder.decode(bytes.subarray(1)));
    if (version === ROW_VERSION && isCatalogRow(row)) return row;
  } catch {
    // Falls through to the error that shows the bytes.
  }
  throw new CorruptionError({
    file: `catalog row of ${collection}`,
    offset: 0,
    expected: "01 and JSON with number, shape, documents, indexes and nextIndex",
    found: hex(bytes),
  });
}

function isCatalogRow(row: unknown): row is CatalogRow {
  const { number, shape, documents, indexes, nextIndex } = row as Partial<CatalogRow>;
  return (
    isNumber(number) &&
    typeof shape === "string" &&
    (documents === "ready" || documents === "filling" || documents === "loading") &&
    isNumber(nextIndex) &&
    Array.isArray(indexes) &&
    indexes.every(isCatalogIndex) &&
    indexes.every((index) => index.number < nextIndex && (index.pass ?? 0) < nextIndex)
  );
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
