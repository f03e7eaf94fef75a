/**
 * The range deletes of a table, as they were given, sorted by start and then by sequence, largest first:
 *
 *   offset  size  what
 *   0       4     number of range deletes, u32
 *   4       …     for each: kind u8 (3 = [start, end), 4 = from start to the end of the keyspace), sequence u48,
 *                 varint length of start, varint length of end (0 for kind 4), start, end
 *
 * Worked example: delete ["a", "c") of sequence 9:
 *   01 00 00 00  03  09 00 00 00 00 00  01  01  61  63
 */
import { compareBytes, copyBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import {
  KIND_DELETE_RANGE,
  KIND_DELETE_TO_END,
  VARINT_BYTES_MAX,
  readU32,
  readU48,
  readVarint,
  writeU32,
  writeU48,
  writeVarint,
} from "../codec/index.ts";
import type { RangeDelete } from "../cursor/index.ts";

const COUNT_BYTES = 4;
/** Kind and sequence. */
const FIXED_BYTES = 7;

/** The payload, with `room` bytes after it, and its length. */
export function encodeRangeDeletes(
  deletes: readonly RangeDelete[],
  room: number,
): { readonly bytes: Bytes; readonly length: number } {
  const sorted = deletes.toSorted(
    (a, b) => compareBytes(a.start, b.start) || b.sequence - a.sequence,
  );
  let size = COUNT_BYTES;
  for (const { start, end } of sorted) {
    size += FIXED_BYTES + 2 * VARINT_BYTES_MAX + start.length + (end?.length ?? 0);
  }
  const bytes = new Uint8Array(size + room);
  writeU32(bytes, 0, sorted.length);
  let at = COUNT_BYTES;
  for (const { start, end, sequence } of sorted) {
    bytes[at] = end === undefined ? KIND_DELETE_TO_END : KIND_DELETE_RANGE;
    writeU48(bytes, at + 1, sequence);
    at = writeVarint(bytes, at + FIXED_BYTES, start.length);
    at = writeVarint(bytes, at, end?.length ?? 0);
    bytes.set(start, at);
    at += start.length;
    if (end !== undefined) bytes.set(end, at);
    at += end?.length ?? 0;
  }
  return { bytes, length: at };
}

/** The range deletes of bytes[0, length), or in words why these bytes hold none. */
export function decodeRangeDeletes(bytes: Bytes, length: number): readonly RangeDelete[] | string {
  if (length < COUNT_BYTES) return "no count";
  const count = readU32(bytes, 0);
  const deletes: RangeDelete[] = [];
  const after = { at: COUNT_BYTES };
  for (let i = 0; i < count; i++) {
    const { at } = after;
    if (at + FIXED_BYTES > length) return `${count} range deletes in ${length} bytes`;
    const kind = bytes[at]!;
    if (kind !== KIND_DELETE_RANGE && kind !== KIND_DELETE_TO_END) return `kind ${kind}`;
    const sequence = readU48(bytes, at + 1);
    const startLength = readVarint(bytes, at + FIXED_BYTES, length, after);
    if (startLength < 0) return "a length that is no varint";
    const endLength = readVarint(bytes, after.at, length, after);
    if (endLength < 0) return "a length that is no varint";
    const keyStart = after.at;
    const keyEnd = keyStart + startLength + endLength;
    if (keyEnd > length) return "a key that ends after the block";
    if (kind === KIND_DELETE_TO_END && endLength > 0) return "an end where there is none";
    const start = copyBytes(bytes, keyStart, keyStart + startLength);
    const end =
      kind === KIND_DELETE_TO_END ? undefined : copyBytes(bytes, keyStart + startLength, keyEnd);
    deletes.push({ start, end, sequence });
    after.at = keyEnd;
  }
  return after.at === length ? deletes : "bytes after the last range delete";
}
