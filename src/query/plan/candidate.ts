/**
 * What each index could do for a query: the bounds, what is left to check, and what that is worth.
 *
 * Always true:
 * (1) A candidate misses no document: a partial index is one only if the filter implies its `where`, an index over the
 *     elements of a list only if the filter asks for an element there.
 * (2) A condition is left out of the residual only if every entry in the bounds fulfils it.
 */
import { implies } from "../../collections/index.ts";
import type { BoundIndex, FilterNode, ObjectShape, Scalar } from "../../collections/index.ts";
import type { Condition, ElementSet } from "./filter-sets.ts";
import { elementSetOf } from "./filter-sets.ts";
import { isCovered } from "./coverage.ts";
import { indexBounds } from "./key-ranges.ts";
import type { IndexBounds } from "./key-ranges.ts";
import { directionOfIndex } from "./order.ts";
import type { Order, ScanDirection } from "./order.ts";
import type { AccessPart, FixedValues, IndexAccess } from "./plan.ts";
import { isEverything, isOfOneClass, isPoint, pointOf } from "./value-set.ts";
import type { ValueSet } from "./value-set.ts";

/** What is asked of a scan, taken apart once for all indexes. */
export interface Question {
  readonly filter: FilterNode;
  readonly conditions: readonly Condition[];
  /** Of all conditions together: nodes and values. */
  readonly size: number;
  /** What the conditions together say about each field with one value. */
  readonly sets: ReadonlyMap<string, ValueSet>;
  /** Paths that have one value in all results, and that value. */
  readonly fixed: ReadonlyMap<string, Scalar>;
  readonly order: Order | undefined;
  readonly select: readonly string[] | undefined;
  readonly shape: ObjectShape;
  /** Documents must be whole: a predicate looks at them. */
  readonly wholeDocuments: boolean;
  /** Only the first rows are asked for. */
  readonly isLimited: boolean;
}

export interface Candidate {
  readonly access: IndexAccess;
  readonly residual: FilterNode;
  readonly direction: ScanDirection | undefined;
  /** At most one document fits: all fields of a unique index have a value. */
  readonly single: boolean;
  readonly equalities: number;
  readonly hasRange: boolean;
}

/** What the index could do; undefined if it could miss documents. */
export function candidateOf(index: BoundIndex, question: Question): Candidate | undefined {
  if (index.where !== undefined && !implies(question.filter, index.where)) return undefined;
  const elements = elementsFor(index, question);
  if (elements === "missing") return undefined;
  const sets = index.fields.map(({ path }) =>
    path.each ? elements?.said.set : question.sets.get(path.text),
  );
  return boundCandidate(index, question, sets, elements);
}

interface ElementCondition {
  readonly condition: Condition;
  readonly said: ElementSet;
}

/** The best condition on the list that the index goes through; "missing" if there is none, undefined without a list. */
export function elementsFor(
  index: BoundIndex,
  question: Question,
): ElementCondition | "missing" | undefined {
  const list = index.fields.find(({ path }) => path.each);
  if (list === undefined) return undefined;
  let best: ElementCondition | undefined;
  for (const condition of question.conditions) {
    const said = elementSetOf(condition.node, list.path);
    if (said === undefined) continue;
    if (best === undefined || worth(said) > worth(best.said)) best = { condition, said };
  }
  return best ?? "missing";
}

function worth({ set, exact }: ElementSet): number {
  return (set.every(isPoint) ? 1_000_000 - set.length * 2 : 0) + (exact ? 1 : 0);
}

/** The candidate for given sets; also used where the caller names the index and its bounds. */
export function boundCandidate(
  index: BoundIndex,
  question: Question,
  sets: readonly (ValueSet | undefined)[],
  elements: ElementCondition | undefined,
): Candidate {
  const found = indexBounds(index, sets);
  const residual = residualOf(index, question, found, elements);
  const { order } = question;
  const listAt = index.fields.findIndex(({ path }) => path.each);
  const listFixed = listAt >= 0 && listAt < found.fields && isSinglePoint(sets[listAt]);
  const repeats = listAt >= 0 && !listFixed;
  const fixed = listFixed
    ? new Map([...question.fixed, [index.fields[listAt]!.path.text, pointOf(sets[listAt]![0]!)]])
    : question.fixed;
  const covered =
    !repeats &&
    !question.wholeDocuments &&
    isCovered(index, {
      shape: question.shape,
      select: question.select,
      residual,
      order: order?.fields.map(({ path }) => path) ?? [],
    });
  const { bounds } = found;
  const firstIn = repeats ? bounds : undefined;
  const alone = order === undefined || repeats ? undefined : directionOfIndex(order, index, fixed);
  const merge =
    alone === undefined && order !== undefined && question.isLimited
      ? mergeOf(index, sets, found, order, fixed)
      : undefined;
  const parts = merge?.parts;
  const single = index.unique && found.fields === index.fields.length && sets.every(isOneValue);
  return {
    access: Object.freeze({ kind: "index", index, bounds, fixed, covered, firstIn, parts }),
    residual,
    // One document is in every order.
    direction: alone ?? merge?.direction ?? (single && order !== undefined ? "forward" : undefined),
    single,
    equalities: found.equalities,
    hasRange: found.hasRange && narrows(sets[found.fields - 1]!),
  };
}

