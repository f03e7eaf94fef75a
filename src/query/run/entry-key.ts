/**
 * The keys of index entries, made from values: where a row stands in an index, without asking the index. The same bytes as
 * the entries that collections write; test/query/paging holds the two together.
 */
import { EMPTY_BYTES, compareBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { KeyWriter, documentKey, isOrdered, valueAt, valuesAt } from "../../collections/index.ts";
import type { BoundIndex, Document, Scalar } from "../../collections/index.ts";
import { rangeContains } from "../../engine/contract/index.ts";
import type { IndexAccess } from "../plan/plan.ts";

/** The id as it stands behind what the keys of all documents begin with. */
export function idSuffix(id: string): Bytes {
  return documentKey(EMPTY_BYTES, id);
}

export interface EntryKey {
  readonly key: Bytes;
  /** The key is that of the values alone: another document may take it over. */
  readonly exclusive: boolean;
}

export class EntryKeys {
  readonly #index: BoundIndex;
  readonly #writer: KeyWriter;

  constructor(index: BoundIndex) {
    this.#index = index;
    this.#writer = new KeyWriter(index.prefix);
  }

  /** The key of the entry with these values, one for each field of the index. */
  of(values: readonly Scalar[], id: string): EntryKey {
    const { fields, unique, lastDescends } = this.#index;
    let exclusive = unique;
    for (let i = 0; i < fields.length; i++) {
      const value = values[i];
      if (value === null || value === undefined) exclusive = false;
      this.#writer.value(value, fields[i]!.descending);
    }
    if (!exclusive) this.#writer.raw(idSuffix(id), lastDescends);
    return { key: this.#writer.finish(), exclusive };
  }

  /** What the keys of all entries begin with that have these values in the first fields of the index. */
  beginning(values: readonly Scalar[]): Bytes {
    for (const [i, value] of values.entries())
      this.#writer.value(value, this.#index.fields[i]!.descending);
    return this.#writer.finish();
  }

  /** The keys of all entries that a document has, but for the `where` of the index. */
  *ofDocument(document: Document): Generator<Bytes, undefined> {
    const { fields } = this.#index;
    const at = fields.findIndex(({ path }) => path.each);
    const elements = at < 0 ? [undefined] : valuesAt(document, fields[at]!.path);
    const values = fields.map(({ path }) =>
      scalarOf(path.each ? undefined : valueAt(document, path)),
    );
    for (const element of elements) {
      if (at >= 0) values[at] = scalarOf(element);
      yield this.of(values, document.id).key;
    }
  }
}

function scalarOf(value: unknown): Scalar {
  return isOrdered(value) ? value : null;
}

/** The key of a document's lowest entry in the bounds of an index; undefined if it has none there. */
export function firstEntryKey({
  index,
  bounds,
  firstIn = bounds,
}: IndexAccess): (document: Document) => Bytes | undefined {
  const keys = new EntryKeys(index);
  return (document) => {
    let first: Bytes | undefined;
    for (const key of keys.ofDocument(document)) {
      const isLower = first === undefined || compareBytes(key, first) < 0;
      if (isLower && firstIn.some(({ range }) => rangeContains(range, key))) first = key;
    }
    return first;
  };
}
