/**
 * Reads parts of a plan side by side: each is in the order asked for, and what is given is too.
 *
 * Always true:
 * (1) The first document of every part that has one is known before a document is given; the least of them is. A document
 *     that several parts have stands at the same place in each, so it comes from them one after the other, and is given
 *     once: for the first part whose test it passes.
 * (2) A document is tested when it is its turn, so that a part of which little fits is read no further than the others.
 *     Until then it is taken to fit, and to have what is fixed in the part: so parts are in order before they are tested.
 * (3) Nothing is read while there is a document to give: a caller that has enough has not made it read more.
 * (4) No part is asked for more rows than are wanted in all: the first rows of the whole are first rows of their parts.
 */
import { isPromise } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import type { Document } from "../../collections/index.ts";
import type { Order } from "../plan/order.ts";
import type { FixedValues } from "../plan/plan.ts";
import type { BranchReader } from "./branch-reader.ts";
import { comparePlaces, placeOf } from "./sort-rows.ts";
import type { Place } from "./sort-rows.ts";

/** What is merged: documents in order, of which those count that pass the test. */
export interface MergedPart {
  readonly reader: BranchReader;
  readonly test: ((document: Document) => boolean) | undefined;
  readonly fixed: FixedValues;
}

/** A part that is not at its end. */
class Part {
  readonly #reader: BranchReader;
  readonly #test: MergedPart["test"];
  readonly #order: Order;
  readonly #fixed: FixedValues;
  #batch: readonly Document[] = [];
  #at = 0;
  /** Where its first document stands; undefined: it has to be read. */
  place: Place | undefined;

  constructor({ fixed, reader, test }: MergedPart, order: Order) {
    this.#reader = reader;
    this.#test = test;
    this.#fixed = fixed;
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

  counts(document: Document): boolean {
    return this.#test === undefined || this.#test(document);
  }

  close(): void {
    this.#reader.close();
  }

  #look(): void {
    const first = this.#batch[this.#at];
    this.place = first === undefined ? undefined : placeOf(this.#order, first, this.#fixed);
  }
}

export class MergeReader implements BranchReader {
  readonly #order: Order;
  readonly #parts: Set<Part>;
  #givenId: string | undefined;

  constructor(parts: readonly MergedPart[], order: Order) {
    this.#order = order;
    this.#parts = new Set(parts.map((part) => new Part(part, order)));
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

  /** Until a part has to be read again. May be empty: all of it was given before, or does not fit. */
  #merged(): readonly Document[] {
    const documents: Document[] = [];
    for (;;) {
      const least = this.#least();
      const document = least.take();
      if (document.id !== this.#givenId && least.counts(document)) {
        documents.push(document);
        this.#givenId = document.id;
      }
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