/** Each part is a scan that is open while the others are, and each row is compared with the first ones of all parts. */
export const MERGED_PARTS_MAX = 64;

/**
 * Are the entries in the order of the rows that fit before these are told from the others? Not where a field is fixed by
 * what is checked on documents: it may stand between others in the keys of those that do not fit.
 */
export function isOrderedUnchecked(
  { fields }: BoundIndex,
  equalities: number,
  fixed: FixedValues,
): boolean {
  return fields.slice(equalities).every(({ path }) => !fixed.has(path.text));
}

interface Merge {
  readonly parts: readonly AccessPart[];
  readonly direction: ScanDirection;
}

/**
 * The bounds taken apart by the values of their leading fields, if that gives the order. A field that is in the order
 * stays whole: its values are a place in the order, not what a part has in common.
 */
function mergeOf(
  index: BoundIndex,
  sets: readonly (ValueSet | undefined)[],
  { equalities, fields }: IndexBounds,
  order: Order,
  fixed: FixedValues,
): Merge | undefined {
  const isAsked = (text: string): boolean => order.fields.some(({ path }) => path.text === text);
  const free = index.fields
    .slice(0, equalities)
    .findIndex(({ path }) => !fixed.has(path.text) && isAsked(path.text));
  const listed = index.fields.slice(0, free < 0 ? equalities : free).map(({ path }) => path.text);
  const count = listed.reduce((product, _, i) => product * sets[i]!.length, 1);
  if (count < 2 || count > MERGED_PARTS_MAX) return undefined;
  if (!isOrderedUnchecked(index, equalities, fixed)) return undefined;
  // Behind the part's values a document may have several entries.
  const list = index.fields.find(({ path }) => path.each)?.path.text;
  if (list !== undefined && !fixed.has(list) && !listed.includes(list)) return undefined;
  const known = new Set([...fixed.keys(), ...listed]);
  const direction = directionOfIndex(order, index, known);
  if (direction === undefined) return undefined;
  const parts = productOf(sets.slice(0, listed.length) as readonly ValueSet[]).map((points) => {
    const { bounds } = indexBounds(index, [...points, ...sets.slice(listed.length, fields)]);
    const values = points.map((point, i) => [listed[i]!, pointOf(point[0]!)] as const);
    return Object.freeze({ bounds, fixed: new Map([...fixed, ...values]) });
  });
  return { parts: Object.freeze(parts), direction };
}

/** Every way to take one point of each set. */
function productOf(sets: readonly ValueSet[]): readonly (readonly ValueSet[])[] {
  return sets.reduce<readonly (readonly ValueSet[])[]>(
    (begun, set) => begun.flatMap((before) => set.map((point) => [...before, [point]])),
    [[]],
  );
}

/** What the bounds, and being in the index at all, do not answer. */
function residualOf(
  index: BoundIndex,
  { conditions }: Question,
  { fields }: IndexBounds,
  elements: ElementCondition | undefined,
): FilterNode {
  const answered = new Set<Condition>();
  for (const { path } of index.fields.slice(0, fields)) {
    if (!path.each)
      for (const condition of conditions)
        if (condition.path?.text === path.text) answered.add(condition);
    if (path.each && elements?.said.exact === true) answered.add(elements.condition);
  }
  return conjunction(
    conditions
      .filter((condition) => !answered.has(condition))
      .map(({ node }) => node)
      .filter((node) => index.where === undefined || !implies(index.where, node)),
  );
}

/** One value that a unique index keeps to one document: not null. */
function isOneValue(set: ValueSet | undefined): boolean {
  return isSinglePoint(set) && (pointOf(set![0]!) ?? null) !== null;
}

/** Does the set say enough about a field for an index to be chosen for it? `not equal` does not. */
export function narrows(set: ValueSet): boolean {
  return !isEverything(set) && (set.length === 1 || set.every(isOfOneClass));
}

export function isSinglePoint(set: ValueSet | undefined): boolean {
  return set?.length === 1 && isPoint(set[0]!);
}

export function conjunction(nodes: readonly FilterNode[]): FilterNode {
  if (nodes.length === 0) return Object.freeze({ kind: "all" });
  return nodes.length === 1
    ? nodes[0]!
    : Object.freeze({ kind: "and", nodes: Object.freeze(nodes) });
}
