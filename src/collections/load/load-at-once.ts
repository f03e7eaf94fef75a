/**
 * Documents into an empty collection of an engine that programs share: in one transaction. A bulk load counts on nobody
 * else writing there, and what is half there is erased by whoever opens the collection next; neither can be helped by a
 * word inside of this process.
 *
 * Always true:
 * (1) The source is read, and its documents are checked, before the transaction begins, which can so be run again.
 * (2) The transaction has read that there are no documents, and what its own refer to. So who writes there meanwhile, or
 *     deletes what is referred to, comes before it or behind it.
 * (3) No more is held, or read of the source, than a transaction may write.
 */
import { StorageError } from "../../engine/contract/index.ts";
import type { ReadView } from "../../engine/contract/index.ts";
import { transact, withView } from "../../transaction/index.ts";
import type { Transaction } from "../../transaction/index.ts";
import { ReferenceViolation, ValidationError } from "../collection-error.ts";
import { writeChanges } from "../document-change.ts";
import type { DocumentChange } from "../document-change.ts";
import type { Document } from "../document/document.ts";
import { PIECE_DOCUMENTS_MAX } from "./load-documents.ts";
import type { Fields, LoadGround, LoadOptions, LoadResult } from "./load-documents.ts";
import { heeding } from "../transfer/text-source.ts";
import { CollectionNotEmpty } from "../transfer/transfer-error.ts";

interface Checked {
  readonly id: string;
  readonly record: Fields;
}
/** What inserts a document, whatever it refers to. Nothing is written yet. */
export type Insertion = (tx: Transaction, id: string, record: Fields) => DocumentChange;

/** @throws as loadDocuments(); StorageError 'TransactionTooLarge' where it is more than the engine takes at once. */
export async function loadAtOnce(
  ground: LoadGround,
  source: Iterable<unknown> | AsyncIterable<unknown>,
  options: LoadOptions,
  insertion: Insertion,
): Promise<LoadResult> {
  const { host, stored } = ground;
  // Those who are of this process wait, as for every load.
  const end = stored.beginLoad();
  try {
    const load = new LoadAtOnce(ground, options);
    await load.read(source);
    const { signal } = options;
    await transact(host.transactionHost, host.engine, (tx) => load.write(tx, insertion), {
      runsUserCode: false,
      timeoutMillis: Infinity,
      durability: "durable",
      ...(signal === undefined ? {} : { signal }),
    });
    return { loaded: load.count };
  } finally {
    end();
  }
}

class LoadAtOnce {
  readonly #ground: LoadGround;
  readonly #options: LoadOptions;
  readonly #checked: Checked[] = [];
  /** As they will be read, for those who look at references; nothing where there are none. */
  readonly #documents: Document[] = [];
  #bytes = 0;

  constructor(ground: LoadGround, options: LoadOptions) {
    this.#ground = ground;
    this.#options = options;
  }

  get count(): number {
    return this.#checked.length;
  }

  async read(source: Iterable<unknown> | AsyncIterable<unknown>): Promise<void> {
    const { host, pause, references } = this.#ground;
    const { onProgress, signal } = this.#options;
    // What is wrong is told before the rest of the source is read. What is right now is looked at again.
    const looked = async (start: number): Promise<void> => {
      if (references === undefined) return;
      await withView(host.engine, (view) => this.#checkPiece(view, start));
    };
    let start = 0;
    for await (const input of heeding(source, signal)) {
      this.#take(input);
      if (this.count - start < PIECE_DOCUMENTS_MAX) continue;
      await looked(start);
      start = this.count;
      onProgress?.({ documents: this.count });
      await pause();
    }
    await looked(start);
    onProgress?.({ documents: this.count });
    signal?.throwIfAborted();
  }

  async write(tx: Transaction, insertion: Insertion): Promise<void> {
    const { references, stored } = this.#ground;
    await stored.seenIn(tx);
    const scan = tx.scan(stored.layout.documents, { limit: 1, keysOnly: true });
    const { rows } = await scan.next();
    scan.close();
    if (rows > 0) throw new CollectionNotEmpty(stored.name);
    const changes = this.#checked.map(({ id, record }) => insertion(tx, id, record));
    await writeChanges(stored, tx, changes, { ofLoad: true });
    if (references === undefined) return;
    for (let start = 0; start < this.count; start += PIECE_DOCUMENTS_MAX)
      await this.#checkPiece(tx, start);
    await references.checkWithin(tx);
  }

  #take(input: unknown): void {
    const { host, read, references, stored } = this.#ground;
    try {
      const checked = read(input);
      const { document, row } = stored.encodeForLoad(checked.id, checked.record);
      this.#bytes += stored.keyOf(checked.id).length + row.length;
      this.#checked.push(checked);
      if (references !== undefined) this.#documents.push(document);
    } catch (error) {
      throw error instanceof ValidationError ? error.of(this.count) : error;
    }
    const { transactionBytes: bytesMax } = host.engine.limits;
    if (this.#bytes > bytesMax)
      throw new StorageError(
        "TransactionTooLarge",
        { bytes: this.#bytes, bytesMax },
        {
          remedy:
            "Where programs share an engine a load is one transaction. Insert in several ones, or load into a folder and copy that.",
        },
      );
  }

  async #checkPiece(view: ReadView, start: number): Promise<void> {
    const documents = this.#documents.slice(start, start + PIECE_DOCUMENTS_MAX);
    try {
      await this.#ground.references?.check(view, documents);
    } catch (error) {
      if (!(error instanceof ReferenceViolation)) throw error;
      throw error.of(start + documents.findIndex(({ id }) => id === error.by.id));
    }
  }
}
