/**
 * A query as a value: what is asked, and nothing about how it is answered.
 *
 * Always true:
 * (1) A request is frozen; every builder gives a new one and leaves its own as it was.
 * (2) What cannot be right whatever the data is refused here, as InvalidQuery, before anything is read.
 */
import {
  ALL,
  InvalidQuery,
  isOrdered,
  membersOf,
  parseFilter,
  parsePath,
  shapeAt,
  simplify,
  typeClass,
  typeProblem,
  withId,
} from "../collections/index.ts";
import type {
  CollectionDefinition,
  Document,
  FieldPath,
  FieldShape,
  FilterNode,
  IndexDefinition,
  Relation,
  Scalar,
} from "../collections/index.ts";
import {
  EVERYTHING,
  afterValue,
  beforeValue,
  between,
  classSet,
  intersect,
  prefixSet,
} from "./plan/value-set.ts";
import type { ValueSet } from "./plan/value-set.ts";

type Direction = "asc" | "desc";
/** A JavaScript condition. Whoever has no types may hand in anything, so what it gives is looked at when it has run. */
export type Predicate = (document: Document) => unknown;
export type BoundOp = "gt" | "gte" | "lt" | "lte" | "startsWith";

interface OrderField {
  readonly path: FieldPath;
  readonly direction: Direction;
}

/** A scan that the caller asks for by the index's name. */
interface IndexRequest {
  readonly name: string;
  /** Values of the leading fields. */
  readonly prefix: readonly Scalar[];
  /** What the field after the prefix may be. */
  readonly range: ValueSet;
}

/** Documents of another collection that stand in the rows, under the relation's name. */
export interface Include {
  readonly relation: Relation;
  /** What is asked of them. */
  readonly request: QueryRequest;
}

export interface QueryRequest {
  readonly filter: FilterNode;
  /** A condition was spelled out, be it one that lets all through: what changes documents asks for that. */
  readonly hasCondition: boolean;
  /** Outermost first; empty: in the order of the scan. Ties are ordered by id, in the last field's direction. */
  readonly orderBy: readonly OrderField[];
  /** The whole order turned around. */
  readonly reverse: boolean;
  /** Undefined: all. */
  readonly limit: number | undefined;
  /** Top-level fields of the rows; undefined: the whole documents. */
  readonly select: readonly string[] | undefined;
  readonly index: IndexRequest | undefined;
  /** JavaScript conditions, run on each document that the filter lets through. */
  readonly predicates: readonly Predicate[];
  /** In the order of asking, each relation once. */
  readonly includes: readonly Include[];
}

/** Asks for all documents. */
export const EVERY_DOCUMENT: QueryRequest = Object.freeze({
  filter: ALL,
  hasCondition: false,
  orderBy: Object.freeze([]),
  reverse: false,
  limit: undefined,
  select: undefined,
  index: undefined,
  predicates: Object.freeze([]),
  includes: Object.freeze([]),
});

export function changed(request: QueryRequest, change: Partial<QueryRequest>): QueryRequest {
  return Object.freeze({ ...request, ...change });
}

/** Keeps the documents that fit; with earlier filters, both must hold. */
export function withWhere(
  definition: CollectionDefinition,
  request: QueryRequest,
  condition: unknown,
): QueryRequest {
  const added = parseFilter(definition.name, definition.schema.shape, condition);
  const filter = simplify({ kind: "and", nodes: [request.filter, added] });
  return changed(request, { filter, hasCondition: true });
}

/** Keeps the documents for which `predicate` is true. */
export function withPredicate(request: QueryRequest, predicate: Predicate): QueryRequest {
  const predicates = Object.freeze([...request.predicates, predicate]);
  return changed(request, { predicates, hasCondition: true });
}

/** Appends a field to the order. */
export function withOrderBy(
  definition: CollectionDefinition,
  request: QueryRequest,
  pathText: string,
  direction: Direction = "asc",
): QueryRequest {
  const path = typeof pathText === "string" ? parsePath(pathText) : undefined;
  const refuse = (problem: string): never => {
    throw new InvalidQuery(definition.name, problem, shown(pathText));
  };
  if (path === undefined) return refuse("orderBy takes the path of a field");
  if (path.each) return refuse("a list has no order: order by a field with one value");
  if (direction !== "asc" && direction !== "desc") return refuse('a direction is "asc" or "desc"');
  const shape = shapeAt(withId(definition.schema.shape), path);
  if (shape === undefined)
    return refuse(
      pathText.startsWith("-")
        ? `there is no such field; descending is orderBy(${JSON.stringify(pathText.slice(1))}, "desc")`
        : "there is no such field",
    );
  if (!canBeOrdered(shape)) return refuse("objects and lists have no order");
  const field: OrderField = Object.freeze({ path, direction });
  return changed(request, { orderBy: Object.freeze([...request.orderBy, field]) });
}

/** Is there any value with an order, as far as the schema tells? */
export function canBeOrdered(shape: FieldShape): boolean {
  const without: readonly string[] = ["object", "array", "null", "undefined"];
  return membersOf(shape).some(({ kind }) => !without.includes(kind));
}

/** Turns the order around. */
export function withReverse(request: QueryRequest): QueryRequest {
  return changed(request, { reverse: !request.reverse });
}

