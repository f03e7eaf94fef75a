/**
 * The last bytes of a table: from here all else is found. All numbers are little-endian.
 *
 *   offset  size  what
 *   0       14    handle of the top index; length 0: the table has no point entries
 *   14      14    handle of the filter
 *   28      14    handle of the range deletes
 *   42      14    handle of the properties
 *   56      6     file number, u48
 *   62      16    store id
 *   78      2     footer size, u16: 94
 *   80      2     format version, u16: 2
 *   82      4     crc u32: CRC-32 of footer[0, 82), continued from the seed of a block of the same place (block-frame.ts)
 *   86      8     magic: "kotobSST"
 *
 * A later version may have a longer footer. The file number at 56 and the last 16 bytes keep their place and meaning,
 * and the checksum its rule, so that a newer table is told from a damaged one.
 */
import { copyBytes, equalBytes, hex } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { CorruptionError, StorageError } from "../../contract/index.ts";
import { crc32, readU16, readU32, readU48, writeU16, writeU32, writeU48 } from "../codec/index.ts";
import type { FileHandle } from "../host/index.ts";
import { HANDLE_BYTES, blockSeed, hexU32, readHandle, writeHandle } from "./block/block-frame.ts";
import type { BlockHandle } from "./block/block-frame.ts";

const TABLE_FORMAT_VERSION = 2;
export const FOOTER_BYTES = 94;
const STORE_ID_BYTES = 16;
const FIXED_TAIL_BYTES = 16;
const MAGIC: Bytes = Uint8Array.from("kotobSST", (letter) => letter.charCodeAt(0));

const FILE_NUMBER_AT = 4 * HANDLE_BYTES;
const STORE_ID_AT = FILE_NUMBER_AT + 6;
const SIZE_AT = STORE_ID_AT + STORE_ID_BYTES;
const VERSION_AT = SIZE_AT + 2;
const CRC_AT = VERSION_AT + 2;
const MAGIC_AT = CRC_AT + 4;

export interface Footer {
  readonly topIndex: BlockHandle;
  readonly filter: BlockHandle;
  readonly rangeDeletes: BlockHandle;
  readonly properties: BlockHandle;
  readonly fileNumber: number;
  readonly storeId: Bytes;
}

/** The footer's bytes, as they lie at `offset` of the file. */
export function encodeFooter(footer: Footer, offset: number): Bytes {
  const bytes = new Uint8Array(FOOTER_BYTES);
  writeHandle(bytes, 0, footer.topIndex);
  writeHandle(bytes, HANDLE_BYTES, footer.filter);
  writeHandle(bytes, 2 * HANDLE_BYTES, footer.rangeDeletes);
  writeHandle(bytes, 3 * HANDLE_BYTES, footer.properties);
  writeU48(bytes, FILE_NUMBER_AT, footer.fileNumber);
  bytes.set(footer.storeId, STORE_ID_AT);
  writeU16(bytes, SIZE_AT, FOOTER_BYTES);
  writeU16(bytes, VERSION_AT, TABLE_FORMAT_VERSION);
  const seed = blockSeed(footer.fileNumber, offset, FOOTER_BYTES);
  writeU32(bytes, CRC_AT, crc32(bytes, 0, CRC_AT, seed));
  bytes.set(MAGIC, MAGIC_AT);
  return bytes;
}

/** Reads and checks the footer of a file of `fileBytes`. Whether it is the right table is for the caller to see. */
export function readFooter(file: FileHandle, fileBytes: number): Footer {
  const damaged = (offset: number, expected: string, found: string): CorruptionError =>
    new CorruptionError({ file: file.path, offset, expected, found });
  if (fileBytes < FOOTER_BYTES) {
    throw damaged(fileBytes, `at least ${FOOTER_BYTES} bytes`, `${fileBytes} bytes`);
  }
  const tailAt = fileBytes - FIXED_TAIL_BYTES;
  const tail = readExactly(file, tailAt, FIXED_TAIL_BYTES);
  const magic = tail.subarray(8);
  if (!equalBytes(magic, MAGIC)) {
    throw damaged(tailAt + 8, `magic ${hex(MAGIC)}`, `magic ${hex(magic)}`);
  }
  const size = readU16(tail, 0);
  if (size < FOOTER_BYTES || size > fileBytes) {
    throw damaged(tailAt, `a footer of ${FOOTER_BYTES} bytes`, `${size} bytes`);
  }
  const offset = fileBytes - size;
  const bytes = readExactly(file, offset, size);
  const fileNumber = readU48(bytes, FILE_NUMBER_AT);
  const stored = readU32(tail, 4);
  const crc = crc32(bytes, 0, size - 12, blockSeed(fileNumber, offset, size));
  if (crc !== stored)
    throw damaged(offset, `checksum ${hexU32(stored)}`, `checksum ${hexU32(crc)}`);
  const version = readU16(tail, 2);
  if (version > TABLE_FORMAT_VERSION) {
    throw new StorageError("FormatTooNew", { file: file.path, version });
  }
  if (version > 0 && version < TABLE_FORMAT_VERSION) {
    throw new StorageError("FormatTooOld", { file: file.path, version });
  }
  if (version !== TABLE_FORMAT_VERSION || size !== FOOTER_BYTES) {
    const expected = `format version ${TABLE_FORMAT_VERSION}`;
    throw damaged(tailAt, expected, `version ${version}, footer of ${size} bytes`);
  }
  return {
    topIndex: readHandle(bytes, 0),
    filter: readHandle(bytes, HANDLE_BYTES),
    rangeDeletes: readHandle(bytes, 2 * HANDLE_BYTES),
    properties: readHandle(bytes, 3 * HANDLE_BYTES),
    fileNumber,
    storeId: copyBytes(bytes, STORE_ID_AT, STORE_ID_AT + STORE_ID_BYTES),
  };
}

function readExactly(file: FileHandle, offset: number, length: number): Bytes {
  const bytes = new Uint8Array(length);
  const found = file.read(bytes, 0, length, offset);
  if (found === length) return bytes;
  const expected = `${length} bytes`;
  throw new CorruptionError({ file: file.path, offset, expected, found: `${found} bytes` });
}
