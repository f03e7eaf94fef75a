/**
 * Documents into an empty collection by the engine's bulk load: rows and index entries become sorted tables without
 * passing the log. All of it is there afterwards, or nothing.
 *
 * Always true:
 * (1) From before the first row until after the last check the catalog row says `loading`, durably: after a crash in
 *     between, whoever uses the collection next erases what there may be of it. The row says `ready` again only in a
 *     commit after all rows, which carries the codec's structures.
 * (2) Nobody else writes the collection meanwhile, which is what the engine asks for: the commit that says `loading` has
 *     read that there are no documents, and so comes after every insert that was taken before; transactions that have
 *     written and not committed cannot commit any more; every operation that begins later waits for the end.
 * (3) Equal keys fall together in a load without a word. So keys that did not come in rising order are counted afterwards:
 *     fewer rows than documents are an id or a unique key that came twice.
 * (4) What relations keep whole is whole when the row says `ready`: references to other collections are looked up piece by
 *     piece while rows are handed over, those within the collection when all rows are there.
 */
import { compareBytes, hex, KotobaError } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { prefixRange } from "../../engine/contract/index.ts";
import type { KeyRange, ReadView, StorageEngine } from "../../engine/contract/index.ts";
import { transact } from "../../transaction/index.ts";
import type { TransactOptions, Transaction } from "../../transaction/index.ts";
import type { StoreHost } from "../catalog/catalog.ts";
import { catalogKey, indexesPrefix } from "../catalog/keyspace.ts";
import { ReferenceViolation, UniqueViolation, ValidationError } from "../collection-error.ts";
import { documentChange } from "../document-change.ts";
import type { DocumentChange } from "../document-change.ts";
import type { Document } from "../document/document.ts";
import type { IndexChange } from "../index/index-change.ts";
import type { LoadGuard } from "../relation/write-guard.ts";
import type { StoredCollection } from "../stored-collection.ts";
import { encodeAmount } from "../tally/tally-cells.ts";
import { loadRows } from "./load-rows.ts";
import { heeding } from "../transfer/text-source.ts";
import { CollectionNotEmpty } from "../transfer/transfer-error.ts";

export interface LoadOptions {
  /** Called from time to time with the number of documents that were handed over so far. */
  readonly onProgress?: (progress: { readonly documents: number }) => void;
  /** Ends the load with the signal's reason; nothing is loaded then. */
  readonly signal?: AbortSignal;
}
export interface LoadResult {
  readonly loaded: number;
}

export interface LoadGround {
  readonly host: StoreHost;
  readonly stored: StoredCollection;
  /** A document of the input, checked: what is stored, and its id. */
  readonly read: (input: unknown) => { readonly id: string; readonly record: Fields };
  /** Where relations of the collection are kept whole. */
  readonly references: LoadGuard | undefined;
  readonly pause: () => Promise<void>;
}

export type Fields = Readonly<Record<string, unknown>>;
type Row = readonly [key: Bytes, value: Bytes];

/** Handed over together: enough that a piece costs nothing, few enough to be held. */
export const PIECE_DOCUMENTS_MAX = 1_000;
const PIECE_BYTES_MAX = 1 << 20;
const MARKING: TransactOptions = {
  runsUserCode: false,
  timeoutMillis: Infinity,
  durability: "durable",
};

/**
 * Loading writes rows, and what is added to cells: a part of a change that is neither would be left out. Whoever adds one
 * must load it too. What is still being built is not: a load waits until all is ready. That a document did not exist is told to nobody: a feed meets commits without a note, and is TooOld.
 */
type IsLoadable = keyof DocumentChange extends
  | "key"
  | "row"
  | "existed"
  | "indexes"
  | "cells"
  | "claims"
  | "unready"
  ? keyof IndexChange extends "deletes" | "puts" | "claims"
    ? true
    : never
  : never;
true satisfies IsLoadable;

/**
 * @throws CollectionNotEmpty, UniqueViolation (with an empty `existingId` where an id came twice that is not known any
 *   more), ValidationError whose paths begin with the document's position, ReferenceViolation.
 */
