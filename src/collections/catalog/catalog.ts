/**
 * The collections of one database: which number each has, what it was written with, and what must be done before the
 * program's definition of it can be used.
 *
 * Always true:
 * (1) A collection is registered once in the life of a catalog, however many stores and operations ask for it at the same
 *     time; a registration that failed is tried again by the next operation.
 * (2) One name has one definition while the database is open: a second one that stores or indexes otherwise is refused,
 *     for its writes would leave out the first one's index entries.
 * (3) No operation sees an index that is still being built, nor documents that still lack their defaults.
 */
import { isPromise } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import { prefixRange } from "../../engine/contract/index.ts";
import type { StorageEngine } from "../../engine/contract/index.ts";
import { transact } from "../../transaction/index.ts";
import type { TransactionHost } from "../../transaction/index.ts";
import { BirthNotes } from "../changes/birth-notes.ts";
import { SchemaMismatch } from "../collection-error.ts";
import type { CollectionDefinition } from "../collection-definition.ts";
import { DocumentCodec } from "../document/document-codec.ts";
import { DocumentIds } from "../document/document-id.ts";
import type { IdHost } from "../document/document-id.ts";
import { bindIndex } from "../index/index-definition.ts";
import { bindTally } from "../tally/tally-definition.ts";
import { StoredCollection } from "../stored-collection.ts";
import { finishedRow, isUnfinished } from "./catalog-plan.ts";
import { encodeCatalogRow } from "./catalog-row.ts";
import { LIBRARY_CODE, finishCollection } from "./finish-collection.ts";
import { documentsPrefix, indexPrefix } from "./keyspace.ts";
import { register } from "./registration.ts";

/** What collections need of the database they live in. */
export interface StoreHost extends IdHost {
  readonly engine: StorageEngine;
  readonly transactionHost: TransactionHost;
}

interface Registration {
  readonly fingerprint: string;
  /** Written by the catalog: a promise at first. */
  collection: Awaitable<StoredCollection>;
}

export class Catalog {
  readonly host: StoreHost;
  /** Ids for new documents of every collection. */
  readonly ids: DocumentIds;
  readonly #registrations = new Map<string, Registration>();

  constructor(host: StoreHost) {
    this.host = host;
    this.ids = new DocumentIds(host);
  }

  /**
   * The collection, registered and complete.
   *
   * @throws SchemaMismatch where stored documents do not fit the definition, or another definition is in use.
   * @throws UniqueViolation where an index is newly unique and two stored documents have one key.
   */
  open(definition: CollectionDefinition): Awaitable<StoredCollection> {
    const { name, fingerprint } = definition;
    const known = this.#registrations.get(name);
    if (known !== undefined) {
      if (known.fingerprint === fingerprint) return known.collection;
      throw new SchemaMismatch(
        name,
        "it is in use in this database with another schema or other indexes",
      );
    }
    const opening = this.#open(definition);
    const registration: Registration = { fingerprint, collection: opening };
    this.#registrations.set(name, registration);
    if (isPromise(opening)) {
      opening.then(
        (collection) => {
          registration.collection = collection;
        },
        () => this.#registrations.delete(name),
      );
    }
    return opening;
  }

  async #open(definition: CollectionDefinition): Promise<StoredCollection> {
    const { engine, transactionHost } = this.host;
    const found = await transact(
      transactionHost,
      engine,
      (tx) => register(tx, definition),
      LIBRARY_CODE,
    );
    const { name, schema } = definition;
    const { number, indexes } = found.row;
    const prefixOf = (index: string): Bytes =>
      indexPrefix(number, indexes.find(({ name: known }) => known === index)!.number);
    const layout = {
      number,
      documents: prefixRange(documentsPrefix(number)),
      indexes: definition.indexes.map((index) => bindIndex(index, prefixOf(index.name))),
      tallies: definition.tallies.map((tally) => bindTally(tally, prefixOf(tally.name))),
    };
    const codec = new DocumentCodec(name, schema.shape, found.structures);
    const row = encodeCatalogRow(finishedRow(found.row));
    const births = engine.capabilities.changes === "log" ? new BirthNotes(number) : undefined;
    const stored = { layout, row, births };
    const collection = new StoredCollection(name, stored, codec, engine.limits);
    if (found.newestId !== undefined) this.ids.follow(found.newestId);
    if (isUnfinished(found.row)) {
      await finishCollection(this.host, definition, collection, found.row);
    }
    return collection;
  }
}
