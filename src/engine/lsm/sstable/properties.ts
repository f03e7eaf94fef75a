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
 *   60      6     dense data blocks: half of their entries are deletes, or a hundred
 *   66      6     payload bytes of the data blocks, before compression
 *   72      6     the same as they are stored
 *   78      6     data blocks that are stored compressed
 *   84      6     payload bytes of the index, both levels
 *   90      6     payload bytes of the filter, pieces included
 *   96      6     payload bytes of the range deletes
 *   102     6     when the table was finished, in milliseconds since 1970 by the wall clock
 *   108     1     the codec that its writer was to use for data blocks (compression/block-codec.ts)
 *   109     1     1: the table reaches the end of the keyspace and has no largest key; else 0
 *   110     …     varint length and bytes of the smallest key, then of the largest key, if there is one
 */
import { copyBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { VARINT_BYTES_MAX, readU48, readVarint, writeU48, writeVarint } from "../codec/index.ts";
import { codecOf, compressionOf } from "./compression/block-codec.ts";
import type { Compression } from "./compression/block-codec.ts";

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
  readonly denseBlocks: number;
  readonly dataRawBytes: number;
  readonly dataBytes: number;
  readonly compressedBlocks: number;
  readonly indexBytes: number;
  readonly filterBytes: number;
  readonly rangeDeleteBytes: number;
  readonly writtenAtMillis: number;
  readonly compression: Compression;
  readonly smallestKey: Bytes;
  readonly largestKey: Bytes | undefined;
}

/** A data block is dense with so many deletes, or when they are half of its entries. */
const DENSE_DELETES = 100;

export function isDense(deletes: number, entries: number): boolean {
  return deletes >= DENSE_DELETES || (deletes > 0 && deletes * 2 >= entries);
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
  "denseBlocks",
  "dataRawBytes",
  "dataBytes",
  "compressedBlocks",
  "indexBytes",
  "filterBytes",
  "rangeDeleteBytes",
  "writtenAtMillis",
] as const;
const CODEC_AT = 108;
const FLAGS_AT = 109;
const KEYS_AT = 110;

/** The payload, with `room` bytes after it, and its length. */
export function encodeProperties(
  properties: TableProperties,
  room: number,
): { readonly bytes: Bytes; readonly length: number } {
  const { smallestKey, largestKey } = properties;
  const keyBytes = smallestKey.length + (largestKey?.length ?? 0);
  const bytes = new Uint8Array(KEYS_AT + 2 * VARINT_BYTES_MAX + keyBytes + room);
  for (const [i, name] of numberNames.entries()) writeU48(bytes, 6 * i, properties[name]);
  bytes[CODEC_AT] = codecOf(properties.compression);
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
  const compression = compressionOf(bytes[CODEC_AT]!);
  if (compression === undefined) return `codec ${bytes[CODEC_AT]!}`;
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
    denseBlocks: number("denseBlocks"),
    dataRawBytes: number("dataRawBytes"),
    dataBytes: number("dataBytes"),
    compressedBlocks: number("compressedBlocks"),
    indexBytes: number("indexBytes"),
    filterBytes: number("filterBytes"),
    rangeDeleteBytes: number("rangeDeleteBytes"),
    writtenAtMillis: number("writtenAtMillis"),
    compression,
    smallestKey: keys[0]!,
    largestKey: keys[1],
  };
}