export async function loadDocuments(
  ground: LoadGround,
  documents: Iterable<unknown> | AsyncIterable<unknown>,
  options: LoadOptions,
): Promise<LoadResult> {
  const { stored } = ground;
  const end = stored.beginLoad();
  try {
    const load = new Load(ground, options);
    await load.mark();
    try {
      await load.run(documents);
    } catch (error) {
      await load.erase();
      throw error;
    }
    end();
    return { loaded: load.count };
  } catch (error) {
    // Where even the erasing failed, nobody may use what is left; what is opened next erases it.
    end(stored.isMarked ? error : undefined);
    throw error;
  }
}

class Load {
  count = 0;
  readonly #ground: LoadGround;
  readonly #options: LoadOptions;
  readonly #documents: KeyCount;
  /** What the documents add to cells, by the hex of their keys. */
  readonly #cells = new Map<string, { readonly key: Bytes; amount: bigint }>();
  /** One for each unique index, by its name. */
  readonly #unique = new Map<string, KeyCount>();
  /** Those whose references are still to be looked up: the last ones of the count. */
  #referring: Document[] = [];

  constructor(ground: LoadGround, options: LoadOptions) {
    this.#ground = ground;
    this.#options = options;
    const { documents, indexes } = ground.stored.layout;
    this.#documents = new KeyCount(documents);
    for (const { name, prefix, unique } of indexes) {
      if (unique) this.#unique.set(name, new KeyCount(prefixRange(prefix)));
    }
  }

