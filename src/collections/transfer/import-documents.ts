/**
 * A text of documents, imported into a collection.
 *
 * Without `partial` it is all or nothing, in two steps: the whole text is read and every document checked, its bytes being
 * kept; then all documents are written in one transaction. So a text may have as many bytes as a transaction may have
 * (256 MiB on the engines here), and it is refused when more have come, before anything is written. With `partial` it is
 * written in batches while it is read, each a transaction: a text of any length in little memory, of which a crash or an
 * error leaves the batches before.
 *
 * Always true:
 * (1) A document is checked against the schema before it is written, and written as insert() or replace() would.
 * (2) Documents are written in the order of the text, so of two with one id the second finds the first.
 * (3) Nothing is skipped that the result does not count.
 */
import type { Awaitable, Bytes } from "../../base/index.ts";
import { StorageError } from "../../engine/contract/index.ts";
import type { Limits } from "../../engine/contract/index.ts";
import type { Transaction } from "../../transaction/index.ts";
import { BadDocument } from "./document-import.ts";
import type { DocumentImport, Imported, OnExisting } from "./document-import.ts";
import { TextSplitter } from "./text-splitter.ts";
import type { TextPiece } from "./text-splitter.ts";
import { bytesOfSource } from "./text-source.ts";
import type { TextSource } from "./text-source.ts";
import { BAD_LINES_MAX, ImportFailed } from "./transfer-error.ts";
import type { BadLine } from "./transfer-error.ts";

export interface ImportOptions {
  /**
   * What to do with a document whose id is there already: 'error' (default) counts its line as a bad one, 'replace' puts
   * it in the place of the former, 'skip' keeps the former.
   */
  readonly onExisting?: OnExisting;
  /**
   * What to do with a line that is no document of the collection: 'error' (default) fails with ImportFailed, 'skip' leaves
   * it out and tells it in the result. A unique key that is taken makes a bad line too, and so does a reference that a relation with `onDelete`
   * keeps, to a document that is neither there nor in a line before.
   */
  readonly onBadLine?: "error" | "skip";
  /**
   * False (default): all is imported in one transaction, or nothing. True: in batches of at most 512 documents or 1 MiB of
   * text, each a transaction; what was imported before an error stays. For texts larger than a transaction may be.
   */
  readonly partial?: boolean;
  /** How long the text of one document may be, in bytes: a longer one is a bad line. Default 67,108,864 (64 MiB). */
  readonly lineBytesMax?: number;
  /** Called after each chunk that was read and each transaction that was committed. */
  readonly onProgress?: (progress: ImportProgress) => void;
  /** Ends the import with the signal's reason; without `partial` nothing is imported then. */
  readonly signal?: AbortSignal;
}

export interface ImportProgress {
  /** Bytes of the text that were read. */
  readonly bytesRead: number;
  /** Documents that were found in it, bad ones not counted. */
  readonly documentsRead: number;
  /** Documents that were committed, imported and replaced ones together. */
  readonly documentsWritten: number;
}

export interface ImportResult {
  /** New documents. */
  readonly imported: number;
  readonly replaced: number;
  /** Documents that were left out because their id is there already. */
  readonly skipped: number;
  /** The first bad lines with their reasons, at most 100. */
  readonly bad: readonly BadLine[];
  /** How many bad lines there are. */
  readonly badCount: number;
}

/** What the import needs of the database. */
export interface ImportGround {
  readonly collection: string;
  readonly limits: Limits;
  readonly documents: DocumentImport;
  /** Runs work as a transaction, or in the one that is open. */
  readonly write: <A>(work: (tx: Transaction) => Awaitable<A>) => Awaitable<A>;
  /** Lets other work of the program run. */
  readonly pause: () => Promise<void>;
}

const LINE_BYTES_MAX_DEFAULT = 64 << 20;
const BATCH_DOCUMENTS_MAX = 512;
const BATCH_BYTES_MAX = 1 << 20;
/** Documents that are written before other work of the program may run again. */
const DOCUMENTS_BETWEEN_PAUSES = 1_000;

type Line = Extract<TextPiece, { readonly bytes: Bytes }>;

/** @throws ImportFailed, and what a transaction may fail with. */
export function importDocuments(
  ground: ImportGround,
  source: TextSource,
  options: ImportOptions,
): Promise<ImportResult> {
  return new Import(ground, options).run(source);
}

/** What became of documents: counted anew for each attempt of a transaction, and added up once it is committed. */
class Tally {
  imported = 0;
  replaced = 0;
  skipped = 0;
  readonly bad: BadLine[] = [];
  badCount = 0;

  count(outcome: Imported): void {
    this[outcome]++;
  }
  refuse(line: number, reason: string): void {
    this.badCount++;
    if (this.bad.length < BAD_LINES_MAX) this.bad.push({ line, reason });
  }
  add(other: Tally): void {
    this.imported += other.imported;
    this.replaced += other.replaced;
    this.skipped += other.skipped;
    this.badCount += other.badCount;
    this.bad.push(...other.bad.slice(0, BAD_LINES_MAX - this.bad.length));
  }
  inOrder(): readonly BadLine[] {
    return this.bad.toSorted((a, b) => a.line - b.line);
  }
}

