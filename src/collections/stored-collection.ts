/**
 * One collection as it stands in one database: where its rows are, how documents become bytes, and which entries they
 * have. Shared by all stores of the collection's name, so that there is one codec.
 */
import { ByteSlab, andThen, assert, equalBytes } from "../base/index.ts";
import type { Awaitable, Bytes } from "../base/index.ts";
import { StorageError } from "../engine/contract/index.ts";
import type { Limits, ReadView, WriteOp } from "../engine/contract/index.ts";
import type { Transaction } from "../transaction/index.ts";
import { IndexNotReady, changedElsewhere } from "./collection-error.ts";
import type { BirthNotes } from "./changes/birth-notes.ts";
import type {
  CollectionLayout,
  IndexMakers,
  IndexStates,
  UnreadyIndexes,
} from "./build/index-states.ts";
import { decodeCatalogRow, encodeCatalogRow } from "./catalog/catalog-row.ts";
import type { CatalogRow } from "./catalog/catalog-row.ts";
import { catalogKey, structureKey } from "./catalog/keyspace.ts";
import type { DocumentCodec } from "./document/document-codec.ts";
import { documentKey, idOf } from "./document/document-key.ts";
import type { Document } from "./document/document.ts";
import type { KeyNumbers } from "./evolution/key-claims.ts";
import type { DocumentUpgrade } from "./evolution/document-upgrade.ts";
import type { BoundIndex } from "./index/index-definition.ts";
import { coveredIn, referenceIn } from "./index/index-value.ts";

export class StoredCollection {
  readonly name: string;
  readonly limits: Limits;
  /** Other programs may change what is stored, the catalog row included. */
  readonly isShared: boolean;
  /** Where the engine keeps a log of its commits: told of each document that a transaction writes. */
  readonly births: BirthNotes | undefined;
  /** Where its catalog row is. */
  readonly #rowKey: Bytes;
  readonly #makers: IndexMakers;
  readonly #codec: DocumentCodec;
  readonly #upgrade: DocumentUpgrade;
  /** Written by become(). */
  #states: IndexStates;
  /** See mayBeHeld(). Written by become(). */
  #claims: KeyNumbers | undefined;
  #hasChanged = false;
  /** What views show, of those that were asked. */
  readonly #seen = new WeakMap<ReadView, IndexStates>();
  readonly #prefixLength: number;
  readonly #writtenKeys = new ByteSlab();
  /** Broken by each load that begins: what was written before it, and not committed, cannot be any more. */
  #guard = { isBroken: false };
  #loading: Promise<void> | undefined;
  /** Does the catalog say that a load is under way? Written by the load. */
  isMarked = false;
  /** Transactions that will carry new structures with their commit. */
  readonly #carriers = new WeakSet<Transaction>();

  constructor(
    name: string,
    stored: {
      readonly makers: IndexMakers;
      readonly row: CatalogRow;
      readonly births: BirthNotes | undefined;
      /** The row as it is stored, where it is another one and nothing can be written. */
      readonly bytes?: Bytes | undefined;
      /** The unique keys of all documents, where they were of earlier versions when the collection was opened. */
      readonly claims?: KeyNumbers | undefined;
      readonly isShared?: boolean;
    },
    { codec, upgrade }: { readonly codec: DocumentCodec; readonly upgrade: DocumentUpgrade },
    limits: Limits,
  ) {
    const { births, claims, makers, row } = stored;
    this.name = name;
    this.#rowKey = catalogKey(name);
    this.births = births;
    this.limits = limits;
    this.#codec = codec;
    this.#upgrade = upgrade;
    this.#makers = makers;
    // Another program may have written documents since the keys were told.
    this.#claims = stored.isShared === true ? undefined : claims;
    this.isShared = stored.isShared ?? false;
    this.#prefixLength = makers.documents.start.length;
    this.#states = makers.statesOf(row, stored.bytes ?? encodeCatalogRow(row));
    this.#hasChanged = this.#states.unready !== undefined;
  }

  // ---------------------------------------------------------------- how far its indexes are

  /** Where the rows are, those of indexes that are ready included. */
  get layout(): CollectionLayout {
    return this.#states.layout;
  }
  /** What is being built: undefined most of the time. */
  get unready(): UnreadyIndexes | undefined {
    return this.#states.unready;
  }
  /** May a view that is begun now show another state than we know of? */
  get isChanging(): boolean {
    return this.isShared || this.#states.unready !== undefined;
  }
  /** The same of views that were begun before: may they be older than an index? */
  get hasChanged(): boolean {
    return this.isShared || this.#hasChanged;
  }

  /** The catalog row is another one now, durably. */
  become(row: CatalogRow): void {
    this.#become(this.#makers.statesOf(row, encodeCatalogRow(row)));
  }

  #become(states: IndexStates): void {
    this.#states = states;
    if (this.#states.unready?.strictPass === undefined) this.#claims = undefined;
  }

