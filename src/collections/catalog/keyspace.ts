/**
 * Where what is stored: the first bytes of every key of a database.
 *
 *   00 00                 the mark of an unfinished copy (engine/contract/unfinished-copy.ts)
 *   00 63 name            the catalog row of a collection ('c'; the name in UTF-8)
 *   00 6e                 how many numbers were given to collections ('n')
 *   00 74 token           a commit that may have to be asked about ('t'; transaction/once/commit-token.ts)
 *   N 00 documentKey      a document of the collection with the number N
 *   N 01 I                a structure of the codec: the field names of record number I
 *   N 02 K …              an entry of the index number K
 *   N 03                  what the newest commit says of itself to feeds, where the engine keeps a log
 *   N 04 P documentKey    a pass over the documents has done all up to this one (build/positions.ts); P is its number
 *
 * N, I, K and P are order-preserving varints, the first byte telling the length, the rest big-endian:
 *
 *   0xxxxxxx                            0 to 127
 *   10xxxxxx xxxxxxxx                   to 16,383
 *   110xxxxx xxxxxxxx xxxxxxxx          to 2,097,151
 *   1110xxxx xxxxxxxx xxxxxxxx xxxxxxxx to 268,435,455
 *
 * N, K and P begin at 1, so the system's rows under 00 are apart from every collection.
 *
 * Always true:
 * (1) No prefix is the beginning of another one, so every range of keys belongs to one owner.
 * (2) Numbers are never given again after their owner is gone.
 *
 * Worked example: the documents of collection 1 stand under `01 00`, index 3 of collection 200 under `80 c8 02 03`.
 */
import { assert } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";

const SYSTEM = 0x00;
const SYSTEM_CATALOG = 0x63;
const SYSTEM_COLLECTION_COUNT = 0x6e;
const SPACE_DOCUMENTS = 0x00;
const SPACE_STRUCTURES = 0x01;
const SPACE_INDEXES = 0x02;
const SPACE_NOTE = 0x03;
const SPACE_PASSES = 0x04;
const ORDERED_NUMBER_MAX = 0xfff_ffff;

const utf8 = new TextEncoder();

/** Holds the number of collections that were ever made, as an ordered varint. */
export const COLLECTION_COUNT_KEY: Bytes = Uint8Array.of(SYSTEM, SYSTEM_COLLECTION_COUNT);

export function catalogKey(collection: string): Bytes {
  return Uint8Array.of(SYSTEM, SYSTEM_CATALOG, ...utf8.encode(collection));
}

export function documentsPrefix(collection: number): Bytes {
  return Uint8Array.of(...orderedNumber(collection), SPACE_DOCUMENTS);
}

export function structuresPrefix(collection: number): Bytes {
  return Uint8Array.of(...orderedNumber(collection), SPACE_STRUCTURES);
}

export function structureKey(collection: number, structure: number): Bytes {
  return Uint8Array.of(...structuresPrefix(collection), ...orderedNumber(structure));
}

/** Of the entries of all indexes. */
export function indexesPrefix(collection: number): Bytes {
  return Uint8Array.of(...orderedNumber(collection), SPACE_INDEXES);
}

export function indexPrefix(collection: number, index: number): Bytes {
  assert(index >= 1, "index numbers begin at 1");
  return Uint8Array.of(...indexesPrefix(collection), ...orderedNumber(index));
}

export function noteKey(collection: number): Bytes {
  return Uint8Array.of(...orderedNumber(collection), SPACE_NOTE);
}

/** Of the positions of all passes. */
export function passesPrefix(collection: number): Bytes {
  return Uint8Array.of(...orderedNumber(collection), SPACE_PASSES);
}

export function passPrefix(collection: number, pass: number): Bytes {
  assert(pass >= 1, "numbers of passes begin at 1");
  return Uint8Array.of(...passesPrefix(collection), ...orderedNumber(pass));
}

/** A number whose bytes order as the numbers do, none of them the beginning of another. */
export function orderedNumber(value: number): readonly number[] {
  assert(
    Number.isInteger(value) && value >= 0 && value <= ORDERED_NUMBER_MAX,
    "an ordered number is an integer of at most 28 bits",
  );
  if (value < 0x80) return [value];
  if (value < 0x4000) return [0x80 | (value >> 8), value & 0xff];
  if (value < 0x20_0000) return [0xc0 | (value >> 16), (value >> 8) & 0xff, value & 0xff];
  return [0xe0 | (value >> 24), (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff];
}

/** Reads what orderedNumber wrote; undefined if the bytes are something else. */
export function readOrderedNumber(bytes: Bytes): number | undefined {
  const first = bytes[0];
  if (first === undefined || first >= 0xf0) return undefined;
  const length = first < 0x80 ? 1 : first < 0xc0 ? 2 : first < 0xe0 ? 3 : 4;
  if (bytes.length !== length) return undefined;
  let value = first & (length === 1 ? 0x7f : length === 2 ? 0x3f : length === 3 ? 0x1f : 0x0f);
  for (let i = 1; i < length; i++) value = value * 256 + bytes[i]!;
  return orderedNumber(value).length === length ? value : undefined;
}
