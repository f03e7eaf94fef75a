/** The documents that an update or a delete by query changes: whole, and only where somebody said which. */
import type { Awaitable } from "../../base/index.ts";
import { InvalidQuery } from "../../collections/index.ts";
import type { Document } from "../../collections/index.ts";
import type { QueryRequest } from "../query-request.ts";
import { allRows } from "../run-query.ts";
import type { QueryContext } from "../run-query.ts";

/** @throws InvalidQuery where no condition was spelled out: a forgotten one must not empty a collection. */
export function rowsToChange(
  request: QueryRequest,
  context: QueryContext,
): Awaitable<readonly Document[]> {
  if (!request.hasCondition)
    throw new InvalidQuery(
      context.store.definition.name,
      "to change every document, say so: where({})",
      "where",
    );
  return allRows({ ...request, select: undefined, includes: [] }, context);
}
