/** Asking for related documents: the part of a request that include() adds. */
import { InvalidQuery } from "../../collections/index.ts";
import type { CollectionDefinition, Relation } from "../../collections/index.ts";
import { changed } from "../query-request.ts";
import type { QueryRequest } from "../query-request.ts";

/** Adds related documents to the rows, under the relation's name; `related` is what is asked of them. */
export function withInclude(
  definition: CollectionDefinition,
  request: QueryRequest,
  relation: Relation,
  related: QueryRequest,
): QueryRequest {
  const { name } = relation;
  if (request.includes.some((include) => include.relation.name === name))
    throw new InvalidQuery(definition.name, "the relation is included already", name);
  if (related.index !== undefined)
    throw new InvalidQuery(definition.name, "related documents are found by their own index", name);
  for (const predicate of related.predicates as readonly unknown[])
    if (typeof predicate !== "function")
      throw new InvalidQuery(relation.to.name, "a JavaScript condition is a function", name);
  if (relation.kind === "one") refuseOfOne(definition, related, name);
  const include = Object.freeze({ relation, request: related });
  return changed(request, { includes: Object.freeze([...request.includes, include]) });
}

/** A reference leads to one document, which has no place in an order. */
function refuseOfOne(
  definition: CollectionDefinition,
  { limit, orderBy, reverse }: QueryRequest,
  name: string,
): void {
  if (limit === undefined && orderBy.length === 0 && !reverse) return;
  throw new InvalidQuery(
    definition.name,
    "a reference leads to one document: where, filter, select and include are all that refines it",
    name,
  );
}
