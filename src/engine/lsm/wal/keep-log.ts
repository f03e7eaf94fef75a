/**
 * Logs that are kept after their commits are in tables: what span of commits one holds, and reading it piece by piece.
 *
 * Always true: a log that is kept is closed and ends with its close mark, so that its last bytes say what it holds. One
 * that a crash left open is closed here: its commits are written once more over themselves and synced, since what reads
 * show after a crash need not be on the disk.
 */
import { equalBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import {
  FILE_HEADER_BYTES,
  encodeFileHeader,
  pathIn,
  readU32,
  sealRecord,
  walName,
  writeU48,
} from "../codec/index.ts";
import type { FileHandle, Host } from "../host/index.ts";
import {
  CLOSE_BYTES,
  RECORD_HEAD_BYTES,
  TYPE_CLOSE,
  WAL_MAGIC,
  writeRecordHead,
} from "./wal-format.ts";
import type { WalOp } from "./wal-format.ts";
import { readWal } from "./wal-reader.ts";
import { WalScan } from "./wal-scan.ts";

const PIECE_BYTES: number = 1024 * 1024;

/** The commits of a closed log, and the size of its file. */
export interface LogSpan {
  readonly logNumber: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly closedAtMillis: number;
  readonly fileBytes: number;
}

/**
 * Makes a log of a former run one that can be kept, durably; undefined if it holds no commit. Reads a few bytes where the
 * log ends with its close mark, else all of it. Throws CorruptionError.
 */
export function keepLog(
  host: Host,
  directory: string,
  logNumber: number,
  storeId: Bytes,
): LogSpan | undefined {
  const path = pathIn(directory, walName(logNumber));
  const header = encodeFileHeader(WAL_MAGIC, logNumber, storeId);
  const file = host.files.open(path, "write");
  try {
    const known = spanAtEnd(file, logNumber, header);
    if (known !== undefined) return known;
    let firstSequence = 0;
    const end = readWal(host, path, { logNumber, storeId, newest: true }, (sequence) => {
      firstSequence ||= sequence;
    });
    if (firstSequence === 0) return undefined;
    const { lastSequence, validBytes } = end;
    const closedAtMillis = end.closed ? end.closedAtMillis : host.clock.nowMillis();
    if (!end.closed) closeTorn(file, validBytes, lastSequence, closedAtMillis, readU32(header, 36));
    const fileBytes = validBytes + (end.closed ? 0 : CLOSE_BYTES);
    file.truncate(fileBytes);
    return { logNumber, firstSequence, lastSequence, closedAtMillis, fileBytes };
  } finally {
    file.close();
  }
}

function spanAtEnd(file: FileHandle, logNumber: number, header: Bytes): LogSpan | undefined {
  const found = new Uint8Array(FILE_HEADER_BYTES);
  file.read(found, 0, found.length, 0);
  if (!equalBytes(found, header)) return undefined;
  const scan = new WalScan(file, readU32(header, 36));
  const at = scan.size - CLOSE_BYTES;
  if (at <= FILE_HEADER_BYTES) return undefined;
  const mark = scan.recordAt(at);
  if ("found" in mark || mark.head.type !== TYPE_CLOSE) return undefined;
  const closedAtMillis = scan.closedAtMillisOf(mark);
  const lastSequence = mark.head.sequence;
  const first = scan.recordAt(FILE_HEADER_BYTES);
  if ("found" in first) return undefined;
  const firstSequence = first.head.sequence;
  return { logNumber, firstSequence, lastSequence, closedAtMillis, fileBytes: scan.size };
}

function closeTorn(
  file: FileHandle,
  validBytes: number,
  sequence: number,
  millis: number,
  identity: number,
): void {
  const piece = new Uint8Array(Math.min(PIECE_BYTES, validBytes));
  for (let at = 0; at < validBytes;) {
    const bytes = file.read(piece, 0, Math.min(piece.length, validBytes - at), at);
    file.write(piece, 0, bytes, at);
    at += bytes;
  }
  file.syncNow();
  const mark = new Uint8Array(CLOSE_BYTES);
  writeRecordHead(mark, 0, {
    type: TYPE_CLOSE,
    identity,
    syncedUpTo: validBytes,
    sequence,
    count: 0,
  });
  writeU48(mark, RECORD_HEAD_BYTES, millis);
  sealRecord(mark, 0, CLOSE_BYTES, identity, validBytes);
  file.write(mark, 0, mark.length, validBytes);
  file.syncNow();
}

export interface LogPiece {
  /** Where to go on. */
  readonly offset: number;
  /** Of the last commit that was looked at; 0 if there was none. */
  readonly lastSequence: number;
}

/**
 * Hands the commits from `offset` on to `take`, up to sequence `upTo`, until it returns false or no record follows. The
 * ops' bytes hold during the call only. The log may be one that is being written.
 */
export function readLogPiece(
  place: { readonly host: Host; readonly directory: string; readonly storeId: Bytes },
  logNumber: number,
  offset: number,
  upTo: number,
  take: (sequence: number, ops: readonly WalOp[], recordBytes: number) => boolean,
): LogPiece {
  const { directory, host, storeId } = place;
  const file = host.files.open(pathIn(directory, walName(logNumber)), "read");
  try {
    const identity = readU32(encodeFileHeader(WAL_MAGIC, logNumber, storeId), 36);
    const scan = new WalScan(file, identity);
    let lastSequence = 0;
    for (;;) {
      const record = scan.recordAt(offset);
      if ("found" in record || record.head.type === TYPE_CLOSE) break;
      if (record.head.sequence > upTo) break;
      const ops = scan.opsOf(record);
      if (typeof ops === "string") break;
      lastSequence = record.head.sequence;
      offset = record.end;
      if (!take(lastSequence, ops, record.end - record.offset)) break;
    }
    return { offset, lastSequence };
  } finally {
    file.close();
  }
}
