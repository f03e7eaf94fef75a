/** Makes the nodes of filters so that every tree is simplified and frozen (the invariants of filter.ts). */
import { compareValues } from "../key/value-order.ts";
import type { FieldPath } from "../path/field-path.ts";
import type { Scalar } from "../schema/document-type.ts";
import { ALL, NONE } from "./filter.ts";
import type { CompareNode, CompareOp, FilterNode, GroupNode } from "./filter.ts";

/** All of the nodes hold; of none: all documents. */
export function and(nodes: readonly FilterNode[]): FilterNode {
  return group("and", nodes, ALL, NONE);
}

/** One of the nodes holds; of none: no document. */
export function or(nodes: readonly FilterNode[]): FilterNode {
  return group("or", nodes, NONE, ALL);
}

/** `neutral` changes nothing in the group, `absorbing` decides it. */
function group(
  kind: GroupNode["kind"],
  nodes: readonly FilterNode[],
  neutral: FilterNode,
  absorbing: FilterNode,
): FilterNode {
  const flat: FilterNode[] = [];
  for (const node of nodes) {
    if (node.kind === absorbing.kind) return absorbing;
    // Not as arguments of push(): their number is limited by the stack.
    if (node.kind === kind) for (const inner of node.nodes) flat.push(inner);
    else if (node.kind !== neutral.kind) flat.push(node);
  }
  if (flat.length === 0) return neutral;
  if (flat.length === 1) return flat[0]!;
  return Object.freeze({ kind, nodes: Object.freeze(flat) });
}

export function not(node: FilterNode): FilterNode {
  if (node.kind === "not") return node.node;
  if (node.kind === "all") return NONE;
  if (node.kind === "none") return ALL;
  return Object.freeze({ kind: "not", node });
}

export function compare(path: FieldPath, op: CompareOp, value: Scalar): CompareNode {
  return Object.freeze({ kind: "compare", path, op, value });
}

/** The field is one of the values, in any order and with repetitions. */
export function oneOf(path: FieldPath, values: readonly Scalar[]): FilterNode {
  const distinct = sortedDistinct(values);
  if (distinct.length === 0) return NONE;
  if (distinct.length === 1) return compare(path, "eq", distinct[0]);
  return Object.freeze({ kind: "in", path, values: Object.freeze(distinct) });
}

export function sortedDistinct(values: readonly Scalar[]): Scalar[] {
  const sorted = values.toSorted(compareValues);
  return sorted.filter((value, i) => i === 0 || compareValues(sorted[i - 1], value) !== 0);
}

/** The same filter, simplified; a parsed filter is so already. */
export function simplify(node: FilterNode): FilterNode {
  if (node.kind === "and") return and(node.nodes.map(simplify));
  if (node.kind === "or") return or(node.nodes.map(simplify));
  if (node.kind === "not") return not(simplify(node.node));
  if (node.kind === "in") return oneOf(node.path, node.values);
  return node.kind === "some" ? some(node.path, simplify(node.node)) : node;
}

/** One element of the array fits the node. */
export function some(path: FieldPath, node: FilterNode): FilterNode {
  return node.kind === "none" ? NONE : Object.freeze({ kind: "some", path, node });
}
