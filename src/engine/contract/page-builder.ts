/**
 * Fills the one buffer of a page, row by row. Shared by engines and by the merge of a transaction's own writes.
 * HOT: bench/micro/lsm-storage. No object per row; arrays double when they are full.
 */
import { EMPTY_BYTES, copyBytes } from "../../base/index.ts";
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

/** Longer values are copied by `set`. */
const WORDS_BYTES_MAX = 400;
/** Most pages of a scan are small, and how small is known when they are full. */
const SCRATCH_BYTES = 32 * 1_024;
const SCRATCH_ROWS = 512;
const scratchBytes = new Uint8Array(SCRATCH_BYTES);
const scratchView = new DataView(scratchBytes.buffer);
const scratchOffsets = Array.from({ length: 4 }, () => new Int32Array(SCRATCH_ROWS));

export class PageBuilder {
  readonly #keysOnly: boolean;
  #buffer: Bytes;
  #view: DataView;
  #used = 0;
  #rows = 0;
  #keyStart: Int32Array;
  #keyEnd: Int32Array;
  #valueStart: Int32Array;
  #valueEnd: Int32Array;

  /**
   * `inOneGo`: no other page is begun so before this one is built. It is gathered in memory that all such pages share, and
   * cut to its size at the end: a guess of its size would be wrong, and memory outside of the runtime's heap is dear to
   * take twice and to clear.
   */
  constructor(options: {
    readonly keysOnly: boolean;
    readonly rows: number;
    readonly bytes: number;
    readonly inOneGo?: boolean;
  }) {
    const { keysOnly, rows, inOneGo = false } = options;
    this.#keysOnly = keysOnly;
    if (inOneGo && options.bytes <= SCRATCH_BYTES && rows <= SCRATCH_ROWS) {
      this.#buffer = scratchBytes;
      this.#view = scratchView;
      this.#keyStart = scratchOffsets[0]!;
      this.#keyEnd = scratchOffsets[1]!;
      this.#valueStart = keysOnly ? NO_OFFSETS : scratchOffsets[2]!;
      this.#valueEnd = keysOnly ? NO_OFFSETS : scratchOffsets[3]!;
      return;
    }
    this.#buffer = new Uint8Array(options.bytes);
    this.#view = new DataView(this.#buffer.buffer);
    this.#keyStart = NO_OFFSETS;
    this.#keyEnd = NO_OFFSETS;
    this.#valueStart = NO_OFFSETS;
    this.#valueEnd = NO_OFFSETS;
    this.#takeOffsets(rows);
  }

  /** Offsets of its own, with room for so many rows; those that are there are taken over. */
  #takeOffsets(rows: number): void {
    const each = this.#keysOnly ? 0 : rows;
    const former = [this.#keyStart, this.#keyEnd, this.#valueStart, this.#valueEnd] as const;
    if (rows <= ROWS_IN_HEAP_MAX) {
      this.#keyStart = new Int32Array(rows);
      this.#keyEnd = new Int32Array(rows);
      this.#valueStart = each === 0 ? NO_OFFSETS : new Int32Array(each);
      this.#valueEnd = each === 0 ? NO_OFFSETS : new Int32Array(each);
    } else {
      const offsets = new ArrayBuffer(8 * (rows + each));
      this.#keyStart = new Int32Array(offsets, 0, rows);
      this.#keyEnd = new Int32Array(offsets, 4 * rows, rows);
      this.#valueStart = each === 0 ? NO_OFFSETS : new Int32Array(offsets, 8 * rows, each);
      this.#valueEnd = each === 0 ? NO_OFFSETS : new Int32Array(offsets, 12 * rows, each);
    }
    takeOver(this.#keyStart, former[0], this.#rows);
    takeOver(this.#keyEnd, former[1], this.#rows);
    if (each === 0) return;
    takeOver(this.#valueStart, former[2], this.#rows);
    takeOver(this.#valueEnd, former[3], this.#rows);
  }

  get rows(): number {
    return this.#rows;
  }
  get bytes(): number {
    return this.#used;
  }

  /**
   * Appends the row whose key is key[keyFrom, keyTo) and whose value is value[valueFrom, valueTo). `valueView`, if it is at
   * hand: the same memory as `value`, from its first byte.
   */
  add(
    key: Bytes,
    keyFrom: number,
    keyTo: number,
    value: Bytes,
    valueFrom: number,
    valueTo: number,
    valueView?: DataView,
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
    if (valueView === undefined || valueLength > WORDS_BYTES_MAX) {
      copyInto(this.#buffer, this.#used, value, valueFrom, valueTo);
    } else copyWords(this.#view, this.#used, valueView, valueFrom, valueTo);
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
    if (this.#buffer === scratchBytes) this.#buffer = copyBytes(scratchBytes, 0, this.#used);
    if (this.#keyStart === scratchOffsets[0]) this.#takeOffsets(this.#rows);
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
    this.#view = new DataView(grown.buffer);
  }

  #growRows(): void {
    this.#takeOffsets(Math.max(16, this.#keyStart.length * 2));
  }
}

function takeOver(target: Int32Array, source: Int32Array, rows: number): void {
  if (rows > 64) target.set(source.subarray(0, rows));
  else for (let row = 0; row < rows; row++) target[row] = source[row]!;
}

/** Short runs by a loop: a subarray view costs about 100 ns, more than the copy itself. */
function copyInto(target: Bytes, at: number, source: Bytes, from: number, to: number): void {
  if (to - from > 64) {
    target.set(source.subarray(from, to), at);
    return;
  }
  for (let i = from; i < to; i++) target[at++] = source[i]!;
}

/**
 * Sixteen bytes a step. Up to some 400 bytes this is quicker than `set`, which needs a view of the source: 100 bytes take
 * 20 ns, not 41, and none of it is garbage. Whole numbers, so no bit can change on the way.
 */
function copyWords(
  target: DataView,
  start: number,
  source: DataView,
  from: number,
  to: number,
): void {
  let at = start;
  let i = from;
  for (; i + 16 <= to; i += 16, at += 16) {
    target.setInt32(at, source.getInt32(i, true), true);
    target.setInt32(at + 4, source.getInt32(i + 4, true), true);
    target.setInt32(at + 8, source.getInt32(i + 8, true), true);
    target.setInt32(at + 12, source.getInt32(i + 12, true), true);
  }
  for (; i < to; i++) target.setInt8(at++, source.getInt8(i));
}
