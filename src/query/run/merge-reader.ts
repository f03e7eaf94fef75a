/**
 * Reads the parts of an access side by side: each is in the order asked for, and what is given is too.
 *
 * Always true:
 * (1) The first document of every part that has one is known before a document is given; the least of them is. A document
 *     that several parts have stands at the same place in each, so it comes from them one after the other, and is given
 *     once.
 * (2) Nothing is read while there is a document to give: a caller that has enough has not made it read more.
 * (3) No part is asked for more rows than are wanted in all: the first rows of the whole are first rows of their parts.
 */
import { isPromise } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import type { Document } from "../../collections/index.ts";
import type { Order } from "../plan/order.ts";
import type { BranchReader } from "./branch-reader.ts";
import { comparePlaces, placeOf } from "./sort-rows.ts";
import type { Place } from "./sort-rows.ts";

/** A part that is not at its end. */
class Part {
  readonly #reader: BranchReader;
  readonly #order: Order;
  #batch: readonly Document[] = [];
  #at = 0;
  /** Where its first document stands; undefined: it has to be read. */
  place: Place | undefined;

  constructor(reader: BranchReader, order: Order) {
    this.#reader = reader;
    this.#order = order;
  }

  read(): Awaitable<readonly Document[] | undefined> {
    return this.#reader.next();
  }

  fill(batch: readonly Document[]): void {
    this.#batch = batch;
    this.#at = 0;
    this.#look();
  }

  take(): Document {
    const document = this.#batch[this.#at++]!;
    this.#look();
    return document;
  }

  close(): void {
    this.#reader.close();
  }

  #look(): void {
    const first = this.#batch[this.#at];
    this.place = first === undefined ? undefined : placeOf(this.#order, first);
  }
}

export class MergeReader implements BranchReader {
  readonly #order: Order;
  readonly #parts: Set<Part>;
  #givenId: string | undefined;

  constructor(readers: readonly BranchReader[], order: Order) {
    this.#order = order;
    this.#parts = new Set(readers.map((reader) => new Part(reader, order)));
  }

  next(): Awaitable<readonly Document[] | undefined> {
    for (const part of this.#parts) {
      while (part.place === undefined && this.#parts.has(part)) {
        const batch = part.read();
        if (isPromise(batch))
          return batch.then((arrived) => {
            this.#fill(part, arrived);
            return this.next();
          });
        this.#fill(part, batch);
      }
    }
    return this.#parts.size === 0 ? undefined : this.#merged();
  }

  close(): void {
    for (const part of this.#parts) part.close();
    this.#parts.clear();
  }

  #fill(part: Part, batch: readonly Document[] | undefined): void {
    if (batch === undefined) this.#parts.delete(part);
    else part.fill(batch);
  }

  /** Until a part has to be read again. May be empty: all of it was given before. */
  #merged(): readonly Document[] {
    const documents: Document[] = [];
    for (;;) {
      const least = this.#least();
      const document = least.take();
      if (document.id !== this.#givenId) documents.push(document);
      this.#givenId = document.id;
      if (least.place === undefined) return documents;
    }
  }

  #least(): Part {
    let least: Part | undefined;
    for (const part of this.#parts)
      if (least === undefined || comparePlaces(this.#order, part.place!, least.place!) < 0)
        least = part;
    return least!;
  }
}
