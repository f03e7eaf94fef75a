/**
 * The plain model of a database: arrays, maps and the words of values.ts. How documents are ordered, which writes are
 * refused, what a query gives.
 *
 * Documents are never changed in place, so a copy of a collection is a snapshot of it.
 */
import { compare, at, fits, isWithin, valuesAt } from "./values.ts";
import type { Doc, Fields, Filter } from "./values.ts";

export interface PlainIndex {
  readonly on: readonly string[];
  readonly unique?: true;
  readonly where?: Filter;
  /** Stored in the entries; says nothing of what a query gives. */
  readonly include?: readonly string[];
  /** So long after the date in the only field a document is deleted. */
  readonly expire?: `${number}d`;
}
export type PlainIndexes = Readonly<Record<string, PlainIndex>>;

// ------------------------------------------------------------------ queries

export interface Asked {
  /** Scans one index by name; its order is the query's then. */
  readonly index?: AskedIndex | undefined;
  readonly filter?: Filter | undefined;
  /** A condition in JavaScript as well. */
  readonly odd?: boolean | undefined;
  readonly orderBy: readonly (readonly [path: string, direction: "asc" | "desc"])[];
  readonly reverse: boolean;
  readonly limit?: number | undefined;
  readonly select?: readonly string[] | undefined;
}
export interface AskedIndex {
  readonly name: string;
  readonly prefix: readonly unknown[];
  /** The last is where "between" ends. */
  readonly bounds: readonly (readonly [op: string, value: unknown, to: unknown])[];
}

export function isOdd(document: Fields): boolean {
  return (document["n"] as number) % 2 === 1;
}

/** All rows that fit; in order where there is one. */
export function rowsOf(asked: Asked, documents: Iterable<Doc>, index?: PlainIndex): Doc[] {
  const rows = [...documents].filter(
    (document) =>
      (asked.filter === undefined || fits(asked.filter, document)) &&
      (asked.odd !== true || isOdd(document)) &&
      (index === undefined || hasEntry(index, asked.index!, document)),
  );
  const order = orderOf(asked, index);
  return order === undefined ? rows : rows.sort(order);
}

/** Has the document an entry that begins with the prefix and whose next value is within the bounds? */
function hasEntry(index: PlainIndex, { bounds, prefix }: AskedIndex, document: Doc): boolean {
  if (index.where !== undefined && !fits(index.where, document)) return false;
  return index.on.every((field, i) => {
    const values = valuesAt(document, pathOf(field));
    if (values.length === 0) return false;
    if (i < prefix.length) return values.some((value) => compare(value, prefix[i]) === 0);
    if (i > prefix.length) return true;
    return values.some((value) =>
      bounds.every(([op, bound, to]) =>
        op === "between"
          ? isWithin(value, "gte", bound) && isWithin(value, "lt", to)
          : isWithin(value, op, bound),
      ),
    );
  });
}

/** How two rows are ordered; undefined where their order is free. */
export function orderOf(
  asked: Asked,
  index: PlainIndex | undefined,
): ((a: Doc, b: Doc) => number) | undefined {
  const order =
    asked.orderBy.length > 0 || index === undefined
      ? asked.orderBy.map(([path, direction]) => [path, direction === "desc"] as const)
      : index.on.map((field) => [pathOf(field), field.startsWith("-")] as const);
  if (order.length === 0 || order.some(([path]) => path.includes("[]"))) return undefined;
  const sign = asked.reverse ? -1 : 1;
  return (a, b) => {
    for (const [path, descending] of order) {
      const difference = path === "id" ? compareIds(a.id, b.id) : compare(at(a, path), at(b, path));
      if (difference !== 0) return descending ? -difference * sign : difference * sign;
      // The same document: what is ordered by behind the id can move it nowhere.
      if (path === "id") return 0;
    }
    const difference = compareIds(a.id, b.id);
    return order.at(-1)![1] ? -difference * sign : difference * sign;
  };
}

/** ULIDs before the ids of callers, each by bytes. */
function compareIds(a: string, b: string): number {
  const [ulidA, ulidB] = [isUlid(a), isUlid(b)];
  return ulidA === ulidB ? compare(a, b) : ulidA ? -1 : 1;
}
export function isUlid(id: string): boolean {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(id);
}

/** The documents that are due by the index. */
export function dueBy(index: PlainIndex, documents: Iterable<Doc>, nowMillis: number): Doc[] {
  const { expire, on, where } = index;
  if (expire === undefined) return [];
  const expireMillis = Number.parseFloat(expire) * 86_400_000;
  return [...documents].filter((document) => {
    const date = at(document, pathOf(on[0]!));
    if (!(date instanceof Date) || (where !== undefined && !fits(where, document))) return false;
    return date.getTime() + expireMillis <= nowMillis;
  });
}

