/** Cells for people: what explain() says of a count that needs no documents. */
import { boundTexts, shownBounds } from "../plan/plan-text.ts";
import type { Explanation } from "../plan/plan-text.ts";
import type { TallyPlan } from "./choose-tally.ts";

/** The explanation of a query whose count() is answered by cells. */
export function withTally(
  explanation: Explanation,
  { bounds, points, tally }: TallyPlan,
): Explanation {
  const texts = boundTexts(bounds);
  const cells = points ? "a cell for each group" : "the cells of all groups in ranges";
  const lines = [`count    index ${tally.name}, ${cells}`, ...shownBounds("groups", texts)];
  return {
    ...explanation,
    count: { index: tally.name, bounds: texts },
    text: [explanation.text, ...lines].join("\n"),
  };
}