class Import {
  readonly #ground: ImportGround;
  readonly #options: ImportOptions;
  readonly #tally = new Tally();
  #waiting: Line[] = [];
  #waitingBytes = 0;
  #bytesRead = 0;
  #documentsRead = 0;

  constructor(ground: ImportGround, options: ImportOptions) {
    this.#ground = ground;
    this.#options = options;
  }

  async run(source: TextSource): Promise<ImportResult> {
    const { collection } = this.#ground;
    const { lineBytesMax = LINE_BYTES_MAX_DEFAULT, signal } = this.#options;
    const splitter = new TextSplitter(lineBytesMax);
    for await (const chunk of bytesOfSource(collection, source, signal)) {
      this.#bytesRead += chunk.length;
      await this.#take(splitter.push(chunk));
      this.#tellProgress();
    }
    await this.#take(splitter.finish());
    this.#failIfBad();
    await this.#flush();
    this.#failIfBad();
    const { badCount, imported, replaced, skipped } = this.#tally;
    return { imported, replaced, skipped, bad: this.#tally.inOrder(), badCount };
  }

  async #take(pieces: readonly TextPiece[]): Promise<void> {
    const { documents, limits } = this.#ground;
    const isPartial = this.#options.partial === true;
    for (const [i, piece] of pieces.entries()) {
      if (i > 0 && i % DOCUMENTS_BETWEEN_PAUSES === 0) await this.#pause();
      // Whole texts are read to their end, so that all bad lines are told at once.
      if (isPartial) this.#failIfBad();
      if (piece.problem !== undefined) {
        this.#tally.refuse(piece.line, piece.problem);
        continue;
      }
      const reason = reasonOf(() => documents.check(piece.bytes));
      if (reason !== undefined) {
        this.#tally.refuse(piece.line, reason);
        continue;
      }
      this.#documentsRead++;
      this.#keep(piece);
      if (!isPartial && this.#waitingBytes > limits.transactionBytes) {
        throw new StorageError("TransactionTooLarge", {
          bytes: this.#waitingBytes,
          bytesMax: limits.transactionBytes,
        });
      }
      const isFull =
        this.#waiting.length >= BATCH_DOCUMENTS_MAX || this.#waitingBytes >= BATCH_BYTES_MAX;
      if (isPartial && isFull) await this.#flush();
    }
  }

  #keep(line: Line): void {
    // Once the import cannot succeed, there is no use in keeping what it would write.
    if (this.#options.partial !== true && this.#mustFail()) return;
    this.#waiting.push(line);
    this.#waitingBytes += line.bytes.length;
  }

  async #flush(): Promise<void> {
    const lines = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (lines.length === 0) return;
    const written = await this.#ground.write((tx) => this.#attempt(tx, lines));
    this.#tally.add(written);
    this.#tellProgress();
  }

  /** Writes the lines in one attempt of a transaction, which fails if it must not be committed. */
  async #attempt(tx: Transaction, lines: readonly Line[]): Promise<Tally> {
    const { documents } = this.#ground;
    const { onBadLine, onExisting = "error" } = this.#options;
    const written = new Tally();
    for (const [i, { bytes, line }] of lines.entries()) {
      if (i > 0 && i % DOCUMENTS_BETWEEN_PAUSES === 0) await this.#pause();
      try {
        const outcome = documents.write(tx, bytes, onExisting);
        written.count(outcome instanceof Promise ? await outcome : outcome);
      } catch (error) {
        if (!(error instanceof BadDocument)) throw this.#spoiled(tx, error);
        written.refuse(line, error.message);
      }
    }
    if (onBadLine === "skip" || written.badCount === 0) return written;
    this.#tally.badCount += written.badCount;
    this.#tally.bad.push(...written.bad.slice(0, BAD_LINES_MAX - this.#tally.bad.length));
    throw this.#spoiled(tx, this.#failure());
  }

  /** A body that catches the error must not commit the documents that were written before it. */
  #spoiled(tx: Transaction, error: unknown): unknown {
    if (!tx.closed) {
      tx.beforeCommit(() => {
        throw error;
      });
    }
    return error;
  }

  async #pause(): Promise<void> {
    await this.#ground.pause();
    this.#options.signal?.throwIfAborted();
  }

  #mustFail(): boolean {
    return this.#options.onBadLine !== "skip" && this.#tally.badCount > 0;
  }

  #failIfBad(): void {
    if (this.#mustFail()) throw this.#failure();
  }

  #failure(): ImportFailed {
    const { badCount, imported, replaced } = this.#tally;
    const bad = this.#tally.inOrder();
    return new ImportFailed(this.#ground.collection, { bad, badCount, imported, replaced });
  }

  #tellProgress(): void {
    const { imported, replaced } = this.#tally;
    this.#options.onProgress?.({
      bytesRead: this.#bytesRead,
      documentsRead: this.#documentsRead,
      documentsWritten: imported + replaced,
    });
  }
}

function reasonOf(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof BadDocument) return error.message;
    throw error;
  }
}
