/**
 * Fills the one buffer of a page, row by row. Shared by engines and by the merge of a transaction's own writes.
 * HOT: bench/lsm-storage. No object per row; arrays double when they are full.
 */
import { EMPTY_BYTES } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { Page } from "./storage-engine.ts";

const NO_OFFSETS = new Int32Array(0);
/**
 * The runtime keeps a typed array of 64 bytes in its own heap; memory outside of it costs 140 ns a piece, so there all
 * offsets of a page are one piece. Not shared by pages: a page belongs to its caller, who may write or transfer it.
 */
const ROWS_IN_HEAP_MAX = 16;

/** A page without rows that ends a scan. */
export const EMPTY_DONE_PAGE: Page = {
  rows: 0,
  buffer: EMPTY_BYTES,
  keyStart: NO_OFFSETS,
  keyEnd: NO_OFFSETS,
  valueStart: NO_OFFSETS,
  valueEnd: NO_OFFSETS,
  done: true,
};

export class PageBuilder {
  readonly #keysOnly: boolean;
  #buffer: Bytes;
  #used = 0;
  #rows = 0;
  #keyStart: Int32Array;
  #keyEnd: Int32Array;
  #valueStart: Int32Array;
  #valueEnd: Int32Array;

  constructor(options: {
    readonly keysOnly: boolean;
    readonly rows: number;
    readonly bytes: number;
  }) {
    this.#keysOnly = options.keysOnly;
    this.#buffer = new Uint8Array(options.bytes);
    const { rows } = options;
    if (rows <= ROWS_IN_HEAP_MAX) {
      this.#keyStart = new Int32Array(rows);
      this.#keyEnd = new Int32Array(rows);
      this.#valueStart = options.keysOnly ? NO_OFFSETS : new Int32Array(rows);
      this.#valueEnd = options.keysOnly ? NO_OFFSETS : new Int32Array(rows);
      return;
    }
    const offsets = new ArrayBuffer(4 * rows * (options.keysOnly ? 2 : 4));
    this.#keyStart = new Int32Array(offsets, 0, rows);
    this.#keyEnd = new Int32Array(offsets, 4 * rows, rows);
    this.#valueStart = options.keysOnly ? NO_OFFSETS : new Int32Array(offsets, 8 * rows, rows);
    this.#valueEnd = options.keysOnly ? NO_OFFSETS : new Int32Array(offsets, 12 * rows, rows);
  }

  get rows(): number {
    return this.#rows;
  }
  get bytes(): number {
    return this.#used;
  }

  /** Appends the row whose key is key[keyFrom, keyTo) and whose value is value[valueFrom, valueTo). */
  add(
    key: Bytes,
    keyFrom: number,
    keyTo: number,
    value: Bytes,
    valueFrom: number,
    valueTo: number,
  ): void {
    if (this.#rows === this.#keyStart.length) this.#growRows();
    const keyLength = keyTo - keyFrom;
    const valueLength = this.#keysOnly ? 0 : valueTo - valueFrom;
    this.#reserve(keyLength + valueLength);
    const row = this.#rows++;
    this.#keyStart[row] = this.#used;
    copyInto(this.#buffer, this.#used, key, keyFrom, keyTo);
    this.#used += keyLength;
    this.#keyEnd[row] = this.#used;
    if (this.#keysOnly) return;
    this.#valueStart[row] = this.#used;
    copyInto(this.#buffer, this.#used, value, valueFrom, valueTo);
    this.#used += valueLength;
    this.#valueEnd[row] = this.#used;
  }

  /** Appends a row that refers to nothing: valueStart is -1 (see RefPage). */
  addMissing(): void {
    if (this.#rows === this.#keyStart.length) this.#growRows();
    const row = this.#rows++;
    this.#keyStart[row] = this.#used;
    this.#keyEnd[row] = this.#used;
    if (this.#keysOnly) return;
    this.#valueStart[row] = -1;
    this.#valueEnd[row] = -1;
  }

  /** Hands the page over; the builder must not be used after. */
  build(done: boolean): Page {
    return {
      rows: this.#rows,
      buffer: this.#buffer,
      keyStart: this.#keyStart,
      keyEnd: this.#keyEnd,
      valueStart: this.#valueStart,
      valueEnd: this.#valueEnd,
      done,
    };
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(this.#buffer.length * 2, this.#used + bytes, 256));
    grown.set(this.#buffer.subarray(0, this.#used));
    this.#buffer = grown;
  }

  #growRows(): void {
    this.#keyStart = doubled(this.#keyStart);
    this.#keyEnd = doubled(this.#keyEnd);
    if (this.#keysOnly) return;
    this.#valueStart = doubled(this.#valueStart);
    this.#valueEnd = doubled(this.#valueEnd);
  }
}

function doubled(source: Int32Array): Int32Array {
  const grown = new Int32Array(Math.max(16, source.length * 2));
  grown.set(source);
  return grown;
}

/** Short runs by a loop: a subarray view costs about 100 ns, more than the copy itself. */
function copyInto(target: Bytes, at: number, source: Bytes, from: number, to: number): void {
  if (to - from > 64) {
    target.set(source.subarray(from, to), at);
    return;
  }
  for (let i = from; i < to; i++) target[at++] = source[i]!;
}
