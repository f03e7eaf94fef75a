/**
 * A document's id as bytes, two forms behind a tag:
 *
 *   offset size what
 *   0      1    10: a ULID            11: a string of the caller's own
 *   1      16   its 128 bits          1 to 256 bytes of UTF-8, to the end of the key
 *
 * Always true:
 * (1) Ids and keys stand for each other one to one: a ULID in its canonical spelling (26 capitals of Crockford's
 *     alphabet, the first at most 7) always has the form 10, every other string the form 11.
 * (2) The order of keys is the order of ids: ULIDs by time, then the callers' own strings by code point.
 *
 * Worked example: "01ARZ3NDEKTSV4RRFFQ69G5FAV" is 10 01563e3ab5d3d6764c61efb99302bd5b, "ada" is 11 616461.
 */
import { concatBytes, hex } from "../../base/index.ts";
import type { ByteSlab, Bytes } from "../../base/index.ts";
import { CorruptionError } from "../../engine/contract/index.ts";
import type { KeyRange } from "../../engine/contract/index.ts";
import { isWellFormed } from "../key/value-order.ts";

const TAG_ULID = 0x10;
const TAG_STRING = 0x11;
const ULID_TAG: Bytes = Uint8Array.of(TAG_ULID);
const STRING_TAG: Bytes = Uint8Array.of(TAG_STRING);
/** The longest id of a caller's own, in bytes: an id stands in the key of every index entry. */
const ID_BYTES_MAX = 256;
const ULID_CHARACTERS = 26;
const ULID_BYTES = 16;
const ULID_KEY_BYTES = 1 + ULID_BYTES;

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** The value of each character by its code; 255 where the alphabet lacks it. */
const VALUE_OF = new Uint8Array(128).fill(255);
for (let value = 0; value < ALPHABET.length; value++) VALUE_OF[ALPHABET.charCodeAt(value)] = value;
/** All pairs of characters: ten bits at a time. */
const PAIRS: readonly string[] = Array.from(
  { length: 1024 },
  (_, bits) => ALPHABET[bits >> 5]! + ALPHABET[bits & 31]!,
);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What is wrong with an id as a text for a ValidationError; undefined if it can be an id. */
export function idProblem(id: unknown): string | undefined {
  if (typeof id !== "string") {
    const found = id === null ? "null" : typeof id === "number" ? `the number ${id}` : typeof id;
    return `an id is a string; found ${found}`;
  }
  if (id === "") return "an id is not empty";
  if (!isWellFormed(id)) return "an id has no lone surrogates";
  // A UTF-16 unit takes at most three bytes, so only long strings must be measured.
  if (id.length * 3 > ID_BYTES_MAX && encoder.encode(id).length > ID_BYTES_MAX) {
    return `an id has at most ${ID_BYTES_MAX} bytes`;
  }
  return undefined;
}

/**
 * The key of a document: `prefix`, then the id as bytes. The id must be one that idProblem() accepts. `slab`: for a key of
 * no long life.
 */
export function documentKey(prefix: Bytes, id: string, slab?: ByteSlab): Bytes {
  if (isUlid(id)) {
    const length = prefix.length + ULID_KEY_BYTES;
    const key = slab === undefined ? new Uint8Array(length) : slab.take(length);
    for (let i = 0; i < prefix.length; i++) key[i] = prefix[i]!;
    key[prefix.length] = TAG_ULID;
    writeUlid(key, prefix.length + 1, id);
    return key;
  }
  const text = encoder.encode(id);
  const key = new Uint8Array(prefix.length + 1 + text.length);
  key.set(prefix);
  key[prefix.length] = TAG_STRING;
  key.set(text, prefix.length + 1);
  return key;
}

/** All keys of ULIDs behind `prefix`. */
export function ulidRange(prefix: Bytes): KeyRange {
  return { start: concatBytes(prefix, ULID_TAG), end: concatBytes(prefix, STRING_TAG) };
}

/**
 * The id at bytes[start, end), which begin with the tag.
 * HOT: once for each document of a scan (bench/micro/collections.ts).
 */
export function idOf(bytes: Bytes, start: number, end: number): string {
  const tag = bytes[start];
  if (tag === TAG_ULID && end - start === ULID_KEY_BYTES) return readUlid(bytes, start + 1);
  if (tag === TAG_STRING && end - start > 1 && end - start <= 1 + ID_BYTES_MAX) {
    try {
      return decoder.decode(bytes.subarray(start + 1, end));
    } catch {
      // Falls through to the error that shows the bytes.
    }
  }
  throw new CorruptionError({
    file: "key of a document",
    offset: start,
    expected: "10 and 16 bytes, or 11 and UTF-8",
    found: hex(bytes.subarray(start, end)),
  });
}

/** Is the id a ULID in its canonical spelling? HOT: once for each get (bench/micro/collections.ts). */
export function isUlid(id: string): boolean {
  if (id.length !== ULID_CHARACTERS || id.charCodeAt(0) > 0x37) return false;
  for (let i = 0; i < ULID_CHARACTERS; i++) {
    const code = id.charCodeAt(i);
    if (code > 127 || VALUE_OF[code] === 255) return false;
  }
  return true;
}

/** 26 characters of 5 bits each are 130 bits: the two uppermost are zero. */
function writeUlid(target: Bytes, at: number, id: string): void {
  let bits = VALUE_OF[id.charCodeAt(0)]!;
  let count = 3;
  for (let i = 1; i < ULID_CHARACTERS; i++) {
    bits = (bits << 5) | VALUE_OF[id.charCodeAt(i)]!;
    count += 5;
    if (count >= 8) {
      count -= 8;
      target[at++] = bits >> count;
      bits &= (1 << count) - 1;
    }
  }
}

/** Pairs of characters, 82 ns; 26 bytes through a Buffer took 94 ns, 16 bytes through BigInt far longer. */
function readUlid(source: Bytes, at: number): string {
  let id = "";
  let bits = 0;
  let count = 2;
  for (let i = 0; i < ULID_BYTES; i++) {
    bits = (bits << 8) | source[at + i]!;
    count += 8;
    if (count >= 10) {
      count -= 10;
      id += PAIRS[bits >> count]!;
      bits &= (1 << count) - 1;
    }
  }
  return id;
}
