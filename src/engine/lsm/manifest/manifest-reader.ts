/**
 * Finds the manifest that rules a directory, and reads it.
 *
 * Every edit is durable before the next one is written. So bytes that are no record are the torn last edit, which was
 * never acknowledged, only if no whole record lies behind them; else they are damage, and refused. The first record was
 * durable before the marker named the file, so it is never torn.
 *
 * What this cannot see: damage in the very last edit when no edit and no close mark followed it looks like a torn edit.
 * The engine then finds files that the manifest does not know, or misses the log that it names.
 */
import { hex } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { CorruptionError, StorageError } from "../../contract/index.ts";
import {
  FILE_HEADER_BYTES,
  FORMAT_VERSION,
  RECORD_FRAME_BYTES,
  decodeFileHeader,
  isSealedRecord,
  manifestName,
  markerName,
  parseFileName,
  parseMarkerName,
  pathIn,
  readU32,
} from "../codec/index.ts";
import type { FileHeader } from "../codec/index.ts";
import type { Host } from "../host/index.ts";
import {
  DATABASE_FORMAT_OLDEST,
  MANIFEST_MAGIC,
  TYPE_CLOSE,
  TYPE_SNAPSHOT,
  decodeBody,
  isEndOfLogs,
} from "./manifest-format.ts";
import type { ManifestRecord } from "./manifest-format.ts";
import { ManifestTables } from "./manifest-tables.ts";
import type { ManifestState } from "./version-edit.ts";

/** Which manifest rules, and by which marker. */
export interface Marker {
  readonly name: string;
  readonly count: number;
  readonly manifestNumber: number;
}

/** The state that the directory's manifest describes; undefined if there is no database in it. */
export function readManifest(host: Host, directory: string): ManifestState | undefined {
  return readFormerRun(host, directory)?.state;
}

/** What the run before left behind. */
export interface FormerRun {
  readonly state: ManifestState;
  /** As far as flushes and loads have come: all commits above this one are in logs. */
  readonly tablesHold: number;
  /** Tables and logs together hold all commits up to this one, as the run said before it closed its log. */
  readonly end: number | undefined;
  /** It ended in good order. Else it may even be alive, in a place that the lock does not reach. */
  readonly isClosed: boolean;
}

export function readFormerRun(host: Host, directory: string): FormerRun | undefined {
  const marker = rulingMarker(host, directory);
  if (marker === undefined) {
    refuseFilesWithoutMarker(host, directory);
    return undefined;
  }
  const path = pathIn(directory, manifestName(marker.manifestNumber));
  if (!host.files.exists(path)) {
    throw new CorruptionError({
      file: path,
      offset: 0,
      expected: `the manifest that ${marker.name} names`,
      found: "no such file",
    });
  }
  return readManifestFile(path, readWhole(host, path), marker.manifestNumber);
}

/** The marker with the highest count. A crash while the marker moves leaves two, and the newer one is right. */
export function rulingMarker(host: Host, directory: string): Marker | undefined {
  let ruling: Marker | undefined;
  for (const name of host.files.list(directory)) {
    const marker = parseMarkerName(name);
    if (marker === undefined || marker.count < (ruling?.count ?? 0)) continue;
    if (marker.count === ruling?.count) {
      throw new CorruptionError({
        file: pathIn(directory, name),
        offset: 0,
        expected: `one marker with count ${marker.count}`,
        found: `also ${ruling.name}`,
      });
    }
    ruling = { name, ...marker };
  }
  return ruling;
}

/**
 * A crash while a database is made leaves at most a manifest without a marker, and an empty log. Anything more without a
 * marker is a database that lost it: to make a new one there would lose the old one's data.
 */
function refuseFilesWithoutMarker(host: Host, directory: string): void {
  for (const name of host.files.list(directory)) {
    const kind = parseFileName(name)?.kind;
    const path = pathIn(directory, name);
    const holdsData =
      kind === "table" || (kind === "wal" && host.files.size(path) > FILE_HEADER_BYTES);
    if (!holdsData) continue;
    throw new CorruptionError({
      file: pathIn(directory, markerName(1, 1)),
      offset: 0,
      expected: `a marker of this kind in a directory that holds ${name}`,
      found: "none",
    });
  }
}

