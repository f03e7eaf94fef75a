/**
 * Runs every step over stored documents of earlier versions, and works out their rows and entries, without writing
 * anything: before a database takes up a new version, and for who wants to know what would come of it.
 *
 * Always true:
 * (1) What a trial finds nothing against can be written: the row and all keys have a size that the engine takes, every
 *     index has a place for the document, and no two documents claim one key of an index that is unique.
 * (2) Memory does not grow with the documents but by eight bytes for each key that no other document may have.
 */
import { KotobaError, assert, copyBytes } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import { CorruptionError } from "../../engine/contract/index.ts";
import type { Limits, ReadView } from "../../engine/contract/index.ts";
import { withView } from "../../transaction/index.ts";
import { IndexMakers } from "../build/index-states.ts";
import type { StoreHost } from "../catalog/catalog.ts";
import { catalogPlan, madeReady } from "../catalog/catalog-plan.ts";
import { readCatalogRow } from "../catalog/catalog-row.ts";
import type { CatalogRow } from "../catalog/catalog-row.ts";
import { storedStructures } from "../catalog/registration.ts";
import { UniqueViolation } from "../collection-error.ts";
import type { CollectionDefinition } from "../collection-definition.ts";
import { documentChange } from "../document-change.ts";
import type { DocumentChange } from "../document-change.ts";
import { DocumentCodec } from "../document/document-codec.ts";
import { StoredCollection } from "../stored-collection.ts";
import { DocumentUpgrade } from "./document-upgrade.ts";
import { KeyHolders, KeyNumbers } from "./key-claims.ts";
import { versionOf } from "./past-version.ts";

export interface UpgradeTrial {
  /** All that were looked at. */
  readonly documents: number;
  /** Those of them that are of an earlier version. */
  readonly upgraded: number;
  /** The keys that no other document may have. */
  readonly claims: KeyNumbers;
}

export interface TrialListener {
  /**
   * Is told of each document that cannot be brought up or written: EvolutionFailed, UniqueViolation, or what an index or
   * the engine has against it. What it throws ends the trial.
   */
  readonly onFailure: (id: string, failure: KotobaError) => void;
  /** Called between pages of documents, to let others have their turn. */
  readonly pause: () => Awaitable<void>;
}

/** Others on the thread wait no longer than this. */
const WORK_MILLIS = 10;
const PAUSE_MILLIS = 1;

/** `stored`: the row as it is in `view`. */
export async function tryUpgrades(
  view: ReadView,
  limits: Limits,
  definition: CollectionDefinition,
  stored: CatalogRow,
  listener: TrialListener,
): Promise<UpgradeTrial> {
  const trial = new Trial(await scratch(view, limits, definition, stored), view, listener);
  await trial.all();
  await trial.refuseDoubles();
  return trial;
}

/** The collection as it will be; what it encodes is written nowhere. */
async function scratch(
  view: ReadView,
  limits: Limits,
  definition: CollectionDefinition,
  stored: CatalogRow,
): Promise<StoredCollection> {
  const { name, schema } = definition;
  const plan = catalogPlan(definition, stored, 0);
  assert(!("difference" in plan), "only versions that fit are tried");
  const row = { ...plan.row, indexes: plan.row.indexes.map(madeReady) };
  const structures = await storedStructures(view, name, stored.number);
  return new StoredCollection(
    name,
    { makers: new IndexMakers(definition, row), row, births: undefined },
    {
      codec: new DocumentCodec(name, schema.shape, structures, versionOf(definition)),
      upgrade: new DocumentUpgrade(definition, plan.fills),
    },
    limits,
  );
}

class Trial implements UpgradeTrial {
  documents = 0;
  upgraded = 0;
  readonly claims: KeyNumbers = new KeyNumbers();
  readonly #collection: StoredCollection;
  readonly #view: ReadView;
  readonly #listener: TrialListener;

  constructor(collection: StoredCollection, view: ReadView, listener: TrialListener) {
    this.#collection = collection;
    this.#view = view;
    this.#listener = listener;
  }

