/**
 * A filter as one function: the fast twin of matches() (filter-match.ts), with which it always agrees.
 *
 * HOT: once for each document that a scan reads (bench/micro/filter.ts).
 */
import { assertNever } from "../../base/index.ts";
import { compareStrings, compareValues, isDate, typeClass } from "../key/value-order.ts";
import { isEnterable, valueAt } from "../path/field-path.ts";
import type { FieldPath } from "../path/field-path.ts";
import type { Scalar } from "../schema/document-type.ts";
import { holds } from "./filter-match.ts";
import type { CompareNode, CompareOp, FilterNode, HasNode, InNode, SomeNode } from "./filter.ts";

export type DocumentTest = (document: unknown) => boolean;
type ValueTest = (value: unknown) => boolean;

export function compileFilter(node: FilterNode): DocumentTest {
  switch (node.kind) {
    case "all":
      return () => true;
    case "none":
      return () => false;
    case "and":
      return everyOf(node.nodes.map(compileFilter));
    case "or":
      return someOf(node.nodes.map(compileFilter));
    case "not": {
      const test = compileFilter(node.node);
      return (document) => !test(document);
    }
    case "compare":
      return at(node.path, compareTest(node));
    case "in":
      return at(node.path, inTest(node));
    case "startsWith": {
      const { prefix } = node;
      return at(node.path, (value) => typeof value === "string" && value.startsWith(prefix));
    }
    case "has":
      return at(node.path, hasTest(node));
    case "some":
      return at(node.path, someTest(node));
    case "size": {
      const { size } = node;
      return at(node.path, (value) => Array.isArray(value) && value.length === size);
    }
    default:
      return assertNever(node, "a filter");
  }
}

/** Two tests are by far the most frequent, and a call of a known number of functions can be inlined. */
function everyOf(tests: readonly DocumentTest[]): DocumentTest {
  const [first, second] = tests;
  if (tests.length === 2) return (document) => first!(document) && second!(document);
  return (document) => {
    for (let i = 0; i < tests.length; i++) if (!tests[i]!(document)) return false;
    return true;
  };
}

function someOf(tests: readonly DocumentTest[]): DocumentTest {
  return (document) => {
    for (let i = 0; i < tests.length; i++) if (tests[i]!(document)) return true;
    return false;
  };
}

/** Tests the value at a path; of a path through an array, the array. */
function at(path: FieldPath, test: ValueTest): DocumentTest {
  const [name] = path.before;
  if (path.before.length !== 1 || name === undefined) {
    return (document) => test(valueAt(document, path));
  }
  return (document) => {
    if (!isEnterable(document)) return test(undefined);
    const value = document[name];
    return test(typeof value === "function" ? undefined : value);
  };
}

function compareTest(node: CompareNode): ValueTest {
  if (node.op === "eq") return equalTest(node.value);
  const { op, value: operand } = node;
  if (typeof operand === "number") return numberTest(op, operand);
  if (typeof operand === "string") {
    return (value) => typeof value === "string" && holds(op, compareStrings(value, operand));
  }
  if (isDate(operand)) {
    const millis = numberTest(op, operand.getTime());
    return (value) => isDate(value) && millis(value.getTime());
  }
  const of = typeClass(operand);
  return (value) => typeClass(value) === of && holds(op, compareValues(value as Scalar, operand));
}

function numberTest(op: CompareOp, operand: number): ValueTest {
  switch (op) {
    case "eq":
      return (value) => value === operand;
    case "gt":
      return (value) => typeof value === "number" && value > operand;
    case "gte":
      return (value) => typeof value === "number" && value >= operand;
    case "lt":
      return (value) => typeof value === "number" && value < operand;
    case "lte":
      return (value) => typeof value === "number" && value <= operand;
    default:
      return assertNever(op, "a comparison");
  }
}

function equalTest(operand: Scalar): ValueTest {
  if (operand === null || operand === undefined) {
    return (value) => value === null || value === undefined;
  }
  // Of these types, values are equal exactly if they are the same to the language.
  if (typeof operand !== "object") return (value) => value === operand;
  const of = typeClass(operand);
  return (value) => typeClass(value) === of && compareValues(value as Scalar, operand) === 0;
}

function inTest({ values }: InNode): ValueTest {
  if (values.some((value) => typeof value === "object")) {
    return anyOf(values.map(equalTest));
  }
  const set = new Set<unknown>(values);
  return (value) => set.has(value);
}

function anyOf(tests: readonly ValueTest[]): ValueTest {
  return (value) => {
    for (let i = 0; i < tests.length; i++) if (tests[i]!(value)) return true;
    return false;
  };
}

function hasTest({ value }: HasNode): ValueTest {
  return anyElement(equalTest(value));
}

function someTest({ node }: SomeNode): ValueTest {
  const test = compileFilter(node);
  return anyElement((element) => isEnterable(element) && test(element));
}

function anyElement(test: ValueTest): ValueTest {
  return (value) => {
    if (!Array.isArray(value)) return false;
    for (let i = 0; i < value.length; i++) if (test(value[i])) return true;
    return false;
  };
}
