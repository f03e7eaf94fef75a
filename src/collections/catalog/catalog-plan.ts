/**
 * What the first use of a collection does to its catalog row: pure, from the stored row and the program's definition.
 *
 * Always true:
 * (1) Numbers are given upwards and never again: a changed index is a new index with a new number.
 * (2) An index that was being built is begun again from nothing: how far it had come is not known.
 * (3) A collection that is new has no documents, so its indexes are ready at once.
 */
import type { CollectionDefinition } from "../collection-definition.ts";
import { parseShape } from "../schema/shape-text.ts";
import type { CatalogIndex, CatalogRow } from "./catalog-row.ts";
import { shapeChange } from "./shape-change.ts";

export type CatalogPlan =
  | {
      readonly row: CatalogRow;
      /** The row must be written. */
      readonly changed: boolean;
      /** Numbers of indexes whose entries are to be deleted: dropped ones, and those that are built anew. */
      readonly erase: readonly number[];
    }
  | { readonly difference: string };

/**
 * `freeNumber`: the number that a new collection gets.
 *
 * @throws CorruptionError where the stored shape is none.
 */
export function catalogPlan(
  definition: CollectionDefinition,
  stored: CatalogRow | undefined,
  freeNumber: number,
): CatalogPlan {
  if (stored === undefined) return planOfNew(definition, freeNumber);
  const shape = shapePlan(definition, stored);
  if (shape.difference !== undefined) return { difference: shape.difference };
  const indexes: CatalogIndex[] = [];
  let { nextIndex } = stored;
  for (const declared of declaredIn(definition)) {
    const { name, fingerprint } = declared;
    const known = stored.indexes.find(
      (index) => index.name === name && index.fingerprint === fingerprint,
    );
    indexes.push(known ?? newIndex(declared, nextIndex++, "building"));
  }
  const dropped = stored.indexes.filter((index) => !indexes.includes(index));
  const unfinished = indexes.filter((index) => index.state === "building");
  const known = unfinished.filter((index) => stored.indexes.includes(index));
  const documents = shape.fill ? "filling" : stored.documents;
  return {
    row: { ...stored, shape: definition.schema.fingerprint, documents, indexes, nextIndex },
    changed:
      stored.shape !== definition.schema.fingerprint ||
      stored.documents !== documents ||
      nextIndex !== stored.nextIndex ||
      dropped.length > 0,
    erase: [...dropped, ...known].map((index) => index.number),
  };
}

/** Is there something left to do before the collection can be used? */
export function isUnfinished(row: CatalogRow): boolean {
  return row.documents !== "ready" || row.indexes.some((index) => index.state !== "ready");
}

/** The row when all is done. */
export function finishedRow(row: CatalogRow): CatalogRow {
  const indexes = row.indexes.map((index) => ({ ...index, state: "ready" as const }));
  return { ...row, documents: "ready", indexes };
}

function planOfNew(definition: CollectionDefinition, number: number): CatalogPlan {
  const indexes = declaredIn(definition).map((declared, i) => newIndex(declared, i + 1, "ready"));
  const row: CatalogRow = {
    number,
    shape: definition.schema.fingerprint,
    documents: "ready",
    indexes,
    nextIndex: indexes.length + 1,
  };
  return { row, changed: true, erase: [] };
}

type DeclaredIndex = Pick<CatalogIndex, "name" | "fingerprint" | "cells">;

/** All indexes, in the order in which they get their numbers. */
function declaredIn({ indexes, tallies }: CollectionDefinition): readonly DeclaredIndex[] {
  return [
    ...indexes.map(({ name, fingerprint }) => ({ name, fingerprint })),
    ...tallies.map(({ name, fingerprint }) => ({ name, fingerprint, cells: true as const })),
  ];
}

function newIndex(
  { name, fingerprint, cells }: DeclaredIndex,
  number: number,
  state: CatalogIndex["state"],
): CatalogIndex {
  return { name, number, fingerprint, state, ...(cells === undefined ? {} : { cells }) };
}

function shapePlan(
  definition: CollectionDefinition,
  stored: CatalogRow,
): { readonly difference: string | undefined; readonly fill: boolean } {
  if (stored.shape === definition.schema.fingerprint) return { difference: undefined, fill: false };
  const shape = parseShape(definition.name, stored.shape);
  if (shape.kind !== "object") return { difference: "the stored shape is no object", fill: false };
  return shapeChange(shape, definition.schema.shape);
}
