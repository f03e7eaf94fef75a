/**
 * Replays a log, and tells a torn tail from damage.
 *
 * A power cut leaves the end of the newest log in any state: that is no damage, and was never acknowledged as durable.
 * Anything else that does not read back is damage and is refused, never skipped. At the first place `p` that holds no
 * valid record:
 * (1) If a whole record of this log lies behind `p` whose syncedUpTo is greater than `p`, then the bytes at `p` were
 *     durable once, and are damaged now.
 * (2) If the file ends with a close mark, even one that was made for another offset, everything before it was durable,
 *     and is damaged now, or bytes were cut out.
 * (3) Else, if this is the newest log, the tail is torn at `p`, and the log ends there.
 * (4) Else it is damage: an older log was closed before the next one took its first commit.
 * A log that is not the newest must end with its close mark, so cutting it between two records is seen too. A newest log
 * without a whole header and without any record is one whose creation was cut short.
 *
 * What this cannot see: damage in the newest log behind the last syncedUpTo that a whole record carries. Those are the
 * commits of the last sync, if no commit and no close followed it; rot there looks like a torn tail. The same is true of
 * a newest log that is cut off between such a place and its end, or emptied.
 */
import { equalBytes, hex } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { CorruptionError, StorageError } from "../../contract/index.ts";
import {
  FILE_HEADER_BYTES,
  FORMAT_VERSION,
  decodeFileHeader,
  encodeFileHeader,
  pathIn,
  readU32,
  walName,
} from "../codec/index.ts";
import type { FileHandle, Host } from "../host/index.ts";
import { TYPE_CLOSE, WAL_MAGIC } from "./wal-format.ts";
import type { WalOp } from "./wal-format.ts";
import { WalScan } from "./wal-scan.ts";
import type { BadRecord, WalRecord } from "./wal-scan.ts";

export interface ExpectedWal {
  readonly logNumber: number;
  readonly storeId: Bytes;
  /** No later log holds a record. Only such a log may end torn. */
  readonly newest: boolean;
}

/** Called for each commit, in the order of sequences. The ops' bytes hold during the call only. */
export type OnCommit = (sequence: number, ops: readonly WalOp[]) => void;

export interface WalEnd {
  /** torn: the file has bytes behind validBytes, or lacks its header; they are no part of the log. */
  readonly end: "clean" | "torn";
  /** Where the last whole record ends; 0 when the header is torn. */
  readonly validBytes: number;
  /** The log ends with its close mark: its writer ended in good order. */
  readonly closed: boolean;
  /** The last commit's sequence; 0 if there is none. */
  readonly lastSequence: number;
}

/**
 * Hands every commit of the log to `onCommit`. Throws CorruptionError on damage, when commits before the damaged place
 * have been handed over already; StorageError 'FormatTooNew' for a log of a newer version.
 */
export function readWal(
  host: Host,
  path: string,
  expected: ExpectedWal,
  onCommit: OnCommit,
): WalEnd {
  const file = host.files.open(path, "read");
  try {
    return replay(file, expected, onCommit);
  } finally {
    file.close();
  }
}

/**
 * Replays several logs as the one history that they are: numbers ascend, sequences ascend across them, and the newest is
 * the last one that holds a record. Gives what readWal gives for each.
 *
 * So before a new log takes its first commit, every log that is still needed must have been closed: after a crash the
 * torn log is first made needless (its commits flushed to a table, and the manifest's logNumber moved beyond it).
 */
export function readWals(
  host: Host,
  directory: string,
  logNumbers: readonly number[],
  storeId: Bytes,
  onCommit: OnCommit,
): readonly WalEnd[] {
  let newest = logNumbers.length - 1;
  // A crash between making a log and its first record leaves it empty, and the one before it is the newest still.
  while (
    newest > 0 &&
    !holdsRecord(host, pathOf(directory, logNumbers[newest]!), logNumbers[newest]!, storeId)
  ) {
    newest--;
  }
  let lastSequence = 0;
  return logNumbers.map((logNumber, i) => {
    const path = pathOf(directory, logNumber);
    const expected = { logNumber, storeId, newest: i >= newest };
    return readWal(host, path, expected, (sequence, ops) => {
      if (sequence <= lastSequence) {
        throw damaged(path, 0, `sequences above ${lastSequence} of the logs before`, `${sequence}`);
      }
      lastSequence = sequence;
      onCommit(sequence, ops);
    });
  });
}

function pathOf(directory: string, logNumber: number): string {
  return pathIn(directory, walName(logNumber));
}

function holdsRecord(host: Host, path: string, logNumber: number, storeId: Bytes): boolean {
  const file = host.files.open(path, "read");
  try {
    const identity = readU32(encodeFileHeader(WAL_MAGIC, logNumber, storeId), 36);
    return new WalScan(file, identity).witnessAgainst(-1) !== undefined;
  } finally {
    file.close();
  }
}