export function picked(document: Doc, select: readonly string[] | undefined): Fields {
  if (select === undefined) return document;
  return Object.fromEntries(Object.entries(document).filter(([name]) => select.includes(name)));
}

function pathOf(field: string): string {
  return field.startsWith("-") ? field.slice(1) : field;
}

// ------------------------------------------------------------------ writes

type Holders = ReadonlyMap<string, ReadonlySet<string | undefined>>;
/** Why a write must be refused. */
export class Refused extends Error {
  readonly tag: string;
  /** Of a taken key: who may be named as its holder, by index. Undefined: one that has no id yet. */
  readonly holders: Holders;
  constructor(tag: string, holders: Holders = new Map()) {
    super(`${tag} ${[...holders.keys()].join()}`);
    this.tag = tag;
    this.holders = holders;
  }
}

/** Documents by id, and the indexes that keep some of them out. */
export class PlainCollection {
  readonly documents: Map<string, Doc>;
  readonly indexes: PlainIndexes;

  constructor(indexes: PlainIndexes, documents: Iterable<readonly [string, Doc]> = []) {
    this.indexes = indexes;
    this.documents = new Map(documents);
  }

  copy(): PlainCollection {
    return new PlainCollection(this.indexes, this.documents);
  }

  /** In the order of their ids, so that a number names one. */
  list(): Doc[] {
    return [...this.documents.values()].sort((a, b) => compareIds(a.id, b.id));
  }

  put(document: Doc): void {
    this.documents.set(document.id, document);
  }

  /** Throws what the documents would be refused with, if they were put where those of the ids `replaced` were. */
  check(documents: readonly Doc[], ...replaced: readonly string[]): void {
    const holders = new Map<string, Set<string | undefined>>();
    const taken = (index: string, holder: string | undefined): void => {
      holders.set(index, (holders.get(index) ?? new Set()).add(holder));
    };
    for (const [i, { id }] of documents.entries()) {
      if (!replaced.includes(id) && this.documents.has(id)) taken("id", id);
      if (documents.slice(0, i).some((other) => other.id === id)) taken("id", undefined);
    }
    for (const [name, index] of Object.entries(this.indexes)) {
      if (index.unique !== true) continue;
      const keys = documents.map((document) => uniqueKey(index, document));
      for (const [i, key] of keys.entries())
        if (key !== undefined && keys.indexOf(key) !== i) taken(name, undefined);
      for (const other of this.documents.values()) {
        const key = replaced.includes(other.id) ? undefined : uniqueKey(index, other);
        if (key !== undefined && keys.includes(key)) taken(name, other.id);
      }
    }
    if (holders.size > 0) throw new Refused("UniqueViolation", holders);
  }

  existing(id: string): Doc {
    const document = this.documents.get(id);
    if (document === undefined) throw new Refused("NotFound");
    return document;
  }
}

const knownKeys = new WeakMap<PlainIndex, WeakMap<Doc, string | undefined>>();
/** The values that no other document may have; undefined where the document does not count. */
export function uniqueKey(index: PlainIndex, document: Doc): string | undefined {
  let known = knownKeys.get(index);
  if (known === undefined) knownKeys.set(index, (known = new WeakMap()));
  if (known.has(document)) return known.get(document);
  const values = index.on.map((field) => at(document, pathOf(field)) ?? undefined);
  const counts = index.where === undefined || fits(index.where, document);
  const key = counts && !values.includes(undefined) ? JSON.stringify(values) : undefined;
  known.set(document, key);
  return key;
}

/** Both collections at one moment. */
export interface Model {
  readonly things: PlainCollection;
  readonly others: PlainCollection;
}
export const collectionNames = ["things", "others"] as const;
export type CollectionName = (typeof collectionNames)[number];

export function copied(model: Model): Model {
  return { things: model.things.copy(), others: model.others.copy() };
}
/** Every document the same, in both. */
export function sameModel(a: Model, b: Model, same: (a: Doc, b: Doc) => boolean): boolean {
  return collectionNames.every((name) => {
    const [these, those] = [a[name].documents, b[name].documents];
    if (these.size !== those.size) return false;
    for (const [id, document] of these) {
      const other = those.get(id);
      if (other === undefined || (other !== document && !same(document, other))) return false;
    }
    return true;
  });
}
