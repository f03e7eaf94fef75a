/**
 * The working half of a collection in one database: documents in, documents out, indexes kept. Reads take a view, writes
 * a transaction; both come from the floors above, so one store serves plain calls, transactions and snapshots.
 *
 * Always true:
 * (1) Every operation but `ready` needs a collection that is ready: callers wait for ready() first.
 * (2) What a write returns is what a later get returns: it is read back from the row, and shares nothing with the caller's
 *     input or the schema's defaults.
 * (3) A write that is refused has changed nothing in its transaction.
 */
import { andThen, assert, isPromise } from "../base/index.ts";
import type { Awaitable, BatchCursor, Bytes } from "../base/index.ts";
import type { ChangeSet, ReadView } from "../engine/contract/index.ts";
import type { Transaction } from "../transaction/index.ts";
import { storedChanges } from "./changes/stored-changes.ts";
import type { StoredChange } from "./changes/stored-changes.ts";
import type { Catalog } from "./catalog/catalog.ts";
import type { CollectionDefinition } from "./collection-definition.ts";
import { NotFound, ValidationError } from "./collection-error.ts";
import type { IndexNotReady } from "./collection-error.ts";
import { documentChange, writeChanges } from "./document-change.ts";
import type { ChangedDocument, DocumentChange } from "./document-change.ts";
import { findReferred } from "./find-referred.ts";
import type { LookupView } from "./find-referred.ts";
import { idProblem } from "./document/document-key.ts";
import type { Document } from "./document/document.ts";
import { applyPatch } from "./document/patch.ts";
import { DocumentImport } from "./transfer/document-import.ts";
import { exportCursor } from "./transfer/export-documents.ts";
import type { ExportFormat } from "./transfer/export-documents.ts";
import type { BoundIndex } from "./index/index-definition.ts";
import { load } from "./load/load.ts";
import type { Insertion, LoadOptions, LoadResult } from "./load/load.ts";
import { isPlainObject } from "./schema/storable.ts";
import type { WriteGuard, WrittenDocument } from "./relation/write-guard.ts";
import type { Scalar } from "./schema/document-type.ts";
import type { CollectionLayout, IndexStates } from "./build/index-states.ts";
import type { StoredCollection } from "./stored-collection.ts";
import { requireOwnKey, uniqueKeyIn } from "./unique-key.ts";
import { verifyCollection } from "./verify-collection.ts";

/** New values by field, or a function that gives them from the document as it stands in the transaction. */
export type Change = object | ((document: Document) => object);

/** A document as it will be read, and what is to be written for it. */
interface Written extends WrittenDocument {
  readonly change: DocumentChange;
}

/** For imports, which tell the line that claims a taken key. */
const LOOKS_UP = { looksUp: true } as const;
type Fields = Readonly<Record<string, unknown>>;

export class CollectionStore {
  readonly definition: CollectionDefinition;
  readonly #catalog: Catalog;
  /** Of a collection with relations that are kept whole. */
  readonly #guard: WriteGuard | undefined;
  #collection: StoredCollection | undefined;
  /** Of a store for views that show an older or newer state: what is ready there. */
  #states: IndexStates | undefined;
  /** The stores for such views. */
  readonly #others = new WeakMap<IndexStates, CollectionStore>();

  constructor(catalog: Catalog, definition: CollectionDefinition, guard?: WriteGuard) {
    this.#catalog = catalog;
    this.definition = definition;
    this.#guard = guard;
  }

