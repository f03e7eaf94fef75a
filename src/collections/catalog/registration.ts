/**
 * The first use of a collection in the life of a catalog, in one transaction: its row is read, compared with the
 * program's definition and written anew where that differs; and what the codec goes on from is read.
 */
import { hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { CorruptionError, prefixRange } from "../../engine/contract/index.ts";
import type { ReadView, Scan } from "../../engine/contract/index.ts";
import type { Transaction } from "../../transaction/index.ts";
import { SchemaMismatch } from "../collection-error.ts";
import type { CollectionDefinition } from "../collection-definition.ts";
import { decodeStructure } from "../document/document-codec.ts";
import { idOf, ulidRange } from "../document/document-key.ts";
import { catalogPlan, madeReady, withDocumentsReady } from "./catalog-plan.ts";
import { encodeCatalogRow, readCatalogRow } from "./catalog-row.ts";
import type { CatalogRow } from "./catalog-row.ts";
import {
  COLLECTION_COUNT_KEY,
  catalogKey,
  documentsPrefix,
  indexPrefix,
  indexesPrefix,
  orderedNumber,
  passPrefix,
  passesPrefix,
  readOrderedNumber,
  structuresPrefix,
} from "./keyspace.ts";

export interface Registered {
  readonly row: CatalogRow;
  /** See CatalogPlan. */
  readonly fills: readonly boolean[];
  /** The codec's structures in the order of their numbers. */
  readonly structures: readonly (readonly string[])[];
  /** Where nothing can be written: the catalog row as it is stored. What is ready in `row` can be used. */
  readonly readOnlyRow?: Bytes;
}

/**
 * @throws SchemaMismatch where stored documents do not fit the definition; StorageError 'UnfinishedCopy' where the rows
 *   that are there are no database yet.
 */
export async function register(
  tx: Transaction,
  definition: CollectionDefinition,
): Promise<Registered> {
  const { name } = definition;
  const found = (await readCatalogRow(tx, name))?.row;
  const stored = found?.documents === "loading" ? erased(tx, found) : found;
  const freeNumber = stored === undefined ? await nextCollectionNumber(tx) : 0;
  const plan = catalogPlan(definition, stored, freeNumber);
  if ("difference" in plan) throw new SchemaMismatch(name, plan.difference);
  const { row } = plan;
  if (stored === undefined) {
    tx.put(COLLECTION_COUNT_KEY, Uint8Array.from(orderedNumber(freeNumber)));
  }
  if (plan.changed || stored !== found) tx.put(catalogKey(name), encodeCatalogRow(row));
  for (const index of plan.erase) tx.deleteRange(prefixRange(indexPrefix(row.number, index)));
  for (const pass of plan.endedPasses) tx.deleteRange(prefixRange(passPrefix(row.number, pass)));
  return {
    row,
    fills: plan.fills,
    structures: await storedStructures(tx, name, row.number),
  };
}

/** Takes back a bulk load that did not come to its end. */
function erased(tx: Transaction, row: CatalogRow): CatalogRow {
  tx.deleteRange(prefixRange(documentsPrefix(row.number)));
  tx.deleteRange(prefixRange(indexesPrefix(row.number)));
  tx.deleteRange(prefixRange(passesPrefix(row.number)));
  return withDocumentsReady({ ...row, indexes: row.indexes.map(madeReady) });
}

async function nextCollectionNumber(view: ReadView): Promise<number> {
  const bytes = await view.get(COLLECTION_COUNT_KEY);
  const count = bytes === undefined ? 0 : readOrderedNumber(bytes);
  if (count === undefined) throw damagedRow("count of collections", bytes!);
  return count + 1;
}

export async function storedStructures(
  view: ReadView,
  name: string,
  collection: number,
): Promise<readonly (readonly string[])[]> {
  const prefix = structuresPrefix(collection);
  const structures: (readonly string[])[] = [];
  await eachRow(view.scan(prefixRange(prefix), { expect: "all" }), (key, value) => {
    // A gap would give the structures behind it wrong numbers, and documents wrong names.
    if (readOrderedNumber(key.subarray(prefix.length)) !== structures.length) {
      throw damagedRow(`structures of ${name}`, key);
    }
    structures.push(decodeStructure(name, value));
  });
  return structures;
}

/**
 * The greatest id that is a ULID; undefined where there is none. It only helps new ids to rise over it: where it lies in a
 * damaged place, the clock must do. Not for the transaction that registers: it would lose to everybody who inserts.
 */
export async function newestUlid(view: ReadView, collection: number): Promise<string | undefined> {
  const prefix = documentsPrefix(collection);
  let newest: string | undefined;
  try {
    await eachRow(view.scan(ulidRange(prefix), { reverse: true, limit: 1 }), (key) => {
      newest ??= idOf(key, prefix.length, key.length);
    });
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
  }
  return newest;
}

async function eachRow(scan: Scan, visit: (key: Bytes, value: Bytes) => void): Promise<void> {
  try {
    for (let done = false; !done;) {
      const page = await scan.next();
      for (let i = 0; i < page.rows; i++) {
        visit(
          page.buffer.subarray(page.keyStart[i], page.keyEnd[i]),
          page.buffer.subarray(page.valueStart[i], page.valueEnd[i]),
        );
      }
      done = page.done;
    }
  } finally {
    scan.close();
  }
}

function damagedRow(what: string, bytes: Bytes): CorruptionError {
  return new CorruptionError({
    file: what,
    offset: 0,
    expected: "an ordered number, one after the other",
    found: hex(bytes),
  });
}
