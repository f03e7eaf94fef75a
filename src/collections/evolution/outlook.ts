/** What the first use of a collection by a program would do to what is stored of it, told without doing it. */
import { prefixRange } from "../../engine/contract/index.ts";
import type { Limits, ReadView } from "../../engine/contract/index.ts";
import { catalogPlan, isUnfinished } from "../catalog/catalog-plan.ts";
import { readCatalogRow } from "../catalog/catalog-row.ts";
import type { CatalogIndex, CatalogRow } from "../catalog/catalog-row.ts";
import { documentsPrefix } from "../catalog/keyspace.ts";
import type { SchemaDifference } from "../collection-error.ts";
import type { CollectionDefinition } from "../collection-definition.ts";
import { versionAt } from "../document/document-codec.ts";
import { tryUpgrades } from "./try-upgrades.ts";
import type { TrialListener, UpgradeTrial } from "./try-upgrades.ts";

/**
 * new: nothing is stored under the name. same: nothing is to be done. compatible: indexes are made or dropped, or defaults
 * filled in, without a step. step: documents are brought to a later version. refused: as SchemaMismatch.
 */
export type Outlook =
  | { readonly kind: "new" | "same" }
  | ({ readonly kind: "compatible" | "step" } & OutlookWork)
  | { readonly kind: "refused"; readonly difference: SchemaDifference };

interface OutlookWork {
  /** The version that is stored, and that of the program. */
  readonly stored: number;
  readonly defined: number;
  /** How many documents there are, and how many of them are of earlier versions than the program's. */
  readonly documents: number;
  readonly past: number;
  /** Fields with defaults are filled in. */
  readonly fills: boolean;
  /** Names of indexes that are made, and of those that go. */
  readonly builds: readonly string[];
  readonly drops: readonly string[];
}

/** `definition` against what `view` shows. @throws CorruptionError where that is damaged. */
export async function outlookOf(
  view: ReadView,
  definition: CollectionDefinition,
): Promise<Outlook> {
  const stored = await storedRow(view, definition.name);
  if (stored === undefined) return { kind: "new" };
  const plan = catalogPlan(definition, stored, 0);
  if ("difference" in plan) return { kind: "refused", difference: plan.difference };
  const { row } = plan;
  if (!plan.changed && !isUnfinished(row)) return { kind: "same" };
  const steps = plan.evolves || row.documents === "upgrading";
  const namesOf = (indexes: readonly CatalogIndex[]): string[] => indexes.map(({ name }) => name);
  const kept = new Set(namesOf(row.indexes));
  return {
    kind: steps ? "step" : "compatible",
    stored: stored.past.length + 1,
    defined: row.past.length + 1,
    ...(await countOf(view, row)),
    fills: row.documents === "filling",
    builds: namesOf(row.indexes.filter((index) => index.state === "building")),
    drops: namesOf(stored.indexes).filter((name) => !kept.has(name)),
  };
}

/** Tries every step of the definition over what is stored; undefined where nothing is, or it does not fit. */
export async function tryStored(
  view: ReadView,
  limits: Limits,
  definition: CollectionDefinition,
  listener: TrialListener,
): Promise<UpgradeTrial | undefined> {
  const stored = await storedRow(view, definition.name);
  if (stored === undefined || "difference" in catalogPlan(definition, stored, 0)) return undefined;
  return tryUpgrades(view, limits, definition, stored, listener);
}

/** Undefined also where a bulk load did not come to its end: such a collection counts as empty. */
async function storedRow(view: ReadView, name: string): Promise<CatalogRow | undefined> {
  const row = (await readCatalogRow(view, name))?.row;
  return row?.documents === "loading" ? undefined : row;
}

async function countOf(
  view: ReadView,
  row: CatalogRow,
): Promise<{ readonly documents: number; readonly past: number }> {
  const newest = row.past.length + 1;
  const scan = view.scan(prefixRange(documentsPrefix(row.number)), { expect: "all" });
  let documents = 0;
  let past = 0;
  try {
    for (let done = false; !done;) {
      const page = await scan.next();
      for (let i = 0; i < page.rows; i++) {
        if (versionAt(page.buffer, page.valueStart[i]!, page.valueEnd[i]!) < newest) past++;
      }
      documents += page.rows;
      done = page.done;
    }
  } finally {
    scan.close();
  }
  return { documents, past };
}
