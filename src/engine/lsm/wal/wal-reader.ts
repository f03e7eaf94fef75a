/**
 * Replays a log, and tells its end from damage.
 *
 * A log's file has more bytes than the log: room made ahead, or the old content of a recycled file. A power cut leaves
 * what was written last in any state, which is no damage, as it was never acknowledged as durable. Anything else that
 * does not read back is damage and is refused, never skipped. At the first place `p` that holds no valid record:
 * (1) If a whole record of this log lies behind `p` whose syncedUpTo is greater than `p`, then the bytes at `p` were
 *     durable once, and are damaged now. A close mark behind `p` is such a record.
 * (2) If a close mark lies behind `p` that was made for another offset, bytes before it were cut out or put in.
 * (3) Else, if this is the newest log, it ends at `p`.
 * (4) Else it is damage: an older log was closed before the next one took its first commit.
 * A log that is not the newest must end with its close mark. The header is durable before the file gets the name of a
 * log, so it is never torn; a file with that name and without that header is damaged.
 *
 * Why old content is never taken for a record: the checksum of a record continues from the identity, which differs for
 * every log number below 2^32 of one database, and contains the offset. No number is given twice, also not after a
 * crash: a file holds records of log N only if its name N.log was durable before; from then on the counter is above N,
 * first because of the name, then because of the manifest, which is durable before the name goes.
 *
 * What this cannot see, where the database was not closed: damage in the newest log behind the last syncedUpTo that a
 * whole record carries. Those are the commits of the last sync, if no commit followed it; rot there looks like the end. The
 * same is true of a newest log that is cut off between such a place and its end, and of one that is missing while an
 * empty one, made ahead, stands behind it. After a close in good order all of that is seen, see ExpectedLogs.
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
  /** Damage is handed to it and skipped: what is read goes on behind. Absent: damage is thrown. */
  readonly skip?: (damage: CorruptionError) => void;
}

/** Called for each commit, in the order of sequences. The ops' bytes hold during the call only. */
export type OnCommit = (sequence: number, ops: readonly WalOp[]) => void;

export interface WalEnd {
  /** Where the last whole record ends; what is behind it is no part of the log. */
  readonly validBytes: number;
  /** The log ends with its close mark: its writer ended in good order. */
  readonly closed: boolean;
  /** When it was closed, in milliseconds since 1970; 0 if it was not. */
  readonly closedAtMillis: number;
  /** The last commit's sequence; 0 if there is none. */
  readonly lastSequence: number;
}

/**
 * Hands every commit of the log to `onCommit`. Throws CorruptionError on damage, when commits before the damaged place
 * have been handed over already; StorageError 'FormatTooNew' or 'FormatTooOld' for a log of another version.
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

/** What the manifest says that the logs hold, so that a log that is missing or cut short is not taken for the end. */
export interface ExpectedLogs {
  /** The oldest log that is needed: it was there before a manifest named it. */
  readonly oldest: number;
  /** As far as flushes and loads have come: a commit up to this one may be in a table, and one above it is in a log. */
  readonly tablesHold: number;
  /** Tables and logs together hold all commits up to this one, as their writer said when it ended; undefined: it did not. */
  readonly end: number | undefined;
  /** The manifest was closed. Without `end` it is that of a copy, which need not have logs, and nothing follows for them. */
  readonly isClosed: boolean;
}

