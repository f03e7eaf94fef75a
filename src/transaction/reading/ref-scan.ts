/**
 * scanRefs for views whose engine has none, or where own writes must be laid over both sides: scans the entries and
 * looks up what they refer to, page by page. What is in memory is read where it lies, without a promise.
 */
import { isPromise } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import { EMPTY_DONE_PAGE, PageBuilder } from "../../engine/contract/index.ts";
import type { Decode, Page, RefPage, RefScan, Scan } from "../../engine/contract/index.ts";
import { referenceOf } from "./reference.ts";

const ROW_BYTES_GUESS = 256;
const EMPTY_DONE_REF_PAGE: RefPage = { entries: EMPTY_DONE_PAGE, found: EMPTY_DONE_PAGE };

/** How referred rows are looked up. */
export interface RowLookup {
  /** Every look-up costs a round trip. */
  readonly remote: boolean;
  read<T>(key: Bytes, decode: Decode<T>): Awaitable<T | undefined>;
  getMany(keys: readonly Bytes[]): Awaitable<(Bytes | undefined)[]>;
}

export class LookupRefScan implements RefScan {
  readonly #entries: Scan;
  readonly #lookup: RowLookup;

  /** `entries` must give values. */
  constructor(entries: Scan, lookup: RowLookup) {
    this.#entries = entries;
    this.#lookup = lookup;
  }

  next(): Awaitable<RefPage> {
    const page = this.#entries.next();
    return isPromise(page) ? page.then((arrived) => this.#resolve(arrived)) : this.#resolve(page);
  }

  close(): void {
    this.#entries.close();
  }

  #resolve(entries: Page): Awaitable<RefPage> {
    if (entries.rows === 0) return EMPTY_DONE_REF_PAGE;
    const found = new FoundRows(entries, this.#lookup);
    const filled = found.fill();
    if (isPromise(filled)) return filled.then(() => ({ entries, found: found.build() }));
    return { entries, found: found.build() };
  }
}

/** The page of what one page of entries refers to. HOT: bench/micro/transaction. */
class FoundRows {
  readonly #entries: Page;
  readonly #lookup: RowLookup;
  readonly #built: PageBuilder;
  #key: Bytes | undefined;

  constructor(entries: Page, lookup: RowLookup) {
    this.#entries = entries;
    this.#lookup = lookup;
    this.#built = new PageBuilder({
      keysOnly: false,
      rows: entries.rows,
      bytes: entries.rows * ROW_BYTES_GUESS,
    });
  }

  fill(): Awaitable<void> {
    if (this.#lookup.remote) return this.#ask(0, undefined);
    // One closure for the page; the key of the row that is being read stands in #key.
    const add = (buffer: Bytes, start: number, end: number): true => {
      const key = this.#key!;
      this.#built.add(key, 0, key.length, buffer, start, end);
      return true;
    };
    for (let row = 0; row < this.#entries.rows; row++) {
      this.#key = referenceOf(this.#entries, row);
      const present = this.#lookup.read(this.#key, add);
      if (isPromise(present)) return this.#ask(row + 1, present);
      if (present === undefined) this.#built.addMissing();
    }
    return undefined;
  }

  build(): Page {
    return this.#built.build(this.#entries.done);
  }

  /** From the first row on that is not in memory, all are asked for at once; `first` is the row before them. */
  async #ask(fromRow: number, first: Promise<true | undefined> | undefined): Promise<void> {
    const keys: Bytes[] = [];
    for (let row = fromRow; row < this.#entries.rows; row++) {
      keys.push(referenceOf(this.#entries, row));
    }
    const [present, values] = await Promise.all([first, this.#lookup.getMany(keys)]);
    if (first !== undefined && present === undefined) this.#built.addMissing();
    for (const [i, key] of keys.entries()) {
      const value = values[i];
      if (value === undefined) this.#built.addMissing();
      else this.#built.add(key, 0, key.length, value, 0, value.length);
    }
  }
}
