/**
 * What the first use of a collection does to its catalog row: pure, from the stored row and the program's definition.
 *
 * Always true:
 * (1) Numbers are given upwards and never again: a changed index is a new index with a new number. Numbers of passes come
 *     from the same counter.
 * (2) All indexes that become new at once are built by one pass over the documents. One that was being built goes on in
 *     its own pass, from where that had come.
 * (3) A collection that is new has no documents, so its indexes are ready at once.
 * (4) A step to a later version of the schema may change any value, so it makes every index anew.
 */
import type { CollectionDefinition } from "../collection-definition.ts";
import type { SchemaDifference } from "../collection-error.ts";
import { pastOf, versionPlan } from "../evolution/version-plan.ts";
import type { CatalogIndex, CatalogRow } from "./catalog-row.ts";

export type CatalogPlan =
  | {
      readonly row: CatalogRow;
      /** The row must be written. */
      readonly changed: boolean;
      /** For version n of the schema at n - 1: its documents may lack fields that have a default by now. */
      readonly fills: readonly boolean[];
      /** The stored documents are of earlier versions of the schema. */
      readonly evolves: boolean;
      /** Numbers of indexes whose entries are to be deleted: dropped ones, and those that are built anew. */
      readonly erase: readonly number[];
      /** Numbers of passes whose positions are to be deleted: nothing is left for them to do. */
      readonly endedPasses: readonly number[];
    }
  | { readonly difference: SchemaDifference };

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
  const versions = versionPlan(definition, stored);
  if ("reason" in versions) return { difference: versions };
  const { documents, evolves, fills, past } = versions;
  const { erase, indexes, nextIndex } = indexPlan(definition, stored, evolves);
  const row: CatalogRow = {
    ...stored,
    past,
    shape: definition.schema.fingerprint,
    documents,
    // The pass that builds the indexes writes documents of earlier versions anew as well.
    ...(evolves ? { pass: stored.nextIndex } : {}),
    indexes,
    nextIndex,
  };
  const passes = passesOf(row);
  return {
    row,
    fills,
    evolves,
    changed:
      evolves ||
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
  evolves: boolean,
): Pick<CatalogRow, "indexes" | "nextIndex"> & { readonly erase: readonly number[] } {
  const pass = stored.nextIndex;
  let { nextIndex } = stored;
  const kept = new Set<CatalogIndex>();
  const begun: number[] = [];
  const indexes = declaredIn(definition).map((declared) => {
    const { name, fingerprint } = declared;
    const known = stored.indexes.find(
      (index) => !evolves && index.name === name && index.fingerprint === fingerprint,
    );
    if (known === undefined) return newIndex(declared, nextIndex++, { state: "building", pass });
    kept.add(known);
    if (known.state === "ready" || known.pass !== undefined) return known;
    // Nothing tells how far it had come.
    begun.push(known.number);
    return newIndex(declared, known.number, { state: "building", pass });
  });
  if ((begun.length > 0 || evolves) && nextIndex === pass) nextIndex++;
  const dropped = stored.indexes.filter((index) => !kept.has(index)).map(({ number }) => number);
  return { indexes, nextIndex, erase: [...dropped, ...begun] };
}

/** Is there something left to do before all of the collection can be used? */
export function isUnfinished(row: CatalogRow): boolean {
  return row.documents !== "ready" || row.indexes.some((index) => index.state !== "ready");
}

/** The passes over the documents that are still to be ended, in the order in which they were begun. */
export function passesOf(row: CatalogRow): readonly number[] {
  const passes = new Set([row, ...row.indexes].flatMap(({ pass }) => pass ?? []));
  return [...passes].toSorted((a, b) => a - b);
}

/** The row when a pass has come to its end. */
export function rowAfterPass(row: CatalogRow, ended: number): CatalogRow {
  const indexes = row.indexes.map((index) => (index.pass === ended ? madeReady(index) : index));
  if (row.pass !== ended) return { ...row, indexes };
  return withDocumentsReady({ ...row, indexes });
}

/** The row when all documents are of the newest version and complete. */
export function withDocumentsReady(row: CatalogRow): CatalogRow {
  const { indexes, nextIndex, number, past, shape } = row;
  return { number, past, shape, documents: "ready", indexes, nextIndex };
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
    past: pastOf(definition),
    shape: definition.schema.fingerprint,
    documents: "ready",
    indexes,
    nextIndex: indexes.length + 1,
  };
  return { row, fills: [], evolves: false, changed: true, erase: [], endedPasses: [] };
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
