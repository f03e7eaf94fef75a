/**
 * A range of keys, asked for page by page: the next keys with what they hold, however many rows of the table that takes.
 *
 * Always true:
 * (1) Keys come in order, each once and whole: a cell whose merges go on behind the page's end is not shown in halves.
 * (2) The server is asked for no more rows than the caller still wants, and for so many that a page stays in bounds.
 */
import { compareBytes, nextKey } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { isEmptyRange } from "../../contract/index.ts";
import type { KeyRange, ScanOptions } from "../../contract/index.ts";
import type { Row } from "../connection/index.ts";
import { bytesLength, bytesOfText } from "./values.ts";

/** Small: whoever iterates may stop after a few rows. */
const FIRST_PAGE_ROWS = 64;
/** Large: who wants all is not to wait for the server more often than memory demands. */
const WHOLE_PAGE_ROWS = 512;
const PAGE_ROWS_MAX = 2_000;
const PAGE_GROWTH = 4;
/** What a page comes to, if its rows are like those of the page before. */
const PAGE_BYTES_AIM: number = 2 << 20;

/** What one key holds, as the server's text. A plain key has one row. */
export interface KeyRows {
  readonly key: string;
  /** In the order of their merges. */
  readonly rows: readonly Row[];
}

export interface WalkSource {
  /** Rows of the range in order or in reverse, `rowsMax` at most; the first column is the key, the second `how`. */
  page(range: KeyRange, rowsMax: number): Promise<readonly Row[]>;
  /** All rows of one key, in the order that a page has. */
  key(key: Bytes, range: KeyRange): Promise<readonly Row[]>;
}

export class RangeWalk {
  readonly #source: WalkSource;
  readonly #reverse: boolean;
  #pageRows: number;
  /** How many keys the caller still wants. */
  #left: number;
  /** What was not shown yet; undefined after the last page and after end(). */
  #rest: KeyRange | undefined;

  /** The bounds of the range must not change. */
  constructor(source: WalkSource, range: KeyRange, options: ScanOptions) {
    this.#source = source;
    this.#reverse = options.reverse ?? false;
    this.#left = options.limit ?? Infinity;
    this.#pageRows = options.expect === "all" ? WHOLE_PAGE_ROWS : FIRST_PAGE_ROWS;
    if (options.limit !== undefined)
      this.#pageRows = Math.max(this.#pageRows, Math.min(options.limit, WHOLE_PAGE_ROWS));
    this.#rest = isEmptyRange(range) || this.#left <= 0 ? undefined : range;
  }

  get isDone(): boolean {
    return this.#rest === undefined;
  }

  end(): void {
    this.#rest = undefined;
  }

  /** The next keys; none where all rows of the page were of one cell, or of cells that hold nothing. */
  async next(): Promise<readonly KeyRows[]> {
    const range = this.#rest;
    if (range === undefined) return [];
    const rowsMax = Math.min(this.#pageRows, this.#left);
    const rows = await this.#source.page(range, rowsMax);
    // Ended meanwhile.
    if (this.#rest === undefined) return [];
    const keys = keyRows(rows, this.#reverse);
    const isLast = rows.length < rowsMax;
    if (!isLast && rows[rows.length - 1]![1] !== null) await this.#completeLast(keys, range);
    this.#rest = isLast ? undefined : this.#behind(range, keys[keys.length - 1]!.key);
    this.#grow(rows);
    return keys;
  }

  /** So many of the keys held something and were shown. */
  shown(count: number): void {
    this.#left -= count;
    if (this.#left <= 0) this.#rest = undefined;
  }

  async #completeLast(keys: KeyRows[], range: KeyRange): Promise<void> {
    const { key } = keys[keys.length - 1]!;
    const rows = await this.#source.key(bytesOfText(key), range);
    keys[keys.length - 1] = { key, rows: inOrder(rows, this.#reverse) };
  }

  #behind(range: KeyRange, last: string): KeyRange | undefined {
    const key = bytesOfText(last);
    const rest = this.#reverse
      ? { start: range.start, end: key }
      : { start: nextKey(key), end: range.end };
    return rest.end !== undefined && compareBytes(rest.start, rest.end) >= 0 ? undefined : rest;
  }

  #grow(rows: readonly Row[]): void {
    let bytes = 0;
    for (const row of rows)
      for (const column of row) if (column?.startsWith("\\x")) bytes += bytesLength(column);
    const rowBytes = Math.max(1, bytes / Math.max(1, rows.length));
    const rowsOfAim = Math.max(1, Math.floor(PAGE_BYTES_AIM / rowBytes));
    this.#pageRows = Math.min(this.#pageRows * PAGE_GROWTH, PAGE_ROWS_MAX, rowsOfAim);
  }
}

/** The rows of a page, key by key. */
export function keyRows(rows: readonly Row[], reverse: boolean): KeyRows[] {
  const keys: KeyRows[] = [];
  for (let at = 0; at < rows.length;) {
    const key = rows[at]![0]!;
    let end = at + 1;
    if (rows[at]![1] !== null) while (end < rows.length && rows[end]![0] === key) end++;
    keys.push({ key, rows: inOrder(rows.slice(at, end), reverse) });
    at = end;
  }
  return keys;
}

/** A page in reverse has the merges of a cell in reverse too. */
function inOrder(rows: readonly Row[], reverse: boolean): readonly Row[] {
  return reverse && rows.length > 1 ? rows.toReversed() : rows;
}
