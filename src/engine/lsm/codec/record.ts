/**
 * The frame of one record of a log or a manifest.
 *
 *   offset  size    what (all little-endian)
 *        0     4    length of the body
 *        4     4    CRC-32 over: the file's identity, the record's offset in the file (6 bytes), the length, the body
 *        8  length  body; never empty
 *
 * "Over the identity" means that the checksum continues from it, as from the checksum of bytes before. With the offset
 * in it, a record that was written to the wrong place, or copied into a value, is not one. With the length in it, a
 * damaged length is seen before the bytes that it points at are believed.
 */
import type { Bytes } from "../../../base/index.ts";
import { crc32 } from "./crc32.ts";
import { readU32, writeU32, writeU48 } from "./fixed-int.ts";

export const RECORD_FRAME_BYTES = 8;

const place = new Uint8Array(10);

/** Completes the record in bytes[at, end), whose body is in place, for `offset` in the file of this identity. */
export function sealRecord(
  bytes: Bytes,
  at: number,
  end: number,
  identity: number,
  offset: number,
): void {
  writeU32(bytes, at, end - at - RECORD_FRAME_BYTES);
  writeU32(bytes, at + 4, recordCrc(bytes, at, end, identity, offset));
}

/** Whether bytes[at, end), cut to the length that the record claims, are the record that was sealed for this place. */
export function isSealedRecord(
  bytes: Bytes,
  at: number,
  end: number,
  identity: number,
  offset: number,
): boolean {
  return readU32(bytes, at + 4) === recordCrc(bytes, at, end, identity, offset);
}

function recordCrc(
  bytes: Bytes,
  at: number,
  end: number,
  identity: number,
  offset: number,
): number {
  writeU48(place, 0, offset);
  writeU32(place, 6, end - at - RECORD_FRAME_BYTES);
  return crc32(bytes, at + RECORD_FRAME_BYTES, end, crc32(place, 0, 10, identity));
}
