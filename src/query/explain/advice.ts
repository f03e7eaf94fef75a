/** Indexes that would serve a query better than those that are there. */
import { fieldText } from "../../collections/index.ts";
import type { BoundIndex } from "../../collections/index.ts";
import type { QueryTarget } from "../plan/choose-plan.ts";
import { conditionsOf } from "../plan/filter-sets.ts";
import type { Plan } from "../plan/plan.ts";
import type { Advice } from "../plan/plan-text.ts";
import { suggestedIndexes } from "../plan/suggestion.ts";
import { isPoint } from "../plan/value-set.ts";
import type { QueryRequest } from "../query-request.ts";

/** Fewer rows are counted as fast as cells are read, and an index costs each write something. */
const COUNTED_ROWS_WORTH = 1_000;

/** For rows: where something is checked or sorted that an index could give. For count(): where many rows are counted. */
export function adviceFor(
  plan: Plan,
  request: QueryRequest,
  target: QueryTarget,
  counts: { readonly rows: number | undefined; readonly hasCells: boolean },
): readonly Advice[] {
  if (request.index !== undefined || plan.branches.length === 0) return [];
  const { rows, hasCells } = counts;
  const isCounted = !hasCells && rows !== undefined && rows >= COUNTED_ROWS_WORTH;
  const by = isCounted && givesAll(plan) ? groupsOf(request) : undefined;
  const count: Advice[] = by === undefined ? [] : [{ count: true, by }];
  return [...indexesFor(plan, request, target).map((on) => ({ on })), ...count];
}

/** Are most of the rows that are read results? Else there may be few, and a group for each of them helps nobody. */
function givesAll({ branches, fullScan }: Plan): boolean {
  const isExact = branches.every(({ residual }) => residual.kind === "all");
  return isExact || (!fullScan && branches.every(({ access }) => access.kind === "scan"));
}

function indexesFor(
  plan: Plan,
  { filter }: QueryRequest,
  { layout }: QueryTarget,
): readonly (readonly string[])[] {
  if (plan.suggestion.length > 0) return plan.suggestion;
  const isChecked = plan.branches.some(
    ({ access, residual }) => residual.kind !== "all" && access.kind !== "get",
  );
  if (plan.sort !== "memory" && !isChecked) return [];
  const { order } = plan;
  const suggested = suggestedIndexes(conditionsOf(filter), order, layout.indexes);
  // Without an order the first fields of an index serve as well as an index on these fields alone.
  return suggested.filter((on) => order !== undefined || !layout.indexes.some(beginsWith(on)));
}

function beginsWith(on: readonly string[]): (index: BoundIndex) => boolean {
  return ({ fields, where }) =>
    where === undefined && on.every((text, i) => fields[i] && fieldText(fields[i]) === text);
}

/** The fields whose values name the groups that are counted; undefined where a count by groups cannot answer. */
function groupsOf({ filter, limit, predicates }: QueryRequest): readonly string[] | undefined {
  if (limit !== undefined || predicates.length > 0) return undefined;
  const paths = new Set<string>();
  for (const { path, set } of conditionsOf(filter)) {
    if (path === undefined || path.text === "id" || set?.every(isPoint) !== true) return undefined;
    paths.add(path.text);
  }
  return [...paths];
}
