/**
 * Which indexes nobody may read yet, as the catalog of a database says it in one state: who is refused for the lack of an
 * index must be right. Read below the database, so that it does not depend on what the database believes.
 */
import type { Snapshot } from "kotobadb/engine";
import type { Awaitable } from "../../../src/base/index.ts";
import { decodeCatalogRow } from "../../../src/collections/catalog/catalog-row.ts";
import { catalogKey } from "../../../src/collections/catalog/keyspace.ts";
import { tagOf } from "./loose.ts";
import { collectionNames } from "./plain.ts";
import type { CollectionName } from "./plain.ts";

export class Unready {
  /** Nothing is being built. */
  readonly isDone: boolean;
  /** Names of collections, of which no index can be read, and of indexes; undefined where it is not known. */
  readonly #names: ReadonlySet<string> | undefined;

  constructor(names: ReadonlySet<string> | undefined, isDone: boolean) {
    this.#names = names;
    this.isDone = isDone;
  }

  has(collection: string, index: string): boolean {
    if (this.#names === undefined) return true;
    return this.#names.has(collection) || this.#names.has(`${collection} ${index}`);
  }
}

export const NOTHING_UNREADY: Unready = new Unready(new Set(), true);
export const PERHAPS_UNREADY: Unready = new Unready(undefined, false);

/**
 * In the state that the snapshot shows, which is closed. To who only reads, no index of a collection can be used whose
 * documents are still to be written anew; `moved`: nor one of these, of which it knows a later version.
 */
export async function unreadyIn(
  begun: Awaitable<Snapshot>,
  reading?: { readonly moved: readonly CollectionName[] },
): Promise<Unready> {
  const snapshot = await begun;
  const names = new Set<string>(reading?.moved);
  let isDone = true;
  try {
    for (const name of collectionNames) {
      const bytes = await snapshot.get(catalogKey(name));
      if (bytes === undefined) continue;
      const { documents, indexes, pass } = decodeCatalogRow(name, bytes);
      if (documents !== "ready" || pass !== undefined) isDone = false;
      if (reading !== undefined && documents !== "ready") names.add(name);
      for (const index of indexes) if (index.state !== "ready") names.add(`${name} ${index.name}`);
    }
  } finally {
    snapshot.close();
  }
  return new Unready(names, isDone && names.size === 0);
}

/** The index that somebody was refused for the lack of. */
export interface NotReady extends Error {
  readonly collection: string;
  readonly index: string;
}
export function isNotReady(error: unknown): error is NotReady {
  return error instanceof Error && tagOf(error) === "IndexNotReady";
}
