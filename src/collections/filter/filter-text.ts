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
  switch (node.kind) {
    case "all":
    case "none":
      return node.kind;
    case "and":
    case "or":
      return node.nodes.map(enclosedText).join(` ${node.kind} `);
    case "not":
      return `not (${filterText(node.node)})`;
    case "compare":
      return `${node.path.text} ${signs[node.op]} ${scalarText(node.value)}`;
    case "in":
      return `${node.path.text} in [${node.values.map(scalarText).join(", ")}]`;
    case "startsWith":
      return `${node.path.text} starts with ${scalarText(node.prefix)}`;
    case "has":
      return `${node.path.text} has ${scalarText(node.value)}`;
    case "size":
      return `${node.path.text} has size ${node.size}`;
    case "some":
      return `${node.path.text} some (${filterText(node.node)})`;
    default:
      return assertNever(node, "a filter");
  }
}

function enclosedText(node: FilterNode): string {
  return node.kind === "and" || node.kind === "or" ? `(${filterText(node)})` : filterText(node);
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
