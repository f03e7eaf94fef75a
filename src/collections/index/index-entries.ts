/**
 * Which entries a document has in an index: pure, and the only place that says so.
 *
 *   key    index prefix, then each field as an ordered part (complemented where it descends), then the document's id as
 *          it stands in its key (as an ordered part of bytes, complemented, if the last field descends)
 *   value  index-value.ts
 *
 * Always true:
 * (1) The key of an entry in a unique index ends behind the fields, so that two documents with the same values meet in
 *     one key; but where one of the fields is null or missing, the document does not count, and its id follows as in any
 *     other index.
 * (2) An index over the elements of an array has one entry for each distinct element, none where the array is empty or
 *     missing. A partial index has entries only for documents that match.
 * (3) Two documents never have entries of one key, but for rule 1.
 *
 * Worked example, index 1 of collection 1 over `age`, the document "ada" of age 36, without included fields:
 * key 01 02 01 30 c042000000000000 11 616461, value 06 01 00 11 616461.
 */
import { compareBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { ValidationError } from "../collection-error.ts";
import type { Document } from "../document/document.ts";
import { matches } from "../filter/filter-match.ts";
import { KeyWriter } from "../key/key-writer.ts";
import { isOrdered } from "../key/value-order.ts";
import { valueAt, valuesAt } from "../path/field-path.ts";
import type { FieldPath } from "../path/field-path.ts";
import type { Scalar } from "../schema/document-type.ts";
import type { BoundIndex } from "./index-definition.ts";
import { encodeIndexValue } from "./index-value.ts";

export interface IndexEntry {
  readonly key: Bytes;
  readonly value: Bytes;
  /** No other document may have an entry of this key. */
  readonly exclusive: boolean;
}

const NO_ENTRIES: readonly IndexEntry[] = Object.freeze([]);

/** The entries of one index for documents of one collection. */
export class EntryMaker {
  readonly #collection: string;
  readonly #index: BoundIndex;
  /** The bytes in front of the id in a document's key. */
  readonly #documentsPrefixLength: number;
  readonly #writer: KeyWriter;

  constructor(collection: string, index: BoundIndex, documentsPrefixLength: number) {
    this.#collection = collection;
    this.#index = index;
    this.#documentsPrefixLength = documentsPrefixLength;
    this.#writer = new KeyWriter(index.prefix, "briefly");
  }

  get index(): BoundIndex {
    return this.#index;
  }

  /**
   * May the two states of one document have different entries? False is certain: every field that entries follow from is
   * the same scalar in both. Most updates change a field or two, and their indexes alone are then worked out.
   */
  mayDiffer(before: Document, after: Document): boolean {
    for (const name of this.#index.readFields) {
      const value = before[name];
      if (value !== after[name] || (typeof value === "object" && value !== null)) return true;
    }
    return false;
  }

  /**
   * The document's entries, in the order of their keys.
   * HOT: for each index and written document (bench/micro/collections.ts).
   */
  entriesOf(documentKey: Bytes, document: Document): readonly IndexEntry[] {
    const index = this.#index;
    if (index.where !== undefined && !matches(index.where, document)) return NO_ENTRIES;
    if (!index.multiple) return [this.#entry(documentKey, document, undefined)];
    const each = index.fields.find((field) => field.path.each)!.path;
    const entries = valuesAt(document, each).map((element) =>
      this.#entry(documentKey, document, { value: element }),
    );
    entries.sort((a, b) => compareBytes(a.key, b.key));
    return entries.filter(
      (entry, i) => i === 0 || compareBytes(entries[i - 1]!.key, entry.key) !== 0,
    );
  }

  /** The key under which a unique index holds these values, none of them null or missing. */
  exclusiveKey(values: readonly Scalar[]): Bytes {
    const { fields } = this.#index;
    for (let i = 0; i < fields.length; i++) this.#writer.value(values[i], fields[i]!.descending);
    return this.#writer.finish();
  }

  /** `element` stands at the field that goes through an array. */
  #entry(
    documentKey: Bytes,
    document: Document,
    element: { readonly value: unknown } | undefined,
  ): IndexEntry {
    const index = this.#index;
    const { fields } = index;
    let exclusive = index.unique;
    const writer = this.#writer;
    for (let i = 0; i < fields.length; i++) {
      const { descending, path } = fields[i]!;
      const value = path.each ? element?.value : valueAt(document, path);
      if (!isOrdered(value)) throw this.#refuse(path);
      if (value === undefined || value === null) exclusive = false;
      writer.value(value, descending);
    }
    if (!exclusive) {
      writer.raw(documentKey, index.lastDescends, this.#documentsPrefixLength);
    }
    const value = encodeIndexValue(documentKey, index.include, document);
    return { key: writer.finish(), value, exclusive };
  }

  #refuse(path: FieldPath): ValidationError {
    // The writer must never keep half a key.
    this.#writer.discard();
    return new ValidationError(this.#collection, [
      {
        path: [...path.before, ...path.after],
        message: `the index "${this.#index.name}" takes strings, numbers, bigints, booleans, dates, bytes and null`,
      },
    ]);
  }
}
