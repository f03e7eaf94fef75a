/** How a query would run, and with `analyze` how it ran: for people, and for tests that hold a program to its indexes. */
import { andThen, assert } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import { InvalidQuery } from "../../collections/index.ts";
import { explainPlan, withIncludes } from "../plan/plan-text.ts";
import type { ActualFigures, Advice, Explanation } from "../plan/plan-text.ts";
import { shown } from "../query-request.ts";
import type { QueryRequest } from "../query-request.ts";
import { groundOf, newCounts, planFor, targetOf } from "../run-query.ts";
import type { QueryContext } from "../run-query.ts";
import { PlanCursor } from "../run/plan-cursor.ts";
import { collect } from "../run/read-page.ts";
import { chooseSums, chooseTally } from "../tally/choose-tally.ts";
import { withSums, withTally } from "../tally/tally-text.ts";
import { Scales } from "../weigh/scales.ts";
import { adviceFor } from "./advice.ts";
import { explainIncludes } from "./explain-includes.ts";

/** How the query would run. With `analyze` it is run, and the figures are there too; that takes a clock. */
export function explainQuery(
  request: QueryRequest,
  context: QueryContext,
  options: { readonly analyze?: boolean } = {},
): Awaitable<Explanation> {
  checkExplainOptions(context.store.definition.name, options);
  const plan = planFor(request, context);
  const target = targetOf(context);
  const tally = chooseTally(request, target);
  const scales = target.estimate === undefined ? undefined : new Scales(target.estimate);
  const ofRows = explainPlan(plan, scales && ((access) => scales.rowsOf(access)));
  const explained = withIncludes(ofRows, explainIncludes(request, context.storeOf));
  const advice = adviceFor(plan, request, target, {
    rows: ofRows.estimate,
    hasCells: tally !== undefined,
  });
  const counted = tally === undefined ? explained : withTally(explained, tally);
  const told = withSums(counted, chooseSums(request, target));
  // What the plan warns of stands in its text already.
  const isWarned = plan.suggestion.length > 0;
  const explanation = withAdvice(told, advice, isWarned);
  if (options.analyze !== true) return explanation;
  const { nowMillis } = context;
  assert(nowMillis !== undefined, "who analyzes has a clock");
  const counts = newCounts();
  const start = nowMillis();
  const cursor = new PlanCursor(plan, undefined, groundOf(context, counts));
  return andThen(collect(cursor, []), (documents) => {
    const actual = { rows: documents.length, ...counts, millis: nowMillis() - start };
    return { ...withLines(explanation, figuresText(explanation, actual)), actual };
  });
}

/** Only with figures: a text without them is the same for the same plan, and may stand in a test. */
function figuresText({ estimate }: Explanation, actual: ActualFigures): readonly string[] {
  const { documents, keys, millis, rows } = actual;
  const did = `actual   ${rows} rows of ${keys} keys and ${documents} documents, ${millis.toFixed(1)} ms`;
  return estimate === undefined ? [did] : [`estimate up to about ${estimate} keys`, did];
}

function withAdvice(
  explanation: Explanation,
  advice: readonly Advice[],
  isWarned: boolean,
): Explanation {
  if (advice.length === 0) return explanation;
  const told = advice.filter((one) => !isWarned || !("on" in one));
  const lines = told.map((one) => `advice   ${adviceText(one)}`);
  return { ...withLines(explanation, lines), advice };
}

function adviceText(advice: Advice): string {
  if ("on" in advice) return `the index ${JSON.stringify(advice.on)}`;
  const by = advice.by.length === 0 ? "" : `, by: ${JSON.stringify(advice.by)}`;
  return `the index { count: true${by} } for count()`;
}

function withLines(explanation: Explanation, lines: readonly string[]): Explanation {
  return { ...explanation, text: [explanation.text, ...lines].join("\n") };
}

function checkExplainOptions(collection: string, options: { readonly analyze?: unknown }): void {
  if (typeof options !== "object" || options === null)
    throw new InvalidQuery(collection, `explain takes { analyze }, not ${shown(options)}`);
  const unknown = Object.keys(options).find((name) => name !== "analyze");
  if (unknown !== undefined)
    throw new InvalidQuery(collection, "explain has no such option; there is analyze", unknown);
  if (options.analyze !== undefined && typeof options.analyze !== "boolean")
    throw new InvalidQuery(collection, "analyze is true or false", "analyze");
}
