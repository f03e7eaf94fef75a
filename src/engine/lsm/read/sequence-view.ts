/**
 * Reading one committed state: what transactions and snapshots have in common.
 *
 * Always true:
 * (1) The state is chosen by the first read, the newest one then, and never changes after (law 3).
 * (2) Nothing is answered from a state that could still be lost (law 4): where a weaker commit was acknowledged before it
 *     was synced, the reads of who begins there wait for that sync. Else a read waits only where the disk is slow.
 * (3) A view that has ended begins no read and keeps nothing alive. A read that waits for the disk by then finishes, and
 *     keeps its state until it has.
 */
import { Closed, copyBytes, isPromise } from "../../../base/index.ts";
import type { Awaitable, Bytes } from "../../../base/index.ts";
import type { Decode, KeyRange, ReadView, Scan, ScanOptions } from "../../contract/index.ts";
import { BLOCK_MISSING } from "../cursor/index.ts";
import type { PointResult } from "../cursor/index.ts";
import type { Errand } from "../sstable/index.ts";
import { getMany } from "./get-many.ts";
import type { Tree } from "./tree.ts";
import { ViewScan } from "./view-scan.ts";

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
  /** Keeps the state at a sequence readable until the function that it gives is called. */
  pin(sequence: number): () => void;
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
    return this.#read(key, copyBytes);
  }

  read<T>(key: Bytes, decode: Decode<T>): Awaitable<T | undefined> {
    const wait = this.enter();
    if (wait !== undefined) return wait.then(() => this.read(key, decode));
    return this.#read(key, decode);
  }

  getMany(keys: readonly Bytes[]): Awaitable<(Bytes | undefined)[]> {
    const wait = this.enter();
    if (wait !== undefined) return wait.then(() => this.getMany(keys));
    const { found, tree } = this.#source;
    this.#source.countReads(keys.length);
    const find = (one: Bytes): boolean => this.#find(one);
    const values = getMany({ find, found, reads: tree.reads }, keys);
    return isPromise(values) ? this.keptFor(values) : values;
  }

  scan(range: KeyRange, options: ScanOptions = {}): Scan {
    this.#assertOpen();
    return new ViewScan(this.#source, this, range, options);
  }

  /** Called before each read: chooses the state, and says what it has to wait for. */
  enter(): Promise<void> | undefined {
    this.#assertOpen();
    if (this.#chosen === undefined) this.choose();
    return this.#isSafe;
  }

  /** The read that waits, and the state kept for it. */
  keptFor<T>(read: Promise<T>): Promise<T> {
    return read.finally(this.#source.pin(this.#chosen!.sequence));
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

  /** HOT: bench/micro/lsm-engine.ts. */
  #read<T>(key: Bytes, decode: Decode<T>): Awaitable<T | undefined> {
    const { found, tree } = this.#source;
    this.#source.countReads(1);
    if (tree.reads.isSlow) {
      const value = this.#readSlowly(key, decode, tree.reads.newErrand(0));
      return isPromise(value) ? this.keptFor(value) : value;
    }
    if (!this.#get(key)) return undefined;
    return decode(found.buffer, found.start, found.end);
  }

  #readSlowly<T>(key: Bytes, decode: Decode<T>, errand: Errand): Awaitable<T | undefined> {
    const { found, tree } = this.#source;
    const isThere = tree.reads.run(errand, () => this.#find(key));
    if (isThere === undefined) {
      return errand.arrived().then(() => this.#readSlowly(key, decode, errand));
    }
    return isThere ? decode(found.buffer, found.start, found.end) : undefined;
  }

  /** Asks anew whether the engine is open: it may have been closed while a block was waited for. */
  #find(key: Bytes): boolean {
    this.#source.assertOpen();
    return this.#get(key);
  }

  #get(key: Bytes): boolean {
    const { found, tree } = this.#source;
    try {
      return tree.get(key, this.#chosen!.sequence, found);
    } catch (error) {
      if (error !== BLOCK_MISSING) this.#source.failed(error);
      throw error;
    }
  }

  #assertOpen(): void {
    if (this.#ended) throw new Closed(this.#what);
    this.#source.assertOpen();
  }
}
