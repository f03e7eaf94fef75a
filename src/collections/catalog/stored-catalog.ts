/**
 * The collections of a database as they are stored, without the program that defined them: for tools that look into a
 * database. Documents are read with the structures of their codec alone, so every field is there, no default is filled
 * in, and one of an earlier version is as it was.
 */
import { hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import {
  COPY_MARK_KEY,
  CorruptionError,
  prefixRange,
  refuseUnfinishedCopy,
} from "../../engine/contract/index.ts";
import type { KeyRange, Page, ReadView } from "../../engine/contract/index.ts";
import { DocumentCodec } from "../document/document-codec.ts";
import { documentKey, idOf, idProblem } from "../document/document-key.ts";
import type { Document } from "../document/document.ts";
import { OPAQUE_SHAPE } from "../schema/field-shape.ts";
import type { ObjectShape } from "../schema/field-shape.ts";
import { parseShape } from "../schema/shape-text.ts";
import { decodeCatalogRow } from "./catalog-row.ts";
import type { CatalogRow } from "./catalog-row.ts";
import { storedDefinition } from "./stored-definition.ts";
import { catalogKey, documentsPrefix, indexPrefix } from "./keyspace.ts";
import { storedStructures } from "./registration.ts";

/** An index as it is stored: `building` where documents from before it may still lack their entries. */
export interface StoredIndex {
  readonly name: string;
  readonly state: "ready" | "building";
  /** Where its entries or cells are. */
  readonly entries: KeyRange;
  /** It counts or sums: there are cells instead of entries. */
  readonly cells: boolean;
}

const CATALOG_PREFIX: Bytes = catalogKey("");
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** All collections, in the order of their names as bytes. @throws StorageError 'UnfinishedCopy'. */
export async function storedCollections(view: ReadView): Promise<readonly StoredDocuments[]> {
  refuseUnfinishedCopy(await view.get(COPY_MARK_KEY));
  const found: StoredDocuments[] = [];
  const scan = view.scan(prefixRange(CATALOG_PREFIX), { expect: "all" });
  try {
    for (let done = false; !done;) {
      const page = await scan.next();
      for (let i = 0; i < page.rows; i++) {
        const key = page.buffer.slice(page.keyStart[i], page.keyEnd[i]);
        const value = page.buffer.slice(page.valueStart[i], page.valueEnd[i]);
        const name = nameOf(key);
        found.push(new StoredDocuments(name, decodeCatalogRow(name, value)));
      }
      done = page.done;
    }
  } finally {
    scan.close();
  }
  return found;
}

function nameOf(key: Bytes): string {
  try {
    return decoder.decode(key.subarray(CATALOG_PREFIX.length));
  } catch {
    throw new CorruptionError({
      file: "key of a catalog row",
      offset: CATALOG_PREFIX.length,
      expected: "a name in UTF-8",
      found: hex(key),
    });
  }
}

/** One collection and its documents. */
export class StoredDocuments {
  readonly name: string;
  /** Its number in this database, the first part of all its keys. */
  readonly number: number;
  /** Which version of the schema is the newest, from 1. */
  readonly version: number;
  /**
   * upgrading: documents may still be of earlier versions of the schema. filling: so they may, and lack fields that the
   * newest shape has. loading: a bulk load did not come to its end; the
   * collection counts as empty, and is emptied at its next use.
   */
  readonly state: CatalogRow["documents"];
  readonly indexes: readonly StoredIndex[];
  readonly documents: KeyRange;
  readonly #prefix: Bytes;
  readonly #row: CatalogRow;

  constructor(name: string, row: CatalogRow) {
    this.name = name;
    this.#row = row;
    this.number = row.number;
    this.version = row.past.length + 1;
    this.state = row.documents;
    this.#prefix = documentsPrefix(row.number);
    const isLoading = row.documents === "loading";
    const rangeOf = (prefix: Bytes): KeyRange =>
      isLoading ? { start: prefix, end: prefix } : prefixRange(prefix);
    this.documents = rangeOf(this.#prefix);
    this.indexes = row.indexes.map((index) => ({
      name: index.name,
      state: index.state,
      entries: rangeOf(indexPrefix(row.number, index.number)),
      cells: index.cells === true,
    }));
  }

  /** What its documents look like. @throws CorruptionError where no shape is stored. */
  get shape(): ObjectShape {
    return this.shapeOf(this.version);
  }

  /** What documents of a version look like. */
  shapeOf(version: number): ObjectShape {
    const text = this.#row.past[version - 1]?.shape ?? this.#row.shape;
    const shape = parseShape(this.name, text);
    return shape.kind === "object" ? shape : OPAQUE_SHAPE;
  }

  /** A definition to write to the collection with, or why there is none. */
  definition(): ReturnType<typeof storedDefinition> {
    return storedDefinition(this.name, this.#row, this.shape);
  }

  /** The key of a document; undefined where no document can have that id. */
  keyOf(id: string): Bytes | undefined {
    if (this.state === "loading") return undefined;
    return idProblem(id) === undefined ? documentKey(this.#prefix, id) : undefined;
  }

  /** Reads what is needed to decode documents. */
  async reader(view: ReadView): Promise<StoredDocumentReader> {
    const structures = await storedStructures(view, this.name, this.number);
    const codec = new DocumentCodec(this.name, OPAQUE_SHAPE, structures, this.version);
    return new StoredDocumentReader(codec, this.#prefix.length);
  }
}

/** Rows of one collection as documents, `id` first. */
export class StoredDocumentReader {
  readonly #codec: DocumentCodec;
  readonly #prefixLength: number;

  constructor(codec: DocumentCodec, prefixLength: number) {
    this.#codec = codec;
    this.#prefixLength = prefixLength;
  }

  /** @throws CorruptionError for bytes that are no document. */
  documentAt(page: Page, row: number): Document {
    const id = idOf(page.buffer, page.keyStart[row]! + this.#prefixLength, page.keyEnd[row]!);
    return this.decode(id, page.buffer, page.valueStart[row]!, page.valueEnd[row]!);
  }

  /** As it is stored, whatever its version. */
  decode(id: string, bytes: Bytes, start = 0, end: number = bytes.length): Document {
    return { id, ...this.#codec.decode(bytes, start, end) };
  }

  /** Which version of the schema a document is of. */
  versionOf(bytes: Bytes, start = 0, end: number = bytes.length): number {
    return this.#codec.versionAt(bytes, start, end);
  }
}
