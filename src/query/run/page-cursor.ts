/**
 * Page cursors: a place between two rows of a query as an opaque text, in the letters of base64url.
 *
 *   offset  size  what
 *        0     1  version, 01
 *        1     8  fingerprint of the query (two 32-bit hashes, big-endian)
 *        9     1  which side of the row: 01 before, 02 after; plus 10 where the place is a key, not values
 *       10     n  the place
 *     10+n     4  hash of everything before, big-endian
 *
 * Worked example: fingerprint 01 02 03 04 05 06 07 08, after the row with the order value 36 and the id "ada", is
 * 01 0102030405060708 02 30 c042000000000000 50 616461 00 88f1a7cc: `AQECAwQFBgcIAjDAQgAAAAAAAFBhZGEAiPGnzA`.
 *
 * A place in an order is the row's order values as index parts (collections/key), then its id as a part. A place in a
 * scan is the number of the branch as a part, then the bytes of the key behind what all keys of the scan share.
 *
 * Always true:
 * (1) A cursor guards against mistakes, not against attackers: it can only ever move inside of the caller's own query.
 * (2) What does not read back exactly is InvalidCursor.
 */
import { concatBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { KeyReader, KeyWriter } from "../../collections/index.ts";
import type { Scalar } from "../../collections/index.ts";
import { InvalidCursor } from "../query-error.ts";
import type { Place } from "./sort-rows.ts";

export type Side = "before" | "after";

/** Between two rows: right before or right after one of them, which may be gone by now. */
export type PagePosition =
  | { readonly kind: "order"; readonly side: Side; readonly place: Place }
  | { readonly kind: "scan"; readonly side: Side; readonly branch: number; readonly key: Bytes };

const VERSION = 0x01;
const SIDE = { before: 0x01, after: 0x02 } as const;
const SCAN_PLACE = 0x10;
const HEAD_BYTES = 10;
const HASH_BYTES = 4;

const utf8 = new TextEncoder();

/** Two independent hashes of a query's text. */
export function fingerprintOf(text: string): Bytes {
  const bytes = utf8.encode(text);
  return concatBytes(hash(bytes, 0x811c_9dc5), hash(bytes, 0x9747_b28c));
}

export function encodeCursor(fingerprint: Bytes, position: PagePosition): string {
  const isScan = position.kind === "scan";
  const head = Uint8Array.of(
    VERSION,
    ...fingerprint,
    SIDE[position.side] + (isScan ? SCAN_PLACE : 0),
  );
  const writer = new KeyWriter(head);
  if (isScan) writer.value(position.branch).raw(position.key);
  else {
    for (const value of position.place.values) writer.value(value);
    writer.value(position.place.id);
  }
  const body = writer.finish();
  return Buffer.from(concatBytes(body, hash(body, 0))).toString("base64url");
}

/** @throws InvalidCursor if it is damaged or was made by a query of another fingerprint. */
export function decodeCursor(
  collection: string,
  fingerprint: Bytes,
  cursor: unknown,
  orderFields: number,
): PagePosition {
  const refuse = (problem: string): never => {
    throw new InvalidCursor(collection, problem);
  };
  if (typeof cursor !== "string") return refuse("a cursor is a string");
  const bytes = new Uint8Array(Buffer.from(cursor, "base64url"));
  const end = bytes.length - HASH_BYTES;
  if (Buffer.from(bytes).toString("base64url") !== cursor || end < HEAD_BYTES)
    return refuse("it is damaged");
  const body = bytes.subarray(0, end);
  if (hash(body, 0).some((byte, i) => byte !== bytes[end + i])) return refuse("it is damaged");
  if (body[0] !== VERSION) return refuse("it was made by another version");
  if (fingerprint.some((byte, i) => byte !== body[1 + i]))
    return refuse("it belongs to another query");
  try {
    return readPosition(body, orderFields) ?? refuse("it is damaged");
  } catch {
    return refuse("it is damaged");
  }
}

function readPosition(body: Bytes, orderFields: number): PagePosition | undefined {
  const flags = body[HEAD_BYTES - 1]!;
  const code = flags & ~SCAN_PLACE;
  const side = code === SIDE.before ? "before" : code === SIDE.after ? "after" : undefined;
  if (side === undefined) return undefined;
  const reader = new KeyReader(body, HEAD_BYTES);
  if ((flags & SCAN_PLACE) !== 0) {
    const branch = reader.value();
    if (typeof branch !== "number") return undefined;
    return { kind: "scan", side, branch, key: body.slice(reader.at) };
  }
  const values: Scalar[] = [];
  for (let i = 0; i < orderFields; i++) values.push(reader.value());
  const id = reader.value();
  if (typeof id !== "string" || reader.at !== body.length) return undefined;
  return { kind: "order", side, place: { values, id } };
}

/** FNV-1a, then mixed so that the last bytes reach all bits. */
function hash(bytes: Bytes, seed: number): Bytes {
  let state = seed ^ bytes.length;
  for (let i = 0; i < bytes.length; i++) state = Math.imul(state ^ bytes[i]!, 0x0100_0193);
  state = Math.imul(state ^ (state >>> 16), 0x85eb_ca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2_ae35);
  state ^= state >>> 16;
  return Uint8Array.of(state >>> 24, state >>> 16, state >>> 8, state);
}
