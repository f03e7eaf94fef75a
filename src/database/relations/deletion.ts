/**
 * What one delete comes to: first found, collection by collection and level by level, then written at once.
 *
 * Always true: nothing is written before all is found and checked, so that a refused delete has changed nothing. Should
 * writing itself be refused half-way (a unique index takes no second document without its reference), the transaction can
 * no longer commit.
 */
import { andThen, isPromise } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import { ReferenceViolation } from "../../collections/index.ts";
import type {
  CollectionDefinition,
  CollectionStore,
  Document,
  DocumentChange,
  Relation,
  RelationGraph,
} from "../../collections/index.ts";
import type { Transaction } from "../../transaction/index.ts";

export interface DeletionGround {
  readonly graph: RelationGraph;
  readonly storeOf: (definition: CollectionDefinition) => CollectionStore;
  /** The documents that refer to any of the ids by the relation. */
  readonly referrers: (
    relation: Relation,
    ids: readonly string[],
  ) => Awaitable<readonly Document[]>;
}

/** Documents of one collection, by id. */
interface Doomed {
  readonly definition: CollectionDefinition;
  readonly documents: Map<string, Document>;
}
/** A relation whose references to these documents are still to be found. */
interface Question {
  readonly relation: Relation;
  readonly ids: readonly string[];
}
interface Reference {
  readonly relation: Relation;
  readonly referrer: Document;
  /** The document that goes. */
  readonly id: string;
}

export class Deletion {
  readonly #ground: DeletionGround;
  readonly #doomed = new Map<string, Doomed>();
  readonly #questions: Question[] = [];
  readonly #restricting: Reference[] = [];
  readonly #unsetting: Reference[] = [];

  constructor(ground: DeletionGround) {
    this.#ground = ground;
  }

  /** @throws ReferenceViolation; ValidationError or UniqueViolation where a document cannot be without its reference. */
  run(
    tx: Transaction,
    definition: CollectionDefinition,
    documents: readonly Document[],
  ): Awaitable<void> {
    this.#doom(definition, documents);
    return andThen(this.#findAll(), () => this.#write(tx));
  }

  /** Takes documents in; who refers to them is still to be found. */
  #doom(definition: CollectionDefinition, documents: readonly Document[]): void {
    const { name } = definition;
    const doomed = this.#doomed.get(name) ?? { definition, documents: new Map() };
    this.#doomed.set(name, doomed);
    const fresh = documents.filter(({ id }) => !doomed.documents.has(id));
    for (const document of fresh) doomed.documents.set(document.id, document);
    if (fresh.length === 0) return;
    const ids = fresh.map(({ id }) => id);
    for (const relation of this.#ground.graph.keptTo(name)) this.#questions.push({ relation, ids });
  }

  /** A loop and no recursion: a chain of documents may be longer than the stack. */
  #findAll(): Awaitable<void> {
    for (;;) {
      const question = this.#questions.shift();
      if (question === undefined) return undefined;
      const { ids, relation } = question;
      const referrers = this.#ground.referrers(relation, ids);
      if (isPromise(referrers))
        return referrers.then((found) => {
          this.#take(relation, found);
          return this.#findAll();
        });
      this.#take(relation, referrers);
    }
  }

  #take(relation: Relation, referrers: readonly Document[]): void {
    if (relation.onDelete === "cascade") return this.#doom(relation.from, referrers);
    const list = relation.onDelete === "unset" ? this.#unsetting : this.#restricting;
    for (const referrer of referrers)
      list.push({ relation, referrer, id: referrer[relation.via.before[0]!] as string });
  }

  #isDoomed(definition: CollectionDefinition, id: string): boolean {
    return this.#doomed.get(definition.name)?.documents.has(id) === true;
  }

  #write(tx: Transaction): Awaitable<void> {
    for (const { id, referrer, relation } of this.#restricting)
      if (!this.#isDoomed(relation.from, referrer.id)) throw violation(relation, id, referrer);
    const steps: (readonly [CollectionStore, readonly DocumentChange[]])[] = [];
    for (const { definition, documents } of this.#doomed.values()) {
      const store = this.#ground.storeOf(definition);
      steps.push([store, [...documents.values()].map((document) => store.deletion(tx, document))]);
    }
    return this.#writeNext(tx, [...steps, ...this.#patches(tx)], 0);
  }

  /** The documents that stay without their references: one patch for each. */
  #patches(tx: Transaction): (readonly [CollectionStore, readonly DocumentChange[]])[] {
    const patches = new Map<
      CollectionDefinition,
      Map<string, { readonly before: Document; readonly patch: Record<string, unknown> }>
    >();
    for (const { referrer, relation } of this.#unsetting) {
      const { from, removable, via } = relation;
      if (this.#isDoomed(from, referrer.id)) continue;
      const ofCollection = patches.get(from) ?? new Map();
      patches.set(from, ofCollection);
      const { patch } = ofCollection.get(referrer.id) ?? { patch: {} };
      patch[via.before[0]!] = removable ? undefined : null;
      ofCollection.set(referrer.id, { before: referrer, patch });
    }
    return [...patches].map(([definition, ofCollection]) => {
      const store = this.#ground.storeOf(definition);
      const changes = [...ofCollection.values()].map(({ before, patch }) =>
        store.patching(tx, before, patch),
      );
      return [store, changes] as const;
    });
  }

  #writeNext(
    tx: Transaction,
    steps: readonly (readonly [CollectionStore, readonly DocumentChange[]])[],
    at: number,
  ): Awaitable<void> {
    const step = steps[at];
    if (step === undefined) return undefined;
    const [store, changes] = step;
    const failed = (error: unknown): never => {
      // Some of it is written: a body may catch this error, but must not commit.
      if (at > 0)
        tx.beforeCommit(() => {
          throw error;
        });
      throw error;
    };
    let written: Awaitable<void>;
    try {
      written = store.writeUnguarded(tx, changes);
    } catch (error) {
      return failed(error);
    }
    if (isPromise(written))
      return written.catch(failed).then(() => this.#writeNext(tx, steps, at + 1));
    return this.#writeNext(tx, steps, at + 1);
  }
}

export function violation(relation: Relation, id: string, referrer: Document): ReferenceViolation {
  const { from, to, via } = relation;
  const by = { collection: from.name, id: referrer.id, field: via.text };
  return new ReferenceViolation(to.name, id, by);
}
