/** Does a document match a filter? The plain evaluator: the meaning of filters, written to be read. */
import { assertNever } from "../../base/index.ts";
import { compareValues, typeClass } from "../key/value-order.ts";
import { isEnterable, valueAt, valuesAt } from "../path/field-path.ts";
import type { Scalar } from "../schema/document-type.ts";
import type { CompareNode, CompareOp, FilterNode } from "./filter.ts";

export function matches(node: FilterNode, document: unknown): boolean {
  switch (node.kind) {
    case "all":
      return true;
    case "none":
      return false;
    case "and":
      return node.nodes.every((part) => matches(part, document));
    case "or":
      return node.nodes.some((part) => matches(part, document));
    case "not":
      return !matches(node.node, document);
    case "compare":
      return compares(valueAt(document, node.path), node);
    case "in": {
      const value = valueAt(document, node.path);
      return node.values.some((one) => equals(value, one));
    }
    case "startsWith": {
      const value = valueAt(document, node.path);
      return typeof value === "string" && value.startsWith(node.prefix);
    }
    case "has":
      return valuesAt(document, node.path).some((element) => equals(element, node.value));
    case "size": {
      const value = valueAt(document, node.path);
      return Array.isArray(value) && value.length === node.size;
    }
    case "some":
      return valuesAt(document, node.path).some(
        (element) => isEnterable(element) && matches(node.node, element),
      );
    default:
      return assertNever(node, "a filter");
  }
}

/** Objects and arrays equal nothing, not even null. */
function equals(value: unknown, operand: Scalar): boolean {
  return typeClass(value) !== undefined && compareValues(value as Scalar, operand) === 0;
}

function compares(value: unknown, { op, value: operand }: CompareNode): boolean {
  if (op === "eq") return equals(value, operand);
  if (typeClass(value) !== typeClass(operand)) return false;
  return holds(op, compareValues(value as Scalar, operand));
}

/** Does a value stand so to the operand, when comparing them gave `order`? */
export function holds(op: CompareOp, order: number): boolean {
  switch (op) {
    case "eq":
      return order === 0;
    case "gt":
      return order > 0;
    case "gte":
      return order >= 0;
    case "lt":
      return order < 0;
    case "lte":
      return order <= 0;
    default:
      return assertNever(op, "a comparison");
  }
}
