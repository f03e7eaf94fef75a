/**
 * The rows of the memory engine in key order: a list of blocks, each a short sorted array. Inserting moves at most one
 * block, so that loading hundreds of thousands of rows in any order stays fast.
 *
 * Always true:
 * (1) Keys ascend within a block and from block to block; no key occurs twice.
 * (2) No block is empty, and none holds more than BLOCK_ROWS_MAX rows.
 */
import { compareBytes, copyBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { KeyRange } from "../contract/index.ts";

/** Large enough that the list of blocks stays short, small enough that moving half a block costs nothing. */
const BLOCK_ROWS_MAX = 256;

/** Blocks that are counted one by one for an estimate; beyond them their average is taken. */
const BLOCKS_COUNTED_MAX = 64;

/** What a key held from commit `at` on; a value of undefined says that it held nothing. */
export interface RowVersion {
  readonly at: number;
  readonly value: Bytes | undefined;
}

export interface Row {
  readonly key: Bytes;
  /** Oldest first, never empty. Changed by CommittedState only. */
  versions: readonly RowVersion[];
}

/** Looks at one row; false ends the walk. */
export type RowVisitor = (row: Row) => boolean;

export class SortedRows {
  readonly #blocks: Row[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  find(key: Bytes): Row | undefined {
    const block = this.#blocks[this.#blockOf(key)];
    if (block === undefined) return undefined;
    const row = block[lowerBound(block, key)];
    return row !== undefined && compareBytes(row.key, key) === 0 ? row : undefined;
  }

  /** The row of `key`; where there is none, adds one that holds `version` and gives undefined. */
  findOrInsert(key: Bytes, version: RowVersion): Row | undefined {
    const blockIndex = this.#blockOf(key);
    const block = this.#blocks[blockIndex];
    const at = block === undefined ? 0 : lowerBound(block, key);
    const found = block?.[at];
    if (found !== undefined && compareBytes(found.key, key) === 0) return found;
    const row = { key: copyBytes(key), versions: [version] };
    this.#size++;
    if (block === undefined) this.#blocks.push([row]);
    else this.#insertInto(block, blockIndex, at, row);
    return undefined;
  }

  /** Takes out a row that is here. */
  remove(row: Row): void {
    const blockIndex = this.#blockOf(row.key);
    const block = this.#blocks[blockIndex]!;
    block.splice(lowerBound(block, row.key), 1);
    if (block.length === 0) this.#blocks.splice(blockIndex, 1);
    this.#size--;
  }

  /** Shows the rows of `range` to `visit`, in order or in reverse. The rows must not be added to or removed meanwhile. */
  visit(range: KeyRange, reverse: boolean, visit: RowVisitor): void {
    if (reverse) this.#visitBackward(range, visit);
    else this.#visitForward(range, visit);
  }

  /** How many rows the range has, those without a value too: exact up to some thousands, then nearly. */
  estimate({ start, end }: KeyRange): number {
    const blocks = this.#blocks;
    if (blocks.length === 0) return 0;
    const first = this.#blockOf(start);
    const last = end === undefined ? blocks.length : this.#blockOf(end);
    const before = lowerBound(blocks[first]!, start);
    const within = end === undefined ? 0 : lowerBound(blocks[last]!, end);
    if (first === last) return Math.max(0, within - before);
    const between = last - first - 1;
    if (between < 0) return 0;
    let rows = blocks[first]!.length - before + within;
    if (between > BLOCKS_COUNTED_MAX)
      return rows + Math.round((between * this.#size) / blocks.length);
    for (let i = first + 1; i < last; i++) rows += blocks[i]!.length;
    return rows;
  }

  /** The broken invariants, in words; none if all is well. */
  verify(): readonly string[] {
    const problems: string[] = [];
    let previous: Row | undefined;
    let counted = 0;
    for (const [index, block] of this.#blocks.entries()) {
      if (block.length === 0) problems.push(`block ${index} is empty`);
      if (block.length > BLOCK_ROWS_MAX) problems.push(`block ${index} is too long`);
      for (const row of block) {
        if (previous !== undefined && compareBytes(previous.key, row.key) >= 0) {
          problems.push(`the keys of block ${index} are out of order`);
        }
        if (row.versions.length === 0) problems.push(`a row of block ${index} has no version`);
        previous = row;
        counted++;
      }
    }
    if (counted !== this.#size)
      problems.push(`${counted} rows are here, ${this.#size} are counted`);
    return problems;
  }

  #insertInto(block: Row[], blockIndex: number, at: number, row: Row): void {
    block.splice(at, 0, row);
    if (block.length <= BLOCK_ROWS_MAX) return;
    const secondHalf = block.splice(block.length >>> 1);
    this.#blocks.splice(blockIndex + 1, 0, secondHalf);
  }

  #visitForward(range: KeyRange, visit: RowVisitor): void {
    let blockIndex = this.#blockOf(range.start);
    let block = this.#blocks[blockIndex];
    if (block === undefined) return;
    let at = lowerBound(block, range.start);
    while (block !== undefined) {
      for (; at < block.length; at++) {
        const row = block[at]!;
        if (range.end !== undefined && compareBytes(row.key, range.end) >= 0) return;
        if (!visit(row)) return;
      }
      block = this.#blocks[++blockIndex];
      at = 0;
    }
  }

  #visitBackward(range: KeyRange, visit: RowVisitor): void {
    let blockIndex = range.end === undefined ? this.#blocks.length - 1 : this.#blockOf(range.end);
    let block = this.#blocks[blockIndex];
    if (block === undefined) return;
    let at = (range.end === undefined ? block.length : lowerBound(block, range.end)) - 1;
    while (block !== undefined) {
      for (; at >= 0; at--) {
        const row = block[at]!;
        if (compareBytes(row.key, range.start) < 0) return;
        if (!visit(row)) return;
      }
      block = this.#blocks[--blockIndex];
      at = block === undefined ? -1 : block.length - 1;
    }
  }

  /** The last block that begins at or before `key`, else the first one: where `key` is or would be put. */
  #blockOf(key: Bytes): number {
    let start = 0;
    let end = this.#blocks.length;
    while (start < end) {
      const middle = (start + end) >>> 1;
      if (compareBytes(this.#blocks[middle]![0]!.key, key) <= 0) start = middle + 1;
      else end = middle;
    }
    return start === 0 ? 0 : start - 1;
  }
}

/** The place of the first row at or after `key`. */
function lowerBound(block: readonly Row[], key: Bytes): number {
  let start = 0;
  let end = block.length;
  while (start < end) {
    const middle = (start + end) >>> 1;
    if (compareBytes(block[middle]!.key, key) < 0) start = middle + 1;
    else end = middle;
  }
  return start;
}
