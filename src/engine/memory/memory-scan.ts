/**
 * A scan of one state, page by page. Between two pages anything may be committed: each page looks its place up anew, and
 * what the scan sees is fixed by the state it reads.
 */
import { nextKey } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { EMPTY_DONE_PAGE, PageBuilder, isEmptyRange } from "../contract/index.ts";
import type { KeyRange, Page, Scan, ScanOptions } from "../contract/index.ts";
import type { EntryVisitor } from "./committed-state.ts";

/** Small: whoever iterates may stop after a few rows. */
const FIRST_PAGE_ROWS = 32;
/** Large enough that the cost of a page vanishes against that of its rows. */
const PAGE_ROWS_MAX = 1_024;
/** A page ends with the row that reaches this, so that pages of large values stay bounded. */
const PAGE_BYTES_MAX: number = 1 << 20;
const PAGE_GROWTH = 4;
/** A guess for the first buffer of a page; it grows where rows are larger. */
const ROW_BYTES_GUESS = 64;

/** What a scan reads from; throws Closed after its view has ended. */
export interface ScanSource {
  visit(range: KeyRange, reverse: boolean, visit: EntryVisitor): void;
}

export class MemoryScan implements Scan {
  readonly #source: ScanSource;
  readonly #reverse: boolean;
  readonly #keysOnly: boolean;
  #pageRows: number;
  /** How many rows the caller still wants. */
  #left: number;
  /** What has not been shown yet; undefined after the last page and after close(). */
  #rest: KeyRange | undefined;

  constructor(source: ScanSource, range: KeyRange, options: ScanOptions) {
    this.#source = source;
    this.#reverse = options.reverse ?? false;
    this.#keysOnly = options.keysOnly ?? false;
    this.#left = options.limit ?? Infinity;
    this.#pageRows = options.expect === "all" ? PAGE_ROWS_MAX : FIRST_PAGE_ROWS;
    this.#rest = isEmptyRange(range) || this.#left <= 0 ? undefined : range;
  }

  next(): Page {
    const range = this.#rest;
    if (range === undefined) return EMPTY_DONE_PAGE;
    const rowsMax = Math.min(this.#pageRows, this.#left);
    const rowsExpected = Math.min(rowsMax, FIRST_PAGE_ROWS);
    const page = new PageBuilder({
      keysOnly: this.#keysOnly,
      rows: rowsExpected,
      bytes: rowsExpected * ROW_BYTES_GUESS,
    });
    let last: Bytes | undefined;
    let more = false;
    this.#source.visit(range, this.#reverse, (key, value) => {
      if (page.rows === rowsMax || page.bytes >= PAGE_BYTES_MAX) {
        more = true;
        return false;
      }
      page.add(key, 0, key.length, value, 0, value.length);
      last = key;
      return true;
    });
    this.#left -= page.rows;
    this.#pageRows = Math.min(this.#pageRows * PAGE_GROWTH, PAGE_ROWS_MAX);
    const done = !more || this.#left <= 0;
    this.#rest = done || last === undefined ? undefined : this.#after(range, last);
    return page.build(done);
  }

  close(): void {
    this.#rest = undefined;
  }

  #after(range: KeyRange, last: Bytes): KeyRange {
    return this.#reverse
      ? { start: range.start, end: last }
      : { start: nextKey(last), end: range.end };
  }
}
