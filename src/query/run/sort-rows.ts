/**
 * Sorting in memory, where no scan gives the order.
 *
 * Always true:
 * (1) With a limit at most so many documents are held: a heap whose root is the last of those that are kept.
 * (2) Values of which the order says nothing (objects, lists) sort as null.
 */
import { compareValues, isOrdered, valueAt } from "../../collections/index.ts";
import type { Document, Scalar } from "../../collections/index.ts";
import { compareIds } from "../id-order.ts";
import type { Order } from "../plan/order.ts";
import type { FixedValues } from "../plan/plan.ts";

/** Where a document stands in an order. */
export interface Place {
  readonly values: readonly Scalar[];
  readonly id: string;
}
interface PlacedDocument extends Place {
  readonly document: Document;
}

/** The values that the order goes by, in its order. */
export function orderValues(order: Order, document: Document): readonly Scalar[] {
  return order.fields.map(({ path }) => {
    const value = valueAt(document, path);
    return isOrdered(value) ? (value ?? null) : null;
  });
}

/** Where the document stands; what is fixed is not looked for in it. */
export function placeOf(order: Order, document: Document, fixed?: FixedValues): Place {
  const values = orderValues(order, document);
  const known =
    fixed === undefined || fixed.size === 0
      ? values
      : values.map((value, i) => {
          const { text } = order.fields[i]!.path;
          return fixed.has(text) ? fixed.get(text) : value;
        });
  return { values: known, id: document.id };
}

/** Negative, zero or positive as `a` stands before, on or behind `b`. */
export function comparePlaces(order: Order, a: Place, b: Place): number {
  const { fields, idDescending } = order;
  for (let i = 0; i < fields.length; i++) {
    const difference = compareValues(a.values[i], b.values[i]);
    if (difference !== 0) return fields[i]!.descending ? -difference : difference;
  }
  const difference = compareIds(a.id, b.id);
  return idDescending ? -difference : difference;
}

export class RowSorter {
  readonly #order: Order;
  readonly #limit: number;
  /** With a limit: a heap, the last document in the order at its root. */
  readonly #kept: PlacedDocument[] = [];

  constructor(order: Order, limit: number = Infinity) {
    this.#order = order;
    this.#limit = limit;
  }

  /** Where the documents stand that are kept, in no order. */
  get places(): readonly Place[] {
    return this.#kept;
  }

  /** Gives the document that is not kept, for the limit's sake: this one, or one from before. */
  add(document: Document): Document | undefined {
    const row = { values: orderValues(this.#order, document), id: document.id, document };
    const kept = this.#kept;
    if (this.#limit === Infinity) kept.push(row);
    else if (kept.length < this.#limit) this.#siftUp(row);
    else {
      const last = kept[0];
      if (last === undefined || comparePlaces(this.#order, row, last) >= 0) return document;
      this.#siftDown(row);
      return last.document;
    }
    return undefined;
  }

  /** The documents in order. The sorter must not be used after. */
  finish(): readonly Document[] {
    this.#kept.sort((a, b) => comparePlaces(this.#order, a, b));
    return this.#kept.map(({ document }) => document);
  }

  #siftUp(row: PlacedDocument): void {
    const kept = this.#kept;
    let at = kept.length;
    kept.push(row);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (comparePlaces(this.#order, kept[parent]!, row) >= 0) break;
      kept[at] = kept[parent]!;
      at = parent;
    }
    kept[at] = row;
  }

  /** Replaces the root. */
  #siftDown(row: PlacedDocument): void {
    const kept = this.#kept;
    const { length } = kept;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= length) break;
      if (child + 1 < length && comparePlaces(this.#order, kept[child + 1]!, kept[child]!) > 0)
        child++;
      if (comparePlaces(this.#order, kept[child]!, row) <= 0) break;
      kept[at] = kept[child]!;
      at = child;
    }
    kept[at] = row;
  }
}
