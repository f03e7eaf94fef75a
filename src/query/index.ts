// Asking
export {
  EVERY_DOCUMENT,
  withIndex,
  withIndexBound,
  withLimit,
  withOrderBy,
  withPredicate,
  withReverse,
  withSelect,
  withWhere,
} from "./query-request.ts";
export type { BoundOp, QueryRequest } from "./query-request.ts";
export { withInclude } from "./include/with-include.ts";
export { relatedQuery, relatedRows } from "./include/related-rows.ts";
export type { RelatedQuery } from "./include/related-rows.ts";
// Answering
export {
  allRows,
  countRows,
  firstRow,
  hasRows,
  onlyRow,
  openRows,
  pageOfRows,
  planFor,
} from "./run-query.ts";
export { explainQuery } from "./explain/explain-query.ts";
export type { FullScanRule, QueryContext } from "./run-query.ts";
export type { Estimate } from "./weigh/scales.ts";
export type { PageRequest, RowPage } from "./run/read-page.ts";
export { rowsToChange } from "./run/rows-to-change.ts";
// Figures
export { aggregateRequest, groupRequest } from "./aggregate/aggregate-request.ts";
export { aggregateRows } from "./aggregate/aggregate-rows.ts";
export type { AggregateResult, Aggregates, GroupValue } from "./aggregate/aggregate-type.ts";
// Counts and sums that indexes keep
export { chooseTally } from "./tally/choose-tally.ts";
export type { TallyPlan, TallyQuestion } from "./tally/choose-tally.ts";
export { foldGroups } from "./tally/fold-groups.ts";
export { readGroups } from "./tally/read-tally.ts";
export type { TallyGroup } from "./tally/read-tally.ts";
// Plans
export { planText } from "./plan/plan-text.ts";
export type { Explanation } from "./plan/plan-text.ts";
// Errors
export { InvalidQuery } from "../collections/index.ts";
export { FullScan, InvalidCursor, NotUnique, SortTooLarge } from "./query-error.ts";
