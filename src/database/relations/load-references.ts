/**
 * The references of documents that are loaded.
 *
 * Always true, of a load that has passed both checks:
 * (1) Every reference to another collection was there when its piece was looked at, and still is: who would delete a
 *     document that these may refer to waits for the end of the load, or was begun before it and cannot be committed.
 * (2) Every reference within the collection leads to a document of the load. That is only known once all rows are there:
 *     documents of a load come in any order, and refer to each other in circles.
 *
 * Cost: for each piece and relation one getMany of the ids that are referred to, each once; for a relation of the
 * collection to itself one pass over its rows, and a getMany for each batch of them. In memory are a piece's documents.
 */
import type {
  CollectionDefinition,
  CollectionStore,
  Document,
  LoadGuard,
  Relation,
} from "../../collections/index.ts";
import type { ReadView } from "../../engine/contract/index.ts";
import { violation } from "./deletion.ts";
import { newReferences, requireReferred } from "./references.ts";
import { danglingReferences } from "./verify-relations.ts";

type StoreOf = (definition: CollectionDefinition) => CollectionStore;

export class LoadReferences implements LoadGuard {
  readonly #relations: readonly Relation[];
  readonly #storeOf: StoreOf;

  /** All relations are of the collection that is loaded. */
  constructor(relations: readonly Relation[], storeOf: StoreOf) {
    this.#relations = relations;
    this.#storeOf = storeOf;
  }

  async check(view: ReadView, documents: readonly Document[]): Promise<void> {
    const written = documents.map((after) => ({ before: undefined, after }));
    for (const relation of this.#relations) {
      const references = newReferences(relation, written);
      if (isWithin(relation)) continue;
      const store = this.#storeOf(relation.to);
      await store.lookIn(view);
      await requireReferred(view, store, relation, references);
    }
  }

  async checkWithin(view: ReadView): Promise<void> {
    for (const relation of this.#relations.filter(isWithin))
      for await (const { id, referrer } of danglingReferences(relation, this.#storeOf, view))
        throw violation(relation, id, referrer);
  }
}

function isWithin({ from, to }: Relation): boolean {
  return from.name === to.name;
}
