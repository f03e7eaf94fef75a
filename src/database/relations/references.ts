/** The references that documents hold by one relation, and whether what they lead to is there. */
import { andThen } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import { isOrdered, scalarText, valueAt } from "../../collections/index.ts";
import type {
  CollectionStore,
  Document,
  Relation,
  WrittenDocument,
} from "../../collections/index.ts";
import type { ReadView } from "../../engine/contract/index.ts";
import { violation } from "./deletion.ts";

/** By the id that is referred to, one of those that refer to it; without references that a write leaves as they were. */
export type References = ReadonlyMap<string, Document>;

/** @throws ReferenceViolation for what is no id. */
export function newReferences(
  relation: Relation,
  written: readonly WrittenDocument[],
): Map<string, Document> {
  const { via } = relation;
  const references = new Map<string, Document>();
  for (const { before, after } of written) {
    const id = valueAt(after, via);
    if (id === undefined || id === null) continue;
    if (before !== undefined && valueAt(before, via) === id) continue;
    // Of a schema that tells nothing the field may hold anything; what is no id refers to no document.
    if (typeof id !== "string") throw violation(relation, shown(id), after);
    references.set(id, after);
  }
  return references;
}

/** `store` is that of the documents that are referred to. @throws ReferenceViolation for the first that is not there. */
export function requireReferred(
  view: ReadView,
  store: CollectionStore,
  relation: Relation,
  references: References,
): Awaitable<void> {
  if (references.size === 0) return undefined;
  const ids = [...references.keys()];
  return andThen(store.haveAll(view, ids), (present) => {
    for (const [i, id] of ids.entries())
      if (!present[i]!) throw violation(relation, id, references.get(id)!);
  });
}

/** A value that stands where an id should, for people. */
export function shown(value: unknown): string {
  if (typeof value === "string") return value;
  return isOrdered(value) ? scalarText(value) : typeof value;
}
