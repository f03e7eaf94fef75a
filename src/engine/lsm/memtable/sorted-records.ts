/**
 * The order of a memtable that takes no more entries, as one list of records in shared memory: what another thread reads.
 *
 * Always true: positions are places in the list, so they hold for ever.
 */
import type { EntryArena } from "./entry-arena.ts";

/** An order of records: what a cursor walks. -1 is no position. */
export interface EntryOrder {
  /** How many records; a position holds until it changes. */
  readonly size: number;
  /** The position of the first record at or after this one. */
  lowerBound(record: number): number;
  first(): number;
  last(): number;
  after(position: number): number;
  before(position: number): number;
  recordAt(position: number): number;
}

export class SortedRecords implements EntryOrder {
  readonly #arena: EntryArena;
  readonly #records: Int32Array;

  constructor(arena: EntryArena, records: Int32Array) {
    this.#arena = arena;
    this.#records = records;
  }

  get size(): number {
    return this.#records.length;
  }
  lowerBound(record: number): number {
    let low = 0;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#arena.compare(this.#records[middle]!, record) < 0) low = middle + 1;
      else high = middle;
    }
    return low === this.#records.length ? -1 : low;
  }
  first(): number {
    return this.#records.length === 0 ? -1 : 0;
  }
  last(): number {
    return this.#records.length - 1;
  }
  after(position: number): number {
    return position + 1 < this.#records.length ? position + 1 : -1;
  }
  before(position: number): number {
    return position - 1;
  }
  recordAt(position: number): number {
    return this.#records[position]!;
  }
}
