// Checksums and numbers
export { crc32, crc32Portable } from "./crc32.ts";
export {
  U16_MAX,
  U48_MAX,
  readF64,
  readU16,
  readU32,
  readU48,
  writeF64,
  writeU16,
  writeU32,
  writeU48,
} from "./fixed-int.ts";
export { VARINT_BYTES_MAX, readVarint, varintLength, writeVarint } from "./varint.ts";
export type { VarintEnd } from "./varint.ts";
// Entries
export {
  KIND_DELETE,
  KIND_DELETE_RANGE,
  KIND_DELETE_TO_END,
  KIND_PUT,
  entryKindName,
  isEntryKind,
} from "./entry-kind.ts";
export type { Entry, PointKind } from "./entry-kind.ts";
// Names
export {
  manifestName,
  markerName,
  parseFileName,
  parseMarkerName,
  pathIn,
  spareName,
  tableName,
  walName,
} from "./file-name.ts";
export type { FileKind } from "./file-name.ts";
// What logs and manifests share
export {
  FILE_HEADER_BYTES,
  FORMAT_VERSION,
  STORE_ID_BYTES,
  decodeFileHeader,
  encodeFileHeader,
} from "./file-header.ts";
export type { FileHeader } from "./file-header.ts";
export { RECORD_FRAME_BYTES, isSealedRecord, sealRecord } from "./record.ts";
