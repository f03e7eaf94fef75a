/**
 * Reading one state: what transactions and snapshots have in common.
 *
 * Always true:
 * (1) The state is chosen at the first read, the newest one then, and never changes after (law 3).
 * (2) From endReads() on every read fails with Closed; after release() the view keeps no old version alive.
 */
import { Closed, copyBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { copyOfRange } from "../contract/index.ts";
import type { Decode, KeyRange, ReadView, Scan, ScanOptions } from "../contract/index.ts";
import type { CommittedState, EntryVisitor } from "./committed-state.ts";
import { MemoryScan } from "./memory-scan.ts";

export class MemoryView implements ReadView {
  readonly #state: CommittedState;
  readonly #what: "transaction" | "snapshot";
  #at: number | undefined;
  #closed = false;

  constructor(state: CommittedState, what: "transaction" | "snapshot") {
    this.#state = state;
    this.#what = what;
  }

  get(key: Bytes): Bytes | undefined {
    const value = this.#state.valueAt(key, this.choose());
    return value === undefined ? undefined : copyBytes(value);
  }

  read<T>(key: Bytes, decode: Decode<T>): T | undefined {
    const value = this.#state.valueAt(key, this.choose());
    return value === undefined ? undefined : decode(value, 0, value.length);
  }

  getMany(keys: readonly Bytes[]): (Bytes | undefined)[] {
    this.choose();
    return keys.map((key) => this.get(key));
  }

  scan(range: KeyRange, options: ScanOptions = {}): Scan {
    this.#assertOpen();
    return new MemoryScan(this, copyOfRange(range), options);
  }

  /** For the scans of this view: shows rows in the engine's own bytes. */
  visit(range: KeyRange, reverse: boolean, visit: EntryVisitor): void {
    this.#state.visit(range, this.choose(), reverse, visit);
  }

  /** The state this view reads; the first call chooses it. */
  protected choose(): number {
    this.#assertOpen();
    this.#at ??= this.#state.pin();
    return this.#at;
  }

  /** The state that was chosen; undefined if nothing was read. */
  protected get chosen(): number | undefined {
    return this.#at;
  }

  /** Ends reading; false if it had ended before. */
  protected endReads(): boolean {
    const wasOpen = !this.#closed;
    this.#closed = true;
    return wasOpen;
  }

  /** Lets the chosen state go. Called once. */
  protected release(): void {
    if (this.#at !== undefined) this.#state.unpin(this.#at);
  }

  #assertOpen(): void {
    if (this.#closed) throw new Closed(this.#what);
    if (this.#state.closed) throw new Closed("engine");
  }
}
