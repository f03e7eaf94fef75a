/**
 * One document of a text: read, checked, and written in a transaction.
 *
 * Always true:
 * (1) What is wrong with one document is a BadDocument, and then nothing of it is written; every other error is one of the
 *     database.
 * (2) A key that must be free is looked up at once, so that the line which claims a taken one is known. What was found is
 *     part of what the transaction has read.
 */
import { andThen } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import { StorageError } from "../../engine/contract/index.ts";
import type { Transaction } from "../../transaction/index.ts";
import { ReferenceViolation, UniqueViolation, ValidationError } from "../collection-error.ts";
import type { CollectionDefinition } from "../collection-definition.ts";
import { idProblem } from "../document/document-key.ts";
import type { Document } from "../document/document.ts";
import { documentOfJson } from "./document-json.ts";
import { Unreadable } from "./unreadable.ts";

/** What becomes of a document whose id is there already. */
export type OnExisting = "error" | "replace" | "skip";
export type Imported = "imported" | "replaced" | "skipped";

/** A document that cannot be imported; its message is the reason. */
export class BadDocument extends Error {}

interface ReadDocument {
  readonly id: string | undefined;
  readonly record: Record<string, unknown>;
}

/** What the collection's store does for an import. */
export interface ImportStore {
  readonly definition: CollectionDefinition;
  readonly newId: () => string;
  readonly get: (tx: Transaction, id: string) => Awaitable<Document | undefined>;
  /** Writes the document as insert() and replace() do, but looks taken keys up at once. */
  readonly put: (
    tx: Transaction,
    document: {
      readonly id: string;
      readonly record: Record<string, unknown>;
      readonly before: Document | undefined;
    },
  ) => Awaitable<unknown>;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class DocumentImport {
  readonly #store: ImportStore;

  constructor(store: ImportStore) {
    this.#store = store;
  }

  /** @throws BadDocument where the text is no document of the collection. */
  check(text: Bytes): void {
    this.#read(text);
  }

  /** @throws BadDocument, also where the id or a unique key is taken, or what it refers to is not there. */
  write(tx: Transaction, text: Bytes, onExisting: OnExisting): Awaitable<Imported> {
    const { id, record } = this.#read(text);
    if (id === undefined) return this.#put(tx, this.#store.newId(), record, undefined);
    return andThen(this.#store.get(tx, id), (before) => {
      if (before === undefined) return this.#put(tx, id, record, undefined);
      if (onExisting === "skip") return "skipped";
      if (onExisting === "replace") return this.#put(tx, id, record, before);
      throw new BadDocument(`there is a document with the id "${id}" already`);
    });
  }

  #put(
    tx: Transaction,
    id: string,
    record: Record<string, unknown>,
    before: Document | undefined,
  ): Awaitable<Imported> {
    try {
      const written = this.#store.put(tx, { id, record, before });
      const outcome = before === undefined ? "imported" : "replaced";
      if (!(written instanceof Promise)) return outcome;
      return written.then(() => outcome, refuse);
    } catch (error) {
      return refuse(error);
    }
  }

  #read(bytes: Bytes): ReadDocument {
    try {
      const { schema } = this.#store.definition;
      const { id, ...fields } = documentOfJson(textOf(bytes), schema.shape);
      if (id !== undefined) {
        const problem = idProblem(id);
        if (problem !== undefined) throw new BadDocument(`id: ${problem}`);
      }
      return { id: id as string | undefined, record: schema.revalidate(fields) };
    } catch (error) {
      return refuse(error);
    }
  }
}

function textOf(bytes: Bytes): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new BadDocument("it is no UTF-8");
  }
}

/** What is wrong with the document itself, in words; other errors as they are. */
function refuse(error: unknown): never {
  if (error instanceof Unreadable) throw new BadDocument(error.message);
  if (error instanceof ValidationError) throw new BadDocument(String(error.details["issues"]));
  if (error instanceof UniqueViolation) {
    const { existingId, index } = error;
    throw new BadDocument(`the unique index "${index}" has its key already, of "${existingId}"`);
  }
  if (error instanceof ReferenceViolation) {
    const { by, collection, id } = error;
    throw new BadDocument(
      `${by.field}: there is no document with the id "${id}" in "${collection}"`,
    );
  }
  const isTooLarge =
    error instanceof StorageError &&
    (error.code === "KeyTooLarge" || error.code === "ValueTooLarge");
  if (isTooLarge) throw new BadDocument(error.message);
  throw error;
}
