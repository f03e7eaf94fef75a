/** What stands beside the writes of a collection whose relations are kept whole; made by the floor that knows all collections. */
import type { Awaitable } from "../../base/index.ts";
import type { ReadView } from "../../engine/contract/index.ts";
import type { Transaction } from "../../transaction/index.ts";
import type { CollectionDefinition } from "../collection-definition.ts";
import type { Document } from "../document/document.ts";

/** A document before and after a write; `before` is undefined for a new one. */
export interface WrittenDocument {
  readonly before: Document | undefined;
  readonly after: Document;
}

/** What a load asks of the documents that it takes in. */
export interface LoadGuard {
  /** Refuses documents that refer to nothing in other collections. @throws ReferenceViolation */
  check(view: ReadView, documents: readonly Document[]): Promise<void>;
  /** Once all rows are there: refuses those that refer to nothing in their own collection. @throws ReferenceViolation */
  checkWithin(view: ReadView): Promise<void>;
}

export interface WriteGuard {
  /**
   * Runs the work when the guarded work that the transaction began before it has ended. Two writes of one transaction that
   * run at once would not see each other: one deletes what the other begins to refer to, and no commit could tell.
   */
  inTurn<A>(tx: Transaction, work: () => Awaitable<A>): Awaitable<A>;
  /** Every collection that the guard may read or change is ready for it. */
  ready(): Awaitable<void>;
  /** Refuses documents that would refer to nothing. Called before anything of them is written. @throws ReferenceViolation */
  checkReferences(
    tx: Transaction,
    collection: string,
    written: readonly WrittenDocument[],
  ): Awaitable<void>;
  /** For a load of the collection; undefined where its documents hold no references that are kept whole. */
  ofLoad(collection: string): LoadGuard | undefined;
  /**
   * Deletes the documents, and does to what refers to them as the relations say: all of it or nothing.
   *
   * @throws ReferenceViolation where something keeps one of them.
   */
  deleteDocuments(
    tx: Transaction,
    definition: CollectionDefinition,
    documents: readonly Document[],
  ): Awaitable<void>;
}