  /** Says `loading`, if there are no documents. */
  async mark(): Promise<void> {
    const { stored } = this.#ground;
    // Until it is known that nothing was written: who wrote on under a row that says `loading` would lose it all.
    stored.isMarked = true;
    const marking = this.#transact(async (tx) => {
      const scan = tx.scan(stored.layout.documents, { limit: 1, keysOnly: true });
      const page = await scan.next();
      scan.close();
      if (page.rows > 0) throw new CollectionNotEmpty(stored.name);
      tx.put(catalogKey(stored.name), stored.rowWhile("loading"));
    });
    await marking.catch((error: unknown) => {
      if (error instanceof KotobaError && error.committed === "no") stored.isMarked = false;
      throw error;
    });
  }

  async run(documents: Iterable<unknown> | AsyncIterable<unknown>): Promise<void> {
    const { engine } = this.#ground.host;
    await loadRows(engine, this.#rows(documents));
    this.#options.signal?.throwIfAborted();
    await this.#checkWhole(engine);
    await this.#ready((tx) => {
      for (const { amount, key } of this.#cells.values())
        if (amount !== 0n) tx.merge(key, "addInt", encodeAmount(amount));
    });
  }

  /** Takes back what there may be of the load, and says `ready`. */
  async erase(): Promise<void> {
    const { documents, number } = this.#ground.stored.layout;
    await this.#ready((tx) => {
      tx.deleteRange(documents);
      tx.deleteRange(prefixRange(indexesPrefix(number)));
    });
  }

  async #ready(work: (tx: Transaction) => void): Promise<void> {
    const { stored } = this.#ground;
    await this.#transact((tx) => {
      work(tx);
      tx.put(catalogKey(stored.name), stored.rowWhile("ready"));
      stored.carryStructures(tx);
    });
    stored.isMarked = false;
  }

  async #transact(body: (tx: Transaction) => Promise<void> | void): Promise<void> {
    const { engine, transactionHost } = this.#ground.host;
    await transact(transactionHost, engine, body, MARKING);
  }

  async *#rows(
    documents: Iterable<unknown> | AsyncIterable<unknown>,
  ): AsyncGenerator<readonly Row[]> {
    const { pause } = this.#ground;
    const { onProgress, signal } = this.#options;
    let piece: Row[] = [];
    let bytes = 0;
    let held = 0;
    for await (const input of heeding(documents, signal)) {
      for (const row of this.#rowsOf(input)) {
        piece.push(row);
        bytes += row[0].length + row[1].length;
      }
      this.count++;
      if (++held < PIECE_DOCUMENTS_MAX && bytes < PIECE_BYTES_MAX) continue;
      await this.#checkReferences();
      yield piece;
      piece = [];
      bytes = held = 0;
      onProgress?.({ documents: this.count });
      await pause();
    }
    await this.#checkReferences();
    if (piece.length > 0) yield piece;
    onProgress?.({ documents: this.count });
  }

  #rowsOf(input: unknown): readonly Row[] {
    const { stored } = this.#ground;
    try {
      const { id, record } = this.#ground.read(input);
      const { document, row } = stored.encodeForLoad(id, record);
      return this.#counted(id, stored.keyOf(id), row, document);
    } catch (error) {
      throw error instanceof ValidationError ? error.of(this.count) : error;
    }
  }

  #counted(id: string, key: Bytes, row: Bytes, document: Document): readonly Row[] {
    const { stored } = this.#ground;
    if (this.#documents.add(key) === "again") throw new UniqueViolation(stored.name, "id", id);
    if (this.#ground.references !== undefined) this.#referring.push(document);
    const change = documentChange(stored, stored.statesNow, key, {
      before: undefined,
      after: document,
      row,
    });
    const rows: Row[] = [[key, row]];
    for (const [i, { puts }] of change.indexes.entries()) {
      const count = this.#unique.get(stored.statesNow.entryMakers[i]!.index.name);
      for (const put of puts) {
        rows.push([put.key, put.value]);
        count?.add(put.key);
      }
    }
    for (const { amount, key: cell } of change.cells) {
      const name = hex(cell, Infinity);
      const known = this.#cells.get(name);
      if (known === undefined) this.#cells.set(name, { key: cell, amount: BigInt(amount) });
      else known.amount += BigInt(amount);
    }
    return rows;
  }

  /** What the documents of a piece refer to in other collections must be there: it is looked up, before the next ones are read. */
  async #checkReferences(): Promise<void> {
    const { host, references } = this.#ground;
    const documents = this.#referring;
    if (references === undefined || documents.length === 0) return;
    this.#referring = [];
    const view = await host.engine.snapshot();
    try {
      await references.check(view, documents);
    } catch (error) {
      if (!(error instanceof ReferenceViolation)) throw error;
      const place = documents.findIndex(({ id }) => id === error.by.id);
      throw error.of(this.count - documents.length + place);
    } finally {
      view.close();
    }
  }

  /** What can be told of all rows together. */
  async #checkWhole(engine: StorageEngine): Promise<void> {
    const view = await engine.snapshot();
    try {
      const { references, stored } = this.#ground;
      if (await this.#documents.isShort(view)) throw new UniqueViolation(stored.name, "id", "");
      for (const [index, count] of this.#unique) {
        if (await count.isShort(view)) throw await this.#violation(view, index);
      }
      await references?.checkWithin(view);
    } finally {
      view.close();
    }
  }

  /** The first document whose unique key another one holds. */
  async #violation(view: ReadView, index: string): Promise<UniqueViolation> {
    const { stored } = this.#ground;
    const maker = stored.statesNow.entryMakers.find((one) => one.index.name === index)!;
    const scan = view.scan(stored.layout.documents, { expect: "all" });
    try {
      for (let done = false; !done;) {
        const page = await scan.next();
        for (let i = 0; i < page.rows; i++) {
          const key = page.buffer.slice(page.keyStart[i], page.keyEnd[i]);
          const id = stored.idOfKey(key);
          const { buffer, valueEnd, valueStart } = page;
          const document = stored.decodeValue(id, buffer, valueStart[i]!, valueEnd[i]!);
          for (const entry of maker.entriesOf(key, document)) {
            const value = await view.get(entry.key);
            const holder = value && stored.referredId(value, 0, value.length);
            if (holder !== undefined && holder !== id) {
              return new UniqueViolation(stored.name, index, holder);
            }
          }
        }
        done = page.done;
      }
    } finally {
      scan.close();
    }
    return new UniqueViolation(stored.name, index, "");
  }
}

/** How many keys of a range were handed over; and whether they rose, so that none can have come twice. */
class KeyCount {
  readonly #range: KeyRange;
  #count = 0;
  #last: Bytes | undefined;
  #rises = true;

  constructor(range: KeyRange) {
    this.#range = range;
  }

  add(key: Bytes): "again" | undefined {
    this.#count++;
    const order = this.#last === undefined ? -1 : compareBytes(this.#last, key);
    this.#last = key;
    if (order >= 0) this.#rises = false;
    return order === 0 ? "again" : undefined;
  }

  /** Are there fewer keys than were handed over? */
  async isShort(view: ReadView): Promise<boolean> {
    if (this.#rises) return false;
    const scan = view.scan(this.#range, { expect: "all", keysOnly: true });
    let found = 0;
    try {
      for (let done = false; !done;) {
        const page = await scan.next();
        found += page.rows;
        done = page.done;
      }
    } finally {
      scan.close();
    }
    return found < this.#count;
  }
}
