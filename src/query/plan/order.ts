/**
 * The order of results, and which scans give it by themselves.
 *
 * Always true:
 * (1) An order is total: equal fields are ordered by the document's id, in the direction of the last field asked for.
 * (2) The order of ids is that of document keys: ULIDs before the callers' own. Nothing is ordered behind the id.
 */
import type { BoundIndex, FieldPath } from "../../collections/index.ts";
import type { QueryRequest } from "../query-request.ts";

interface SortField {
  readonly path: FieldPath;
  readonly descending: boolean;
}
export interface Order {
  /** Outermost first; never the id. */
  readonly fields: readonly SortField[];
  readonly idDescending: boolean;
}
export type ScanDirection = "forward" | "backward";

/** The order that a request asks for, `reverse` included; undefined if any order will do. */
export function orderOf(request: QueryRequest): Order | undefined {
  if (request.orderBy.length === 0) return undefined;
  const fields: SortField[] = [];
  let descending = false;
  for (const field of request.orderBy) {
    descending = (field.direction === "desc") !== request.reverse;
    if (field.path.text === "id") break;
    // A field that was there before decides nothing any more.
    if (!fields.some(({ path }) => path.text === field.path.text))
      fields.push(Object.freeze({ path: field.path, descending }));
  }
  return Object.freeze({ fields: Object.freeze(fields), idDescending: descending });
}

/** How to scan the index for this order; undefined if it has another one. `fixed` are paths with one value only. */
export function directionOfIndex(
  order: Order,
  index: BoundIndex,
  fixed: Pick<ReadonlySet<string>, "has">,
): ScanDirection | undefined {
  const given = index.fields.filter(({ path }) => !fixed.has(path.text));
  const asked = order.fields.filter(({ path }) => !fixed.has(path.text));
  // The id stands behind all fields of the index, so none of them may be left over.
  if (given.length !== asked.length) return undefined;
  if (!given.every(({ path }, i) => path.text === asked[i]!.path.text)) return undefined;
  const idDescending = index.fields.at(-1)!.descending;
  const turned = idDescending !== order.idDescending;
  if (!given.every(({ descending }, i) => (descending !== asked[i]!.descending) === turned))
    return undefined;
  return turned ? "backward" : "forward";
}

/** How to scan the documents themselves, which lie in the order of their ids. */
export function directionOfDocuments(
  order: Order,
  fixed: ReadonlyMap<string, unknown>,
): ScanDirection | undefined {
  if (order.fields.some(({ path }) => !fixed.has(path.text))) return undefined;
  return order.idDescending ? "backward" : "forward";
}

export function orderText(order: Order): string {
  const fields = order.fields.map(
    ({ path, descending }) => `${path.text}${descending ? " desc" : ""}`,
  );
  return [...fields, order.idDescending ? "id desc" : "id"].join(", ");
}
