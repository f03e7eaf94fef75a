/**
 * The rows of one state in the order of their keys, one after the other, with one page in memory.
 *
 * Always true: the mark of a copy and the tokens of commits are no rows of a database, and are passed over.
 */
import { EMPTY_BYTES, andThen, compareByteRanges, isPromise } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import { COPY_MARK_KEY, EMPTY_DONE_PAGE, isTokenKey } from "../contract/index.ts";
import type { KeyRange, Page, ReadView, Scan } from "../contract/index.ts";
import { RowDigest } from "./row-digest.ts";

export const EVERYTHING: KeyRange = { start: EMPTY_BYTES, end: undefined };

export class RowReader {
  readonly #scan: Scan;
  #page: Page = EMPTY_DONE_PAGE;
  #row = -1;
  #isLast = false;

  /** `start`: from this key on. */
  constructor(
    view: ReadView,
    { keysOnly = false, start }: { readonly keysOnly?: boolean; readonly start?: Bytes } = {},
  ) {
    const range = start === undefined ? EVERYTHING : { start, end: undefined };
    this.#scan = view.scan(range, { keysOnly, expect: "all" });
  }

  /** The page of the row that next() has come to, and its place there. */
  get page(): Page {
    return this.#page;
  }
  get row(): number {
    return this.#row;
  }

  /** Goes to the next row; false where there is none. */
  next(): Awaitable<boolean> {
    if (++this.#row < this.#page.rows) return this.#isOfNoDatabase() ? this.next() : true;
    if (this.#isLast) return false;
    return andThen(this.#scan.next(), (page) => {
      this.#page = page;
      this.#row = -1;
      this.#isLast = page.done;
      return this.next();
    });
  }

  close(): void {
    this.#scan.close();
  }

  keyBytes(): number {
    return this.#page.keyEnd[this.#row]! - this.#page.keyStart[this.#row]!;
  }
  valueBytes(): number {
    return this.#page.valueEnd[this.#row]! - this.#page.valueStart[this.#row]!;
  }
  /** The key where it lies. */
  key(): Bytes {
    return this.#page.buffer.subarray(this.#page.keyStart[this.#row], this.#page.keyEnd[this.#row]);
  }
  /** The value where it lies. */
  value(): Bytes {
    return this.#page.buffer.subarray(
      this.#page.valueStart[this.#row],
      this.#page.valueEnd[this.#row],
    );
  }

  #isOfNoDatabase(): boolean {
    const { buffer, keyEnd, keyStart } = this.#page;
    const start = keyStart[this.#row]!;
    const end = keyEnd[this.#row]!;
    if (isTokenKey(buffer, start, end)) return true;
    if (end - start !== COPY_MARK_KEY.length) return false;
    return compareByteRanges(buffer, start, end, COPY_MARK_KEY, 0, COPY_MARK_KEY.length) === 0;
  }
}

/** How many rows were counted, their bytes and their checksum. */
export interface RowFigures {
  readonly rows: number;
  /** Of keys and values. */
  readonly bytes: number;
  /** Over keys, values and their order: 32 hexadecimal digits. */
  readonly checksum: string;
}

export class RowTally {
  readonly #digest = new RowDigest();
  #rows = 0;
  #bytes = 0;

  get rows(): number {
    return this.#rows;
  }
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts the row that the reader has come to. */
  add(reader: RowReader): void {
    this.#rows++;
    this.#bytes += reader.keyBytes() + reader.valueBytes();
    this.#digest.add(reader.page, reader.row);
  }

  figures(): RowFigures {
    return { rows: this.#rows, bytes: this.#bytes, checksum: this.#digest.text() };
  }
}

/** Goes through the rows of a state, and counts those that it has passed. */
export class RowWalk {
  readonly reader: RowReader;
  readonly tally: RowTally = new RowTally();
  /** It is at a row. */
  isThere = false;

  constructor(view: ReadView) {
    this.reader = new RowReader(view);
  }

  async begin(): Promise<void> {
    this.isThere = await this.reader.next();
  }

  /** Counts the row that it is at and goes to the next one. */
  advance(): Awaitable<void> {
    this.tally.add(this.reader);
    const more = this.reader.next();
    if (isPromise(more)) {
      return more.then((isThere) => {
        this.isThere = isThere;
      });
    }
    this.isThere = more;
  }
}
