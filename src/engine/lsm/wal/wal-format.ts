/**
 * The bytes of a write-ahead log: a file header (codec/file-header.ts, magic "KOTOBAWL"), then records
 * (codec/record.ts) without gaps, one for each commit, in the order of their sequences. Behind the last record the file
 * holds anything: zeros, where room was made ahead of the records, or what a file held that was used before.
 *
 *   offset  size  what (all little-endian)
 *        0     8  frame: length of the body, CRC-32
 *        8     1  type: 1 commit, 2 close mark
 *        9     4  the file's identity, as in its header: tells at a glance what cannot be a record of this log
 *       13     6  syncedUpTo: all bytes of the file before this offset were durable when the record was made
 *       19     6  sequence of the commit; in a close mark the last one of the log, 0 if it has none
 *       25     4  count of ops; 0 in a close mark
 *       29        ops, in the order of the commit; in a close mark 6 bytes: when it was made, in milliseconds since 1970
 *
 *   Each op:
 *     kind u8 (1 put, 2 delete, 3 delete range, 4 delete to end) | key length varint | value length varint | key | value
 *
 * Worked example, op: put "k" = "v" is 01 01 01 6B 76.
 *
 * A body is valid if and only if
 * (1) type, identity, syncedUpTo, sequence and count are all there, the identity is that of the file, syncedUpTo is from
 *     40 to the record's own offset, and the sequence of a commit is at least 1, less than 2^45 and greater than that of
 *     the commit before;
 * (2) a commit has one op or more, and exactly `count` of them fill the body;
 * (3) each op's kind is known, its lengths are varints in their shortest form, and only kinds 1 and 3 have a value;
 * (4) a close mark has a time and no ops, repeats the last sequence, has its own offset as syncedUpTo, and is the last
 *     record of the log.
 */
import type { Bytes } from "../../../base/index.ts";
import {
  KIND_DELETE_RANGE,
  KIND_PUT,
  RECORD_FRAME_BYTES,
  entryKindName,
  isEntryKind,
  readU32,
  readU48,
  readVarint,
  varintLength,
  writeU32,
  writeU48,
  writeVarint,
} from "../codec/index.ts";
import type { Entry, VarintEnd } from "../codec/index.ts";

/** One op of a commit, as storage knows it. */
export type WalOp = Entry;

export const WAL_MAGIC = "KOTOBAWL";
export const TYPE_COMMIT = 1;
export const TYPE_CLOSE = 2;
/** Offset of the ops: frame, type, identity, syncedUpTo, sequence, count. */
export const RECORD_HEAD_BYTES = 29;
/** Of the identity in a record. */
export const IDENTITY_AT = 9;
/** A close mark is a head and a time. */
export const CLOSE_BYTES: number = RECORD_HEAD_BYTES + 6;
/** The smallest op: kind, two lengths, an empty key and value. */
const OP_BYTES_MIN = 3;
/** Far above the largest commit that the engine takes (256 MiB), as small keys and their lengths can triple it. */
export const RECORD_BYTES_MAX: number = 2 ** 30;
/** Sequences fit into a double together with an entry's kind. */
export const SEQUENCE_MAX: number = 2 ** 45 - 1;

export interface RecordHead {
  readonly type: number;
  readonly identity: number;
  readonly syncedUpTo: number;
  readonly sequence: number;
  readonly count: number;
}

export function writeRecordHead(bytes: Bytes, at: number, head: RecordHead): void {
  bytes[at + 8] = head.type;
  writeU32(bytes, at + IDENTITY_AT, head.identity);
  writeU48(bytes, at + 13, head.syncedUpTo);
  writeU48(bytes, at + 19, head.sequence);
  writeU32(bytes, at + 25, head.count);
}

export function readRecordHead(bytes: Bytes, at: number): RecordHead {
  return {
    type: bytes[at + 8]!,
    identity: readU32(bytes, at + IDENTITY_AT),
    syncedUpTo: readU48(bytes, at + 13),
    sequence: readU48(bytes, at + 19),
    count: readU32(bytes, at + 25),
  };
}

/** When a close mark at bytes[at] was made. */
export function closedAtMillis(bytes: Bytes, at: number): number {
  return readU48(bytes, at + RECORD_HEAD_BYTES);
}

/** HOT: bench/micro/lsm-engine. */
export function opBytes(op: WalOp): number {
  const keyLength = op.key.length;
  const valueLength = op.value.length;
  return 1 + varintLength(keyLength) + varintLength(valueLength) + keyLength + valueLength;
}

/** Writes the op at `at`, where there is room for it, and returns the offset after it. HOT: bench/micro/lsm-engine. */
export function writeOp(bytes: Bytes, at: number, op: WalOp): number {
  const { key, value } = op;
  bytes[at] = op.kind;
  at = writeVarint(bytes, at + 1, key.length);
  at = writeVarint(bytes, at, value.length);
  copyInto(bytes, at, key);
  at += key.length;
  copyInto(bytes, at, value);
  return at + value.length;
}

/** Short byte strings by a loop: `set` costs more than the copy itself. */
function copyInto(target: Bytes, at: number, source: Bytes): void {
  if (source.length > 64) target.set(source, at);
  else for (let i = 0; i < source.length; i++) target[at + i] = source[i]!;
}

/** The ops in bytes[at, end), as views of it; or what is wrong with them, in words. */
export function readOps(
  bytes: Bytes,
  at: number,
  end: number,
  count: number,
): readonly WalOp[] | string {
  const ops: WalOp[] = [];
  const after: VarintEnd = { at };
  while (after.at < end && ops.length < count) {
    const kind = bytes[after.at]!;
    if (!isEntryKind(kind)) return `an op of ${entryKindName(kind)}`;
    const keyLength = readVarint(bytes, after.at + 1, end, after);
    if (keyLength < 0) return "a bad key length";
    const valueLength = readVarint(bytes, after.at, end, after);
    if (valueLength < 0) return "a bad value length";
    const valueStart = after.at + keyLength;
    if (valueStart + valueLength > end) return "an op that is longer than its record";
    if (valueLength > 0 && kind !== KIND_PUT && kind !== KIND_DELETE_RANGE) {
      return `a value in ${entryKindName(kind)}`;
    }
    const key = bytes.subarray(after.at, valueStart);
    const value = bytes.subarray(valueStart, valueStart + valueLength);
    ops.push({ kind, key, value });
    after.at = valueStart + valueLength;
  }
  if (ops.length < count) return `${ops.length} ops of ${count}`;
  return after.at === end ? ops : `${end - after.at} bytes after the last op`;
}

/**
 * Whether these fields can be those of a record at `offset`, `length` bytes long with its frame: what can be told before
 * its checksum is computed, so that an absurd length costs nothing.
 */
export function isPlausibleHead(head: RecordHead, offset: number, length: number): boolean {
  const { type, syncedUpTo, sequence, count } = head;
  if (syncedUpTo > offset || sequence > SEQUENCE_MAX) return false;
  const opsBytes = length - RECORD_HEAD_BYTES;
  if (type === TYPE_COMMIT) return count > 0 && sequence > 0 && opsBytes >= count * OP_BYTES_MIN;
  return type === TYPE_CLOSE && count === 0 && length === CLOSE_BYTES;
}

/** The length of the whole record at bytes[at], as it claims. */
export function claimedLength(bytes: Bytes, at: number): number {
  return RECORD_FRAME_BYTES + readU32(bytes, at);
}
