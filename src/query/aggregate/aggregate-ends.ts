/**
 * The least and the greatest value of a field from an end of an index: one entry and its document are read.
 *
 * Always true: the result is the one that reading the documents gives. An end is taken only where the bounds of one index
 * hold exactly the documents that have a value and are asked for, in the order of that value.
 */
import { andThen } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import { oneOf, simplify, valueAt } from "../../collections/index.ts";
import type { FieldPath } from "../../collections/index.ts";
import { choosePlan } from "../plan/choose-plan.ts";
import type { Plan } from "../plan/plan.ts";
import { changed } from "../query-request.ts";
import type { QueryRequest } from "../query-request.ts";
import { completed, targetOf } from "../run-query.ts";
import type { QueryContext } from "../run-query.ts";
import { PlanCursor } from "../run/plan-cursor.ts";
import { collect } from "../run/read-page.ts";
import type { Measure } from "./aggregate-request.ts";

type Row = Record<string, unknown>;
type Named = readonly [name: string, measure: Measure];

/** What reads the least and greatest values, by name; undefined where an index does not give one of them. */
export function aggregateEnds(
  request: QueryRequest,
  measures: readonly Named[],
  context: QueryContext,
): (() => Awaitable<Row>) | undefined {
  const ends: { readonly name: string; readonly path: FieldPath; readonly plan: Plan }[] = [];
  for (const [name, measure] of measures) {
    if (measure.kind !== "min" && measure.kind !== "max") return undefined;
    const plan = endPlan(request, measure.path, measure.kind === "max", context);
    if (plan === undefined) return undefined;
    ends.push({ name, path: measure.path, plan });
  }
  const { store } = context;
  const ground = { view: completed(context.view), store, counts: { keys: 0, documents: 0 } };
  const read = (at: number, before: Row): Awaitable<Row> => {
    const end = ends[at];
    if (end === undefined) return before;
    return andThen(collect(new PlanCursor(end.plan, undefined, ground), []), ([document]) => {
      const value = document === undefined ? null : (valueAt(document, end.path) ?? null);
      return read(at + 1, { ...before, [end.name]: value });
    });
  };
  return () => read(0, {});
}

/** Reads the document at the end of the field's values; undefined where that takes more than one row. */
function endPlan(
  request: QueryRequest,
  path: FieldPath,
  isLast: boolean,
  context: QueryContext,
): Plan | undefined {
  const { filter, index, limit, predicates } = request;
  if (index !== undefined || limit !== undefined || predicates.length > 0 || path.each) return;
  const isThere = { kind: "not", node: oneOf(path, [null]) } as const;
  const asked = changed(request, {
    filter: simplify({ kind: "and", nodes: [filter, isThere] }),
    orderBy: [{ path, direction: isLast ? "desc" : "asc" }],
    reverse: false,
    limit: 1,
    select: undefined,
    includes: [],
  });
  const plan = choosePlan(asked, targetOf({ store: context.store }));
  const [only] = plan.branches;
  if (only === undefined) return plan;
  const repeats = only.access.kind === "index" && only.access.firstIn !== undefined;
  const isEnd = plan.branches.length === 1 && plan.sort === "index";
  return isEnd && only.residual.kind === "all" && !repeats ? plan : undefined;
}
