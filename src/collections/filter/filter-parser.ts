/**
 * Reads a caller's filter into a tree, against the shape of the documents.
 *
 * Always true:
 * (1) What is not understood is refused by its path, before anything is read: an unknown field or operator, a value of
 *     the wrong type, undefined, NaN. Nothing is ever ignored, for that would make the result wider.
 * (2) A tree is no deeper than filterDepthMax allows, so that whoever walks one may recurse.
 * (3) The tree keeps nothing of the caller's: dates and bytes are copied.
 *
 * Where a field may be an object as well as something else, or is unknown (a schema that is not zod's), an object whose
 * keys are all operators is read as operators, unless they are all declared fields.
 */
import { copyBytes } from "../../base/index.ts";
import { InvalidQuery } from "../collection-error.ts";
import { dateOf, isDate, isOrdered, typeClass } from "../key/value-order.ts";
import { pathOf } from "../path/field-path.ts";
import type { FieldPath } from "../path/field-path.ts";
import type { Scalar } from "../schema/document-type.ts";
import { STRING_SHAPE, membersOf } from "../schema/field-shape.ts";
import type { FieldShape, MemberShape, ObjectShape } from "../schema/field-shape.ts";
import { elementShape, fieldShape, mayBe } from "../schema/shape-lookup.ts";
import { isPlainObject } from "../schema/storable.ts";
import { and, compare, not, oneOf, or, some, sortedDistinct } from "./filter-build.ts";
import type { FilterNode } from "./filter.ts";

/**
 * So many objects may stand in one another: AND, OR, NOT, `some` and nested fields each make one level. As deep as
 * documents, so that each of their fields can be asked for; bounded so that no recursion runs out of stack, and a filter
 * that contains itself ends.
 */
const filterDepthMax = 100;

/**
 * Reads a filter on documents of a shape; `id` is a field of every document.
 *
 * @throws InvalidQuery naming the path.
 */
export function parseFilter(collection: string, shape: ObjectShape, input: unknown): FilterNode {
  return new FilterParser(collection).filter(shape, input, "");
}

const operators: ReadonlySet<string> = new Set([
  "eq",
  "ne",
  "in",
  "notIn",
  "gt",
  "gte",
  "lt",
  "lte",
  "startsWith",
  "exists",
  "has",
  "hasAny",
  "hasAll",
  "size",
  "some",
]);

/** Where in the filter we are: the names since the document or the element, and the text for messages. */
interface Scope {
  readonly names: readonly string[];
  /** What stands before the names in messages: the path of the array whose elements are meant, and a dot. */
  readonly outer: string;
}
const WHOLE: Scope = { names: [], outer: "" };

class FilterParser {
  readonly #collection: string;
  /** Of the object that is being read; the filter itself is at 1. */
  #depth = 0;

  constructor(collection: string) {
    this.#collection = collection;
  }

