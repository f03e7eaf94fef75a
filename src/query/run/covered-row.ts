/**
 * Documents made of index entries alone: included fields from the entry's value, fields of the index from its key. They
 * have what the query needs and no more (plan/coverage.ts).
 */
import { KeyReader } from "../../collections/index.ts";
import type { BoundIndex, CollectionStore, Document, Scalar } from "../../collections/index.ts";
import type { Page } from "../../engine/contract/index.ts";

type Decode = (page: Page, row: number) => Document;

export function coveredDecoder(store: CollectionStore, index: BoundIndex): Decode {
  const prefixLength = index.prefix.length;
  const fields = index.fields.map(({ path, descending }) => {
    // Included fields are whole; elements and the id come from elsewhere.
    const skipped = path.each || path.text === "id" || index.include.includes(path.before[0]!);
    return { names: skipped ? undefined : path.before, descending };
  });
  return (page, row) => {
    const document = store.decodeCovered(
      index,
      page.buffer,
      page.valueStart[row]!,
      page.valueEnd[row]!,
    ) as Record<string, unknown>;
    const reader = new KeyReader(
      page.buffer,
      page.keyStart[row]! + prefixLength,
      page.keyEnd[row]!,
    );
    for (const { names, descending } of fields) {
      const value = reader.value(descending);
      if (names !== undefined) place(document, names, value);
    }
    return document as Document;
  };
}

/** Puts a value where its path leads. A key does not tell null from missing, and nobody asks who gets this. */
function place(document: Record<string, unknown>, names: readonly string[], value: Scalar): void {
  if (value === null) return;
  let inside = document;
  for (let i = 0; i < names.length - 1; i++) {
    const name = names[i]!;
    inside = (inside[name] ??= {}) as Record<string, unknown>;
  }
  inside[names.at(-1)!] = value;
}
