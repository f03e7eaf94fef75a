/** Looks through all references that relations keep: for data that was written without them, by another program or a load. */
import { EVERY_DOCUMENT, openRows, withSelect } from "../../query/index.ts";
import { isOrdered, scalarText, valueAt } from "../../collections/index.ts";
import type {
  CollectionDefinition,
  CollectionStore,
  Document,
  Relation,
  RelationGraph,
} from "../../collections/index.ts";
import { CorruptionError } from "../../engine/contract/index.ts";
import type { ReadView } from "../../engine/contract/index.ts";

/** So many of a kind are told; the others are counted. */
const SHOWN_MAX = 20;

/** What is wrong, in words; nothing if all is well. */
export async function verifyRelations(
  graph: RelationGraph,
  storeOf: (definition: CollectionDefinition) => CollectionStore,
  view: ReadView,
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const relation of graph.kept) {
    const dangling = await danglingOf(relation, storeOf, view);
    problems.push(...dangling.slice(0, SHOWN_MAX));
    if (dangling.length > SHOWN_MAX)
      problems.push(
        `${relation.from.name}: ${dangling.length - SHOWN_MAX} more by ${relation.via.text}`,
      );
  }
  return problems;
}

async function danglingOf(
  { from, to, via }: Relation,
  storeOf: (definition: CollectionDefinition) => CollectionStore,
  view: ReadView,
): Promise<readonly string[]> {
  const dangling: string[] = [];
  const request = withSelect(from, EVERY_DOCUMENT, ["id", via.text]);
  // What is damaged is told by those who look through documents; here it only stands in the way.
  const cursor = openRows(request, { store: storeOf(from), view });
  try {
    for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next()) {
      const referring = batch.filter((document) => (valueAt(document, via) ?? null) !== null);
      const ids = referring.map((document) => idIn(document, via));
      const present = await storeOf(to).haveAll(view, ids);
      for (const [i, { id }] of referring.entries())
        if (!present[i]!)
          dangling.push(
            `${from.name}: ${id} refers by ${via.text} to ${to.name} ${ids[i]!}, which is not there`,
          );
    }
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    dangling.push(`${from.name}: damage hides references by ${via.text}`);
  } finally {
    cursor.close();
  }
  return dangling;
}

/** What is no string is no id, and its text is none either. */
function idIn(document: Document, via: Relation["via"]): string {
  const value = valueAt(document, via);
  if (typeof value === "string") return value;
  return isOrdered(value) ? scalarText(value) : typeof value;
}