  /**
   * May a document that is still to be written anew have this key of a unique index that the pass builds? What was written
   * since has its entry; of the others the trial has told the keys, and where somebody else has made it nothing is known.
   */
  mayBeHeld(key: Bytes, pass: number): boolean {
    if (this.#states.unready?.strictPass !== pass) return false;
    return this.#claims?.mayHave(key) ?? true;
  }

  /**
   * What is ready in the state of data that the view shows, which may be an older or a newer one than we know of. In a
   * transaction the answer joins the read set.
   *
   * Where programs share the engine a transaction that can presume it is not kept waiting: it fails later if another
   * program has changed the row, and its next attempt looks. A row by which not everything can be done is always looked
   * at: what is refused by it is refused before anything is read that would tell of a newer one.
   *
   * @throws StorageError 'TooOld' where the documents in the view are not those of the definition: they lack defaults.
   * @throws SchemaMismatch 'changed' where another program has made them so.
   */
  seenIn(view: ReadView): Awaitable<IndexStates> {
    const known = this.#seen.get(view);
    if (known !== undefined) return known;
    const key = this.#rowKey;
    const states = this.#states;
    if (this.isShared && states.isWhole && view.presume?.(key, states.row) === true) {
      this.#seen.set(view, states);
      return states;
    }
    return andThen(view.get(key), (row) => {
      // A view that lasts may show a state of long ago.
      const isNewest = this.isShared && view.presume !== undefined;
      const found = this.#statesOf(row, isNewest);
      this.#seen.set(view, found);
      if (isNewest) this.#become(found);
      return found;
    });
  }

  /** What is ready, and what is not, as far as we know. */
  get statesNow(): IndexStates {
    return this.#states;
  }

  /** The same for a view that has been asked with seenIn(); for others, what is ready now. */
  statesFor(view: ReadView): IndexStates {
    const seen = this.#seen.get(view);
    assert(seen !== undefined || !this.isShared, "a view is asked what it shows before it is used");
    return seen ?? this.#states;
  }

  /**
   * What a transaction that writes has to keep. HOT: once for each write (bench/micro/collections.ts). A program that has
   * the engine to itself knows it: what has become ready since the transaction began is kept like the rest.
   */
  statesToKeep(tx: ReadView): IndexStates {
    return this.isShared ? this.statesFor(tx) : this.#states;
  }

  /** For reads that need no index. HOT: once for each (bench/micro/collections.ts). */
  assertSeenIn(view: ReadView): void {
    if (this.isShared) this.statesFor(view);
  }

  /** Why an index of the definition cannot be read: it is not ready, or another program has dropped it. */
  lacking(index: string): Error {
    const { layout, unready } = this.#states;
    const isKnown =
      layout.indexes.some(({ name }) => name === index) ||
      unready?.indexes.some(({ isOwn, maker }) => isOwn && maker.index.name === index) === true;
    if (isKnown || !this.isShared) return new IndexNotReady(this.name, index);
    return changedElsewhere(this.name, `it has no index "${index}" like that of the definition`);
  }

  #statesOf(bytes: Bytes | undefined, isNewest: boolean): IndexStates {
    if (bytes === undefined) {
      if (isNewest) throw changedElsewhere(this.name, "it is not there any more");
      // Before the beginning of the collection all is empty, and every index of it complete.
      return this.#states;
    }
    if (equalBytes(bytes, this.#states.row)) return this.#states;
    const row = decodeCatalogRow(this.name, bytes);
    const known = decodeCatalogRow(this.name, this.#states.row);
    if ((areWhole(row) || !areWhole(known)) && row.shape === known.shape) {
      if (!this.isShared || isSameVersion(row, known)) return this.#makers.statesOf(row, bytes);
    }
    const difference = this.isShared ? this.#makers.differenceOf(row) : undefined;
    if (difference !== undefined) throw changedElsewhere(this.name, difference);
    if (isNewest) throw changedElsewhere(this.name, "its documents are of an earlier schema");
    throw new StorageError("TooOld", { collection: this.name });
  }

  // ---------------------------------------------------------------- while it is loaded

  /** The end of the load that is under way; rejected for ever where what it left could not be erased. */
  get loading(): Promise<void> | undefined {
    return this.#loading;
  }

  /** No write that began before can be committed after this; those that begin later wait until `end` is called. */
  beginLoad(): (failure?: unknown) => void {
    assert(this.#loading === undefined, "one load at a time");
    this.#guard.isBroken = true;
    this.#guard = { isBroken: false };
    let settle = (_failure: unknown): void => undefined;
    const loading = new Promise<void>((resolve, reject) => {
      settle = (failure) => {
        if (failure === undefined) resolve();
        else reject(failure as Error);
      };
    });
    // Nobody may wait for it.
    loading.catch(() => undefined);
    this.#loading = loading;
    return (failure) => {
      if (failure === undefined) this.#loading = undefined;
      settle(failure);
    };
  }

  /** What has been written in the transaction, or follows from what it read here, can only be committed if no load begins before. */
  guard(tx: Transaction): void {
    tx.guardedBy(this.#guard);
  }

  /** The catalog row with this state of the documents. */
  rowWhile(documents: "ready" | "loading"): Bytes {
    return encodeCatalogRow({ ...decodeCatalogRow(this.name, this.#states.row), documents });
  }

  /** The record as a row of a load, whose last commit carries the structures. */
  encodeForLoad(
    id: string,
    record: Readonly<Record<string, unknown>>,
  ): { readonly row: Bytes; readonly document: Document } {
    const row = this.#codec.encode(record);
    return { row, document: this.decodeValue(id, row, 0, row.length) };
  }

  /** The commit will carry all structures that are not known to be committed. */
  carryStructures(tx: Transaction): void {
    if (this.#codec.dirty) this.#carry(tx);
  }

  // ---------------------------------------------------------------- rows and documents

  /**
   * The record as a row for this transaction's commit, which will carry the structures that the row needs.
   *
   * The document is read back from the row. So what a write returns and what index entries follow from is what a later
   * read gives, whatever the record was made of (getters, subclasses, objects that belong to the caller or to the
   * schema), and a row that could not be read is never written. HOT: once for each write (bench/micro/collections.ts).
   *
   * @throws ValidationError for what cannot be encoded.
   */
  encode(
    tx: Transaction,
    id: string,
    record: Readonly<Record<string, unknown>>,
  ): { readonly row: Bytes; readonly document: Document } {
    const row = this.#codec.encode(record);
    if (this.#codec.dirty && !this.#carriers.has(tx)) this.#carry(tx);
    return { row, document: this.decodeValue(id, row, 0, row.length) };
  }

  /** A document that was read, as a row of the newest version. */
  encodeAgain(
    tx: Transaction,
    document: Document,
  ): { readonly row: Bytes; readonly document: Document } {
    const { id, ...record } = document as Record<string, unknown> & { readonly id: string };
    return this.encode(tx, id, record);
  }

  #carry(tx: Transaction): void {
    this.#carriers.add(tx);
    let count = 0;
    tx.beforeCommit(() => {
      // All of them, whoever made them: the transaction that did may have been aborted since.
      count = this.#codec.structureCount;
      return this.#codec.unsaved().map(({ number, value }): WriteOp => ({
        op: "put",
        key: structureKey(this.#makers.number, number),
        value,
      }));
    });
    tx.onCommit(() => this.#codec.saved(count));
  }

  /**
   * The document whose key is keys[keyStart, keyEnd) and whose value is values[valueStart, valueEnd), read where they
   * lie. HOT: once for each document of a scan (bench/micro/collections.ts).
   */
  decode(
    keys: Bytes,
    keyStart: number,
    keyEnd: number,
    values: Bytes,
    valueStart: number,
    valueEnd: number,
  ): Document {
    const id = idOf(keys, keyStart + this.#prefixLength, keyEnd);
    return this.decodeValue(id, values, valueStart, valueEnd);
  }

  /** The same where the id is known. @throws EvolutionFailed for one that cannot be brought to the newest version. */
  decodeValue(id: string, values: Bytes, valueStart: number, valueEnd: number): Document {
    let record = this.#codec.decode(values, valueStart, valueEnd);
    const version = this.#codec.versionAt(values, valueStart, valueEnd);
    if (this.#upgrade.concerns(version)) record = this.#upgrade.upgraded(id, record, version);
    // Behind the other fields: a new object with the id in front would cost 150 ns a document.
    record["id"] = id;
    return record as Document;
  }

  /** Is the document of an earlier version, to be brought up whenever it is read? */
  isPast(values: Bytes, valueStart: number, valueEnd: number): boolean {
    return this.#codec.versionAt(values, valueStart, valueEnd) < this.#codec.version;
  }

  /**
   * The covered fields and the id of an index entry, without reading its document. Only the fields of `include` that the
   * document has, and `id`.
   */
  decodeCovered(index: BoundIndex, values: Bytes, valueStart: number, valueEnd: number): Document {
    const partial: Record<string, unknown> = {};
    const covered = coveredIn(values, valueStart, valueEnd, index.include);
    for (let i = 0; i < covered.length; i++) {
      if (covered[i] !== undefined) partial[index.include[i]!] = covered[i];
    }
    partial["id"] = this.referredId(values, valueStart, valueEnd);
    return partial as Document;
  }

  /** The key of a document; the id is one that idProblem() accepts. */
  keyOf(id: string): Bytes {
    return documentKey(this.#makers.documents.start, id);
  }

  /** The same for a key that is written: it lives as long as its transaction. */
  writtenKeyOf(id: string): Bytes {
    return documentKey(this.#makers.documents.start, id, this.#writtenKeys);
  }

  /** The id in a document's key. */
  idOfKey(key: Bytes): string {
    return idOf(key, this.#prefixLength, key.length);
  }

  /** The id of the document that the entry value at values[start, end) refers to. */
  referredId(values: Bytes, start: number, end: number): string {
    const reference = referenceIn(values, start, end);
    return idOf(values, reference.start + this.#prefixLength, reference.end);
  }
}

/** Are they states of one collection and of one version of its schema? */
function isSameVersion(row: CatalogRow, known: CatalogRow): boolean {
  return row.number === known.number && row.past.length === known.past.length;
}

/** Are the documents as the definition says, or become so when they are read? */
function areWhole({ documents }: CatalogRow): boolean {
  return documents === "ready" || documents === "upgrading";
}
