/** Filters as one line of text, for explain and for tests: `age >= 18 and tags[] has "math" and not (role = null)`. */
import { assertNever, hex } from "../../base/index.ts";
import { isDate } from "../key/value-order.ts";
import type { Scalar } from "../schema/document-type.ts";
import type { CompareOp, FilterNode } from "./filter.ts";

const signs: Readonly<Record<CompareOp, string>> = {
  eq: "=",
  gt: ">",
  gte: ">=",
  lt: "<",
  lte: "<=",
};

/** Equal texts, equal filters: nothing is left out or shortened. */
export function filterText(node: FilterNode): string {
  return textWith(node, scalarText);
}

/** The text without values, `state = ? and age >= ?`: equal for filters that differ in nothing else. */
export function filterForm(node: FilterNode): string {
  return textWith(node, () => "?");
}

function textWith(node: FilterNode, shown: (value: Scalar) => string): string {
  switch (node.kind) {
    case "all":
    case "none":
      return node.kind;
    case "and":
    case "or":
      return node.nodes.map((inner) => enclosedText(inner, shown)).join(` ${node.kind} `);
    case "not":
      return `not (${textWith(node.node, shown)})`;
    case "compare":
      return `${node.path.text} ${signs[node.op]} ${shown(node.value)}`;
    case "in":
      return `${node.path.text} in [${listText(node.values, shown)}]`;
    case "startsWith":
      return `${node.path.text} starts with ${shown(node.prefix)}`;
    case "has":
      return `${node.path.text} has ${shown(node.value)}`;
    case "size":
      return `${node.path.text} has size ${shown(node.size)}`;
    case "some":
      return `${node.path.text} some (${textWith(node.node, shown)})`;
    default:
      return assertNever(node, "a filter");
  }
}

function enclosedText(node: FilterNode, shown: (value: Scalar) => string): string {
  const text = textWith(node, shown);
  return node.kind === "and" || node.kind === "or" ? `(${text})` : text;
}

/** Lists of all lengths have one form. */
function listText(values: readonly Scalar[], shown: (value: Scalar) => string): string {
  return [...new Set(values.map(shown))].join(", ");
}

/** A value as text that tells its type: "5", 5, 5n, null, true, date 1970-01-01T00:00:00.005Z, x'05'. */
export function scalarText(value: Scalar): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (isDate(value)) return `date ${value.toISOString()}`;
  if (value instanceof Uint8Array) return `x'${hex(value, value.length)}'`;
  return String(value);
}