  /**
   * Registers the collection or compares it with what is stored. What indexes lack is then being built. Once it has
   * succeeded it answers at once; after a failure the next call tries again.
   *
   * @throws SchemaMismatch where stored documents do not fit the definition; nothing was changed.
   */
  ready(): Awaitable<void> {
    if (this.#guard === undefined) return this.readyAlone();
    return andThen(this.readyAlone(), () => this.#guard!.ready());
  }

  /** As ready(), of this collection alone and not of those that its writes may reach. */
  readyAlone(): Awaitable<void> {
    const loading = this.#collection?.loading;
    // While it is loaded, every operation waits.
    if (loading !== undefined) return loading.then(() => this.readyAlone());
    return this.register();
  }

  /** The same, but a load that is under way is not waited for. */
  register(): Awaitable<void> {
    if (this.#collection !== undefined) return undefined;
    return andThen(this.#catalog.open(this.definition), (collection) => {
      this.#collection = collection;
    });
  }

  /**
   * Waits until all indexes are ready, or this one.
   *
   * @throws UniqueViolation where an index is newly unique and two documents have one key; what else a build fails with.
   */
  built(index?: string): Awaitable<void> {
    return andThen(this.ready(), () => this.#catalog.built(this.definition.name, index));
  }

  /** The same for the index that an operation lacked: one of this collection, or of one that its writes reach. */
  builtFor({ collection, index }: IndexNotReady): Awaitable<void> {
    return this.#catalog.built(collection, index);
  }

  /**
   * Is an index being built, or may other programs change anything? Then a view that is begun now must be asked what it
   * shows, see requireCompleteIn().
   */
  get isChanging(): boolean {
    return this.#stored().isChanging;
  }
  /** Has one been built since the collection was opened? Then so must views that may have been begun before. */
  get hasChanged(): boolean {
    return this.#stored().hasChanged;
  }

  /** Where the rows are; of indexes those that queries can read. */
  layout(): CollectionLayout {
    return (this.#states ?? this.#stored()).layout;
  }

  /**
   * For views in which an index may not be ready, or not yet: looks there what is, so that asSeenBy() knows. Fails with
   * StorageError 'TooOld' where the view shows documents from before their missing defaults were filled in.
   */
  requireCompleteIn(view: ReadView): Awaitable<void> {
    return andThen(this.#stored().seenIn(view), () => undefined);
  }

  /** The same for who comes upon the collection in a view that was asked about another one. */
  lookIn(view: ReadView): Awaitable<void> {
    return this.hasChanged ? this.requireCompleteIn(view) : undefined;
  }

  /** The layout as it will be when all is built; undefined where all is. */
  layoutOnceBuilt(): CollectionLayout | undefined {
    const { layout, unready } = this.#states ?? this.#stored().statesNow;
    if (unready === undefined) return undefined;
    const building = unready.indexes.flatMap(({ isOwn, maker }) => (isOwn ? [maker.index] : []));
    return { ...layout, indexes: [...layout.indexes, ...building] };
  }

  /** Why an index of the definition cannot be read. */
  lacking(index: string): Error {
    return this.#stored().lacking(index);
  }

  /** The store whose layout has what is ready in the view, if it was asked by requireCompleteIn(). */
  asSeenBy(view: ReadView): CollectionStore {
    const stored = this.#collection;
    if (stored === undefined || !stored.hasChanged) return this;
    const states = stored.statesFor(view);
    const known = this.#others.get(states);
    if (known !== undefined) return known;
    const store = new CollectionStore(this.#catalog, this.definition, this.#guard);
    store.#collection = stored;
    store.#states = states;
    this.#others.set(states, store);
    return store;
  }

  #stored(): StoredCollection {
    assert(this.#collection !== undefined, "a store is ready before it is used");
    return this.#collection;
  }

  /**
   * For guards, before they look at documents in a transaction: a load that is under way is waited for, and one that begins
   * before the commit is a conflict. What the transaction shows is looked at.
   */
  unlessLoading(tx: Transaction): Awaitable<void> {
    return andThen(this.readyAlone(), () => {
      this.#stored().guard(tx);
      return this.lookIn(tx);
    });
  }

  // ---------------------------------------------------------------- reading

  get(view: ReadView, id: string): Awaitable<Document | undefined> {
    const key = this.#keyOf(id);
    return key === undefined ? undefined : this.#read(view, key, id);
  }

  /** In the order of the ids; undefined where there is no such document. */
  getMany(view: ReadView, ids: readonly string[]): Awaitable<(Document | undefined)[]> {
    const stored = this.#stored();
    stored.assertSeenIn(view);
    const keys = this.#each(ids, "getMany() takes an array of ids", (id) => this.#keyOf(id));
    const possible = keys.filter((key) => key !== undefined);
    return andThen(view.getMany(possible), (values) => {
      let next = 0;
      return ids.map((id, i) => {
        const value = keys[i] === undefined ? undefined : values[next++];
        return value && stored.decodeValue(id, value, 0, value.length);
      });
    });
  }

  /** The document with this id or these values in a unique index: `{ id }`, or all fields of the index by path. */
  find(
    view: LookupView,
    where: Readonly<Record<string, unknown>>,
  ): Awaitable<Document | undefined> {
    const key = uniqueKeyIn(this.definition, where);
    if ("id" in key) return this.get(view, key.id);
    const { indexes } = (this.#states ?? this.#stored().statesFor(view)).layout;
    const index = indexes.find(({ name }) => name === key.index);
    if (index === undefined) throw this.lacking(key.index);
    return this.findUnique(view, index, key.values);
  }

  /** The document with these values in a unique index, none of them null. */
  findUnique(
    view: LookupView,
    index: BoundIndex,
    values: readonly Scalar[],
  ): Awaitable<Document | undefined> {
    const stored = this.#stored();
    const { entryMakers } = this.#states ?? stored.statesFor(view);
    const maker = entryMakers.find((candidate) => candidate.index.name === index.name);
    assert(maker !== undefined && index.unique, "a unique index of this collection");
    assert(values.length === index.fields.length, "a value for each field of the index");
    return findReferred(view, stored, maker.exclusiveKey(values));
  }

  /** Whether there is such a document, in the order of the ids. */
  haveAll(view: ReadView, ids: readonly string[]): Awaitable<readonly boolean[]> {
    this.#stored().assertSeenIn(view);
    const keys = ids.map((id) => this.#keyOf(id));
    const possible = keys.filter((key) => key !== undefined);
    return andThen(view.getMany(possible), (values) => {
      let next = 0;
      return keys.map((key) => key !== undefined && values[next++] !== undefined);
    });
  }

  /** For scans: the id of the document that an index entry's value refers to. */
  referredId(values: Bytes, valueStart: number, valueEnd: number): string {
    return this.#stored().referredId(values, valueStart, valueEnd);
  }

  /** For scans: the document at these places, read where it lies. */
  decode(
    keys: Bytes,
    keyStart: number,
    keyEnd: number,
    values: Bytes,
    valueStart: number,
    valueEnd: number,
  ): Document {
    return this.#stored().decode(keys, keyStart, keyEnd, values, valueStart, valueEnd);
  }

  /** For scans: the fields that the value of an index entry holds itself, and the id. */
  decodeCovered(index: BoundIndex, values: Bytes, valueStart: number, valueEnd: number): Document {
    return this.#stored().decodeCovered(index, values, valueStart, valueEnd);
  }

  /** What a commit did to the documents, told from the engine's log. @throws StorageError 'TooOld' where it cannot be. */
  changesIn(commit: ChangeSet): readonly StoredChange[] {
    return storedChanges(this.#stored(), commit);
  }

  /** What is wrong between documents and index entries, in words; nothing if all is well. */
  verify(view: ReadView): Promise<readonly string[]> {
    return verifyCollection(this.#stored(), view);
  }

  /** All documents as text, in chunks, in the order of their ids. */
  exportText(view: ReadView, format: ExportFormat): BatchCursor<string> {
    const stored = this.#stored();
    return exportCursor({
      scan: view.scan(stored.layout.documents),
      shape: this.definition.schema.shape,
      format,
      documentAt: ({ buffer, keyEnd, keyStart, valueEnd, valueStart }, row) =>
        stored.decode(
          buffer,
          keyStart[row]!,
          keyEnd[row]!,
          buffer,
          valueStart[row]!,
          valueEnd[row]!,
        ),
    });
  }

  // ---------------------------------------------------------------- writing

  /** Reads and writes the documents of a text, one by one. */
  documentImport(): DocumentImport {
    return new DocumentImport({
      definition: this.definition,
      newId: () => this.#catalog.ids.next(),
      get: (tx, id) => this.get(tx, id),
      put: (tx, { before, id, record }) => {
        if (before !== undefined)
          return this.#writeOne(tx, this.#overwritten(tx, before, record), LOOKS_UP);
        return this.#writeOne(tx, this.#fresh(tx, id, record, false), LOOKS_UP);
      },
    });
  }

  /**
   * Fills the collection, which must be empty, by the engine's bulk load, or by one transaction where programs share the
   * engine: all of it or nothing. What is being built has been waited for, by built(), in this turn: the load writes to
   * indexes that are ready.
   *
   * @throws CollectionNotEmpty, ValidationError, UniqueViolation, ReferenceViolation.
   */
  load(
    documents: Iterable<unknown> | AsyncIterable<unknown>,
    options: LoadOptions,
    pause: () => Promise<void>,
  ): Promise<LoadResult> {
    const read = (input: unknown): { readonly id: string; readonly record: Fields } => {
      const { id, fields } = this.#split(input);
      const record = this.definition.schema.validate(fields);
      return { id: id ?? this.#catalog.ids.next(), record };
    };
    const references = this.#guard?.ofLoad(this.definition.name);
    const insertion: Insertion = (tx, id, record) => this.#fresh(tx, id, record, true).change;
    const ground = { host: this.#catalog.host, stored: this.#stored(), read, references, pause };
    return load({ ...ground, insertion }, documents, options);
  }

  /** @throws ValidationError, UniqueViolation (also at the commit). */
  insert(tx: Transaction, input: unknown): Awaitable<Document> {
    return this.inTurn(tx, () => this.#writeOne(tx, this.#insertion(tx, input)));
  }

  /** All or none; the documents in the order of the inputs. */
  insertMany(tx: Transaction, inputs: readonly unknown[]): Awaitable<Document[]> {
    return this.inTurn(tx, () => {
      const insertions = this.#each(inputs, "insertMany() takes an array of documents", (input) =>
        this.#insertion(tx, input),
      );
      return andThen(this.#write(tx, insertions), () => insertions.map(({ after }) => after));
    });
  }

  /** @throws NotFound, ValidationError, UniqueViolation (also at the commit). */
  update(tx: Transaction, id: string, change: Change): Awaitable<Document> {
    return this.inTurn(tx, () =>
      andThen(this.#existing(tx, id), (before) =>
        this.#writeOne(tx, this.#patched(tx, before, change)),
      ),
    );
  }

  /** @throws NotFound, ValidationError (also where the input has another id), UniqueViolation (also at the commit). */
  replace(tx: Transaction, id: string, input: unknown): Awaitable<Document> {
    const { id: ownId, fields } = this.#split(input);
    if (ownId !== undefined && ownId !== id) {
      throw this.#invalid("id", "the id of a document cannot be changed");
    }
    const record = this.definition.schema.validate(fields);
    return this.inTurn(tx, () =>
      andThen(this.#existing(tx, id), (before) =>
        this.#writeOne(tx, this.#overwritten(tx, before, record)),
      ),
    );
  }

  /**
   * Updates the document that `where` names (`{ id }`, or all fields of a unique index), or inserts one. The key is read
   * first, so that who loses a race against another insert is run again and updates.
   */
  upsert(
    tx: Transaction,
    where: Readonly<Record<string, unknown>>,
    values: { readonly create: unknown; readonly update: Change },
  ): Awaitable<Document> {
    const key = uniqueKeyIn(this.definition, where);
    if (typeof values !== "object" || values === null) {
      throw this.#invalid(undefined, "upsert() takes an object of `create` and `update`");
    }
    const run = (before: Document | undefined): Awaitable<Document> => {
      if (before !== undefined) return this.#writeOne(tx, this.#patched(tx, before, values.update));
      if (!("id" in key)) {
        const created = this.#insertion(tx, values.create);
        requireOwnKey(this.definition, key, created.after);
        return this.#writeOne(tx, created);
      }
      const { id, fields } = this.#split(values.create);
      if (id !== undefined && id !== key.id) {
        throw this.#invalid("id", "`create` has another id than `where`");
      }
      const input = isPlainObject(fields) ? { ...fields, id: key.id } : fields;
      return this.#writeOne(tx, this.#insertion(tx, input));
    };
    return this.inTurn(tx, () => andThen(this.find(tx, where), run));
  }

  /**
   * Changes all of these documents, or none; at once, so that they may swap unique values. The transaction has read them in
   * this turn.
   */
  updateMany(tx: Transaction, documents: readonly Document[], change: Change): Awaitable<void> {
    return this.#write(
      tx,
      documents.map((before) => this.#patched(tx, before, change)),
    );
  }

  /** Deletes all of these documents. The transaction has read them in this turn. @throws ReferenceViolation */
  deleteMany(tx: Transaction, documents: readonly Document[]): Awaitable<void> {
    if (this.#guard === undefined)
      return this.writeUnguarded(
        tx,
        documents.map((before) => this.deletion(tx, before)),
      );
    return this.#guard.deleteDocuments(tx, this.definition, documents);
  }

  /** Was there such a document? @throws ReferenceViolation where a relation keeps it. */
  delete(tx: Transaction, id: string): Awaitable<boolean> {
    return this.inTurn(tx, () =>
      andThen(this.get(tx, id), (before) => {
        if (before === undefined) return false;
        return andThen(this.deleteMany(tx, [before]), () => true);
      }),
    );
  }

  /** Runs work that reads documents and then writes them; see WriteGuard. */
  inTurn<A>(tx: Transaction, work: () => Awaitable<A>): Awaitable<A> {
    return this.#guard === undefined ? work() : this.#guard.inTurn(tx, work);
  }

  /** For guards: what deletes the document; nothing is written yet. */
  deletion(tx: Transaction, before: Document): DocumentChange {
    return this.#change(tx, before.id, { before, after: undefined, row: "deleted" });
  }

  /** For guards: what changes the document by a patch; nothing is written yet. @throws ValidationError. */
  patching(tx: Transaction, before: Document, patch: object): DocumentChange {
    return this.#patched(tx, before, patch).change;
  }

  /** For guards: writes what deletion() and patching() gave, without asking the guard again. */
  writeUnguarded(tx: Transaction, changes: readonly DocumentChange[]): Awaitable<void> {
    return writeChanges(this.#stored(), tx, changes);
  }

  #insertion(tx: Transaction, input: unknown): Written {
    const { id: ownId, fields } = this.#split(input);
    const record = this.definition.schema.validate(fields);
    // An id of our own has 80 random bits that nobody else draws; a caller's may be taken.
    const claimsId = ownId !== undefined;
    return this.#fresh(tx, ownId ?? this.#catalog.ids.next(), record, claimsId);
  }

  /** A document that was not there; with `claimsId` it may have been, unknown to us. */
  #fresh(tx: Transaction, id: string, record: Record<string, unknown>, claimsId: boolean): Written {
    const { row, document: after } = this.#stored().encode(tx, id, record);
    const change = this.#change(tx, id, { before: undefined, after, row, claimsId });
    return { before: undefined, after, change };
  }

  #patched(tx: Transaction, before: Document, change: Change): Written {
    // The function gets a copy: one that changes what it was handed must not change what old index entries follow from.
    const patch: unknown = typeof change === "function" ? change(structuredClone(before)) : change;
    if (isPromise(patch)) {
      throw this.#invalid(
        undefined,
        "the function of an update gives the patch itself, no promise",
      );
    }
    const { name, schema } = this.definition;
    return this.#overwritten(tx, before, schema.revalidate(applyPatch(name, before, patch)));
  }

  #overwritten(tx: Transaction, before: Document, record: Record<string, unknown>): Written {
    const { row, document: after } = this.#stored().encode(tx, before.id, record);
    return { before, after, change: this.#change(tx, before.id, { before, after, row }) };
  }

  #change(tx: Transaction, id: string, change: ChangedDocument): DocumentChange {
    const stored = this.#stored();
    return documentChange(stored, stored.statesToKeep(tx), stored.writtenKeyOf(id), change);
  }

  #writeOne(tx: Transaction, written: Written, options?: typeof LOOKS_UP): Awaitable<Document> {
    return andThen(this.#write(tx, [written], options), () => written.after);
  }

  #write(tx: Transaction, written: readonly Written[], options?: typeof LOOKS_UP): Awaitable<void> {
    const changes = written.map(({ change }) => change);
    const write = (): Awaitable<void> => writeChanges(this.#stored(), tx, changes, options);
    if (this.#guard === undefined) return write();
    return andThen(this.#guard.checkReferences(tx, this.definition.name, written), write);
  }

  #existing(tx: Transaction, id: string): Awaitable<Document> {
    return andThen(this.get(tx, id), (document) => {
      if (document === undefined) throw new NotFound(this.definition.name, id);
      return document;
    });
  }

  // ---------------------------------------------------------------- keys and ids

  #read(view: ReadView, key: Bytes, id: string): Awaitable<Document | undefined> {
    const stored = this.#stored();
    stored.assertSeenIn(view);
    return view.read(key, (buffer, start, end) => stored.decodeValue(id, buffer, start, end));
  }

  /** The key of a document; undefined for a string that no document can have as its id. */
  #keyOf(id: unknown): Bytes | undefined {
    if (typeof id !== "string") throw this.#invalid("id", idProblem(id)!);
    if (idProblem(id) !== undefined) return undefined;
    return this.#stored().keyOf(id);
  }

  /**
   * The results for a list, which a caller without types may have left out. Stops at the first that is refused, whose
   * place in the list begins the paths of the error.
   */
  #each<T, R>(list: readonly T[], problem: string, work: (item: T) => R): R[] {
    if (!Array.isArray(list)) throw this.#invalid(undefined, problem);
    const results: R[] = [];
    // Not map(), which would step over holes, in silence and for as many as there are.
    let i = 0;
    try {
      for (; i < list.length; i++) results.push(work(list[i]!));
    } catch (error) {
      throw error instanceof ValidationError ? error.of(i) : error;
    }
    return results;
  }

  /** The input's id, checked, and the input without it: schemas know nothing of ids. */
  #split(input: unknown): { readonly id: string | undefined; readonly fields: unknown } {
    if (typeof input !== "object" || input === null || !("id" in input)) {
      return { id: undefined, fields: input };
    }
    const { id, ...fields } = input as { readonly id: unknown };
    if (id === undefined) return { id, fields };
    const problem = idProblem(id);
    if (problem !== undefined) throw this.#invalid("id", problem);
    return { id: id as string, fields };
  }

  #invalid(field: string | undefined, message: string): ValidationError {
    const path = field === undefined ? [] : [field];
    return new ValidationError(this.definition.name, [{ path, message }]);
  }
}
