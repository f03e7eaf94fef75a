/**
 * Does one filter follow from another? A partial index may answer a query only if every document that matches the query
 * matches the index's filter.
 *
 * Always true: the answer yes is proven; the answer no means only that no proof was found.
 */
import { compareValues, typeClass } from "../key/value-order.ts";
import type { Scalar } from "../schema/document-type.ts";
import { holds } from "./filter-match.ts";
import { filterText } from "./filter-text.ts";
import type { CompareNode, CompareOp, FilterNode, InNode, StartsWithNode } from "./filter.ts";

/** Every document that matches `query` matches `where`. */
export function implies(query: FilterNode, where: FilterNode): boolean {
  if (where.kind === "all" || query.kind === "none") return true;
  if (where.kind === "and") return where.nodes.every((part) => implies(query, part));
  if (query.kind === "or") return query.nodes.every((part) => implies(part, where));
  if (where.kind === "or" && where.nodes.some((part) => implies(query, part))) return true;
  if (query.kind === "and" && query.nodes.some((part) => implies(part, where))) return true;
  if (where.kind === "not" && excludes(query, where.node)) return true;
  if (query.kind === "some" && where.kind === "some") {
    return query.path.text === where.path.text && implies(query.node, where.node);
  }
  if (isAtom(query) && isAtom(where) && query.path.text === where.path.text) {
    return atomImplies(query, where);
  }
  return query.kind === where.kind && filterText(query) === filterText(where);
}

/** No document matches both. */
function excludes(a: FilterNode, b: FilterNode): boolean {
  if (a.kind === "none" || b.kind === "none") return true;
  if (a.kind === "or") return a.nodes.every((part) => excludes(part, b));
  if (b.kind === "or") return b.nodes.every((part) => excludes(a, part));
  if (a.kind === "and" && a.nodes.some((part) => excludes(part, b))) return true;
  if (b.kind === "and" && b.nodes.some((part) => excludes(a, part))) return true;
  if (a.kind === "not" && implies(b, a.node)) return true;
  if (b.kind === "not" && implies(a, b.node)) return true;
  return isAtom(a) && isAtom(b) && a.path.text === b.path.text && atomExcludes(a, b);
}

/** A condition on the one value at a path: a set of values. */
type Atom = CompareNode | InNode | StartsWithNode;

function isAtom(node: FilterNode): node is Atom {
  return node.kind === "compare" || node.kind === "in" || node.kind === "startsWith";
}

/** The values of an atom that has only so many; undefined for ranges. */
function valuesOf(atom: Atom): readonly Scalar[] | undefined {
  if (atom.kind === "in") return atom.values;
  return atom.kind === "compare" && atom.op === "eq" ? [atom.value] : undefined;
}

function includes(atom: Atom, value: Scalar): boolean {
  if (atom.kind === "startsWith") return typeof value === "string" && value.startsWith(atom.prefix);
  if (atom.kind === "in") return isAmong(atom.values, value);
  if (atom.op !== "eq" && typeClass(value) !== typeClass(atom.value)) return false;
  return holds(atom.op, compareValues(value, atom.value));
}

/** Searches by halves: the values of `in` are sorted, and two long lists may be compared. */
function isAmong(values: readonly Scalar[], value: Scalar): boolean {
  let start = 0;
  let end = values.length;
  while (start < end) {
    const middle = (start + end) >> 1;
    const order = compareValues(values[middle], value);
    if (order === 0) return true;
    if (order < 0) start = middle + 1;
    else end = middle;
  }
  return false;
}

function atomImplies(query: Atom, where: Atom): boolean {
  const values = valuesOf(query);
  if (values !== undefined) return values.every((value) => includes(where, value));
  // The query is a range of many values: no list can hold them all.
  if (valuesOf(where) !== undefined) return false;
  if (query.kind === "startsWith") {
    if (where.kind === "startsWith") return query.prefix.startsWith(where.prefix);
    // Every string that begins with the prefix is that or greater.
    return isLower(where) && implies(lowerBoundOf(query), where);
  }
  if (where.kind === "startsWith" || query.kind !== "compare" || where.kind !== "compare") {
    return (
      where.kind === "startsWith" && where.prefix === "" && typeClass(valueOf(query)) === "string"
    );
  }
  return rangeImplies(query, where);
}

function rangeImplies(query: CompareNode, where: CompareNode): boolean {
  if (typeClass(query.value) !== typeClass(where.value)) return false;
  if (isLower(query) !== isLower(where)) return false;
  const order = compareValues(query.value, where.value);
  if (order === 0) return isInclusive(where.op) || !isInclusive(query.op);
  return isLower(query) ? order > 0 : order < 0;
}

function atomExcludes(a: Atom, b: Atom): boolean {
  const valuesOfA = valuesOf(a);
  if (valuesOfA !== undefined) return valuesOfA.every((value) => !includes(b, value));
  const valuesOfB = valuesOf(b);
  if (valuesOfB !== undefined) return valuesOfB.every((value) => !includes(a, value));
  if (typeClass(valueOf(a)) !== typeClass(valueOf(b))) return true;
  if (a.kind === "startsWith" && b.kind === "startsWith") {
    return !a.prefix.startsWith(b.prefix) && !b.prefix.startsWith(a.prefix);
  }
  if (a.kind !== "compare" || b.kind !== "compare" || isLower(a) === isLower(b)) return false;
  const [lower, upper] = isLower(a) ? [a, b] : [b, a];
  const order = compareValues(lower.value, upper.value);
  return order > 0 || (order === 0 && !(isInclusive(lower.op) && isInclusive(upper.op)));
}

function lowerBoundOf(node: StartsWithNode): CompareNode {
  return { kind: "compare", path: node.path, op: "gte", value: node.prefix };
}

function valueOf(atom: Atom): Scalar {
  if (atom.kind === "startsWith") return atom.prefix;
  return atom.kind === "compare" ? atom.value : atom.values[0];
}

function isLower(atom: Atom): boolean {
  return atom.kind === "compare" && (atom.op === "gt" || atom.op === "gte");
}

function isInclusive(op: CompareOp): boolean {
  return op === "gte" || op === "lte";
}
