/**
 * Keeps the relations with `onDelete` whole, inside the transaction that would break them.
 *
 * Always true:
 * (1) A document is written only if what it refers to is there: it is read, so that whoever deletes it meanwhile and this
 *     transaction cannot both commit. References that a write leaves as they were are not looked at again.
 * (2) A document is deleted only when nothing refers to it any more: the ranges of the index in which its referrers would
 *     stand are read, so that a new one is a conflict.
 * (3) A delete is worked out whole before anything of it is written. What is deleted with it keeps nothing: 'restrict'
 *     counts for documents that stay. Nothing is deleted twice, so cycles end.
 * (4) The guarded work of one transaction runs in turn.
 * (5) What was looked at in another collection, a load of that collection has not changed unnoticed: a load that begins
 *     before the commit is a conflict, one that is under way is waited for.
 */
import { andThen, isPromise } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import { EVERY_DOCUMENT, planFor, relatedQuery, relatedRows } from "../../query/index.ts";
import type {
  CollectionDefinition,
  CollectionStore,
  Document,
  LoadGuard,
  Relation,
  RelationGraph,
  WriteGuard,
  WrittenDocument,
} from "../../collections/index.ts";
import type { RelatedQuery } from "../../query/index.ts";
import type { Transaction } from "../../transaction/index.ts";
import { Deletion } from "./deletion.ts";
import { LoadReferences } from "./load-references.ts";
import { newReferences, requireReferred } from "./references.ts";

export class ReferenceGuard implements WriteGuard {
  readonly #graph: RelationGraph;
  readonly #reach: readonly CollectionDefinition[];
  readonly #storeOf: (definition: CollectionDefinition) => CollectionStore;
  readonly #turns: WeakMap<Transaction, Promise<unknown>>;
  /** How referrers are found, by relation. */
  readonly #queries = new Map<Relation, RelatedQuery>();

  /** `reach` are the collections that its writes may touch; `turns` is shared by the guards of one database. */
  constructor(
    graph: RelationGraph,
    reach: readonly CollectionDefinition[],
    storeOf: (definition: CollectionDefinition) => CollectionStore,
    turns: WeakMap<Transaction, Promise<unknown>>,
  ) {
    this.#graph = graph;
    this.#reach = reach;
    this.#storeOf = storeOf;
    this.#turns = turns;
  }

  ready(at = 0): Awaitable<void> {
    const definition = this.#reach[at];
    if (definition === undefined) return undefined;
    return andThen(this.#storeOf(definition).readyAlone(), () => this.ready(at + 1));
  }

  inTurn<A>(tx: Transaction, work: () => Awaitable<A>): Awaitable<A> {
    const before = this.#turns.get(tx);
    const result = before === undefined ? work() : before.then(work);
    if (!isPromise(result)) return result;
    // Whoever waits for its turn does not care how the work before it ended.
    const leave = (): void => {
      // The last in line takes the line away, so that later work need not wait for nothing.
      if (this.#turns.get(tx) === ended) this.#turns.delete(tx);
    };
    const ended: Promise<void> = result.then(leave, leave);
    this.#turns.set(tx, ended);
    return result;
  }

  checkReferences(
    tx: Transaction,
    collection: string,
    written: readonly WrittenDocument[],
  ): Awaitable<void> {
    return this.#checkNext(tx, this.#graph.keptFrom(collection), 0, written);
  }

  #checkNext(
    tx: Transaction,
    relations: readonly Relation[],
    at: number,
    written: readonly WrittenDocument[],
  ): Awaitable<void> {
    const relation = relations[at];
    if (relation === undefined) return undefined;
    const next = (): Awaitable<void> => this.#checkNext(tx, relations, at + 1, written);
    return andThen(this.#checkRelation(tx, relation, written), next);
  }

  #checkRelation(
    tx: Transaction,
    relation: Relation,
    written: readonly WrittenDocument[],
  ): Awaitable<void> {
    const { from, to } = relation;
    const references = newReferences(relation, written);
    // Documents of one call may refer to each other.
    if (from.name === to.name) for (const { after } of written) references.delete(after.id);
    if (references.size === 0) return undefined;
    const store = this.#storeOf(to);
    return andThen(store.unlessLoading(tx), () => requireReferred(tx, store, relation, references));
  }

  ofLoad(collection: string): LoadGuard | undefined {
    const relations = this.#graph.keptFrom(collection);
    if (relations.length === 0) return undefined;
    return new LoadReferences(relations, this.#storeOf);
  }

  deleteDocuments(
    tx: Transaction,
    definition: CollectionDefinition,
    documents: readonly Document[],
  ): Awaitable<void> {
    const deletion = new Deletion({
      graph: this.#graph,
      storeOf: this.#storeOf,
      referrers: (relation, ids) => this.#referrers(tx, relation, ids),
    });
    return deletion.run(tx, definition, documents);
  }

  /** The documents that refer to any of the ids by this relation. */
  #referrers(tx: Transaction, relation: Relation, ids: readonly string[]): Awaitable<Document[]> {
    const store = this.#storeOf(relation.from);
    return andThen(store.unlessLoading(tx), () => {
      // What is ready in one transaction need not be in another.
      const seen = store.asSeenBy(tx);
      const known = this.#queries.get(relation);
      const query = known?.store === seen ? known : referrerQuery(relation, seen);
      this.#queries.set(relation, query);
      return andThen(relatedRows(query, ids, tx), (groups) => [...groups.values()].flat());
    });
  }
}

/** The declaration has made sure of an index, so no rule for full scans is asked. */
function referrerQuery({ via }: Relation, store: CollectionStore): RelatedQuery {
  return relatedQuery(store, via, EVERY_DOCUMENT, (request) => planFor(request, { store }));
}
