/**
 * The plain model: arrays, maps and the language's own operators, nothing of src. What a filter means, how documents are
 * ordered, which writes are refused, what a write leaves.
 */
export type Fields = Readonly<Record<string, unknown>>;
export type Doc = Fields & { readonly id: string };

// ------------------------------------------------------------------ values

const RANKS = ["boolean", "number", "date", "string"];
function rank(value: unknown): number {
  if (value === undefined || value === null) return -1;
  return RANKS.indexOf(value instanceof Date ? "date" : typeof value);
}

/** By kind, then by value; strings as their UTF-8 bytes. */
function compare(a: unknown, b: unknown): number {
  const [rankA, rankB] = [rank(a), rank(b)];
  if (rankA !== rankB) return rankA - rankB;
  if (rankA === -1) return 0;
  if (typeof a === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b as string));
  return Number(a) - Number(b);
}

function at(document: unknown, path: string): unknown {
  let value = document;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Fields)[name];
  }
  return value;
}

// ------------------------------------------------------------------ filters

export type Filter =
  | { readonly path: string; readonly op: string; readonly value: unknown }
  | { readonly and: readonly Filter[] }
  | { readonly or: readonly Filter[] }
  | { readonly not: Filter };

function fits(filter: Filter, document: unknown): boolean {
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
    case "startsWith":
      return typeof value === "string" && value.startsWith(operand as string);
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
      return rank(value) === rank(operand) && orderHolds(op, compare(value, operand));
  }
}
function orderHolds(op: string, order: number): boolean {
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

// ------------------------------------------------------------------ queries

export interface Asked {
  /** Scans one index by name; its order is the query's then. */
  readonly index?: string | undefined;
  readonly filter?: Filter | undefined;
  readonly orderBy: readonly (readonly [path: string, direction: "asc" | "desc"])[];
  readonly reverse: boolean;
  readonly limit?: number | undefined;
  readonly select?: readonly string[] | undefined;
}
export interface PlainIndex {
  readonly on: readonly string[];
  readonly unique?: boolean;
  readonly where?: Filter;
}

/** ULIDs before the ids of callers, each by bytes. */
function compareIds(a: string, b: string): number {
  const [ulidA, ulidB] = [isUlid(a), isUlid(b)];
  return ulidA === ulidB ? compare(a, b) : ulidA ? -1 : 1;
}
export function isUlid(id: string): boolean {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(id);
}

/** All rows that fit; in order where one is asked for, by itself or as that of an index. */
export function rowsOf(asked: Asked, documents: Iterable<Doc>, index?: PlainIndex): Doc[] {
  const rows = [...documents].filter(
    (document) =>
      (asked.filter === undefined || fits(asked.filter, document)) &&
      (index?.where === undefined || fits(index.where, document)),
  );
  const order =
    asked.orderBy.length > 0 || index === undefined
      ? asked.orderBy.map(([path, direction]) => [path, direction === "desc"] as const)
      : index.on.map((path) => [path.replace("-", ""), path.startsWith("-")] as const);
  if (order.length === 0) return rows;
  rows.sort((a, b) => {
    for (const [path, descending] of order) {
      const difference = path === "id" ? compareIds(a.id, b.id) : compare(at(a, path), at(b, path));
      if (difference !== 0) return descending ? -difference : difference;
    }
    const difference = compareIds(a.id, b.id);
    return order.at(-1)![1] ? -difference : difference;
  });
  return asked.reverse ? rows.reverse() : rows;
}

export function picked(document: Doc, select: readonly string[] | undefined): Fields {
  if (select === undefined) return document;
  return Object.fromEntries(Object.entries(document).filter(([name]) => select.includes(name)));
}

// ------------------------------------------------------------------ writes

/** Why a write must be refused; of several taken keys any may be named. */
export class Refused extends Error {
  readonly tag: string;
  readonly indexes: readonly string[];
  constructor(tag: string, indexes: readonly string[] = []) {
    super(`${tag} ${indexes.join()}`);
    this.tag = tag;
    this.indexes = indexes;
  }
}

/** One collection: its documents by id. A copy is a snapshot, as documents are never changed in place. */
export class PlainCollection {
  readonly documents: Map<string, Doc>;
  readonly #indexes: Readonly<Record<string, PlainIndex>>;

  constructor(indexes: Readonly<Record<string, PlainIndex>>, documents: Iterable<Doc> = []) {
    this.#indexes = indexes;
    this.documents = new Map([...documents].map((document) => [document.id, document]));
  }

  copy(): PlainCollection {
    return new PlainCollection(this.#indexes, this.documents.values());
  }

  /** In the order of their ids, so that a number names one. */
  list(): Doc[] {
    return [...this.documents.values()].sort((a, b) => compareIds(a.id, b.id));
  }

  put(document: Doc): Doc {
    this.documents.set(document.id, document);
    return document;
  }

  /** Throws what the documents would be refused with, if they were put where `replaced` was. */
  check(documents: readonly Doc[], replaced?: string): void {
    const taken = new Set<string>();
    const there = [...this.documents.values()].filter(({ id }) => id !== replaced);
    for (const [i, document] of documents.entries()) {
      const others = [...there, ...documents.slice(0, i)];
      if (others.some(({ id }) => id === document.id)) taken.add("id");
      for (const [name, index] of Object.entries(this.#indexes)) {
        const key = index.unique === true ? uniqueKey(index, document) : undefined;
        if (key === undefined) continue;
        if (others.some((other) => uniqueKey(index, other) === key)) taken.add(name);
      }
    }
    if (taken.size > 0) throw new Refused("UniqueViolation", [...taken]);
  }

  existing(id: string): Doc {
    const document = this.documents.get(id);
    if (document === undefined) throw new Refused("NotFound");
    return document;
  }
}

/** The values that no other document may have; undefined where the document does not count. */
function uniqueKey(index: PlainIndex, document: Doc): string | undefined {
  if (index.where !== undefined && !fits(index.where, document)) return undefined;
  const values = index.on.map((path) => at(document, path.replace("-", "")) ?? undefined);
  return values.includes(undefined) ? undefined : JSON.stringify(values);
}

/** Without the fields that are undefined. */
export function compact<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