  async all(): Promise<void> {
    await this.#eachRow((id, key, value) => {
      this.documents++;
      if (this.#collection.isPast(value, 0, value.length)) this.upgraded++;
      try {
        for (const claim of this.#change(id, key, value).claims) this.claims.add(claim.key);
      } catch (error) {
        if (!isAboutDocument(error)) throw error;
        this.#listener.onFailure(id, error);
      }
    });
  }

  async refuseDoubles(): Promise<void> {
    const repeated = this.claims.repeated();
    if (repeated.size === 0) return;
    const holders = new KeyHolders(repeated);
    await this.#eachRow((id, key, value) => {
      for (const claim of this.#claimsOf(id, key, value)) {
        const holder = holders.claim(claim.key, id);
        if (holder === undefined) continue;
        this.#listener.onFailure(
          id,
          new UniqueViolation(this.#collection.name, claim.index, holder, id),
        );
      }
    });
  }

  /** Of a document that was told already: none. */
  #claimsOf(id: string, key: Bytes, value: Bytes): DocumentChange["claims"] {
    try {
      return this.#change(id, key, value).claims;
    } catch (error) {
      if (isAboutDocument(error)) return [];
      throw error;
    }
  }

  #change(id: string, key: Bytes, value: Bytes): DocumentChange {
    const document = this.#collection.decodeValue(id, value, 0, value.length);
    const { id: _, ...record } = document as Record<string, unknown>;
    const { document: after, row } = this.#collection.encodeForLoad(id, record);
    return documentChange(this.#collection, this.#collection.statesNow, key, {
      before: undefined,
      after,
      row,
    });
  }

  async #eachRow(visit: (id: string, key: Bytes, value: Bytes) => void): Promise<void> {
    const scan = this.#view.scan(this.#collection.layout.documents, { expect: "all" });
    try {
      for (let done = false; !done;) {
        const page = await scan.next();
        for (let i = 0; i < page.rows; i++) {
          const key = copyBytes(page.buffer, page.keyStart[i]!, page.keyEnd[i]!);
          const value = copyBytes(page.buffer, page.valueStart[i]!, page.valueEnd[i]!);
          visit(this.#collection.idOfKey(key), key, value);
        }
        done = page.done;
        await this.#listener.pause();
      }
    } finally {
      scan.close();
    }
  }
}

/** Damage is about the database, and everything else that is no error of ours about the program. */
function isAboutDocument(error: unknown): error is KotobaError {
  return error instanceof KotobaError && !(error instanceof CorruptionError);
}

/** What a trial of all steps has come to. */
export type StepsTried =
  /** EvolutionFailed for a document that cannot be brought up; UniqueViolation, ValidationError or StorageError for one that could not be written. */
  | { readonly failure: KotobaError }
  /** The keys that no other document may have, of all documents as they will be. */
  | { readonly claims: KeyNumbers };

/**
 * Before the database takes up new versions: tries them over all documents, so that a step that fails has changed nothing,
 * and the program before can go on. Ends with the first failure; undefined where there are no new versions.
 */
export async function triedSteps(
  { engine, transactionHost }: StoreHost,
  definition: CollectionDefinition,
): Promise<StepsTried | undefined> {
  if (definition.past.length === 0) return undefined;
  let start = transactionHost.nowMillis();
  const pause = async (): Promise<void> => {
    if (transactionHost.nowMillis() - start < WORK_MILLIS) return;
    await new Promise<void>((resolve) => {
      transactionHost.after(PAUSE_MILLIS, resolve);
    });
    start = transactionHost.nowMillis();
  };
  return withView(engine, async (view) => {
    const stored = (await readCatalogRow(view, definition.name))?.row;
    if (stored === undefined) return undefined;
    const plan = catalogPlan(definition, stored, 0);
    // What does not fit is refused, with its reason, when the collection is registered.
    if ("difference" in plan || !plan.evolves || stored.documents === "loading") return undefined;
    let found: KotobaError | undefined;
    const onFailure = (_: string, failure: KotobaError): void => {
      throw (found = failure);
    };
    try {
      const listener = { onFailure, pause };
      return await tryUpgrades(view, engine.limits, definition, stored, listener);
    } catch (error) {
      if (found === undefined || error !== found) throw error;
      return { failure: found };
    }
  });
}
