/**
 * The rows of a load that wait in memory for their place in a sorted run.
 *
 * Rows lie in one buffer, key before value, in the order in which they came. Sorting moves no row: it orders their
 * numbers, by four bytes of the key at a time, packed with the number into one double, since the platform sorts doubles
 * ten times faster than it calls a comparison.
 *
 * Always true:
 * (1) What is in the buffer is a copy: the caller may reuse its bytes.
 * (2) Rows of one key stay in the order in which they came.
 * (3) It holds at most `bytesMax`, bookkeeping included, or one single row that is larger.
 */
import { assert, compareByteRanges } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";

/** Two ends, the row's number and its head. */
const ROW_BOOKKEEPING_BYTES = 24;
/** So many row numbers fit beside 32 bits of a key into the 53 bits of a double. */
const ROWS_MAX: number = 2 ** 21;
const HEAD_BYTES = 4;
/** Fewer rows than this are sorted by comparing them. */
const COMPARE_ROWS_MAX = 12;
const BYTES_FIRST = 64 * 1_024;
const ROWS_FIRST = 256;

export class RowBuffer {
  readonly #bytesMax: number;
  #bytes: Bytes = new Uint8Array(0);
  #used = 0;
  #rows = 0;
  /** Row i is bytes[valueEnds[i - 1], valueEnds[i]), its key ends at keyEnds[i]. */
  #keyEnds: Uint32Array = new Uint32Array(0);
  #valueEnds: Uint32Array = new Uint32Array(0);
  #order: Uint32Array = new Uint32Array(0);
  #isSorted = true;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get rows(): number {
    return this.#rows;
  }
  /** Every row so far came at or after the one before it. */
  get isSorted(): boolean {
    return this.#isSorted;
  }
  get bytes(): Bytes {
    return this.#bytes;
  }
  keyStart(row: number): number {
    return row === 0 ? 0 : this.#valueEnds[row - 1]!;
  }
  keyEnd(row: number): number {
    return this.#keyEnds[row]!;
  }
  valueEnd(row: number): number {
    return this.#valueEnds[row]!;
  }

  /** Whether a row of so many bytes still fits; into an empty buffer every row does. */
  hasRoomFor(rowBytes: number): boolean {
    if (this.#rows === 0) return true;
    if (this.#rows === ROWS_MAX) return false;
    const bookkeeping = (this.#rows + 1) * ROW_BOOKKEEPING_BYTES;
    return this.#used + rowBytes + bookkeeping <= this.#bytesMax;
  }

  /** HOT: bench/micro/bulk-load.ts. */
  add(key: Bytes, value: Bytes): void {
    const row = this.#rows;
    const start = this.#used;
    const keyEnd = start + key.length;
    const end = keyEnd + value.length;
    if (end > this.#bytes.length) this.#growBytes(end);
    if (row === this.#keyEnds.length) this.#growRows();
    this.#bytes.set(key, start);
    this.#bytes.set(value, keyEnd);
    this.#keyEnds[row] = keyEnd;
    this.#valueEnds[row] = end;
    this.#used = end;
    this.#rows++;
    if (this.#isSorted && row > 0) this.#isSorted = this.#compare(row - 1, row) <= 0;
  }

  /** The numbers of the rows in the order of their keys. It holds until the next add() or clear(). */
  sort(): Uint32Array {
    if (this.#order.length < this.#rows) this.#order = new Uint32Array(this.#keyEnds.length);
    const order = this.#order.subarray(0, this.#rows);
    for (let i = 0; i < order.length; i++) order[i] = i;
    if (!this.#isSorted) this.#sortRange(order, 0);
    return order;
  }

  clear(): void {
    this.#used = 0;
    this.#rows = 0;
    this.#isSorted = true;
    // One huge row is no reason to keep its room.
    if (this.#bytes.length > this.#bytesMax) this.#bytes = new Uint8Array(0);
  }

  /** Sorts rows whose keys are known to share `known` bytes. HOT: bench/micro/bulk-load.ts. */
  #sortRange(order: Uint32Array, known: number): void {
    if (order.length < 2) return;
    const shared = this.#sharedBytes(order, known);
    // Rows that a head could not tell apart and that share no more than before: one key is the other and zeros.
    const isStuck = known > 0 && shared < known;
    if (order.length <= COMPARE_ROWS_MAX || isStuck) {
      order.sort((a, b) => this.#compare(a, b) || a - b);
      return;
    }
    const heads = new Float64Array(order.length);
    for (let i = 0; i < order.length; i++) {
      heads[i] = this.#headOf(order[i]!, shared) * ROWS_MAX + order[i]!;
    }
    heads.sort();
    let from = 0;
    let headOfRun = -1;
    for (let i = 0; i < heads.length; i++) {
      const head = Math.floor(heads[i]! / ROWS_MAX);
      order[i] = heads[i]! - head * ROWS_MAX;
      if (head === headOfRun) continue;
      if (i - from > 1) this.#sortRange(order.subarray(from, i), shared + HEAD_BYTES);
      from = i;
      headOfRun = head;
    }
    if (order.length - from > 1) this.#sortRange(order.subarray(from), shared + HEAD_BYTES);
  }

  /** How many bytes all keys begin with; `known` is a guess that spares comparing so many of them, checked by length. */
  #sharedBytes(order: Uint32Array, known: number): number {
    const bytes = this.#bytes;
    const first = this.keyStart(order[0]!);
    let shared = this.#keyEnds[order[0]!]! - first;
    for (let i = 1; i < order.length; i++) {
      const start = this.keyStart(order[i]!);
      const most = Math.min(shared, this.#keyEnds[order[i]!]! - start);
      let at = Math.min(known, most);
      while (at < most && bytes[first + at] === bytes[start + at]) at++;
      shared = at;
    }
    return shared;
  }

  /** Four bytes of the key from `skip` on, as a number; zeros where it has ended. */
  #headOf(row: number, skip: number): number {
    const end = this.#keyEnds[row]!;
    const at = this.keyStart(row) + skip;
    let head = 0;
    for (let i = 0; i < HEAD_BYTES; i++)
      head = head * 256 + (at + i < end ? this.#bytes[at + i]! : 0);
    return head;
  }

  #compare(a: number, b: number): number {
    const bytes = this.#bytes;
    return compareByteRanges(
      bytes,
      this.keyStart(a),
      this.#keyEnds[a]!,
      bytes,
      this.keyStart(b),
      this.#keyEnds[b]!,
    );
  }

  #growBytes(needed: number): void {
    const doubled = Math.max(BYTES_FIRST, this.#bytes.length * 2);
    const grown = new Uint8Array(Math.max(needed, Math.min(doubled, this.#bytesMax)));
    grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
  }

  #growRows(): void {
    const rows = Math.min(ROWS_MAX, Math.max(ROWS_FIRST, this.#keyEnds.length * 2));
    assert(rows > this.#rows, "a buffer is emptied before it has more rows than can be numbered");
    const keyEnds = new Uint32Array(rows);
    const valueEnds = new Uint32Array(rows);
    keyEnds.set(this.#keyEnds);
    valueEnds.set(this.#valueEnds);
    this.#keyEnds = keyEnds;
    this.#valueEnds = valueEnds;
  }
}
