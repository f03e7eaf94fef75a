/**
 * Figures from the cells that indexes keep, without reading a document: counts, sums and averages, of all documents that
 * a query asks for or by groups.
 *
 * Always true: the result is the one that reading the documents gives. Both sums are exact and rounded once; where plain
 * addition would leave the range of numbers on the way, this one is still right.
 */
import { andThen, assert } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import type { FieldPath } from "../../collections/index.ts";
import type { FullView } from "../../transaction/index.ts";
import type { QueryRequest } from "../query-request.ts";
import { completed, targetOf } from "../run-query.ts";
import type { QueryContext } from "../run-query.ts";
import { chooseTally } from "../tally/choose-tally.ts";
import type { TallyPlan } from "../tally/choose-tally.ts";
import { foldGroups } from "../tally/fold-groups.ts";
import { readGroups } from "../tally/read-tally.ts";
import type { TallyGroup } from "../tally/read-tally.ts";
import { average } from "./aggregate-groups.ts";
import type { AggregateRequest, Measure } from "./aggregate-request.ts";

type Row = Record<string, unknown>;

/** The rows of the answer; undefined where no cells say all that is asked. */
export function aggregateCells(
  request: QueryRequest,
  aggregate: AggregateRequest,
  context: QueryContext,
): Awaitable<Row[]> | undefined {
  const { by, measures } = aggregate;
  const sums = summedPaths(measures.map(([, measure]) => measure));
  if (sums === undefined) return undefined;
  const target = targetOf(context);
  const plans: TallyPlan[] = [];
  for (const sum of sums) {
    const plan = chooseTally(request, target, { sum, groupBy: by });
    if (plan === undefined) return undefined;
    plans.push(plan);
  }
  return andThen(readAll(plans, completed(context.view), by, []), (lists) =>
    rowsOf(aggregate, sums, lists),
  );
}

/** The fields whose sums are needed, each once, or undefined alone for counts; undefined where cells never have it. */
function summedPaths(measures: readonly Measure[]): readonly (FieldPath | undefined)[] | undefined {
  const paths = new Map<string, FieldPath>();
  for (const measure of measures) {
    if (measure.kind === "min" || measure.kind === "max") return undefined;
    if (measure.kind !== "count") paths.set(measure.path.text, measure.path);
  }
  return paths.size === 0 ? [undefined] : [...paths.values()];
}

/** The groups of each plan, read one plan after the other. */
function readAll(
  plans: readonly TallyPlan[],
  view: FullView,
  by: readonly FieldPath[],
  before: readonly (readonly TallyGroup[])[],
): Awaitable<readonly (readonly TallyGroup[])[]> {
  const plan = plans[before.length];
  if (plan === undefined) return before;
  return andThen(readGroups(plan, view), (groups) =>
    readAll(plans, view, by, [...before, foldGroups(groups, plan.tally, by)]),
  );
}

/** `lists`: for each of `sums` the same groups in the same order, for all of them are groups of the same documents. */
function rowsOf(
  { by, measures }: AggregateRequest,
  sums: readonly (FieldPath | undefined)[],
  lists: readonly (readonly TallyGroup[])[],
): Row[] {
  const [first] = lists;
  assert(
    lists.every((list) => list.length === first!.length),
    "tallies of the same documents have the same groups",
  );
  // Without groups there is one row, also over no documents.
  const count = by.length === 0 ? 1 : first!.length;
  return Array.from({ length: count }, (_, i) => {
    const row: Row = {};
    for (const [at, { text }] of by.entries()) row[text] = first![i]!.values[at] ?? null;
    for (const [name, measure] of measures) {
      const at =
        measure.kind === "count" ? 0 : sums.findIndex((sum) => sum?.text === measure.path.text);
      row[name] = figureOf(measure, lists[at]![i]);
    }
    return row;
  });
}

function figureOf(measure: Measure, group: TallyGroup | undefined): unknown {
  if (measure.kind === "count") return group?.count ?? 0;
  assert(measure.kind === "sum" || measure.kind === "avg", "cells hold no least and no greatest");
  const sum = group?.sum?.value ?? (measure.numbers === "bigint" ? 0n : 0);
  if (measure.kind === "sum") return sum;
  const numbers = group?.numbers ?? 0;
  return numbers === 0 ? null : average(sum, numbers);
}
