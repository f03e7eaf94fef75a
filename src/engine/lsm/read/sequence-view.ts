/**
 * Reading one committed state: what transactions and snapshots have in common.
 *
 * Always true:
 * (1) The state is chosen by the first read, the newest one then, and never changes after (law 3).
 * (2) Nothing is answered from a state that could still be lost (law 4): where a weaker commit was acknowledged before it
 *     was synced, the reads of who begins there wait for that sync. In all other cases no read waits.
 * (3) A view that has ended reads nothing and keeps nothing alive.
 */
import { Closed, copyBytes, nextKey } from "../../../base/index.ts";
import type { Awaitable, Bytes } from "../../../base/index.ts";
import { EMPTY_DONE_PAGE } from "../../contract/index.ts";
import type { Decode, KeyRange, Page, ReadView, Scan, ScanOptions } from "../../contract/index.ts";
import { VisibleScan } from "../cursor/index.ts";
import type { PointResult } from "../cursor/index.ts";
import type { Tree } from "./tree.ts";

/** What a view needs of the engine. */
export interface ViewSource {
  readonly tree: Tree;
  /** Throws if the engine is closed. */
  assertOpen(): void;
  /** Filled by each lookup and read at once; one for all views, since lookups do not interleave. */
  readonly found: PointResult;
  countReads(reads: number): void;
  /** A page of a scan was asked for. */
  countPage(): void;
  /** A read failed with this error, which its caller gets. */
  failed(error: unknown): void;
}

/** A state that is kept readable. */
export interface ChosenState {
  readonly sequence: number;
  /** Lets go of it; idempotent. */
  readonly release: () => void;
  /** Until this has come, nothing of the state may be shown. */
  readonly isSafe: Promise<void> | undefined;
}

export class SequenceView implements ReadView {
  readonly #source: ViewSource;
  readonly #what: "transaction" | "snapshot";
  readonly #choose: () => ChosenState;
  #chosen: ChosenState | undefined;
  #isSafe: Promise<void> | undefined;
  #ended = false;

  constructor(source: ViewSource, what: "transaction" | "snapshot", choose: () => ChosenState) {
    this.#source = source;
    this.#what = what;
    this.#choose = choose;
  }

  /** Undefined before the first read. */
  get chosen(): ChosenState | undefined {
    return this.#chosen;
  }

  get(key: Bytes): Awaitable<Bytes | undefined> {
    const wait = this.enter();
    if (wait !== undefined) return wait.then(() => this.get(key));
    const { found } = this.#source;
    return this.#find(key) ? copyBytes(found.buffer, found.start, found.end) : undefined;
  }

  read<T>(key: Bytes, decode: Decode<T>): Awaitable<T | undefined> {
    const wait = this.enter();
    if (wait !== undefined) return wait.then(() => this.read(key, decode));
    if (!this.#find(key)) return undefined;
    const { buffer, end, start } = this.#source.found;
    return decode(buffer, start, end);
  }

  getMany(keys: readonly Bytes[]): Awaitable<(Bytes | undefined)[]> {
    const wait = this.enter();
    if (wait !== undefined) return wait.then(() => this.getMany(keys));
    const { found } = this.#source;
    return keys.map((key) =>
      this.#find(key) ? copyBytes(found.buffer, found.start, found.end) : undefined,
    );
  }

  scan(range: KeyRange, options: ScanOptions = {}): Scan {
    this.#assertOpen();
    return new ViewScan(this.#source, this, copyOfRange(range), options);
  }

  /** Called before each read: chooses the state, and says what it has to wait for. */
  enter(): Promise<void> | undefined {
    this.#assertOpen();
    if (this.#chosen === undefined) this.choose();
    return this.#isSafe;
  }

  /** Ends reading; false if that had happened already. The state is kept until it is released. */
  protected endReads(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    return true;
  }

  protected choose(): ChosenState {
    const chosen = this.#choose();
    this.#chosen = chosen;
    this.#isSafe = chosen.isSafe;
    // If it never comes, every read says so.
    chosen.isSafe?.then(
      () => {
        this.#isSafe = undefined;
      },
      () => undefined,
    );
    return chosen;
  }

  #find(key: Bytes): boolean {
    const source = this.#source;
    source.countReads(1);
    try {
      return source.tree.get(key, this.#chosen!.sequence, source.found);
    } catch (error) {
      source.failed(error);
      throw error;
    }
  }

  #assertOpen(): void {
    if (this.#ended) throw new Closed(this.#what);
    this.#source.assertOpen();
  }
}

/**
 * A scan that may outlive the tables it began with: when the structure below has changed between two pages, it goes on
 * behind its last row with new cursors. So no scan, however long it is held, keeps a file or a memtable from going.
 */
class ViewScan implements Scan {
  readonly #source: ViewSource;
  readonly #view: SequenceView;
  readonly #options: ScanOptions;
  #rest: KeyRange;
  #rowsLeft: number;
  #scan: VisibleScan | undefined;
  #structure = -1;
  #isDone = false;

  constructor(source: ViewSource, view: SequenceView, range: KeyRange, options: ScanOptions) {
    this.#source = source;
    this.#view = view;
    this.#rest = range;
    this.#options = options;
    this.#rowsLeft = options.limit ?? Infinity;
  }

  next(): Awaitable<Page> {
    if (this.#isDone) return EMPTY_DONE_PAGE;
    const wait = this.#view.enter();
    if (wait !== undefined) return wait.then(() => this.next());
    const page = this.#nextPage();
    this.#source.countPage();
    if (page.done) {
      this.#isDone = true;
      this.#scan = undefined;
    } else {
      this.#rowsLeft -= page.rows;
      this.#rest = restAfter(this.#rest, page, this.#options.reverse ?? false);
    }
    return page;
  }

  close(): void {
    this.#isDone = true;
    this.#scan?.close();
    this.#scan = undefined;
  }

  #nextPage(): Page {
    try {
      return this.#scanNow().next();
    } catch (error) {
      this.#source.failed(error);
      throw error;
    }
  }

  #scanNow(): VisibleScan {
    const { tree } = this.#source;
    if (this.#scan !== undefined && this.#structure === tree.structure) return this.#scan;
    const isFirst = this.#scan === undefined;
    this.#scan?.close();
    this.#structure = tree.structure;
    const { reverse, keysOnly, expect } = this.#options;
    this.#scan = new VisibleScan({
      cursor: tree.cursor(),
      range: this.#rest,
      sequence: this.#view.chosen!.sequence,
      rangeDeletes: tree.rangeDeletes(),
      options: {
        ...(this.#rowsLeft === Infinity ? {} : { limit: this.#rowsLeft }),
        ...(reverse === undefined ? {} : { reverse }),
        ...(keysOnly === undefined ? {} : { keysOnly }),
        // Pages have grown by then; they need not start small again.
        ...(isFirst ? (expect === undefined ? {} : { expect }) : { expect: "all" }),
      },
    });
    return this.#scan;
  }
}

/** What is left of the range behind the last row of a page. */
function restAfter(range: KeyRange, page: Page, reverse: boolean): KeyRange {
  if (page.rows === 0) return range;
  const last = page.rows - 1;
  const key = page.buffer.subarray(page.keyStart[last]!, page.keyEnd[last]!);
  return reverse
    ? { start: range.start, end: copyBytes(key) }
    : { start: nextKey(key), end: range.end };
}

/** A scan reads its bounds after the call that handed them in has returned (law 9). */
function copyOfRange(range: KeyRange): KeyRange {
  return {
    start: copyBytes(range.start),
    end: range.end === undefined ? undefined : copyBytes(range.end),
  };
}