  /** Field conditions together with AND, OR and NOT. */
  filter(shape: ObjectShape, input: unknown, place: string): FilterNode {
    const nodes: FilterNode[] = [];
    const entries = this.#entries(input, place);
    this.#enter(place);
    for (const [name, value] of entries) {
      const at = place === "" ? name : `${place}.${name}`;
      if (name === "AND") nodes.push(and(this.#filters(shape, value, at)));
      else if (name === "OR") nodes.push(or(this.#filters(shape, value, at)));
      else if (name === "NOT") nodes.push(not(this.filter(shape, value, at)));
      else nodes.push(this.#field(shape, WHOLE, name, value));
    }
    this.#depth--;
    return and(nodes);
  }

  #filters(shape: ObjectShape, input: unknown, place: string): FilterNode[] {
    const list = this.#list(input, place);
    return list.map((part, i) => this.filter(shape, part, `${place}[${i}]`));
  }

  /** Conditions on fields of the object at `scope`. */
  #fields(shape: FieldShape, scope: Scope, input: unknown): FilterNode {
    const place = shownScope(scope);
    const entries = this.#entries(input, place);
    if (entries.length === 0) this.#refuse(place, "the object names no field");
    this.#enter(place);
    const nodes = entries.map(([name, value]) => this.#field(shape, scope, name, value));
    this.#depth--;
    return and(nodes);
  }

  #field(parent: FieldShape, scope: Scope, name: string, value: unknown): FilterNode {
    const inner: Scope = { names: [...scope.names, name], outer: scope.outer };
    const isId = name === "id" && scope === WHOLE;
    const shape = isId ? STRING_SHAPE : fieldShape(parent, name);
    if (shape === undefined || name === "__proto__") {
      this.#refuse(shownScope(inner), noSuchField(name));
    }
    return this.#condition(shape, inner, value);
  }

  #condition(shape: FieldShape, scope: Scope, value: unknown): FilterNode {
    const place = shownScope(scope);
    if (value === undefined) this.#refuse(place, UNDEFINED);
    if (typeClass(value) !== undefined) {
      return compare(pathOf(scope.names), "eq", this.#scalar(shape, value, place));
    }
    if (Array.isArray(value)) {
      this.#refuse(place, "a list is no condition; use in, or has, hasAny and hasAll for arrays");
    }
    const entries = this.#entries(value, place);
    if (!this.#areOperators(shape, entries, place)) return this.#fields(shape, scope, value);
    if (entries.length === 0) this.#refuse(place, "the object names no operator");
    return and(entries.map(([name, operand]) => this.#operator(shape, scope, name, operand)));
  }

  /** Is an object to be read as operators, or as conditions on the fields of a nested object? */
  #areOperators(
    shape: FieldShape,
    entries: readonly (readonly [string, unknown])[],
    place: string,
  ): boolean {
    const members = membersOf(shape).filter(({ kind }) => kind !== "null" && kind !== "undefined");
    if (!mayBe(shape, "object")) return true;
    if (members.every((member) => member.kind === "object")) return false;
    const known = entries.filter(([name]) => operators.has(name));
    const declared = members.some(
      (member) => member.kind === "object" && known.every(([name]) => member.fields.has(name)),
    );
    if (known.length === 0 || (declared && known.length > 0)) return false;
    if (known.length < entries.length) this.#refuse(place, "operators and fields are mixed");
    return true;
  }

  #operator(shape: FieldShape, scope: Scope, name: string, operand: unknown): FilterNode {
    const place = `${shownScope(scope)}.${name}`;
    const path = pathOf(scope.names);
    if (operand === undefined) this.#refuse(place, UNDEFINED);
    switch (name) {
      case "eq":
        return compare(path, "eq", this.#scalar(shape, operand, place));
      case "ne":
        return not(compare(path, "eq", this.#scalar(shape, operand, place)));
      case "in":
        return oneOf(path, this.#scalars(shape, operand, place));
      case "notIn":
        return not(oneOf(path, this.#scalars(shape, operand, place)));
      case "gt":
      case "gte":
      case "lt":
      case "lte":
        return compare(path, name, this.#ordered(shape, operand, place));
      case "startsWith":
        return this.#startsWith(shape, path, operand, place);
      case "exists":
        if (typeof operand !== "boolean") this.#refuse(place, "exists takes true or false");
        return operand ? not(compare(path, "eq", null)) : compare(path, "eq", null);
      default:
        return this.#arrayOperator(shape, scope, name, operand);
    }
  }

  #startsWith(shape: FieldShape, path: FieldPath, operand: unknown, place: string): FilterNode {
    if (typeof operand !== "string") this.#refuse(place, "startsWith takes a string");
    const prefix = this.#scalar(shape, operand, place) as string;
    return Object.freeze({ kind: "startsWith", path, prefix });
  }

  #arrayOperator(shape: FieldShape, scope: Scope, name: string, operand: unknown): FilterNode {
    const place = `${shownScope(scope)}.${name}`;
    if (!operators.has(name)) this.#refuse(place, NO_SUCH_OPERATOR);
    const element = elementShape(shape);
    if (element === undefined) this.#refuse(place, "the operator is for arrays");
    const path = pathOf(scope.names, []);
    switch (name) {
      case "has":
        return has(path, this.#scalar(element, operand, place));
      case "hasAny":
        return or(this.#elements(element, operand, place).map((value) => has(path, value)));
      case "hasAll":
        return and(this.#elements(element, operand, place).map((value) => has(path, value)));
      case "some":
        return this.#some(element, scope, path, operand);
      default:
        if (!Number.isSafeInteger(operand) || (operand as number) < 0) {
          this.#refuse(place, "size takes a whole number from 0");
        }
        return Object.freeze({ kind: "size", path: pathOf(scope.names), size: operand as number });
    }
  }

  #some(element: FieldShape, scope: Scope, path: FieldPath, operand: unknown): FilterNode {
    const place = `${shownScope(scope)}.some`;
    if (!mayBe(element, "object")) this.#refuse(place, "the elements are no objects; use has");
    const inside: Scope = { names: [], outer: `${shownScope(scope)}[].` };
    return some(path, this.#fields(element, inside, operand));
  }

  #elements(shape: FieldShape, input: unknown, place: string): Scalar[] {
    return sortedDistinct(this.#scalars(shape, input, place));
  }

  #scalars(shape: FieldShape, input: unknown, place: string): Scalar[] {
    const list = this.#list(input, place);
    return list.map((value, i) => this.#scalar(shape, value, `${place}[${i}]`));
  }

  /** An operand of gt, gte, lt and lte. */
  #ordered(shape: FieldShape, value: unknown, place: string): Scalar {
    if (value === null || typeof value === "boolean") {
      this.#refuse(place, `nothing is greater or less than ${value}`);
    }
    return this.#scalar(shape, value, place);
  }

  /** A value that a field of the shape may be compared with; null fits every field. */
  #scalar(shape: FieldShape, value: unknown, place: string): Scalar {
    if (value === undefined) this.#refuse(place, UNDEFINED);
    const of = typeClass(value);
    if (of === undefined) this.#refuse(place, "only single values can be compared");
    if (!isOrdered(value)) this.#refuse(place, unorderedProblem(value));
    if (value === null) return null;
    const kinds: readonly MemberShape["kind"][] =
      of === "string" ? ["string", "id"] : [of as "number"];
    if (!kinds.some((kind) => mayBe(shape, kind))) {
      this.#refuse(place, `the field is ${shownShape(shape)}, the value is of the type ${of}`);
    }
    if (isDate(value)) return dateOf(value.getTime());
    if (value instanceof Uint8Array) return copyBytes(value);
    return typeof value === "number" ? value + 0 : value;
  }

  /** One level deeper. After a refusal nothing is read any more, so only success comes back up. */
  #enter(place: string): void {
    this.#depth++;
    if (this.#depth > filterDepthMax) {
      this.#refuse(place, `the filter is nested more than ${filterDepthMax} deep, or in itself`);
    }
  }

  #list(input: unknown, place: string): readonly unknown[] {
    if (!Array.isArray(input)) this.#refuse(place, "a list is needed");
    // Array.from makes undefined of holes, so that they are refused too.
    return Array.from(input as readonly unknown[]);
  }

  #entries(input: unknown, place: string): readonly (readonly [string, unknown])[] {
    if (!isPlainObject(input)) this.#refuse(place, "a plain object is needed");
    if (Object.getOwnPropertySymbols(input).length > 0) this.#refuse(place, "a key is a symbol");
    return Object.entries(input);
  }

  #refuse(place: string, problem: string): never {
    throw new InvalidQuery(this.#collection, problem, place === "" ? "filter" : place);
  }
}

const UNDEFINED =
  "the value is undefined; leave the condition out, or use null for a missing field";

const NO_SUCH_OPERATOR = `there is no such operator; there are ${[...operators].join(", ")}`;

/** What those try who know paths with dots, or conditions in small letters, from elsewhere. */
function noSuchField(name: string): string {
  const said = "there is no such field";
  if (["and", "or", "not"].includes(name))
    return `${said}; whole filters are ${name.toUpperCase()}`;
  const [first, ...rest] = name.split(".");
  if (first === "" || rest.length === 0 || rest.includes("")) return said;
  const nested = rest.reduceRight((inner, part) => `{ ${part}: ${inner} }`, "…");
  return `${said}; a field inside of another is { ${first}: ${nested} }`;
}

function has(path: FieldPath, value: Scalar): FilterNode {
  return Object.freeze({ kind: "has", path, value });
}

function unorderedProblem(value: unknown): string {
  if (typeof value === "number") return "NaN equals nothing";
  return typeof value === "string" ? "the string has a lone surrogate" : "the date is invalid";
}

function shownScope(scope: Scope): string {
  return scope.names.length === 0
    ? scope.outer.slice(0, -1)
    : scope.outer + pathOf(scope.names).text;
}

function shownShape(shape: FieldShape): string {
  return membersOf(shape)
    .map(({ kind }) => kind)
    .join(" or ");
}
