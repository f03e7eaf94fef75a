/**
 * What a table says about itself, for people, checks and repair.
 *
 *   offset  size  what (all numbers u48 unless said otherwise)
 *   0       6     point entries, deletes included
 *   6       6     point deletes
 *   12      6     range deletes
 *   18      6     distinct user keys among the entries
 *   24      6     data blocks
 *   30      6     index partitions
 *   36      6     bytes of all keys of the entries
 *   42      6     bytes of all values
 *   48      6     smallest sequence, range deletes included
 *   54      6     largest sequence, range deletes included
 *   60      1     1: the table reaches the end of the keyspace and has no largest key; else 0
 *   61      …     varint length and bytes of the smallest key, then of the largest key, if there is one
 */
import { copyBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { VARINT_BYTES_MAX, readU48, readVarint, writeU48, writeVarint } from "../codec/index.ts";

export interface TableProperties {
  readonly entries: number;
  readonly tombstones: number;
  readonly rangeDeletes: number;
  readonly keys: number;
  readonly dataBlocks: number;
  readonly indexPartitions: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly smallestSequence: number;
  readonly largestSequence: number;
  readonly smallestKey: Bytes;
  readonly largestKey: Bytes | undefined;
}

const numberNames = [
  "entries",
  "tombstones",
  "rangeDeletes",
  "keys",
  "dataBlocks",
  "indexPartitions",
  "keyBytes",
  "valueBytes",
  "smallestSequence",
  "largestSequence",
] as const;
const FLAGS_AT = 60;
const KEYS_AT = 61;

/** The payload, with `room` bytes after it, and its length. */
export function encodeProperties(
  properties: TableProperties,
  room: number,
): { readonly bytes: Bytes; readonly length: number } {
  const { smallestKey, largestKey } = properties;
  const keyBytes = smallestKey.length + (largestKey?.length ?? 0);
  const bytes = new Uint8Array(KEYS_AT + 2 * VARINT_BYTES_MAX + keyBytes + room);
  for (const [i, name] of numberNames.entries()) writeU48(bytes, 6 * i, properties[name]);
  bytes[FLAGS_AT] = largestKey === undefined ? 1 : 0;
  let at = KEYS_AT;
  for (const key of largestKey === undefined ? [smallestKey] : [smallestKey, largestKey]) {
    at = writeVarint(bytes, at, key.length);
    bytes.set(key, at);
    at += key.length;
  }
  return { bytes, length: at };
}

/** The properties in bytes[0, length), or in words why these bytes are none. */
export function decodeProperties(bytes: Bytes, length: number): TableProperties | string {
  if (length < KEYS_AT) return `${length} bytes`;
  const flags = bytes[FLAGS_AT]!;
  if (flags > 1) return `flags ${flags}`;
  const after = { at: KEYS_AT };
  const keys: Bytes[] = [];
  for (let i = flags; i < 2; i++) {
    const keyLength = readVarint(bytes, after.at, length, after);
    if (keyLength < 0 || after.at + keyLength > length) return "a key that ends after the block";
    keys.push(copyBytes(bytes, after.at, after.at + keyLength));
    after.at += keyLength;
  }
  if (after.at !== length) return "bytes after the last key";
  const number = (name: (typeof numberNames)[number]): number =>
    readU48(bytes, 6 * numberNames.indexOf(name));
  return {
    entries: number("entries"),
    tombstones: number("tombstones"),
    rangeDeletes: number("rangeDeletes"),
    keys: number("keys"),
    dataBlocks: number("dataBlocks"),
    indexPartitions: number("indexPartitions"),
    keyBytes: number("keyBytes"),
    valueBytes: number("valueBytes"),
    smallestSequence: number("smallestSequence"),
    largestSequence: number("largestSequence"),
    smallestKey: keys[0]!,
    largestKey: keys[1],
  };
}
