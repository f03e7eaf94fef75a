/** The plain evaluator: what a query means, on a list of documents. */
import {
  compareValues,
  documentKey,
  matches,
  parsePath,
  valueAt,
} from "../../src/collections/index.ts";
import type { Document, Scalar } from "../../src/collections/index.ts";
import { compareBytes } from "../../src/base/index.ts";
import type { QueryRequest } from "../../src/query/index.ts";

export interface PlainOrder {
  readonly path: string;
  readonly descending: boolean;
}

export function compareIdsPlainly(a: string, b: string): number {
  const none = new Uint8Array(0);
  return compareBytes(documentKey(none, a), documentKey(none, b));
}

/** By the fields, then by id in the direction of the last one. */
export function compareDocuments(order: readonly PlainOrder[], a: Document, b: Document): number {
  for (const { path, descending } of order) {
    const difference =
      path === "id"
        ? compareIdsPlainly(a.id, b.id)
        : compareValues(scalarAt(a, path), scalarAt(b, path));
    if (difference !== 0) return descending ? -difference : difference;
  }
  const difference = compareIdsPlainly(a.id, b.id);
  return order.at(-1)?.descending === true ? -difference : difference;
}

function scalarAt(document: Document, path: string): Scalar {
  return valueAt(document, parsePath(path)!) as Scalar;
}

/** The order that a request asks for, `reverse` included. */
export function plainOrder(request: QueryRequest): readonly PlainOrder[] {
  return request.orderBy.map(({ path, direction }) => ({
    path: path.text,
    descending: (direction === "desc") !== request.reverse,
  }));
}

/** The documents that fit; in order if one is asked for. Limit and fields are left to the caller. */
export function plainMatches(request: QueryRequest, documents: readonly Document[]): Document[] {
  const fitting = documents.filter((document) => matches(request.filter, document));
  const order = plainOrder(request);
  if (order.length > 0) fitting.sort((a, b) => compareDocuments(order, a, b));
  return fitting;
}

export function plainSelect(
  document: Document,
  select: readonly string[] | undefined,
): Readonly<Record<string, unknown>> {
  if (select === undefined) return document;
  return Object.fromEntries(Object.entries(document).filter(([name]) => select.includes(name)));
}
