/**
 * A pass over the documents of a collection, in the order of their keys, in batches which are a transaction each: for each
 * document it may write another row, and it adds what the indexes of the pass lack of the document.
 *
 * Always true:
 * (1) A batch reads its documents, and the keys between them, in the transaction that writes their entries: whoever writes
 *     one of them meanwhile, or a new one between, and the batch cannot both commit.
 * (2) How far the pass is stands in the database (positions.ts) and changes in the commit of the batch. A batch begins
 *     where the last one that was committed has ended, whoever ran it.
 * (3) The batch that finds no more documents ends the pass: in its commit the indexes become ready in the catalog row, and
 *     the positions go.
 * (4) A batch that fails has changed nothing.
 */
import {
  andThen,
  concatBytes,
  copyBytes,
  equalBytes,
  hex,
  isPromise,
  nextKey,
} from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import type { Page } from "../../engine/contract/index.ts";
import type { Transaction } from "../../transaction/index.ts";
import { passesOf, rowAfterPass } from "../catalog/catalog-plan.ts";
import { decodeCatalogRow, encodeCatalogRow } from "../catalog/catalog-row.ts";
import type { CatalogRow } from "../catalog/catalog-row.ts";
import { catalogKey } from "../catalog/keyspace.ts";
import { UniqueViolation } from "../collection-error.ts";
import { documentChange, writeChanges } from "../document-change.ts";
import type { Document } from "../document/document.ts";
import type { UnreadyIndexes } from "./index-states.ts";
import type { EntryMaker, IndexEntry } from "../index/index-entries.ts";
import type { StoredCollection } from "../stored-collection.ts";
import { encodeAmount } from "../tally/tally-cells.ts";
import type { CellMaker } from "../tally/tally-cells.ts";
import { Positions } from "./positions.ts";

/** What one pass does to each document. */
export interface DocumentPass {
  readonly number: number;
  /** Indexes that get the entries of each document, and tallies that count it. */
  readonly indexes: readonly EntryMaker[];
  readonly tallies: readonly CellMaker[];
  /** Documents of earlier versions of the schema are written anew, as by any other writer. */
  readonly upgrades: boolean;
}

/** How much a batch does at most; of documents and entries together. */
export interface BatchSize {
  readonly documentsMax: number;
  readonly bytesMax: number;
}

export interface BatchResult {
  /** How many documents this batch has done. */
  readonly documents: number;
  /** How many the pass has done so far, whoever began it. */
  readonly documentsDone: number;
  /** The catalog row, where the pass has come to its end. */
  readonly ended: CatalogRow | undefined;
}

/** What is to be done first, without the passes that cannot go on: the one that was begun first; undefined if none is. */
export function nextPass(
  { unready }: StoredCollection,
  stuck: ReadonlySet<number> = new Set(),
): DocumentPass | undefined {
  if (unready === undefined) return undefined;
  const { indexes, tallies, upgradePass } = unready;
  const passes = [...indexes, ...tallies].map(({ pass }) => pass);
  if (upgradePass !== undefined) passes.push(upgradePass);
  const left = passes.filter((pass) => !stuck.has(pass));
  return left.length === 0 ? undefined : passIn(unready, Math.min(...left));
}

function passIn({ indexes, tallies, upgradePass }: UnreadyIndexes, number: number): DocumentPass {
  const isOfPass = ({ pass }: { readonly pass: number }): boolean => pass === number;
  return {
    number,
    indexes: indexes.filter(isOfPass).map(({ maker }) => maker),
    tallies: tallies.filter(isOfPass).map(({ maker }) => maker),
    upgrades: number === upgradePass,
  };
}

/**
 * Does what the transaction sees of the pass with this number.
 *
 * @throws UniqueViolation where two documents have one key; ValidationError where one has no place in an index;
 *   SchemaMismatch 'changed' where another program has made something else of the collection.
 */
export async function passBatch(
  collection: StoredCollection,
  passNumber: number,
  tx: Transaction,
  size: BatchSize,
): Promise<BatchResult> {
  const states = await collection.seenIn(tx);
  const row = decodeCatalogRow(collection.name, states.row);
  // Another program has ended the pass, or a commit of which it was not known whether it happened.
  if (states.unready === undefined || !passesOf(row).includes(passNumber))
    return { documents: 0, documentsDone: 0, ended: row };
  const pass = passIn(states.unready, passNumber);
  const { documents: range, number } = collection.layout;
  const positions = new Positions(number, pass.number, range.start);
  const last = await positions.last(tx);
  const batch = new Batch(collection, pass, tx);
  const start = last === undefined ? range.start : nextKey(concatBytes(range.start, last.place));
  const isWhole = await batch.fill(start, size);
  await batch.claim();
  const documentsDone = (last?.documents ?? 0) + batch.documents;
  if (!isWhole) {
    const position = positions.row(batch.lastKey!, documentsDone);
    tx.put(position.key, position.value, "owned");
    return { documents: batch.documents, documentsDone, ended: undefined };
  }
  const ended = rowAfterPass(row, pass.number);
  tx.put(catalogKey(collection.name), encodeCatalogRow(ended), "owned");
  tx.deleteRange(positions.all);
  return { documents: batch.documents, documentsDone, ended };
}

