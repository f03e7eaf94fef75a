/**
 * Can the cells of a count or sum index answer for a query? Pure, as choosing a plan is.
 *
 * Always true, of a plan that is given:
 * (1) The documents of the groups in its bounds are exactly the documents that the query asks for.
 * (2) Of several tallies one whose groups are all named by their values is taken first, for their cells are read one by
 *     one; then one with fewer fields, which has fewer groups; then the one that was declared first.
 */
import { implies } from "../../collections/index.ts";
import type { BoundTally, FieldPath } from "../../collections/index.ts";
import type { QueryTarget } from "../plan/choose-plan.ts";
import { conditionsOf } from "../plan/filter-sets.ts";
import type { Condition } from "../plan/filter-sets.ts";
import { indexBounds } from "../plan/key-ranges.ts";
import type { Bound } from "../plan/key-ranges.ts";
import { intersectAll } from "../plan/value-set.ts";
import type { ValueSet } from "../plan/value-set.ts";
import type { QueryRequest } from "../query-request.ts";

/** What is asked of the documents. */
export interface TallyQuestion {
  /** The field whose sum is wanted; undefined: the documents are counted. */
  readonly sum?: FieldPath | undefined;
  /** Results are wanted for each group of documents with equal values here; empty: for all of them as one. */
  readonly groupBy?: readonly FieldPath[];
}

/** Which cells answer. */
export interface TallyPlan {
  readonly tally: BoundTally;
  /** Ranges of cells. */
  readonly bounds: readonly Bound[];
  /** Each range is one group: all `by` fields are named by their values. */
  readonly points: boolean;
}

/**
 * The cells that answer; undefined if none do, or if a limit, a JavaScript condition or an index named by the caller says
 * more than groups can.
 */
export function chooseTally(
  request: QueryRequest,
  { layout }: QueryTarget,
  question: TallyQuestion = {},
): TallyPlan | undefined {
  if (layout.tallies.length === 0) return undefined;
  const { index, limit, predicates } = request;
  if (index !== undefined || limit !== undefined || predicates.length > 0) return undefined;
  const conditions = conditionsOf(request.filter);
  let best: TallyPlan | undefined;
  for (const tally of layout.tallies) {
    if (!answers(tally, question)) continue;
    const plan = planOf(tally, conditions, request);
    if (plan !== undefined && (best === undefined || isBetter(plan, best))) best = plan;
  }
  return best;
}

/** Of each field whose sum some cells have, those that answer. */
export function chooseSums(
  request: QueryRequest,
  target: QueryTarget,
): ReadonlyMap<string, TallyPlan> {
  const plans = new Map<string, TallyPlan>();
  for (const { sum } of target.layout.tallies) {
    if (sum === undefined || plans.has(sum.path.text)) continue;
    const plan = chooseTally(request, target, { sum: sum.path });
    if (plan !== undefined) plans.set(sum.path.text, plan);
  }
  return plans;
}

/** Has the tally what is asked, in groups that are fine enough? */
function answers({ by, sum }: BoundTally, { sum: wanted, groupBy }: TallyQuestion): boolean {
  if (wanted !== undefined && sum?.path.text !== wanted.text) return false;
  return groupBy?.every(({ text }) => by.some((path) => path.text === text)) ?? true;
}

function planOf(
  tally: BoundTally,
  conditions: readonly Condition[],
  { filter }: QueryRequest,
): TallyPlan | undefined {
  const { by, where, prefix } = tally;
  if (where !== undefined && !implies(filter, where)) return undefined;
  const said = new Map<string, ValueSet[]>();
  for (const { node, path, set } of conditions) {
    const isGroup = path !== undefined && by.some(({ text }) => text === path.text);
    if (isGroup) said.set(path.text, [...(said.get(path.text) ?? []), set!]);
    // Whoever is counted at all fulfils what the tally's own filter says.
    else if (where === undefined || !implies(where, node)) return undefined;
  }
  const sets = by.map(({ text }) => {
    const all = said.get(text);
    return all === undefined ? undefined : intersectAll(all);
  });
  // Nothing can fit: the plan of a query without results is cheaper than any cell.
  if (sets.some((set) => set?.length === 0)) return undefined;
  const fields = by.map((path) => ({ path, descending: false }));
  const found = indexBounds({ prefix, fields }, sets);
  // Ranges of keys are bounded by leading fields only; what is said of a later one would be left out.
  if (sets.some((set, i) => set !== undefined && i >= found.fields)) return undefined;
  const points = found.equalities === by.length;
  return Object.freeze({ tally, bounds: found.bounds, points });
}

function isBetter(a: TallyPlan, b: TallyPlan): boolean {
  const difference = Number(a.points) - Number(b.points) || b.tally.by.length - a.tally.by.length;
  return difference > 0;
}
