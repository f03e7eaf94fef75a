/**
 * The first use of a collection in a database that is opened to be read: nothing is written, so what a writing program
 * would do first is made up for as well as it can be.
 *
 * Always true:
 * (1) Documents of earlier versions, and those that lack defaults, are brought up whenever they are read.
 * (2) No index is used whose entries do not follow from the documents as they are read: where any is brought up, none.
 */
import type { ReadView } from "../../engine/contract/index.ts";
import { SchemaMismatch } from "../collection-error.ts";
import type { CollectionDefinition } from "../collection-definition.ts";
import { catalogPlan } from "./catalog-plan.ts";
import { readCatalogRow } from "./catalog-row.ts";
import type { CatalogIndex } from "./catalog-row.ts";
import { storedStructures } from "./registration.ts";
import type { Registered } from "./registration.ts";

/**
 * The collection as it can be read; undefined where it is not stored, or not wholly, so that there is nothing to read.
 *
 * @throws SchemaMismatch where stored documents do not fit the definition; StorageError 'UnfinishedCopy' where the rows
 *   that are there are no database yet.
 */
export async function registeredReading(
  view: ReadView,
  definition: CollectionDefinition,
): Promise<Registered | undefined> {
  const { name } = definition;
  const found = await readCatalogRow(view, name);
  if (found === undefined) return undefined;
  const stored = found.row;
  if (stored.documents === "loading") return undefined;
  const plan = catalogPlan(definition, stored, 0);
  if ("difference" in plan) throw new SchemaMismatch(name, plan.difference);
  const isWhole = plan.row.documents === "ready";
  // Nobody builds: what is not ready stays so.
  const indexes = plan.row.indexes.map((index): CatalogIndex =>
    isWhole ? index : { ...index, state: "building", pass: plan.row.nextIndex },
  );
  return {
    row: { ...plan.row, indexes },
    fills: plan.fills,
    structures: await storedStructures(view, name, stored.number),
    readOnlyRow: found.bytes,
  };
}
