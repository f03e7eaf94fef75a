/** Looks through all references that relations keep: for data that was written without them, by another program. */
import { EVERY_DOCUMENT, openRows, withSelect } from "../../query/index.ts";
import { valueAt } from "../../collections/index.ts";
import type {
  CollectionDefinition,
  CollectionStore,
  Document,
  Relation,
  RelationGraph,
} from "../../collections/index.ts";
import { CorruptionError } from "../../engine/contract/index.ts";
import type { ReadView } from "../../engine/contract/index.ts";
import { shown } from "./references.ts";

type StoreOf = (definition: CollectionDefinition) => CollectionStore;

/** So many of a kind are told; the others are counted. */
const SHOWN_MAX = 20;

/** What is wrong, in words; nothing if all is well. */
export async function verifyRelations(
  graph: RelationGraph,
  storeOf: StoreOf,
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
  relation: Relation,
  storeOf: StoreOf,
  view: ReadView,
): Promise<readonly string[]> {
  const { from, to, via } = relation;
  const dangling: string[] = [];
  // What is damaged is told by those who look through documents; here it only stands in the way.
  try {
    for await (const { id, referrer } of danglingReferences(relation, storeOf, view))
      dangling.push(
        `${from.name}: ${referrer.id} refers by ${via.text} to ${to.name} ${id}, which is not there`,
      );
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    dangling.push(`${from.name}: damage hides references by ${via.text}`);
  }
  return dangling;
}

/** A document that refers to nothing. */
interface DanglingReference {
  /** Of it only the id and the reference are known. */
  readonly referrer: Document;
  /** What it refers to. */
  readonly id: string;
}

/** All references by the relation that lead to no document, in the order in which a query over all documents has them. */
export async function* danglingReferences(
  { from, to, via }: Relation,
  storeOf: StoreOf,
  view: ReadView,
): AsyncGenerator<DanglingReference> {
  const request = withSelect(from, EVERY_DOCUMENT, ["id", via.text]);
  const cursor = openRows(request, { store: storeOf(from), view });
  try {
    for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next()) {
      const referring = batch.filter((document) => (valueAt(document, via) ?? null) !== null);
      const values = referring.map((document) => valueAt(document, via));
      const ids = values.map(shown);
      const present = await storeOf(to).haveAll(view, ids);
      for (const [i, referrer] of referring.entries())
        // What is no string is no id, though a document may have its text as one.
        if (!present[i]! || typeof values[i] !== "string") yield { referrer, id: ids[i]! };
    }
  } finally {
    cursor.close();
  }
}
