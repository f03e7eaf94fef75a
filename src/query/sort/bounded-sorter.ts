/**
 * Sorting in bounded memory: documents as long as they fit, then only where they stand.
 *
 * Always true:
 * (1) Documents are kept up to `bytesMax`. From then on their places alone are, up to `bytesMax` again, and the documents
 *     are read once more when their turn comes. Beyond that the sort fails.
 * (2) With a limit no more rows than that are kept in the end.
 */
import type { Document } from "../../collections/index.ts";
import type { Order } from "../plan/order.ts";
import { RowSorter, placeOf } from "../run/sort-rows.ts";
import { documentBytes } from "./document-bytes.ts";
import { KeyList } from "./key-list.ts";

/** What a row takes beside its document: its place, and the place's values. */
const ROW_BYTES = 200;

export interface SortBound {
  readonly bytesMax: number;
  /** The error where that is too little. */
  readonly tooLarge: (rows: number) => Error;
}

/** The ids, in order, of documents that have to be read again. */
export interface PlacedRows {
  readonly count: number;
  readonly idAt: (row: number) => string;
}
export type SortedRows = { readonly documents: readonly Document[] } | PlacedRows;

export class BoundedSorter {
  readonly #order: Order;
  readonly #limit: number;
  readonly #bound: SortBound;
  #sorter: RowSorter | undefined;
  #bytes = 0;
  #keys: KeyList | undefined;

  constructor(order: Order, limit: number | undefined, bound: SortBound) {
    this.#order = order;
    this.#limit = limit ?? Infinity;
    this.#bound = bound;
    this.#sorter = new RowSorter(order, limit);
  }

  /** @throws the error of the bound. */
  add(document: Document): void {
    const sorter = this.#sorter;
    if (sorter === undefined) return this.#addKey(document);
    const out = sorter.add(document);
    if (out === document) return;
    this.#bytes += sizeOf(document) - (out === undefined ? 0 : sizeOf(out));
    if (this.#bytes > this.#bound.bytesMax) this.#spill(sorter);
  }

  /** The rows in order. The sorter must not be used after. */
  finish(): SortedRows {
    if (this.#sorter !== undefined) return { documents: this.#sorter.finish() };
    const keys = this.#keys!;
    const rows = keys.sorted();
    return { count: Math.min(rows.length, this.#limit), idAt: (row) => keys.id(rows[row]!) };
  }

  #spill(sorter: RowSorter): void {
    const keys = new KeyList(this.#order);
    for (const place of sorter.places) keys.add(place);
    this.#keys = keys;
    this.#sorter = undefined;
  }

  #addKey(document: Document): void {
    const keys = this.#keys!;
    keys.add(placeOf(this.#order, document));
    const { bytesMax } = this.#bound;
    if (keys.bytes <= bytesMax) return;
    keys.cut(this.#limit);
    // A sort for each row that comes would never end: the half that a cut sets free takes many.
    if (keys.bytes > bytesMax / 2) throw this.#bound.tooLarge(keys.rows);
  }
}

function sizeOf(document: Document): number {
  return ROW_BYTES + documentBytes(document);
}
