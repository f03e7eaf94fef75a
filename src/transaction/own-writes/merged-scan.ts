/**
 * Scans of a transaction: the engine's rows with the transaction's own writes laid over them.
 *
 * Always true:
 * (1) A scan sees the own writes made before it was opened, and none made after: a loop that updates what it scans
 *     meets each row once.
 * (2) What was shown, and the gaps between, is in the read set; what was not shown is not.
 * (3) After the end of the transaction next() fails; after close() it gives an empty done page.
 */
import { compareByteRanges, isPromise } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import { EMPTY_DONE_PAGE, PageBuilder } from "../../engine/contract/index.ts";
import type { Page, Scan } from "../../engine/contract/index.ts";
import type { ConsumedRanges } from "../reading/consumed-ranges.ts";
import { copyOfKey } from "../reading/engine-rows.ts";
import type { EngineRows } from "../reading/engine-rows.ts";
import type { ScanOwner } from "../reading/scan-owner.ts";
import { valueAfter } from "./own-writes.ts";
import type { KeyWrite, WritesCursor } from "./sorted-writes.ts";

/** A page of own writes ends here, so that a huge transaction is not shown in one page. */
const PAGE_ROWS_MAX = 1_024;
const PAGE_BYTES_MAX = 256 * 1_024;
const FIRST_BUFFER_BYTES = 2_048;
const FIRST_ROWS = 32;

export interface MergedScanParts {
  readonly owner: ScanOwner;
  readonly rows: EngineRows;
  readonly own: WritesCursor;
  readonly consumed: ConsumedRanges;
  readonly reverse: boolean;
  readonly keysOnly: boolean;
  readonly limit: number;
}

export class MergedScan implements Scan {
  readonly #owner: ScanOwner;
  readonly #rows: EngineRows;
  readonly #own: WritesCursor;
  readonly #consumed: ConsumedRanges;
  readonly #sign: 1 | -1;
  readonly #keysOnly: boolean;
  /** Rows the caller still wants. */
  #left: number;
  /** The engine's page that is being merged, and its next row. */
  #page: Page = EMPTY_DONE_PAGE;
  #row = 0;
  #rowsEnded = false;
  #closed = false;

  constructor(parts: MergedScanParts) {
    this.#owner = parts.owner;
    this.#rows = parts.rows;
    this.#own = parts.own;
    this.#consumed = parts.consumed;
    this.#sign = parts.reverse ? -1 : 1;
    this.#keysOnly = parts.keysOnly;
    this.#left = parts.limit;
  }

  next(): Awaitable<Page> {
    this.#owner.assertOpen();
    for (;;) {
      if (this.#closed) return EMPTY_DONE_PAGE;
      if (this.#left <= 0) return this.#end(EMPTY_DONE_PAGE);
      if (this.#row === this.#page.rows && !this.#rowsEnded) {
        const page = this.#rows.next(this.#left);
        if (isPromise(page)) {
          return page.then((arrived) => {
            this.#accept(arrived);
            return this.next();
          });
        }
        this.#accept(page);
      }
      const shown = this.#untouched() ?? this.#merge();
      if (shown.done) return this.#end(shown);
      if (shown.rows > 0) return shown;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rows.close();
    this.#consumed.finish();
    this.#owner.scanEnded(this);
  }

  #end(page: Page): Page {
    this.close();
    return page;
  }

  #accept(page: Page | undefined): void {
    if (page === undefined) this.#rowsEnded = true;
    else this.#page = page;
    this.#row = 0;
    if (page === undefined) this.#page = EMPTY_DONE_PAGE;
  }

  /** The engine's page as it is, where no own write falls into it. */
  #untouched(): Page | undefined {
    const page = this.#page;
    if (this.#row > 0 || page.rows === 0 || page.rows > this.#left) return undefined;
    const own = this.#own.current;
    if (own !== undefined && this.#compareRow(page.rows - 1, own.key) >= 0) return undefined;
    this.#row = page.rows;
    this.#left -= page.rows;
    const ended = own === undefined && this.#rows.isOver;
    if (ended) this.#consumed.all();
    else this.#consumed.through(copyOfKey(page, page.rows - 1));
    const done = ended || this.#left === 0;
    return page.done === done ? page : { ...page, done };
  }

  /** A page of both, up to the end of the engine's page. HOT: bench/micro/transaction. */
  #merge(): Page {
    const page = this.#page;
    const built = new PageBuilder({
      keysOnly: this.#keysOnly,
      rows: Math.min(this.#left, Math.max(FIRST_ROWS, page.rows - this.#row)),
      bytes: FIRST_BUFFER_BYTES,
    });
    let lastOwn: Bytes | undefined;
    while (this.#left > 0 && built.rows < PAGE_ROWS_MAX && built.bytes < PAGE_BYTES_MAX) {
      const own = this.#own.current;
      if (this.#row === page.rows) {
        if (own === undefined || !this.#rowsEnded) break;
        lastOwn = this.#showOwn(built, own, undefined);
        continue;
      }
      const order = own === undefined ? -1 : this.#compareRow(this.#row, own.key);
      if (order < 0) {
        this.#showRow(built);
        lastOwn = undefined;
      } else {
        const base = order === 0 && own!.op === "merge" ? this.#valueOfRow() : undefined;
        if (order === 0) this.#row++;
        lastOwn = this.#showOwn(built, own!, base);
      }
    }
    const ended = this.#rowsEnded && this.#row === page.rows && this.#own.current === undefined;
    const last = lastOwn ?? (this.#row > 0 ? copyOfKey(page, this.#row - 1) : undefined);
    if (ended && this.#left > 0) this.#consumed.all();
    else if (last !== undefined) this.#consumed.through(last);
    return built.build(ended || this.#left === 0);
  }

  #showRow(built: PageBuilder): void {
    const page = this.#page;
    const row = this.#row++;
    const valueStart = this.#keysOnly ? 0 : page.valueStart[row]!;
    const valueEnd = this.#keysOnly ? 0 : page.valueEnd[row]!;
    built.add(
      page.buffer,
      page.keyStart[row]!,
      page.keyEnd[row]!,
      page.buffer,
      valueStart,
      valueEnd,
    );
    this.#left--;
  }

  /** Shows what the own write leaves at its key, if anything, and answers with the key. */
  #showOwn(built: PageBuilder, own: KeyWrite, base: Bytes | undefined): Bytes {
    this.#own.advance();
    const value = valueAfter(own, base);
    if (value !== undefined) {
      built.add(own.key, 0, own.key.length, value, 0, value.length);
      this.#left--;
    }
    return own.key;
  }

  /** The value under the row; undefined where only keys were asked for and nobody will look. */
  #valueOfRow(): Bytes | undefined {
    if (this.#keysOnly) return undefined;
    return this.#page.buffer.subarray(
      this.#page.valueStart[this.#row],
      this.#page.valueEnd[this.#row],
    );
  }

  /** Negative where the row comes before `key` in scan order. */
  #compareRow(row: number, key: Bytes): number {
    const page = this.#page;
    const start = page.keyStart[row]!;
    const end = page.keyEnd[row]!;
    return this.#sign * compareByteRanges(page.buffer, start, end, key, 0, key.length);
  }
}
