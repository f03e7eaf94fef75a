/**
 * Where rows stand in an order, as bytes in one growing buffer, to be sorted without an object for a row.
 *
 * A record is the row's order values as index parts (collections/key), then its id as in a document's key:
 *
 *   "Ada" of the id "x1"   30 41 64 61 00  11 78 31
 *
 * Always true:
 * (1) Records order as places do (run/sort-rows.ts): parts of a descending field are complemented, ids are compared last
 *     and by themselves.
 */
import { EMPTY_BYTES, compareByteRanges } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { KeyWriter, documentKey, idOf } from "../../collections/index.ts";
import type { Order } from "../plan/order.ts";
import type { Place } from "../run/sort-rows.ts";

const BYTES_FIRST = 64 * 1_024;
const ROWS_FIRST = 1_024;
/** The three numbers of a record: where it starts, where its id does, and its place in the order. */
const RECORD_BYTES = 12;

export class KeyList {
  readonly #order: Order;
  readonly #writer = new KeyWriter(EMPTY_BYTES);
  #bytes: Bytes = new Uint8Array(BYTES_FIRST);
  #starts = new Int32Array(ROWS_FIRST);
  #ids = new Int32Array(ROWS_FIRST);
  #rows = 0;
  #used = 0;

  constructor(order: Order) {
    this.#order = order;
  }

  get rows(): number {
    return this.#rows;
  }
  /** What the records take. */
  get bytes(): number {
    return this.#used + this.#rows * RECORD_BYTES;
  }

  add({ id, values }: Place): void {
    const { fields } = this.#order;
    for (let i = 0; i < fields.length; i++) this.#writer.value(values[i], fields[i]!.descending);
    const key = this.#writer.finish();
    const suffix = documentKey(EMPTY_BYTES, id);
    this.#reserve(key.length + suffix.length);
    this.#starts[this.#rows] = this.#used;
    this.#ids[this.#rows] = this.#used + key.length;
    this.#bytes.set(key, this.#used);
    this.#bytes.set(suffix, this.#used + key.length);
    this.#rows++;
    this.#used += key.length + suffix.length;
  }

  /** The rows in order: their numbers, for id(). */
  sorted(): Int32Array {
    const numbers = Int32Array.from({ length: this.#rows }, (_, i) => i);
    return numbers.sort((a, b) => this.#compare(a, b));
  }

  id(row: number): string {
    return idOf(this.#bytes, this.#ids[row]!, this.#endOf(row));
  }

  /** Keeps the first rows of the order alone. */
  cut(rows: number): void {
    if (rows >= this.#rows) return;
    const kept = this.sorted().slice(0, rows);
    const [bytes, starts, ids] = [this.#bytes, this.#starts, this.#ids];
    const ends = Array.from(kept, (row) => this.#endOf(row));
    this.#bytes = new Uint8Array(bytes.length);
    this.#starts = new Int32Array(starts.length);
    this.#ids = new Int32Array(ids.length);
    this.#rows = 0;
    this.#used = 0;
    for (const [i, row] of kept.entries()) {
      const start = starts[row]!;
      this.#bytes.set(bytes.subarray(start, ends[i]), this.#used);
      this.#starts[i] = this.#used;
      this.#ids[i] = this.#used + ids[row]! - start;
      this.#used += ends[i]! - start;
      this.#rows++;
    }
  }

  #endOf(row: number): number {
    return row + 1 < this.#rows ? this.#starts[row + 1]! : this.#used;
  }

  #compare(a: number, b: number): number {
    const bytes = this.#bytes;
    const idA = this.#ids[a]!;
    const idB = this.#ids[b]!;
    const byValues = compareByteRanges(bytes, this.#starts[a]!, idA, bytes, this.#starts[b]!, idB);
    if (byValues !== 0) return byValues;
    const byId = compareByteRanges(bytes, idA, this.#endOf(a), bytes, idB, this.#endOf(b));
    return this.#order.idDescending ? -byId : byId;
  }

  #reserve(more: number): void {
    if (this.#used + more > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#used + more));
      grown.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = grown;
    }
    if (this.#rows < this.#starts.length) return;
    this.#starts = doubled(this.#starts);
    this.#ids = doubled(this.#ids);
  }
}

function doubled(numbers: Int32Array): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(numbers.length * 2);
  grown.set(numbers);
  return grown;
}
