/**
 * The first bytes of a log or a manifest: what kind of file, which one, and of which database.
 *
 *   offset  size  what (all little-endian)
 *        0     8  magic, ASCII: the kind of file
 *        8     4  format version, from 1
 *       12     6  file number, as in its name
 *       18    16  store id: random bytes of the database
 *       34     2  zero
 *       36     4  CRC-32 of bytes 0 to 35: the file's identity
 *
 * The identity seeds the checksum of every record behind it (see record.ts), so that a record of another file, another
 * database or a former use of the same disk blocks is never taken for one of this file.
 * The layout of these 40 bytes is the same in all format versions; only what follows may differ.
 */
import { copyBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { crc32 } from "./crc32.ts";
import { readU32, readU48, writeU32, writeU48 } from "./fixed-int.ts";

export const FILE_HEADER_BYTES = 40;
export const STORE_ID_BYTES = 16;
/** The one format version of logs and manifests that this code reads and writes. */
export const FORMAT_VERSION = 2;

export interface FileHeader {
  readonly formatVersion: number;
  readonly fileNumber: number;
  readonly storeId: Bytes;
  readonly identity: number;
}

/** The header as it stands in the file. `magic` has eight ASCII characters. */
export function encodeFileHeader(magic: string, fileNumber: number, storeId: Bytes): Bytes {
  const bytes = new Uint8Array(FILE_HEADER_BYTES);
  for (let i = 0; i < 8; i++) bytes[i] = magic.charCodeAt(i);
  writeU32(bytes, 8, FORMAT_VERSION);
  writeU48(bytes, 12, fileNumber);
  bytes.set(storeId, 18);
  writeU32(bytes, 36, crc32(bytes, 0, 36, 0));
  return bytes;
}

/** The header, or undefined if these bytes are none of this kind: too few, other magic, or damaged. */
export function decodeFileHeader(bytes: Bytes, magic: string): FileHeader | undefined {
  if (bytes.length < FILE_HEADER_BYTES) return undefined;
  for (let i = 0; i < 8; i++) if (bytes[i] !== magic.charCodeAt(i)) return undefined;
  const identity = readU32(bytes, 36);
  if (crc32(bytes, 0, 36, 0) !== identity) return undefined;
  return {
    formatVersion: readU32(bytes, 8),
    fileNumber: readU48(bytes, 12),
    storeId: copyBytes(bytes, 18, 34),
    identity,
  };
}
