/**
 * Puts related documents into rows. Each relation is loaded once for all rows that are there, and then what is included in
 * those, level by level: the number of engine round trips follows from the request, not from the rows.
 *
 * Always true:
 * (1) All is read from the view that the rows came from.
 * (2) A row has the fields that were selected and what was included; fields that only the work needed are taken out.
 */
import { andThen, assert } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import { compileFilter, DanglingReference, valueAt } from "../../collections/index.ts";
import type { CollectionDefinition, CollectionStore, Document } from "../../collections/index.ts";
import type { FullView } from "../../transaction/index.ts";
import { changed } from "../query-request.ts";
import type { Include, QueryRequest } from "../query-request.ts";
import { predicateTest } from "../run/plan-cursor.ts";
import { relatedQuery, relatedRows } from "./related-rows.ts";
import type { Planner } from "./related-rows.ts";

/** Where includes are read. */
export interface IncludeGround {
  readonly view: FullView;
  readonly planned: Planner;
  /** The store of a collection that a relation leads to; it is ready. */
  readonly storeOf: ((definition: CollectionDefinition) => CollectionStore) | undefined;
}

/** Documents as they were read, made into rows as they were asked for. */
export interface RowMaker {
  /** The request with the fields that the work needs. */
  readonly request: QueryRequest;
  rows(documents: readonly Document[]): Awaitable<Document[]>;
}

/** One relation of a request: fills the documents of its rows, given in the same order. */
type Loader = (documents: readonly Document[]) => Awaitable<readonly unknown[]>;

/** @throws FullScan where no index finds what is related, and the database's rule forbids that; nothing was read. */
export function rowMaker(request: QueryRequest, ground: IncludeGround): RowMaker {
  const { includes, select } = request;
  if (includes.length === 0)
    return { request, rows: (documents) => selected(documents, select, [], []) };
  const loaders = includes.map((include) => loaderOf(include, ground));
  return {
    request: withFields(request, includes.map(neededField)),
    rows: (documents) =>
      andThen(loadAll(loaders, documents, []), (loaded) =>
        selected(documents, select, includes, loaded),
      ),
  };
}

/** The field of a row from which its related documents are found. */
function neededField({ relation }: Include): string {
  return relation.kind === "one" ? relation.via.text : "id";
}

function withFields(request: QueryRequest, fields: readonly string[]): QueryRequest {
  if (request.select === undefined) return request;
  return changed(request, { select: Object.freeze([...new Set([...request.select, ...fields])]) });
}

/** One relation after the other: in a transaction reads must not overtake each other. */
function loadAll(
  loaders: readonly Loader[],
  documents: readonly Document[],
  loaded: readonly (readonly unknown[])[],
): Awaitable<readonly (readonly unknown[])[]> {
  const next = loaders[loaded.length];
  if (next === undefined || documents.length === 0) return loaded;
  return andThen(next(documents), (found) => loadAll(loaders, documents, [...loaded, found]));
}

function selected(
  documents: readonly Document[],
  select: readonly string[] | undefined,
  includes: readonly Include[],
  loaded: readonly (readonly unknown[])[],
): Document[] {
  if (select === undefined && includes.length === 0) return [...documents];
  return documents.map((document, i) => {
    const row: Record<string, unknown> = select === undefined ? { ...document } : {};
    for (const field of select ?? [])
      if (Object.hasOwn(document, field)) row[field] = document[field];
    for (const [n, { relation }] of includes.entries()) row[relation.name] = loaded[n]![i];
    return row as Document;
  });
}

function loaderOf(include: Include, ground: IncludeGround): Loader {
  assert(ground.storeOf !== undefined, "who includes has the stores");
  const store = ground.storeOf(include.relation.to);
  const inner = rowMaker(include.request, ground);
  return include.relation.kind === "one"
    ? oneLoader(include, inner, store, ground)
    : manyLoader(include, inner, store, ground);
}

/** The documents that rows refer to: one getMany for all. */
function oneLoader(
  { relation }: Include,
  inner: RowMaker,
  store: CollectionStore,
  { view }: IncludeGround,
): Loader {
  const { filter, predicates } = inner.request;
  const collection = relation.to.name;
  const tests = predicates.map((predicate) => predicateTest(collection, predicate));
  if (filter.kind !== "all") tests.unshift(compileFilter(filter));
  const isNarrowed = tests.length > 0;
  const missing = (document: Document, id: unknown): null => {
    if (isNarrowed || relation.optional) return null;
    const { name } = relation.from;
    const by = { collection: name, id: document.id, field: relation.via.text };
    throw new DanglingReference(collection, String(id), by);
  };
  return (documents) => {
    const ids = [...new Set(documents.map((document) => referenceIn(document, relation)))].filter(
      (id) => id !== undefined,
    );
    return andThen(store.getMany(view, ids), (found) => {
      const fitting = found.filter(
        (document) => document !== undefined && tests.every((test) => test(document)),
      ) as Document[];
      return andThen(inner.rows(fitting), (rows) => {
        const rowOf = new Map(fitting.map(({ id }, i) => [id, rows[i]!]));
        return documents.map((document) => {
          const id = referenceIn(document, relation);
          return (id === undefined ? undefined : rowOf.get(id)) ?? missing(document, id);
        });
      });
    });
  };
}

/** Undefined where there is no reference. Of a schema that tells nothing, the field may hold anything. */
function referenceIn(document: Document, { via }: Include["relation"]): string | undefined {
  const id = valueAt(document, via);
  return typeof id === "string" ? id : undefined;
}

/** The documents that refer to rows: the entries of all in one scanMany. */
function manyLoader(
  { relation }: Include,
  inner: RowMaker,
  store: CollectionStore,
  { planned, view }: IncludeGround,
): Loader {
  const { via } = relation;
  const query = relatedQuery(store, via, withFields(inner.request, [via.text]), planned);
  return (documents) => {
    const ids = [...new Set(documents.map(({ id }) => id))];
    return andThen(relatedRows(query, ids, view), (groups) => {
      const all = [...groups.values()].flat();
      return andThen(inner.rows(all), (rows) => {
        let next = 0;
        const rowsOf = new Map<string, Document[]>();
        for (const [id, group] of groups) rowsOf.set(id, rows.slice(next, (next += group.length)));
        return documents.map(({ id }) => rowsOf.get(id) ?? []);
      });
    });
  };
}