function replay(file: FileHandle, expected: ExpectedWal, onCommit: OnCommit): WalEnd {
  const identity = readU32(encodeFileHeader(WAL_MAGIC, expected.logNumber, expected.storeId), 36);
  const scan = new WalScan(file, identity);
  const badHeader = checkHeader(file, expected);
  if (badHeader !== undefined) {
    refuseUnlessTorn(file.path, scan, badHeader, "a log header", expected.newest);
    return { end: "torn", validBytes: 0, closed: false, lastSequence: 0 };
  }
  let offset = FILE_HEADER_BYTES;
  let lastSequence = 0;
  while (offset < scan.size) {
    const record = scan.recordAt(offset);
    if ("found" in record) {
      refuseUnlessTorn(file.path, scan, record, "a log record", expected.newest);
      return { end: "torn", validBytes: offset, closed: false, lastSequence };
    }
    checkOrder(file.path, record, lastSequence);
    if (record.head.type === TYPE_CLOSE) {
      checkClose(file.path, record, scan.size);
      return { end: "clean", validBytes: record.end, closed: true, lastSequence };
    }
    const ops = scan.opsOf(record);
    // The checksum is right, so this was written: a record that is no commit is never cut off as a torn tail.
    if (typeof ops === "string") throw damaged(file.path, offset, "the ops of a commit", ops);
    lastSequence = record.head.sequence;
    offset = record.end;
    onCommit(lastSequence, ops);
  }
  if (!expected.newest) {
    throw damaged(file.path, offset, "the close mark of a log that is not the newest", "the end");
  }
  return { end: "clean", validBytes: offset, closed: false, lastSequence };
}

/** undefined: the header is that of the expected log. A whole header of another log is refused at once. */
function checkHeader(file: FileHandle, expected: ExpectedWal): BadRecord | undefined {
  const bytes = new Uint8Array(FILE_HEADER_BYTES);
  const read = file.read(bytes, 0, FILE_HEADER_BYTES, 0);
  const header = decodeFileHeader(bytes.subarray(0, read), WAL_MAGIC);
  if (header === undefined) return { offset: 0, found: hex(bytes.subarray(0, read)) || "nothing" };
  if (header.formatVersion < FORMAT_VERSION) {
    const { formatVersion } = header;
    throw new StorageError("FormatTooOld", { file: file.path, formatVersion });
  }
  if (header.formatVersion > FORMAT_VERSION) {
    const { formatVersion } = header;
    throw new StorageError("FormatTooNew", { file: file.path, formatVersion });
  }
  if (header.fileNumber !== expected.logNumber) {
    throw damaged(file.path, 12, `log number ${expected.logNumber}`, `${header.fileNumber}`);
  }
  if (!equalBytes(header.storeId, expected.storeId)) {
    throw damaged(file.path, 18, `store id ${hex(expected.storeId)}`, hex(header.storeId));
  }
  return undefined;
}

function refuseUnlessTorn(
  path: string,
  scan: WalScan,
  bad: BadRecord,
  expected: string,
  newest: boolean,
): void {
  const witness = scan.witnessAgainst(bad.offset);
  if (witness !== undefined) {
    const why = `${expected}, durable as the record at ${witness.offset} says`;
    throw damaged(path, bad.offset, why, bad.found);
  }
  const mark = scan.closeMarkAtEnd();
  if (mark !== undefined) {
    const why = `${expected}, as the log was closed at ${mark.syncedUpTo}`;
    throw damaged(path, bad.offset, why, bad.found);
  }
  if (newest) return;
  throw damaged(path, bad.offset, `${expected}, as a newer log has records`, bad.found);
}

function checkOrder(path: string, record: WalRecord, lastSequence: number): void {
  const { sequence, syncedUpTo, type } = record.head;
  if (syncedUpTo < FILE_HEADER_BYTES) {
    throw damaged(path, record.offset, "syncedUpTo behind the header", `${syncedUpTo}`);
  }
  if (type === TYPE_CLOSE ? sequence === lastSequence : sequence > lastSequence) return;
  const relation = type === TYPE_CLOSE ? "of" : "above";
  throw damaged(path, record.offset, `a sequence ${relation} ${lastSequence}`, `${sequence}`);
}

function checkClose(path: string, record: WalRecord, size: number): void {
  if (record.head.syncedUpTo !== record.offset) {
    const found = `synced up to ${record.head.syncedUpTo}`;
    throw damaged(path, record.offset, "a close mark with all before it synced", found);
  }
  if (record.end === size) return;
  throw damaged(path, record.end, "the end of the log", `${size - record.end} bytes`);
}

function damaged(file: string, offset: number, expected: string, found: string): CorruptionError {
  return new CorruptionError({ file, offset, expected, found });
}