/** At most `count` rows; a later limit replaces an earlier one. */
export function withLimit(
  definition: CollectionDefinition,
  request: QueryRequest,
  count: number,
): QueryRequest {
  if (!Number.isSafeInteger(count) || count < 0)
    throw new InvalidQuery(
      definition.name,
      `a limit is a whole number from 0 on, not ${shown(count)}`,
    );
  return changed(request, { limit: count });
}

/**
 * Only these top-level fields of each document, and of what was included; a later select narrows an earlier one, and a
 * later include adds to it.
 */
export function withSelect(
  definition: CollectionDefinition,
  request: QueryRequest,
  fields: readonly string[],
): QueryRequest {
  const { shape } = definition.schema;
  if (!Array.isArray(fields))
    throw new InvalidQuery(definition.name, `select takes names of fields, not ${shown(fields)}`);
  const includes = request.includes.filter(({ relation }) => fields.includes(relation.name));
  const isIncluded = (field: string): boolean =>
    request.includes.some(({ relation }) => relation.name === field);
  const selected = [...new Set(fields)].filter((field) => !isIncluded(field));
  for (const field of selected) {
    const known = field === "id" || shape.fields.has(field) || shape.open;
    if (!known || typeof field !== "string")
      throw new InvalidQuery(definition.name, "there is no such field to select", shown(field));
    if (request.select !== undefined && !request.select.includes(field))
      throw new InvalidQuery(definition.name, "an earlier select left the field out", field);
  }
  return changed(request, {
    select: Object.freeze(selected),
    includes: Object.freeze(includes),
  });
}

/** Scans one index, with values for its leading fields. */
export function withIndex(
  definition: CollectionDefinition,
  request: QueryRequest,
  name: string,
  prefix: readonly unknown[],
): QueryRequest {
  const index = indexNamed(definition, name);
  if (!Array.isArray(prefix))
    throw new InvalidQuery(definition.name, `the values for the index "${name}" are a list`);
  if (prefix.length > index.fields.length)
    throw new InvalidQuery(definition.name, `the index "${name}" has fewer fields than values`);
  // Array.from makes undefined of holes, so that they are refused too.
  const values = Array.from(prefix as readonly unknown[], (value, i) => {
    if (value === undefined || !isOrdered(value))
      throw new InvalidQuery(
        definition.name,
        `value ${i + 1} for the index "${name}" has no place in an index`,
        index.fields[i]!.path.text,
      );
    checkType(definition, index.fields[i]!.path, value);
    return value;
  });
  return changed(request, {
    index: Object.freeze({ name, prefix: Object.freeze(values), range: EVERYTHING }),
    hasCondition: true,
  });
}

/** Bounds the field after the prefix; several bounds must all hold. */
export function withIndexBound(
  definition: CollectionDefinition,
  request: QueryRequest,
  op: BoundOp,
  value: unknown,
): QueryRequest {
  if (request.index === undefined)
    throw new InvalidQuery(definition.name, `${op} bounds a scan of an index: begin with index()`);
  const { name, prefix, range } = request.index;
  const field = indexNamed(definition, name).fields[prefix.length];
  if (field === undefined)
    throw new InvalidQuery(
      definition.name,
      `no field of the index "${name}" is left to be bounded`,
    );
  if (!isOrdered(value) || typeClass(value) === "nullish")
    throw new InvalidQuery(
      definition.name,
      `${op} takes a value that has an order`,
      field.path.text,
    );
  if (op === "startsWith" && typeof value !== "string")
    throw new InvalidQuery(definition.name, "startsWith takes a string", field.path.text);
  checkType(definition, field.path, value);
  const bounded = intersect(range, boundSet(op, value));
  return changed(request, { index: Object.freeze({ name, prefix, range: bounded }) });
}

/** The values that a bound lets through: of the operand's own type class only, as in filters. */
export function boundSet(op: BoundOp, value: Scalar): ValueSet {
  if (op === "startsWith") return prefixSet(value as string);
  const [own] = classSet(typeClass(value)!);
  switch (op) {
    case "gt":
      return between(afterValue(value), own!.end);
    case "gte":
      return between(beforeValue(value), own!.end);
    case "lt":
      return between(own!.start, beforeValue(value));
    case "lte":
      return between(own!.start, afterValue(value));
  }
}

function indexNamed(definition: CollectionDefinition, name: string): IndexDefinition {
  const index = definition.indexes.find((candidate) => candidate.name === name);
  if (index === undefined && definition.tallies.some((tally) => tally.name === name))
    throw new InvalidQuery(
      definition.name,
      `the index "${name}" counts or sums and has no entries to scan: ask with where() and count()`,
    );
  if (index === undefined)
    throw new InvalidQuery(
      definition.name,
      `there is no index ${typeof name === "string" ? `"${name}"` : shown(name)}`,
    );
  return index;
}

/** Refuses a value that the field can never have, as filters do. */
function checkType(definition: CollectionDefinition, path: FieldPath, value: Scalar): void {
  const problem = typeProblem(definition.schema.shape, path, value);
  if (problem !== undefined) throw new InvalidQuery(definition.name, problem, path.text);
}

/** What a caller without types handed in, for messages; only what has a text of its own is shown by it. */
export function shown(value: unknown): string {
  if (typeof value === "string" || typeof value === "number" || value === null)
    return String(value);
  return Array.isArray(value) ? "a list" : typeof value;
}
