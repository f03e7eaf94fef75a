/**
 * The value of an index entry:
 *
 *   size    what
 *   1..2    the length of the document's key, as a varint: 7 bits a byte, lowest first, the high bit says more follow
 *   length  the whole key of the document's row, with the collection's prefix
 *   rest    the covered fields: a MessagePack array of their values in the order of `include`; nothing where there are none
 *
 * A covered field that the document lacks is MessagePack's undefined (d4 00 00).
 *
 * Worked example: an entry of the document "ada" of collection 1 that includes the field `age`, 36, is
 * 06 01 00 11 616461 91 24.
 */
import { ByteSlab, EMPTY_BYTES, assert, hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { CorruptionError } from "../../engine/contract/index.ts";
import { decodeValueBytes, encodeValue } from "../document/document-codec.ts";

/** Keys have at most 4,096 bytes, so a length has two at most. */
const LENGTH_MAX = 0x3fff;

const slab = new ByteSlab();
/** The last document's key, and what entries that cover nothing say of it: the same in each index. */
let lastKey: Bytes = EMPTY_BYTES;
let lastReference: Bytes = EMPTY_BYTES;

/** HOT: for each entry (bench/micro/collections.ts). The bytes of neither the key nor the answer ever change. */
export function encodeIndexValue(
  documentKey: Bytes,
  include: readonly string[],
  document: Readonly<Record<string, unknown>>,
): Bytes {
  if (include.length > 0) return newIndexValue(documentKey, include, document);
  if (documentKey !== lastKey) {
    lastReference = newIndexValue(documentKey, include, document);
    lastKey = documentKey;
  }
  return lastReference;
}

function newIndexValue(
  documentKey: Bytes,
  include: readonly string[],
  document: Readonly<Record<string, unknown>>,
): Bytes {
  const length = documentKey.length;
  assert(length <= LENGTH_MAX, "a document's key has at most 4,096 bytes");
  const covered = include.length === 0 ? undefined : encodeValue(include.map((f) => document[f]));
  const keyStart = length < 0x80 ? 1 : 2;
  const value = slab.take(keyStart + length + (covered?.length ?? 0));
  if (keyStart === 1) value[0] = length;
  else {
    value[0] = (length & 0x7f) | 0x80;
    value[1] = length >> 7;
  }
  value.set(documentKey, keyStart);
  if (covered !== undefined) value.set(covered, keyStart + length);
  return value;
}

/** Where in a buffer a reference stands. */
export interface ReferencePlace {
  readonly start: number;
  readonly end: number;
}

/** The place of the document's key in the entry value at bytes[start, end). */
export function referenceIn(bytes: Bytes, start: number, end: number): ReferencePlace {
  const first = bytes[start];
  const second = bytes[start + 1];
  if (start < end && first !== undefined && second !== undefined) {
    const keyStart = first < 0x80 ? start + 1 : start + 2;
    const length = first < 0x80 ? first : (first & 0x7f) | (second << 7);
    if (length > 0 && length <= LENGTH_MAX && keyStart + length <= end) {
      return { start: keyStart, end: keyStart + length };
    }
  }
  throw new CorruptionError({
    file: "entry of an index",
    offset: start,
    expected: "the length of a document's key, and the key",
    found: hex(bytes.subarray(start, end), 32),
  });
}

/** The covered fields of the entry value at bytes[start, end), in the order of `include`. */
export function coveredIn(
  bytes: Bytes,
  start: number,
  end: number,
  include: readonly string[],
): readonly unknown[] {
  const reference = referenceIn(bytes, start, end);
  if (include.length === 0) return [];
  const values = decodeValueBytes(bytes, reference.end, end, "entry of an index");
  if (Array.isArray(values) && values.length === include.length) return values;
  throw new CorruptionError({
    file: "entry of an index",
    offset: start,
    expected: `${include.length} covered fields`,
    found: hex(bytes.subarray(start, end), 32),
  });
}
