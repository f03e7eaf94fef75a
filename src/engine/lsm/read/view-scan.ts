/**
 * A scan of a view. It may outlive the tables it began with: when the structure below has changed between two pages, it
 * goes on behind its last row with new cursors. So no scan, however long it is held, keeps a file or a memtable from going.
 */
import { equalBytes, isPromise } from "../../../base/index.ts";
import type { Awaitable, Bytes } from "../../../base/index.ts";
import { EMPTY_DONE_PAGE, copyOfRange } from "../../contract/index.ts";
import type { KeyRange, Page, Scan, ScanOptions } from "../../contract/index.ts";
import { BLOCK_MISSING, VisibleScan } from "../cursor/index.ts";
import type { Errand } from "../sstable/index.ts";
import type { Tree } from "./tree.ts";

/** Blocks that a scan on a slow disk reads ahead, in each table it goes through. */
const BLOCKS_AHEAD = 4;

/** What a scan needs of its view. */
export interface ScannedView {
  /** The state, after enter(). */
  readonly chosen: { readonly sequence: number } | undefined;
  /** Called before each page; throws if the view has ended, and says what has to be waited for. */
  enter(): Promise<void> | undefined;
  keptFor<T>(read: Promise<T>): Promise<T>;
}
export interface ScanSource {
  readonly tree: Tree;
  assertOpen(): void;
  countPage(): void;
  failed(error: unknown): void;
}

export class ViewScan implements Scan {
  readonly #source: ScanSource;
  readonly #view: ScannedView;
  readonly #options: ScanOptions;
  readonly #isReverse: boolean;
  #rest: KeyRange;
  #rowsLeft: number;
  #scan: VisibleScan | undefined;
  #structure = -1;
  #isBegun = false;
  #errand: Errand | undefined;
  #isDone = false;
  /** Of a page whose rows are lost with it: who asks again must not be given those behind it. */
  #failure: { readonly error: unknown } | undefined;

  constructor(source: ScanSource, view: ScannedView, range: KeyRange, options: ScanOptions) {
    this.#source = source;
    this.#view = view;
    this.#rest = copyOfRange(range);
    this.#options = options;
    this.#isReverse = options.reverse ?? false;
    this.#rowsLeft = options.limit ?? Infinity;
  }

  next(): Awaitable<Page> {
    if (this.#isDone) return EMPTY_DONE_PAGE;
    const wait = this.#view.enter();
    if (wait !== undefined) return wait.then(() => this.next());
    this.#source.countPage();
    const page = this.#next();
    return isPromise(page) ? this.#view.keptFor(page) : page;
  }

  close(): void {
    this.#isDone = true;
    this.#scan?.close();
    this.#scan = undefined;
    this.#errand?.end();
    this.#errand = undefined;
  }

  #next(): Awaitable<Page> {
    const { reads } = this.#source.tree;
    if (!reads.isSlow && this.#errand === undefined) return this.#handOver(this.#nextPage());
    this.#errand ??= reads.newErrand(this.#isReverse ? -BLOCKS_AHEAD : BLOCKS_AHEAD);
    const errand = this.#errand;
    // The page before was cut short at a block that is on its way.
    if (errand.needed > 0) return this.#later(errand);
    const page = reads.run(errand, () => this.#nextPage());
    if (page === undefined) {
      if (this.#hasMoved()) errand.progressed();
      return this.#later(errand);
    }
    errand.progressed();
    return this.#handOver(page);
  }

  async #later(errand: Errand): Promise<Page> {
    await errand.arrived();
    if (this.#isDone) return EMPTY_DONE_PAGE;
    // The engine may have been closed.
    this.#source.assertOpen();
    return this.#next();
  }

  #nextPage(): Page {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      this.#source.tree.beginPage();
      return this.#scanNow().next();
    } catch (error) {
      if (error !== BLOCK_MISSING) {
        this.#failure = { error };
        this.#source.failed(error);
      }
      throw error;
    }
  }

  #handOver(page: Page): Page {
    this.#rowsLeft -= page.rows;
    if (page.done) this.close();
    return page;
  }

  /** Without rows, but past deleted ones: is the scan further on than when it stopped before? */
  #hasMoved(): boolean {
    // It may have stopped at a piece of a filter, before it had a cursor.
    if (this.#scan === undefined) return false;
    const former = this.#rest;
    this.#rest = this.#scan.rest;
    return this.#isReverse
      ? !sameBound(former.end, this.#rest.end)
      : !sameBound(former.start, this.#rest.start);
  }

  #scanNow(): VisibleScan {
    const { tree } = this.#source;
    if (this.#scan !== undefined && this.#structure === tree.structure) return this.#scan;
    if (this.#scan !== undefined) {
      this.#rest = this.#scan.rest;
      this.#scan.close();
      // If a block is missing below, the next try begins here.
      this.#scan = undefined;
    }
    this.#structure = tree.structure;
    const { sequence } = this.#view.chosen!;
    this.#scan = new VisibleScan({
      cursor: tree.cursor(this.#rest),
      range: this.#rest,
      sequence,
      rangeDeletes: tree.rangeDeletes(this.#rest),
      onEmpty: (span) => tree.learnEmpty(span, sequence),
      options: this.#options,
      goesOn: this.#isBegun ? { rowsLeft: this.#rowsLeft } : undefined,
    });
    this.#isBegun = true;
    return this.#scan;
  }
}

function sameBound(a: Bytes | undefined, b: Bytes | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalBytes(a, b);
}