function readManifestFile(path: string, bytes: Bytes, manifestNumber: number): FormerRun {
  const header = readHeader(path, bytes, manifestNumber);
  const state = new ManifestTables(header.storeId);
  let offset = FILE_HEADER_BYTES;
  let closed = false;
  let tablesHold = 0;
  let logsEnd: number | undefined;
  while (offset < bytes.length) {
    const end = recordEnd(bytes, offset, header.identity);
    if (end === undefined) {
      refuseUnlessTorn(path, bytes, offset, header.identity, closed);
      break;
    }
    const record = decodeBody(bytes.subarray(offset + RECORD_FRAME_BYTES, end));
    if (typeof record === "object" && record.type === "too-new") {
      throw new StorageError("FormatTooNew", { file: path, formatVersion: record.formatVersion });
    }
    const problem = problemOfRecord(state, record, offset, closed);
    if (problem !== undefined) throw damaged(path, offset, "a record that fits", problem);
    const { type, edit } = record as ManifestRecord;
    state.apply(edit);
    closed = type === TYPE_CLOSE;
    if (isEndOfLogs(edit)) logsEnd = edit.lastSequence;
    else if (!closed) {
      tablesHold = edit.lastSequence ?? tablesHold;
      logsEnd = undefined;
    }
    offset = end;
  }
  if (offset === FILE_HEADER_BYTES) throw damaged(path, offset, "a snapshot", "the end");
  const { formatVersion } = state.state;
  if (formatVersion < DATABASE_FORMAT_OLDEST) {
    throw new StorageError("FormatTooOld", { file: path, formatVersion });
  }
  return { state: state.state, tablesHold, end: logsEnd, isClosed: closed };
}

function problemOfRecord(
  state: ManifestTables,
  record: ManifestRecord | string,
  offset: number,
  closed: boolean,
): string | undefined {
  if (typeof record === "string") return record;
  if (closed) return "a record behind the close mark";
  const isFirst = offset === FILE_HEADER_BYTES;
  if (isFirst !== (record.type === TYPE_SNAPSHOT)) {
    return isFirst ? "no snapshot at the beginning" : "a snapshot behind the beginning";
  }
  return record.type === TYPE_CLOSE ? undefined : state.problemOf(record.edit);
}

function readHeader(path: string, bytes: Bytes, manifestNumber: number): FileHeader {
  const header = decodeFileHeader(bytes, MANIFEST_MAGIC);
  if (header === undefined) {
    const found = hex(bytes.subarray(0, FILE_HEADER_BYTES)) || "nothing";
    throw damaged(path, 0, "a manifest header", found);
  }
  if (header.formatVersion > FORMAT_VERSION) {
    throw new StorageError("FormatTooNew", { file: path, formatVersion: header.formatVersion });
  }
  if (header.formatVersion < FORMAT_VERSION) {
    throw new StorageError("FormatTooOld", { file: path, formatVersion: header.formatVersion });
  }
  if (header.fileNumber !== manifestNumber) {
    throw damaged(path, 12, `manifest number ${manifestNumber}`, `${header.fileNumber}`);
  }
  return header;
}

/** Where the whole record at `offset` ends; undefined if there is none. */
export function recordEnd(bytes: Bytes, offset: number, identity: number): number | undefined {
  if (offset + RECORD_FRAME_BYTES > bytes.length) return undefined;
  const length = readU32(bytes, offset);
  const end = offset + RECORD_FRAME_BYTES + length;
  if (length === 0 || end > bytes.length) return undefined;
  return isSealedRecord(bytes, offset, end, identity, offset) ? end : undefined;
}

/** Where a whole record begins behind the bad one; undefined if there is none. */
export function recordBehind(bytes: Bytes, bad: number, identity: number): number | undefined {
  for (let offset = bad + 1; offset + RECORD_FRAME_BYTES < bytes.length; offset++) {
    if (recordEnd(bytes, offset, identity) !== undefined) return offset;
  }
  return undefined;
}

function refuseUnlessTorn(
  path: string,
  bytes: Bytes,
  bad: number,
  identity: number,
  closed: boolean,
): void {
  const found = hex(bytes.subarray(bad, bad + 16));
  if (bad === FILE_HEADER_BYTES) throw damaged(path, bad, "a snapshot", found);
  if (closed) throw damaged(path, bad, "the end behind the close mark", found);
  const behind = recordBehind(bytes, bad, identity);
  if (behind === undefined) return;
  throw damaged(path, bad, `a record, as there is one behind it at ${behind}`, found);
}

export function readWhole(host: Host, path: string): Bytes {
  const file = host.files.open(path, "read");
  try {
    const bytes = new Uint8Array(file.size());
    const read = file.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, read);
  } finally {
    file.close();
  }
}

function damaged(file: string, offset: number, expected: string, found: string): CorruptionError {
  return new CorruptionError({ file, offset, expected, found });
}
