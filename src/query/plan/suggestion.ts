/** Which indexes would help a query that none answers: equal fields first, then the order, else a range. */
import { fieldText } from "../../collections/index.ts";
import type { BoundIndex, FilterNode } from "../../collections/index.ts";
import { conditionsOf } from "./filter-sets.ts";
import type { Condition } from "./filter-sets.ts";
import type { Order } from "./order.ts";
import { isSinglePoint, narrows } from "./candidate.ts";
import { isPoint } from "./value-set.ts";
import type { ValueSet } from "./value-set.ts";

/** Lists of fields as in a collection's definition, without those it has; none if no index could help. */
export function suggestedIndexes(
  conditions: readonly Condition[],
  order: Order | undefined,
  indexes: readonly BoundIndex[],
): readonly (readonly string[])[] {
  const known = new Set(
    indexes
      .filter(({ where }) => where === undefined)
      .map(({ fields }) => JSON.stringify(fields.map(fieldText))),
  );
  const helpful = helpfulIndexes(conditions, order).filter(
    (fields) => !known.has(JSON.stringify(fields)),
  );
  // A field whose name begins with "-" cannot be written in a definition: there it means another one, descending.
  const asked = [
    ...conditions.map(({ path }) => path),
    ...(order?.fields ?? []).map((f) => f.path),
  ];
  const isWritable = asked.every((path) => path?.text.startsWith("-") !== true);
  return Object.freeze(isWritable ? helpful : []);
}

function helpfulIndexes(
  conditions: readonly Condition[],
  order: Order | undefined,
): readonly (readonly string[])[] {
  const whole = suggestedFields(conditions, order);
  if (whole.length > 0) return [whole];
  for (const { node } of conditions) {
    if (node.kind !== "or") continue;
    const branches = node.nodes.map((inner) => suggestedFields(conditionsOf(inner), undefined));
    if (branches.every((fields) => fields.length > 0)) return distinct(branches);
  }
  return [];
}

function suggestedFields(
  conditions: readonly Condition[],
  order: Order | undefined,
): readonly string[] {
  const fields = new Set<string>();
  let hasList = false;
  const add = (field: string): void => {
    if (field !== "id") fields.add(field);
  };
  const ordered = order !== undefined && order.fields.length > 0;
  // Behind a list of values an index is not in the order of its next field.
  const isFixed = (set: ValueSet): boolean => (ordered ? isSinglePoint(set) : set.every(isPoint));
  for (const { path, set } of conditions) if (set !== undefined && isFixed(set)) add(path!.text);
  for (const { node } of conditions) {
    const element = elementPath(node);
    // One field of an index at most goes through a list.
    if (element === undefined || hasList) continue;
    hasList = true;
    add(element);
  }
  if (ordered) {
    for (const { path, descending } of order.fields)
      if (!fields.has(path.text)) fields.add(`${descending ? "-" : ""}${path.text}`);
    return Object.freeze([...fields]);
  }
  const range = conditions.find(
    ({ path, set }) => set !== undefined && narrows(set) && !fields.has(path!.text),
  );
  if (range !== undefined) add(range.path!.text);
  return Object.freeze([...fields]);
}

/** The path to the elements that a condition asks for. */
function elementPath(node: FilterNode): string | undefined {
  if (node.kind === "has") return node.path.text;
  if (node.kind === "some") {
    const inner = conditionsOf(node.node).find(({ set }) => set?.every(isPoint) === true);
    return inner === undefined ? undefined : `${node.path.text}.${inner.path!.text}`;
  }
  if (node.kind !== "or") return undefined;
  const paths = new Set(node.nodes.map(elementPath));
  return paths.size === 1 ? paths.values().next().value : undefined;
}

function distinct(lists: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const seen = new Map(lists.map((fields) => [JSON.stringify(fields), fields]));
  return [...seen.values()];
}
