/**
 * The rows of a load that go to the server together, as COPY takes them (its binary format). All numbers big-endian:
 *
 *   offset  size  what
 *   0       11    50 47 43 4f 50 59 0a ff 0d 0a 00: PGCOPY, and bytes that a transfer as text would change
 *   11      4     flags: 0
 *   15      4     bytes of what else the head has: 0
 *   19      …     each row: the number of its columns (2): 2; each column: its length (4), its bytes
 *   end     2     ff ff
 *
 * Example: the row of 61 and nothing is
 * 50 47 43 4f 50 59 0a ff 0d 0a 00 00000000 00000000 0002 00000001 61 00000000 ffff.
 *
 * Always true:
 * (1) What is in it is a copy: the caller may use its bytes for something else.
 * (2) It is given out in the order of keys, each key once: of equal ones the row that came last.
 * (3) It holds no more than its bytes and ROWS_MAX, or one single row.
 */
import { compareByteRanges } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import type { WriteOp } from "../../contract/index.ts";

/** As long as one round trip takes less than the server's work on so much, more of it is no quicker. */
const BYTES_MAX: number = 4 << 20;
/** Of small rows: each costs the server about as much as 200 bytes. */
const ROWS_MAX = 20_000;
const BYTES_FIRST = 64 * 1_024;
/** A message of the protocol. */
const CHUNK_BYTES = 256 * 1_024;

/** Behind these come flags and the length of what else there is: zeros. */
const SIGNATURE = [0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0];
const HEAD: Bytes = new Uint8Array(SIGNATURE.length + 8);
HEAD.set(SIGNATURE);
const TAIL: Bytes = Uint8Array.of(0xff, 0xff);
const COLUMNS = 2;
/** In a row, where its key's length stands, and where its key. */
const LENGTH_OFFSET = 2;
const KEY_OFFSET = 6;
/** Beside the bytes of key and value: how many columns, and two lengths. */
const ROW_BYTES = 10;

type Row = readonly [key: Bytes, value: Bytes];

export class LoadPiece {
  #buffer: Bytes = new Uint8Array(BYTES_FIRST);
  #view: DataView = new DataView(this.#buffer.buffer);
  #end = 0;
  /** Where the rows begin, in the order in which they came. */
  readonly #starts: number[] = [];
  /** Each key is above the one before. */
  #rises = true;
  readonly #bytesMax: number;

  constructor(bytesMax: number = BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  get isEmpty(): boolean {
    return this.#starts.length === 0;
  }

  /** There is room for one more, or nothing is there yet. */
  hasRoomFor(key: Bytes, value: Bytes): boolean {
    const rows = this.#starts.length;
    const end = this.#end + ROW_BYTES + key.length + value.length;
    return rows === 0 || (rows < ROWS_MAX && end <= this.#bytesMax);
  }

  /** Once for each row that is loaded, so it makes no objects. */
  add(key: Bytes, value: Bytes): void {
    const start = this.#end;
    const length = ROW_BYTES + key.length + value.length;
    this.#reserve(start + length);
    writeRow(this.#buffer, this.#view, start, key, value);
    if (this.#rises && start > 0)
      this.#rises = this.#compareKeys(this.#starts[this.#starts.length - 1]!, start) < 0;
    this.#starts.push(start);
    this.#end = start + length;
  }

  /** What COPY takes: these rows and one more, in pieces that are messages. */
  copied(more: Row): readonly Bytes[] {
    const rows = this.#ordered();
    const [key, value] = more;
    const row = new Uint8Array(ROW_BYTES + key.length + value.length);
    writeRow(row, new DataView(row.buffer), 0, key, value);
    const chunks: Bytes[] = [HEAD];
    for (let at = 0; at < rows.length; at += CHUNK_BYTES)
      chunks.push(rows.subarray(at, at + CHUNK_BYTES));
    chunks.push(row, TAIL);
    return chunks;
  }

  /** The same rows, to be put; their bytes lie in this piece. */
  puts(): readonly WriteOp[] {
    return this.#order().map((start) => {
      const keyEnd = start + KEY_OFFSET + this.#view.getInt32(start + LENGTH_OFFSET);
      return {
        op: "put",
        key: this.#buffer.subarray(start + KEY_OFFSET, keyEnd),
        value: this.#buffer.subarray(keyEnd + 4, this.#endOf(start)),
      };
    });
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(bytes, 2 * this.#buffer.length));
    larger.set(this.#buffer.subarray(0, this.#end));
    this.#buffer = larger;
    this.#view = new DataView(larger.buffer);
  }

  #ordered(): Bytes {
    if (this.#rises) return this.#buffer.subarray(0, this.#end);
    const order = this.#order();
    let bytes = 0;
    for (const start of order) bytes += this.#endOf(start) - start;
    const rows = new Uint8Array(bytes);
    let at = 0;
    for (const start of order) {
      const row = this.#buffer.subarray(start, this.#endOf(start));
      rows.set(row, at);
      at += row.length;
    }
    return rows;
  }

  /** Where the rows begin, in the order of their keys; of equal keys the one that came last. */
  #order(): readonly number[] {
    if (this.#rises) return this.#starts;
    const sorted = this.#starts.toSorted((a, b) => this.#compareKeys(a, b) || a - b);
    return sorted.filter((start, i) => {
      const next = sorted[i + 1];
      return next === undefined || this.#compareKeys(start, next) !== 0;
    });
  }

  #endOf(start: number): number {
    const keyEnd = start + KEY_OFFSET + this.#view.getInt32(start + LENGTH_OFFSET);
    return keyEnd + 4 + this.#view.getInt32(keyEnd);
  }

  #compareKeys(left: number, right: number): number {
    const [leftKey, rightKey] = [left + KEY_OFFSET, right + KEY_OFFSET];
    const leftEnd = leftKey + this.#view.getInt32(left + LENGTH_OFFSET);
    const rightEnd = rightKey + this.#view.getInt32(right + LENGTH_OFFSET);
    return compareByteRanges(this.#buffer, leftKey, leftEnd, this.#buffer, rightKey, rightEnd);
  }
}

function writeRow(buffer: Bytes, view: DataView, start: number, key: Bytes, value: Bytes): void {
  const keyEnd = start + KEY_OFFSET + key.length;
  view.setInt16(start, COLUMNS);
  view.setInt32(start + LENGTH_OFFSET, key.length);
  buffer.set(key, start + KEY_OFFSET);
  view.setInt32(keyEnd, value.length);
  buffer.set(value, keyEnd + 4);
}
