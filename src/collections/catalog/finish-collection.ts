/**
 * Brings the stored documents of a collection up to its definition before the first use: fills in fields that have a
 * default now, and writes documents of earlier versions anew where it comes upon them. In batches, each a transaction, so
 * that a large collection can be done at all. What indexes lack is built afterwards (build/index-build.ts).
 *
 * Always true:
 * (1) The catalog row says `filling` from before the first batch until after the last one: after a crash in between, the
 *     work is begun anew. Done twice, it changes nothing the second time.
 * (2) Nobody who does not do the same writes the collection meanwhile: every operation of this program waits for it, and
 *     other programs are refused, or wait as well. The first that has come to the end says so in the row.
 */
import { copyBytes, equalBytes, nextKey } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { transact } from "../../transaction/index.ts";
import type { TransactOptions, Transaction } from "../../transaction/index.ts";
import { SchemaMismatch, ValidationError } from "../collection-error.ts";
import type { CollectionDefinition } from "../collection-definition.ts";
import { documentChange, writeChanges } from "../document-change.ts";
import type { DocumentChange } from "../document-change.ts";
import type { Document } from "../document/document.ts";
import type { StoredCollection } from "../stored-collection.ts";
import type { StoreHost } from "./catalog.ts";
import { withDocumentsReady } from "./catalog-plan.ts";
import { decodeCatalogRow, encodeCatalogRow } from "./catalog-row.ts";
import type { CatalogRow } from "./catalog-row.ts";
import { catalogKey } from "./keyspace.ts";

/** Small enough for every engine's transactions together with the entries, large enough to spread the cost of a commit. */
const BATCH_DOCUMENTS_MAX = 512;
const BATCH_BYTES_MAX = 512 * 1024;

/**
 * Registering belongs to no body: a collection may be used for the first time inside of one. It takes as long as the disk
 * does: nobody could give it more time, and a database that cannot be opened in ten seconds could never be.
 */
export const LIBRARY_CODE: TransactOptions = {
  runsUserCode: false,
  standsApart: true,
  timeoutMillis: Infinity,
  // Of programs that share an engine others write meanwhile.
  fallsBehind: true,
};

/**
 * Gives the catalog row as it is then.
 *
 * @throws SchemaMismatch 'changed' where another program has made something else of the collection meanwhile.
 */
export async function finishCollection(
  host: StoreHost,
  definition: CollectionDefinition,
  collection: StoredCollection,
): Promise<CatalogRow> {
  const work = new FinishingWork(definition, collection);
  const { engine, transactionHost } = host;
  let start: Bytes | undefined = collection.layout.documents.start;
  while (start !== undefined) {
    const from: Bytes = start;
    start = await transact(transactionHost, engine, (tx) => work.batch(tx, from), LIBRARY_CODE);
  }
  return await transact(transactionHost, engine, (tx) => work.end(tx), LIBRARY_CODE);
}

class FinishingWork {
  readonly #definition: CollectionDefinition;
  readonly #collection: StoredCollection;

  constructor(definition: CollectionDefinition, collection: StoredCollection) {
    this.#definition = definition;
    this.#collection = collection;
  }

  /** Gives the catalog row when all is done. */
  async end(tx: Transaction): Promise<CatalogRow> {
    const { row: bytes } = await this.#collection.seenIn(tx);
    const row = decodeCatalogRow(this.#collection.name, bytes);
    if (row.documents !== "filling") return row;
    // What was being built goes on where it was, and ends the pass.
    const finished: CatalogRow =
      row.pass === undefined ? withDocumentsReady(row) : { ...row, documents: "upgrading" };
    tx.put(catalogKey(this.#collection.name), encodeCatalogRow(finished));
    return finished;
  }

  /** Does the documents from `start` on; gives where the next batch begins, undefined when all is done. */
  async batch(tx: Transaction, start: Bytes): Promise<Bytes | undefined> {
    await this.#collection.seenIn(tx);
    const { documents } = this.#collection.layout;
    // No limit: with one, `done` would not say whether documents follow.
    const scan = tx.scan({ start, end: documents.end }, { expect: "all" });
    const page = await scan.next();
    scan.close();
    if (page.rows === 0) return undefined;
    let bytes = 0;
    let row = 0;
    let key: Bytes = start;
    while (row < page.rows && row < BATCH_DOCUMENTS_MAX && bytes < BATCH_BYTES_MAX) {
      key = copyBytes(page.buffer, page.keyStart[row]!, page.keyEnd[row]!);
      const value = copyBytes(page.buffer, page.valueStart[row]!, page.valueEnd[row]!);
      // One after the other: of two documents with one unique key the second must see the first.
      await writeChanges(this.#collection, tx, [this.#change(tx, key, value)]);
      bytes += value.length;
      row++;
    }
    return page.done && row === page.rows ? undefined : nextKey(key);
  }

  #change(tx: Transaction, key: Bytes, value: Bytes): DocumentChange {
    const id = this.#collection.idOfKey(key);
    const before = this.#collection.decodeValue(id, value, 0, value.length);
    const whole = this.#whole(tx, before, value);
    return documentChange(this.#collection, this.#collection.statesToKeep(tx), key, {
      before,
      after: whole.document,
      row: equalBytes(whole.row, value) ? "kept" : whole.row,
    });
  }

  /** The document as the definition says, and its row. */
  #whole(
    tx: Transaction,
    before: Document,
    value: Bytes,
  ): { readonly row: Bytes; readonly document: Document } {
    if (this.#collection.isPast(value, 0, value.length)) {
      return this.#collection.encodeAgain(tx, before);
    }
    return this.#collection.encode(tx, before.id, this.#filled(before));
  }

  /** The document with its defaults. */
  #filled(document: Document): Record<string, unknown> {
    const { id, ...record } = document as Record<string, unknown> & { readonly id: string };
    try {
      return this.#definition.schema.revalidate(record);
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      throw new SchemaMismatch(this.#definition.name, {
        reason: "fields",
        text: `the stored document "${id}" cannot be filled up: ${String(error.details["issues"])}`,
      });
    }
  }
}
