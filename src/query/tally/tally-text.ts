/** Cells for people: what explain() says of counts and sums that need no documents. */
import { boundTexts, shownBounds } from "../plan/plan-text.ts";
import type { Explanation } from "../plan/plan-text.ts";
import type { TallyPlan } from "./choose-tally.ts";

/** The explanation of a query whose count() is answered by cells. */
export function withTally(explanation: Explanation, plan: TallyPlan): Explanation {
  return {
    ...explanation,
    count: { index: plan.tally.name, bounds: boundTexts(plan.bounds) },
    text: [explanation.text, ...linesOf("count    ", plan)].join("\n"),
  };
}

/** The explanation of a query over whose documents these fields' sums are answered by cells. */
export function withSums(
  explanation: Explanation,
  plans: ReadonlyMap<string, TallyPlan>,
): Explanation {
  if (plans.size === 0) return explanation;
  const sums = [...plans].map(([field, { bounds, tally }]) => [
    field,
    { index: tally.name, bounds: boundTexts(bounds) },
  ]);
  const lines = [...plans].flatMap(([field, plan]) => linesOf(`sum      ${field}: `, plan));
  return {
    ...explanation,
    sums: Object.fromEntries(sums),
    text: [explanation.text, ...lines].join("\n"),
  };
}

function linesOf(what: string, { bounds, points, tally }: TallyPlan): readonly string[] {
  const cells = points ? "a cell for each group" : "the cells of all groups in ranges";
  return [`${what}index ${tally.name}, ${cells}`, ...shownBounds("groups", boundTexts(bounds))];
}
