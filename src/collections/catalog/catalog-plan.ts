/**
 * What the first use of a collection does to its catalog row: pure, from the stored row and the program's definition.
 *
 * Always true:
 * (1) Numbers are given upwards and never again: a changed index is a new index with a new number. Numbers of passes come
 *     from the same counter.
 * (2) All indexes that become new at once are built by one pass over the documents. One that was being built goes on in
 *     its own pass, from where that had come.
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
      /** Numbers of passes whose positions are to be deleted: nothing is left for them to do. */
      readonly endedPasses: readonly number[];
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
  const { erase, indexes, nextIndex } = indexPlan(definition, stored);
  const documents = shape.fill ? "filling" : stored.documents;
  const row = { ...stored, shape: definition.schema.fingerprint, documents, indexes, nextIndex };
  const passes = passesOf(row);
  return {
    row,
    changed:
      stored.shape !== row.shape ||
      stored.documents !== documents ||
      nextIndex !== stored.nextIndex ||
      erase.length > 0,
    erase,
    endedPasses: passesOf(stored).filter((pass) => !passes.includes(pass)),
  };
}

function indexPlan(
  definition: CollectionDefinition,
  stored: CatalogRow,
): Pick<CatalogRow, "indexes" | "nextIndex"> & { readonly erase: readonly number[] } {
  const pass = stored.nextIndex;
  let { nextIndex } = stored;
  const kept = new Set<CatalogIndex>();
  const begun: number[] = [];
  const indexes = declaredIn(definition).map((declared) => {
    const { name, fingerprint } = declared;
    const known = stored.indexes.find(
      (index) => index.name === name && index.fingerprint === fingerprint,
    );
    if (known === undefined) return newIndex(declared, nextIndex++, { state: "building", pass });
    kept.add(known);
    if (known.state === "ready" || known.pass !== undefined) return known;
    // Nothing tells how far it had come.
    begun.push(known.number);
    return newIndex(declared, known.number, { state: "building", pass });
  });
  if (begun.length > 0 && nextIndex === pass) nextIndex++;
  const dropped = stored.indexes.filter((index) => !kept.has(index)).map(({ number }) => number);
  return { indexes, nextIndex, erase: [...dropped, ...begun] };
}

/** Is there something left to do before all of the collection can be used? */
export function isUnfinished(row: CatalogRow): boolean {
  return row.documents !== "ready" || row.indexes.some((index) => index.state !== "ready");
}

/** The passes over the documents that are still to be ended, in the order in which they were begun. */
export function passesOf(row: CatalogRow): readonly number[] {
  const passes = new Set(row.indexes.flatMap(({ pass }) => (pass === undefined ? [] : [pass])));
  return [...passes].toSorted((a, b) => a - b);
}

/** The row when a pass has come to its end. */
export function rowAfterPass(row: CatalogRow, ended: number): CatalogRow {
  const indexes = row.indexes.map((index) => (index.pass === ended ? madeReady(index) : index));
  return { ...row, indexes };
}

/** The index when it is built, or where there is nothing to be built. */
export function madeReady(index: CatalogIndex): CatalogIndex {
  return newIndex(index, index.number, { state: "ready" });
}

function planOfNew(definition: CollectionDefinition, number: number): CatalogPlan {
  const indexes = declaredIn(definition).map((declared, i) =>
    newIndex(declared, i + 1, { state: "ready" }),
  );
  const row: CatalogRow = {
    number,
    shape: definition.schema.fingerprint,
    documents: "ready",
    indexes,
    nextIndex: indexes.length + 1,
  };
  return { row, changed: true, erase: [], endedPasses: [] };
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
  progress: Pick<CatalogIndex, "state" | "pass">,
): CatalogIndex {
  return { name, number, fingerprint, ...progress, ...(cells === undefined ? {} : { cells }) };
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
