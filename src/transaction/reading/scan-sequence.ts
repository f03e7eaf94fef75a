/** scanMany as one scan after the other, for views whose engine has none. */
import { isPromise } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import type { KeyRange, MultiScan, Page, Scan, ScanOptions } from "../../engine/contract/index.ts";

export type MultiScanOptions = ScanOptions & { readonly limitEach?: number };
/** A page and the position of its range in the list. */
export interface TaggedPage {
  readonly range: number;
  readonly page: Page;
}

export class ScanSequence implements MultiScan {
  readonly #open: (range: KeyRange, options: ScanOptions) => Scan;
  readonly #ranges: readonly KeyRange[];
  readonly #options: ScanOptions;
  readonly #limitEach: number;
  #left: number;
  #at = -1;
  #scan: Scan | undefined;
  #closed = false;

  constructor(
    open: (range: KeyRange, options: ScanOptions) => Scan,
    ranges: readonly KeyRange[],
    options: MultiScanOptions,
  ) {
    const { limit, limitEach, ...rest } = options;
    this.#open = open;
    this.#ranges = ranges;
    this.#options = rest;
    this.#limitEach = limitEach ?? Infinity;
    this.#left = limit ?? Infinity;
  }

  next(): Awaitable<TaggedPage | undefined> {
    for (;;) {
      if (this.#closed || !this.#prepare()) return undefined;
      const page = this.#scan!.next();
      if (isPromise(page)) return page.then((arrived) => this.#accept(arrived) ?? this.next());
      const tagged = this.#accept(page);
      if (tagged !== undefined) return tagged;
    }
  }

  close(): void {
    this.#closed = true;
    this.#scan?.close();
    this.#scan = undefined;
  }

  /** Makes sure that a scan is open; false behind the last range. */
  #prepare(): boolean {
    if (this.#scan !== undefined) return true;
    if (this.#left <= 0 || ++this.#at >= this.#ranges.length) {
      this.close();
      return false;
    }
    const limit = Math.min(this.#limitEach, this.#left);
    this.#scan = this.#open(
      this.#ranges[this.#at]!,
      limit === Infinity ? this.#options : { ...this.#options, limit },
    );
    return true;
  }

  #accept(page: Page): TaggedPage | undefined {
    this.#left -= page.rows;
    if (page.done) {
      this.#scan?.close();
      this.#scan = undefined;
    }
    return page.rows === 0 ? undefined : { range: this.#at, page };
  }
}