/**
 * Gives a unique index of a pass one of its own, at the same place, so that the others can go on without it. What writers
 * do to a unique index does not depend on the place.
 */
export async function setApart(
  collection: StoredCollection,
  { number: from }: DocumentPass,
  index: string,
  tx: Transaction,
): Promise<{ readonly row: CatalogRow; readonly pass: number }> {
  const rowKey = catalogKey(collection.name);
  const row = decodeCatalogRow(collection.name, (await tx.get(rowKey))!);
  const pass = row.nextIndex;
  const indexes = row.indexes.map((one) => (one.name === index ? { ...one, pass } : one));
  const changed: CatalogRow = { ...row, indexes, nextIndex: pass + 1 };
  const { documents, number } = collection.layout;
  const last = await new Positions(number, from, documents.start).last(tx);
  if (last !== undefined) {
    const key = concatBytes(documents.start, last.place);
    const position = new Positions(number, pass, documents.start).row(key, last.documents);
    tx.put(position.key, position.value, "owned");
  }
  tx.put(rowKey, encodeCatalogRow(changed), "owned");
  return { row: changed, pass };
}

class Batch {
  documents = 0;
  lastKey: Bytes | undefined;
  readonly #collection: StoredCollection;
  readonly #pass: DocumentPass;
  readonly #tx: Transaction;
  #bytes = 0;
  /** Entries whose keys no other document may have. */
  readonly #exclusive: {
    readonly entry: IndexEntry;
    readonly index: string;
    readonly id: string;
  }[] = [];

  constructor(collection: StoredCollection, pass: DocumentPass, tx: Transaction) {
    this.#collection = collection;
    this.#pass = pass;
    this.#tx = tx;
  }

  /** Does documents from `start` on, at least one; gives whether they were all. */
  async fill(start: Bytes, { bytesMax, documentsMax }: BatchSize): Promise<boolean> {
    const { end } = this.#collection.layout.documents;
    // One more than it does, to know whether there are more.
    const scan = this.#tx.scan({ start, end }, { limit: documentsMax + 1, expect: "all" });
    try {
      for (;;) {
        const page = await scan.next();
        for (let i = 0; i < page.rows; i++) {
          if (this.documents === documentsMax || this.#bytes >= bytesMax) return false;
          const added = this.#add(page, i);
          if (isPromise(added)) await added;
        }
        if (page.done) return true;
      }
    } finally {
      scan.close();
    }
  }

  /** Puts the entries of unique indexes, if their keys are free or the document's own. */
  async claim(): Promise<void> {
    const held = await this.#tx.getMany(this.#exclusive.map(({ entry }) => entry.key));
    const claimed = new Map<string, string>();
    for (const [i, { entry, id, index }] of this.#exclusive.entries()) {
      const value = held[i];
      const text = hex(entry.key, Infinity);
      const holder =
        value === undefined
          ? claimed.get(text)
          : this.#collection.referredId(value, 0, value.length);
      if (holder !== undefined && holder !== id) {
        throw new UniqueViolation(this.#collection.name, index, holder, id);
      }
      claimed.set(text, id);
      if (value !== undefined && equalBytes(value, entry.value)) continue;
      this.#tx.put(entry.key, entry.value, "owned");
    }
  }

  #add({ buffer, keyEnd, keyStart, valueEnd, valueStart }: Page, row: number): Awaitable<void> {
    const key = copyBytes(buffer, keyStart[row]!, keyEnd[row]!);
    const id = this.#collection.idOfKey(key);
    const stored = this.#collection.decodeValue(id, buffer, valueStart[row]!, valueEnd[row]!);
    const isRewritten =
      this.#pass.upgrades && this.#collection.isPast(buffer, valueStart[row]!, valueEnd[row]!);
    this.#bytes += valueEnd[row]! - valueStart[row]!;
    this.lastKey = key;
    this.documents++;
    if (!isRewritten) return this.#index(key, stored);
    const { document: after, row: bytes } = this.#collection.encodeAgain(this.#tx, stored);
    const states = this.#collection.statesToKeep(this.#tx);
    const change = documentChange(this.#collection, states, key, {
      before: stored,
      after,
      row: bytes,
    });
    // One after the other: of two documents with one unique key the second must see the first.
    const written = writeChanges(this.#collection, this.#tx, [change]);
    return andThen(written, () => this.#index(key, after));
  }

  /** Adds what the indexes of the pass lack of the document. */
  #index(key: Bytes, document: Document): void {
    const tx = this.#tx;
    for (const maker of this.#pass.indexes) {
      for (const entry of maker.entriesOf(key, document)) {
        this.#bytes += entry.key.length + entry.value.length;
        if (entry.exclusive) {
          this.#exclusive.push({ entry, index: maker.index.name, id: document.id });
        } else tx.put(entry.key, entry.value, "owned");
      }
    }
    for (const maker of this.#pass.tallies) {
      for (const { amount, key: cell } of maker.changesOf(undefined, document)) {
        this.#bytes += cell.length;
        tx.merge(cell, "addInt", encodeAmount(amount));
      }
    }
  }
}
