/**
 * Values and filters in plain words: nothing of src but the language's own operators. What the order of values is, what
 * lies at a path, and which documents a filter means.
 */
export type Fields = Readonly<Record<string, unknown>>;
export type Doc = Fields & { readonly id: string };

/** In their order; values of different ones are never compared by gt, gte, lt and lte. */
const CLASSES = ["nothing", "boolean", "number", "bigint", "date", "string", "bytes"];
function rank(value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (value instanceof Date) return CLASSES.indexOf("date");
  return CLASSES.indexOf(value instanceof Uint8Array ? "bytes" : typeof value);
}

/** By class, then by value; strings as their UTF-8 bytes. */
export function compare(a: unknown, b: unknown): number {
  const difference = rank(a) - rank(b);
  if (difference !== 0 || rank(a) === 0) return difference;
  if (typeof a === "string")
    return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b as string));
  if (a instanceof Uint8Array) return Buffer.compare(a, b as Uint8Array);
  const [left, right] = [a as number, b as number];
  return left < right ? -1 : left > right ? 1 : 0;
}

export function at(document: unknown, path: string): unknown {
  let value = document;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Fields)[name];
  }
  return value;
}

/** The values at a path of an index: one, or those of the elements where "[]" stands in it. */
export function valuesAt(document: unknown, path: string): readonly unknown[] {
  const [list, rest] = path.split("[]");
  if (rest === undefined) return [at(document, path)];
  const elements = at(document, list!);
  if (!Array.isArray(elements)) return [];
  return elements.map((element: unknown) => (rest === "" ? element : at(element, rest.slice(1))));
}

export type Filter =
  | { readonly path: string; readonly op: string; readonly value: unknown }
  | { readonly and: readonly Filter[] }
  | { readonly or: readonly Filter[] }
  | { readonly not: Filter };

export function fits(filter: Filter, document: unknown): boolean {
  if ("and" in filter) return filter.and.every((part) => fits(part, document));
  if ("or" in filter) return filter.or.some((part) => fits(part, document));
  if ("not" in filter) return !fits(filter.not, document);
  return holds(filter.op, at(document, filter.path), filter.value);
}

function holds(op: string, value: unknown, operand: unknown): boolean {
  const list = (Array.isArray(value) ? value : []) as readonly unknown[];
  const equals = (other: unknown): boolean => compare(value, other) === 0;
  switch (op) {
    case "eq":
      return equals(operand);
    case "ne":
      return !equals(operand);
    case "in":
      return (operand as unknown[]).some(equals);
    case "notIn":
      return !(operand as unknown[]).some(equals);
    case "exists":
      return (value !== undefined && value !== null) === operand;
    case "has":
      return list.includes(operand);
    case "hasAny":
      return (operand as unknown[]).some((one) => list.includes(one));
    case "hasAll":
      return (operand as unknown[]).every((one) => list.includes(one));
    case "size":
      return Array.isArray(value) && value.length === operand;
    case "some":
      return list.some((element) => fits(operand as Filter, element));
    default:
      return isWithin(value, op, operand);
  }
}

/** Of the bounds, which scans of an index have too. */
export function isWithin(value: unknown, op: string, bound: unknown): boolean {
  if (op === "startsWith") return typeof value === "string" && value.startsWith(bound as string);
  if (rank(value) !== rank(bound)) return false;
  const order = compare(value, bound);
  if (op === "gt") return order > 0;
  if (op === "gte") return order >= 0;
  return op === "lt" ? order < 0 : order <= 0;
}

/** The filter as the database takes it. */
export function filterObject(filter: Filter): object {
  if ("and" in filter) return { AND: filter.and.map(filterObject) };
  if ("or" in filter) return { OR: filter.or.map(filterObject) };
  if ("not" in filter) return { NOT: filterObject(filter.not) };
  const { op, path, value } = filter;
  const operand = op === "some" ? someObject(value as Filter) : value;
  const condition = op === "eq" ? operand : { [op]: operand };
  return path
    .split(".")
    .reduceRight<unknown>((inner, name) => ({ [name]: inner }), condition) as object;
}
/** Conditions on one element: all must hold. */
function someObject(filter: Filter): object {
  const parts = "and" in filter ? filter.and : [filter];
  return Object.assign({}, ...parts.map(filterObject)) as object;
}

/** The fields of documents that a filter names. */
export function fieldsOf(filter: Filter): readonly string[] {
  if ("and" in filter) return filter.and.flatMap(fieldsOf);
  if ("or" in filter) return filter.or.flatMap(fieldsOf);
  if ("not" in filter) return fieldsOf(filter.not);
  return [filter.path.split(".")[0]!];
}

/** Equal to the last bit: other keys, other classes or another order in a list are a difference. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date) return a.getTime() === (b as Date).getTime();
  if (a instanceof Uint8Array) return Buffer.compare(a, b as Uint8Array) === 0;
  if (Array.isArray(a)) {
    const other = b as readonly unknown[];
    return a.length === other.length && a.every((element, i) => same(element, other[i]));
  }
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every(
    (name) => Object.hasOwn(b, name) && same((a as Fields)[name], (b as Fields)[name]),
  );
}

/** Without the fields that are undefined. */
export function compact<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