/**
 * Replays several logs as the one history that they are: numbers ascend, sequences ascend across them, and the newest is
 * the last one that holds a record. Gives what readWal gives for each. With `promised` it also holds that history to what
 * the manifest says: no commit is missing between tables and logs, among the logs, and at the end of a closed database;
 * and the last log of one that was not closed is not closed either, for else a newer one was there.
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
  damage: DamagePolicy = { mode: "strict" },
  promised?: ExpectedLogs,
): readonly WalEnd[] {
  const isMissing = promised !== undefined && oldestIsMissing(promised, logNumbers);
  if (isMissing) {
    const found = "no such file";
    const error = damaged(pathOf(directory, promised.oldest), 0, "the oldest log needed", found);
    if (!isPassedOver(error, logNumbers, damage)) return [];
  }
  let newest = logNumbers.length - 1;
  // A crash between making a log and its first record leaves it empty, and the one before it is the newest still.
  while (
    newest > 0 &&
    !holdsRecord(host, pathOf(directory, logNumbers[newest]!), logNumbers[newest]!, storeId)
  ) {
    newest--;
  }
  let lastSequence = 0;
  const ends: WalEnd[] = [];
  for (const [i, logNumber] of logNumbers.entries()) {
    const path = pathOf(directory, logNumber);
    const expected = { logNumber, storeId, newest: i >= newest };
    const skip =
      damage.mode === "skip"
        ? (error: CorruptionError) => damage.lost(error, [logNumber])
        : undefined;
    const take: OnCommit = (sequence, ops) => {
      if (sequence <= lastSequence) {
        const error = damaged(path, 0, `sequences above ${lastSequence}`, `${sequence}`);
        if (skip === undefined) throw error;
        skip(error);
        return;
      }
      // Where damage is skipped, what it took is a gap already.
      const next = Math.max(lastSequence, promised?.tablesHold ?? sequence) + 1;
      if (skip === undefined && sequence > next) {
        throw damaged(path, FILE_HEADER_BYTES, `commit ${next}`, `${sequence} after a gap`);
      }
      lastSequence = sequence;
      onCommit(sequence, ops);
    };
    try {
      ends.push(readWal(host, path, skip === undefined ? expected : { ...expected, skip }, take));
    } catch (error) {
      if (damage.mode !== "stop" || !(error instanceof CorruptionError)) throw error;
      damage.lost(error, logNumbers.slice(i));
      return ends;
    }
  }
  if (promised !== undefined && !isMissing) {
    const found = { ends, newest: ends[newest], lastSequence };
    const error = problemOfEnd(directory, logNumbers, found, promised);
    if (error !== undefined) isPassedOver(error, logNumbers.slice(-1), damage);
  }
  return ends;
}

function oldestIsMissing(
  { end, isClosed, oldest }: ExpectedLogs,
  logNumbers: readonly number[],
): boolean {
  const isCopy = isClosed && end === undefined;
  return !isCopy && oldest > 0 && logNumbers[0] !== oldest;
}

/** Throws the damage, or tells of it; then true if reading goes on behind it. */
function isPassedOver(
  error: CorruptionError,
  logNumbers: readonly number[],
  damage: DamagePolicy,
): boolean {
  if (damage.mode === "strict") throw error;
  damage.lost(error, logNumbers);
  return damage.mode === "skip";
}

function problemOfEnd(
  directory: string,
  logNumbers: readonly number[],
  found: {
    readonly ends: readonly WalEnd[];
    /** Of the last log that holds a record; behind it there may be one that was made ahead. */
    readonly newest: WalEnd | undefined;
    readonly lastSequence: number;
  },
  { end, isClosed, oldest, tablesHold }: ExpectedLogs,
): CorruptionError | undefined {
  const { lastSequence, newest } = found;
  const last = found.ends.at(-1);
  const path = pathOf(directory, logNumbers.at(-1) ?? oldest);
  const at = last?.validBytes ?? 0;
  // More of them are those of a copy that went its own way.
  if (end !== undefined && Math.max(lastSequence, tablesHold) !== end) {
    return damaged(path, at, `commits up to ${end}, as the manifest says`, `up to ${lastSequence}`);
  }
  if (end !== undefined && isClosed && newest?.closed !== true) {
    return damaged(path, at, "a close mark, as the manifest was closed", "none");
  }
  if (end !== undefined || isClosed || last?.closed !== true) return undefined;
  return damaged(path, at, "a newer log, as this one was closed and the manifest was not", "none");
}

/**
 * What is done about damage. strict: it is thrown. stop: reading ends there, as if nothing had been written since. skip:
 * reading goes on behind it. `lost` hears of it, with the numbers of the logs that are not, or not wholly, taken over.
 */
export type DamagePolicy =
  | { readonly mode: "strict" }
  | {
      readonly mode: "stop" | "skip";
      readonly lost: (damage: CorruptionError, logNumbers: readonly number[]) => void;
    };

function pathOf(directory: string, logNumber: number): string {
  return pathIn(directory, walName(logNumber));
}

function holdsRecord(host: Host, path: string, logNumber: number, storeId: Bytes): boolean {
  const file = host.files.open(path, "read");
  try {
    return new WalScan(file, identityOf(logNumber, storeId)).holdsRecord();
  } finally {
    file.close();
  }
}

