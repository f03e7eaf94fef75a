/**
 * Runs every step over stored documents of earlier versions without writing anything: before a database takes up a new
 * version, and for who wants to know what would come of it.
 */
import { assert } from "../../base/index.ts";
import { prefixRange } from "../../engine/contract/index.ts";
import type { ReadView, StorageEngine } from "../../engine/contract/index.ts";
import { withView } from "../../transaction/index.ts";
import { catalogKey, documentsPrefix } from "../catalog/keyspace.ts";
import { decodeCatalogRow } from "../catalog/catalog-row.ts";
import type { CatalogRow } from "../catalog/catalog-row.ts";
import { storedStructures } from "../catalog/registration.ts";
import { EvolutionFailed } from "../collection-error.ts";
import type { CollectionDefinition } from "../collection-definition.ts";
import { DocumentCodec } from "../document/document-codec.ts";
import { idOf } from "../document/document-key.ts";
import { DocumentUpgrade } from "./document-upgrade.ts";
import { versionOf } from "./past-version.ts";
import { versionPlan } from "./version-plan.ts";

export interface UpgradeTrial {
  /** All that were looked at. */
  readonly documents: number;
  /** Those of them that are of an earlier version. */
  readonly upgraded: number;
}

/**
 * `stored`: the row as it is in `view`. `onFailure` is told of each document that cannot be brought up; what it throws
 * ends the trial.
 */
export async function tryUpgrades(
  view: ReadView,
  definition: CollectionDefinition,
  stored: CatalogRow,
  onFailure: (failure: EvolutionFailed) => void,
): Promise<UpgradeTrial> {
  const { name, schema } = definition;
  const plan = versionPlan(definition, stored);
  assert(!("reason" in plan), "only versions that fit are tried");
  const upgrade = new DocumentUpgrade(definition, plan.fills);
  const structures = await storedStructures(view, name, stored.number);
  const codec = new DocumentCodec(name, schema.shape, structures, versionOf(definition));
  const prefix = documentsPrefix(stored.number);
  const scan = view.scan(prefixRange(prefix), { expect: "all" });
  let documents = 0;
  let upgraded = 0;
  try {
    for (let done = false; !done;) {
      const page = await scan.next();
      for (let i = 0; i < page.rows; i++) {
        const start = page.valueStart[i]!;
        const end = page.valueEnd[i]!;
        const version = codec.versionAt(page.buffer, start, end);
        documents++;
        if (!upgrade.concerns(version)) continue;
        upgraded++;
        const id = idOf(page.buffer, page.keyStart[i]! + prefix.length, page.keyEnd[i]!);
        try {
          upgrade.upgraded(id, codec.decode(page.buffer, start, end), version);
        } catch (error) {
          if (!(error instanceof EvolutionFailed)) throw error;
          onFailure(error);
        }
      }
      done = page.done;
    }
  } finally {
    scan.close();
  }
  return { documents, upgraded };
}

/**
 * Before the database takes up new versions: tries their steps over all documents, so that a step that fails has changed
 * nothing, and the program before can go on.
 *
 * @throws EvolutionFailed for the first document that cannot be brought up.
 */
export async function refuseFailingSteps(
  engine: StorageEngine,
  definition: CollectionDefinition,
): Promise<void> {
  if (definition.past.length === 0) return;
  await withView(engine, async (view) => {
    const bytes = await view.get(catalogKey(definition.name));
    if (bytes === undefined) return;
    const stored = decodeCatalogRow(definition.name, bytes);
    const plan = versionPlan(definition, stored);
    // What does not fit is refused, with its reason, when the collection is registered.
    if ("reason" in plan || !plan.evolves || stored.documents === "loading") return;
    await tryUpgrades(view, definition, stored, (failure) => {
      throw failure;
    });
  });
}
