/**
 * The collections of one database: which number each has, what it was written with, and what must be done before the
 * program's definition of it can be used.
 *
 * Always true:
 * (1) A collection is registered once in the life of a catalog, however many stores and operations ask for it at the same
 *     time; a registration that failed is tried again by the next operation.
 * (2) One name has one definition while the database is open: a second one that stores or indexes otherwise is refused,
 *     for its writes would leave out the first one's index entries.
 * (3) No operation sees documents that still lack their defaults, nor one of an earlier version. Indexes are built, and
 *     documents of earlier versions written anew, while operations go on (build/index-build.ts); no query sees an index
 *     that is not ready.
 */
import { isPromise } from "../../base/index.ts";
import type { Awaitable, KotobaError } from "../../base/index.ts";
import type { StorageEngine } from "../../engine/contract/index.ts";
import { transact, withView } from "../../transaction/index.ts";
import type { Transaction, TransactionHost } from "../../transaction/index.ts";
import type { BuildEventBody } from "../build/build-event.ts";
import { IndexBuild } from "../build/index-build.ts";
import { IndexMakers } from "../build/index-states.ts";
import { BirthNotes } from "../changes/birth-notes.ts";
import { SchemaMismatch } from "../collection-error.ts";
import type { CollectionDefinition } from "../collection-definition.ts";
import { DocumentCodec } from "../document/document-codec.ts";
import { DocumentIds } from "../document/document-id.ts";
import type { IdHost } from "../document/document-id.ts";
import { DocumentUpgrade } from "../evolution/document-upgrade.ts";
import { versionOf } from "../evolution/past-version.ts";
import type { KeyNumbers } from "../evolution/key-claims.ts";
import { triedSteps } from "../evolution/try-upgrades.ts";
import { StoredCollection } from "../stored-collection.ts";
import { LIBRARY_CODE, finishCollection } from "./finish-collection.ts";
import { registeredReading } from "./read-only-registration.ts";
import { newestUlid, register } from "./registration.ts";
import type { Registered } from "./registration.ts";

/** What collections need of the database they live in. */
export interface StoreHost extends IdHost {
  readonly engine: StorageEngine;
  readonly transactionHost: TransactionHost;
  /** Is told of the building of indexes. Default: failures that nobody waits for are reported to the transaction host. */
  readonly tellBuild?: (event: BuildEventBody) => void;
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
  /** Of the collections whose indexes were not all ready when they were registered, by name. */
  readonly #builds = new Map<string, IndexBuild>();

  /** Why steps cannot be made. Nobody can write such a collection, so it is told again without being tried again. */
  readonly #failures = new WeakMap<CollectionDefinition, KotobaError>();

  constructor(host: StoreHost) {
    this.host = host;
    this.ids = new DocumentIds(host);
  }

  /**
   * The collection, registered, its documents complete. What indexes lack is being built.
   *
   * @throws SchemaMismatch where stored documents do not fit the definition, or another definition is in use.
   * @throws EvolutionFailed where a stored document cannot be brought to the newest version; nothing was changed.
   */
  open(definition: CollectionDefinition): Awaitable<StoredCollection> {
    const { name, fingerprint } = definition;
    const known = this.#registrations.get(name);
    if (known !== undefined) {
      if (known.fingerprint === fingerprint) return known.collection;
      throw new SchemaMismatch(name, {
        reason: "inUse",
        text: "it is in use in this database with another schema or other indexes",
      });
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

  /**
   * Waits for what is being built in a collection that is registered: everything, or one index.
   *
   * @throws What made the build fail; it is tried again first.
   */
  built(name: string, index?: string): Awaitable<void> {
    return (this.#builds.get(name) ?? this.#buildOf(name))?.built(index);
  }

  /** Of a collection that another program has made unready since, and may have left so. */
  #buildOf(name: string): IndexBuild | undefined {
    const collection = this.#registrations.get(name)?.collection;
    if (collection === undefined || isPromise(collection)) return undefined;
    if (!collection.isShared || collection.unready === undefined) return undefined;
    const build = new IndexBuild(this.host, collection);
    this.#builds.set(name, build);
    return build;
  }

  /** Nothing is built any more. */
  stop(): void {
    for (const build of this.#builds.values()) build.stop();
  }

  async #open(definition: CollectionDefinition): Promise<StoredCollection> {
    const { engine } = this.host;
    const { claims, found } = await this.#registered(definition);
    const { name, schema } = definition;
    const { readOnlyRow: bytes, row } = found;
    const makers = new IndexMakers(definition, row);
    const isShared = engine.capabilities.shared === true;
    const codec = new DocumentCodec(name, schema.shape, found.structures, versionOf(definition), {
      adds: !isShared,
    });
    // Who writes fills in what the newest version lacks, before anyone reads.
    const fills = bytes === undefined ? found.fills.slice(0, -1) : found.fills;
    const upgrade = new DocumentUpgrade(definition, fills);
    const births = engine.capabilities.changes === "log" ? new BirthNotes(row.number) : undefined;
    const stored = { makers, row, births, bytes, claims, isShared };
    const collection = new StoredCollection(name, stored, { codec, upgrade }, engine.limits);
    if (bytes !== undefined) return collection;
    const newestId = await withView(engine, (view) => newestUlid(view, row.number));
    if (newestId !== undefined) this.ids.follow(newestId);
    if (row.documents === "filling") {
      collection.become(await finishCollection(this.host, definition, collection));
    }
    if (collection.unready !== undefined) {
      const build = new IndexBuild(this.host, collection);
      this.#builds.set(name, build);
      await build.begin();
    }
    return collection;
  }

  /** Gives the unique keys of documents that will be of a later version. */
  async #refuseFailingSteps(definition: CollectionDefinition): Promise<KeyNumbers | undefined> {
    const known = this.#failures.get(definition);
    if (known !== undefined) throw known;
    const tried = await triedSteps(this.host, definition);
    if (tried === undefined || "claims" in tried) return tried?.claims;
    this.#failures.set(definition, tried.failure);
    throw tried.failure;
  }

  async #registered(
    definition: CollectionDefinition,
  ): Promise<{ readonly found: Registered; readonly claims: KeyNumbers | undefined }> {
    const { engine, transactionHost } = this.host;
    let claims: KeyNumbers | undefined;
    if (engine.capabilities.readOnly === true) {
      const found = await withView(engine, (view) => registeredReading(view, definition));
      if (found !== undefined) return { found, claims };
      // What is not stored would have to be written: refused below, by the engine.
    } else claims = await this.#refuseFailingSteps(definition);
    const work = (tx: Transaction): Promise<Registered> => register(tx, definition);
    return { found: await transact(transactionHost, engine, work, LIBRARY_CODE), claims };
  }
}
