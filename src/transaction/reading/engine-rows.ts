/**
 * The engine's rows of some ranges, one range after the other, in scan order. Own deletes may hide rows from the limit
 * the caller had in mind, so when an engine's scan ends by its limit and more rows are wanted, it is opened again behind
 * its last row.
 */
import { isPromise, nextKey } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import { EMPTY_DONE_PAGE } from "../../engine/contract/index.ts";
import type { KeyRange, Page, ReadView, Scan, ScanOptions } from "../../engine/contract/index.ts";

/** Where a first scan came up short because of hidden rows, fewer than this are not worth another one. */
const REOPEN_ROWS_MIN = 16;

export class EngineRows {
  readonly #view: ReadView;
  readonly #options: ScanOptions;
  readonly #reverse: boolean;
  /** Ranges still to be opened, the next one last. */
  readonly #waiting: KeyRange[];
  #range: KeyRange | undefined;
  #scan: Scan | undefined;
  /** The limit of the open scan, how many rows it has given, and the last page that had any. */
  #asked = 0;
  #given = 0;
  #latest: Page = EMPTY_DONE_PAGE;

  /** `parts` in key order. */
  constructor(view: ReadView, parts: readonly KeyRange[], options: ScanOptions) {
    this.#view = view;
    this.#options = options;
    this.#reverse = options.reverse ?? false;
    this.#waiting = this.#reverse ? [...parts] : parts.toReversed();
  }

  /** The page given last was the last one. */
  get isOver(): boolean {
    return this.#scan === undefined && this.#waiting.length === 0;
  }

  /** The next page with rows; undefined behind the last one. `wanted` bounds how many rows are asked for. */
  next(wanted: number): Awaitable<Page | undefined> {
    for (;;) {
      if (this.#scan === undefined && !this.#open(wanted)) return undefined;
      const page = this.#scan!.next();
      if (isPromise(page)) {
        return page.then((arrived) => (this.#accept(arrived) ? arrived : this.next(wanted)));
      }
      if (this.#accept(page)) return page;
    }
  }

  close(): void {
    this.#scan?.close();
    this.#scan = undefined;
    this.#waiting.length = 0;
  }

  #open(wanted: number): boolean {
    this.#range = this.#waiting.pop();
    if (this.#range === undefined) return false;
    this.#asked = this.#given === 0 ? wanted : Math.max(wanted, REOPEN_ROWS_MIN);
    this.#given = 0;
    const { limit: _, ...rest } = this.#options;
    this.#scan = this.#view.scan(
      this.#range,
      this.#asked === Infinity ? rest : { ...rest, limit: this.#asked },
    );
    return true;
  }

  /** Notes what the page says about the scan; true if it has rows to show. */
  #accept(page: Page): boolean {
    if (page.rows > 0) this.#latest = page;
    this.#given += page.rows;
    if (page.done) {
      this.#scan?.close();
      this.#scan = undefined;
      // Ended by its limit, perhaps by an empty page after it: there may be more rows behind.
      if (this.#given >= this.#asked) this.#waiting.push(this.#rangeBehind(this.#latest));
    }
    return page.rows > 0;
  }

  #rangeBehind(page: Page): KeyRange {
    const { start, end } = this.#range!;
    const last = copyOfKey(page, page.rows - 1);
    return this.#reverse ? { start, end: last } : { start: nextKey(last), end };
  }
}

/** The key of a row, in bytes of its own. A loop, because a view of the row costs more than the copy. */
export function copyOfKey(page: Page, row: number): Bytes {
  const start = page.keyStart[row]!;
  const copy = new Uint8Array(page.keyEnd[row]! - start);
  for (let i = 0; i < copy.length; i++) copy[i] = page.buffer[start + i]!;
  return copy;
}