function identityOf(logNumber: number, storeId: Bytes): number {
  return readU32(encodeFileHeader(WAL_MAGIC, logNumber, storeId), 36);
}

function replay(file: FileHandle, expected: ExpectedWal, onCommit: OnCommit): WalEnd {
  attempt(expected, () => checkHeader(file, expected));
  const scan = new WalScan(file, identityOf(expected.logNumber, expected.storeId));
  let offset = FILE_HEADER_BYTES;
  let lastSequence = 0;
  for (;;) {
    const record = scan.recordAt(offset);
    if ("found" in record) {
      const isEnd = attempt(expected, () =>
        refuseUnlessEnd(file.path, scan, record, expected.newest),
      );
      // A read that went wrong once, without a word, must not cost what it should have shown.
      scan.forget();
      if (!("found" in scan.recordAt(offset))) continue;
      // Behind the torn end there may be whole records that were never durable either: with them there would be a hole.
      const next = isEnd ? undefined : scan.recordAfter(offset);
      if (next === undefined) {
        return { validBytes: offset, closed: false, closedAtMillis: 0, lastSequence };
      }
      offset = next.offset;
      continue;
    }
    if (!attempt(expected, () => checkOrder(file.path, record, lastSequence))) {
      offset = record.end;
      continue;
    }
    if (record.head.type === TYPE_CLOSE) {
      attempt(expected, () => checkClose(file.path, record));
      const closedAtMillis = scan.closedAtMillisOf(record);
      return { validBytes: record.end, closed: true, closedAtMillis, lastSequence };
    }
    const ops = scan.opsOf(record);
    // The checksum is right, so this was written: a record that is no commit is never cut off as a torn tail.
    if (typeof ops === "string") {
      attempt(expected, () => {
        throw damaged(file.path, record.offset, "the ops of a commit", ops);
      });
      offset = record.end;
      continue;
    }
    lastSequence = record.head.sequence;
    offset = record.end;
    onCommit(lastSequence, ops);
  }
}

/** Runs a check; false if it found damage and damage is to be skipped. */
function attempt({ skip }: ExpectedWal, check: () => void): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (skip === undefined || !(error instanceof CorruptionError)) throw error;
    skip(error);
    return false;
  }
}

function checkHeader(file: FileHandle, expected: ExpectedWal): void {
  const bytes = new Uint8Array(FILE_HEADER_BYTES);
  const read = file.read(bytes, 0, FILE_HEADER_BYTES, 0);
  const header = decodeFileHeader(bytes.subarray(0, read), WAL_MAGIC);
  if (header === undefined) {
    throw damaged(file.path, 0, "a log header", hex(bytes.subarray(0, read)) || "nothing");
  }
  const { formatVersion } = header;
  if (formatVersion !== FORMAT_VERSION) {
    const code = formatVersion > FORMAT_VERSION ? "FormatTooNew" : "FormatTooOld";
    throw new StorageError(code, { file: file.path, formatVersion });
  }
  if (header.fileNumber !== expected.logNumber) {
    throw damaged(file.path, 12, `log number ${expected.logNumber}`, `${header.fileNumber}`);
  }
  if (!equalBytes(header.storeId, expected.storeId)) {
    throw damaged(file.path, 18, `store id ${hex(expected.storeId)}`, hex(header.storeId));
  }
}

function refuseUnlessEnd(path: string, scan: WalScan, bad: BadRecord, newest: boolean): void {
  const witness = scan.witnessAgainst(bad.offset);
  if (witness !== undefined) {
    const { head, isInPlace, offset } = witness;
    const why = isInPlace
      ? `durable as the record at ${offset} says`
      : `as the log was closed at ${head.syncedUpTo}`;
    throw damaged(path, bad.offset, `a log record, ${why}`, bad.found);
  }
  if (newest) return;
  const expected = "a log record or the close mark, as a newer log has records";
  throw damaged(path, bad.offset, expected, bad.found);
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

function checkClose(path: string, record: WalRecord): void {
  if (record.head.syncedUpTo === record.offset) return;
  const found = `synced up to ${record.head.syncedUpTo}`;
  throw damaged(path, record.offset, "a close mark with all before it synced", found);
}

function damaged(file: string, offset: number, expected: string, found: string): CorruptionError {
  return new CorruptionError({ file, offset, expected, found });
}
