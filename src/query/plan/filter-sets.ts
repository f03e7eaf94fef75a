/**
 * Filters seen by an index: a filter is a list of conditions that must all hold, and each condition on one field is a
 * set of values.
 *
 * Always true:
 * (1) The set of a condition is exact: a document fits the condition exactly if its value at the path is in the set.
 * (2) The set of elements of a condition is exact too: a document fits exactly if one of the values at the path with []
 *     is in it. Two such conditions are never intersected, for two elements may satisfy them.
 */
import { NONE, pathOf } from "../../collections/index.ts";
import type { FieldPath, FilterNode } from "../../collections/index.ts";
import { boundSet } from "../query-request.ts";
import {
  EVERYTHING,
  NOTHING,
  complement,
  intersectAll,
  pointSet,
  prefixSet,
  uniteAll,
} from "./value-set.ts";
import type { ValueSet } from "./value-set.ts";

/** One of the conditions that must all hold. */
export interface Condition {
  readonly node: FilterNode;
  /** Where it is a condition on one field with one value: the path and its values. */
  readonly path: FieldPath | undefined;
  readonly set: ValueSet | undefined;
  /** Its nodes and values: what it costs to look at it. */
  readonly size: number;
}

/** The conditions of a filter; no condition if it holds always. */
export function conditionsOf(filter: FilterNode): readonly Condition[] {
  return conjuncts(filter, false).map((node) => {
    const path = onlyPath(node);
    const set = path === undefined ? undefined : valueSetOf(node, path);
    return { node, path: set === undefined ? undefined : path, set, size: sizeOf(node) };
  });
}

function sizeOf(node: FilterNode): number {
  switch (node.kind) {
    case "and":
    case "or":
      return node.nodes.reduce((sum, inner) => sum + sizeOf(inner), 1);
    case "not":
    case "some":
      return 1 + sizeOf(node.node);
    case "in":
      return node.values.length;
    case "all":
    case "none":
    case "compare":
    case "startsWith":
    case "has":
    case "size":
      return 1;
  }
}

/** Takes `and` apart, and `not` of `or`, which is an `and` of `not`. */
function conjuncts(node: FilterNode, negated: boolean): readonly FilterNode[] {
  if (node.kind === "not") return conjuncts(node.node, !negated);
  if (node.kind === (negated ? "or" : "and"))
    return (node as { readonly nodes: readonly FilterNode[] }).nodes.flatMap((inner) =>
      conjuncts(inner, negated),
    );
  if (node.kind === "all") return negated ? [NONE] : [];
  return [negated ? Object.freeze({ kind: "not", node }) : node];
}

/** The one path of all comparisons in a filter; undefined if there are several, none, or conditions on elements. */
function onlyPath(node: FilterNode): FieldPath | undefined {
  const paths = new Map<string, FieldPath>();
  const visit = (inner: FilterNode): boolean => {
    switch (inner.kind) {
      case "compare":
      case "in":
      case "startsWith":
        paths.set(inner.path.text, inner.path);
        return true;
      case "and":
      case "or":
        return inner.nodes.every(visit);
      case "not":
        return visit(inner.node);
      case "all":
      case "none":
        return true;
      case "has":
      case "size":
      case "some":
        return false;
    }
  };
  if (!visit(node) || paths.size !== 1) return undefined;
  return paths.values().next().value;
}

/** The values at `path` with which the filter holds; undefined if other things matter too. */
function valueSetOf(node: FilterNode, path: FieldPath): ValueSet | undefined {
  switch (node.kind) {
    case "all":
      return EVERYTHING;
    case "none":
      return NOTHING;
    case "compare":
      if (node.path.text !== path.text) return undefined;
      return node.op === "eq" ? pointSet([node.value]) : boundSet(node.op, node.value);
    case "in":
      return node.path.text === path.text ? pointSet(node.values) : undefined;
    case "startsWith":
      return node.path.text === path.text ? prefixSet(node.prefix) : undefined;
    case "not": {
      const inner = valueSetOf(node.node, path);
      return inner === undefined ? undefined : complement(inner);
    }
    case "and":
    case "or":
      return combined(
        node.kind,
        node.nodes.map((inner) => valueSetOf(inner, path)),
      );
    case "has":
    case "size":
    case "some":
      return undefined;
  }
}

/** What a condition says about the elements of a list. */
export interface ElementSet {
  readonly set: ValueSet;
  /** Does the condition say nothing else? Then whoever has such an element fits. */
  readonly exact: boolean;
}

/**
 * The elements at `path`, which has [], of which one must be there for the filter to hold; undefined if the filter can
 * hold without any.
 */
export function elementSetOf(node: FilterNode, path: FieldPath): ElementSet | undefined {
  if (node.kind === "has") {
    if (node.path.text !== path.text) return undefined;
    return { set: pointSet([node.value]), exact: true };
  }
  if (node.kind === "some") return elementSetOfSome(node.path, conditionsOf(node.node), path);
  if (node.kind !== "or") return undefined;
  const sets = node.nodes.map((inner) => elementSetOf(inner, path));
  if (!sets.every((inner) => inner !== undefined)) return undefined;
  return { set: uniteAll(sets.map(({ set }) => set)), exact: sets.every(({ exact }) => exact) };
}

/** All conditions of `some` hold for the same element, so their sets may be intersected. */
function elementSetOfSome(
  list: FieldPath,
  conditions: readonly Condition[],
  path: FieldPath,
): ElementSet | undefined {
  if (path.after.length === 0 || list.text !== pathOf(path.before, []).text) return undefined;
  const inside = pathOf(path.after).text;
  const said = conditions.filter((condition) => condition.path?.text === inside);
  if (said.length === 0) return undefined;
  return {
    set: intersectAll([EVERYTHING, ...said.map(({ set }) => set!)]),
    exact: said.length === conditions.length,
  };
}

function combined(
  how: "and" | "or",
  sets: readonly (ValueSet | undefined)[],
): ValueSet | undefined {
  if (!sets.every((set) => set !== undefined)) return undefined;
  return how === "or" ? uniteAll(sets) : intersectAll([EVERYTHING, ...sets]);
}
