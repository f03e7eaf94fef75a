/** Plans for people: explain() and golden files. */
import { filterText } from "../../collections/index.ts";
import { orderText } from "./order.ts";
import type { Bound } from "./key-ranges.ts";
import { partsOf } from "./plan.ts";
import type { Access, Branch, Plan } from "./plan.ts";

/** How a query is answered. */
export interface Explanation {
  /** get: documents by id. index: entries of an index. union: several parts. scan: documents in the order of ids. */
  readonly kind: "get" | "index" | "union" | "scan";
  /** The index that is read. */
  readonly index?: string;
  /** What is read of it, in words, one text for each range; "everything" for a whole index or collection. */
  readonly bounds: readonly string[];
  /** Conditions that are checked on each document that was read. */
  readonly residual: readonly string[];
  /** none: no order was asked for. index: what is read comes in order. merge: it
   * comes in several ranges that are in order, whose first rows are read until there are enough. memory: all results are sorted before the first. */
  readonly sort: "none" | "index" | "merge" | "memory";
  /** The index alone answers; no document is read. */
  readonly covered: boolean;
  /** Of a union: its parts. */
  readonly parts?: readonly ExplainedPart[];
  /**
   * About how many rows are read if everything is: entries of indexes, or documents of a scan. A guess, from where the ends
   * of ranges lie in the engine's files; absent where the engine does not tell.
   */
  readonly estimate?: number;
  /** The plan by which it is gone on with if the limit is not reached after so many keys. */
  readonly instead?: { readonly afterKeys: number; readonly plan: Explanation };
  /** Indexes that would serve better, as in a collection's definition. Absent: none is known. */
  readonly advice?: readonly Advice[];
  /** count() of this query reads cells of an index that counts or sums, and no documents. */
  readonly count?: ExplainedCount;
  /** For these fields so do `sum` and `avg` in aggregate(), over all documents of this query. */
  readonly sums?: Readonly<Record<string, ExplainedCount>>;
  /** What is included, by relation: how it is found for one row. For many rows it is read at once. */
  readonly includes?: Readonly<Record<string, Explanation>>;
  /** What to think about. */
  readonly warnings: readonly string[];
  /** The whole plan as a few lines, for people; with `analyze` the figures too. */
  readonly text: string;
  /** With `analyze`: what a run really did. */
  readonly actual?: ActualFigures;
}
interface ExplainedPart {
  readonly kind: "get" | "index" | "scan";
  readonly index?: string;
  readonly bounds: readonly string[];
  readonly residual: readonly string[];
  readonly estimate?: number;
}
/** An index for the query, or one for its count(). */
export type Advice =
  | { readonly on: readonly string[] }
  | { readonly count: true; readonly by: readonly string[] };
interface ExplainedCount {
  readonly index: string;
  /** Which groups are read, in words. */
  readonly bounds: readonly string[];
}
export interface ActualFigures {
  /** Rows of results. */
  readonly rows: number;
  /** Index entries and document keys that were looked at. */
  readonly keys: number;
  /** Documents that were decoded. */
  readonly documents: number;
  readonly millis: number;
}

/**
 * What a plan does. A plan that reads nothing explains itself as a get of no ids. `rowsOf` tells about how many rows an
 * access reads.
 */
export function explainPlan(plan: Plan, rowsOf?: (access: Access) => number): Explanation {
  const { instead } = plan;
  const parts = plan.branches.map((branch) => explainBranch(branch, rowsOf));
  const predicates = plan.predicates.map(() => "a JavaScript condition");
  const estimate = parts.reduce((sum, part) => sum + (part.estimate ?? 0), 0);
  const about = {
    sort: plan.sort,
    warnings: plan.warnings,
    text: planText(plan),
    ...(rowsOf === undefined ? {} : { estimate }),
    ...(instead === undefined
      ? {}
      : {
          instead: { afterKeys: instead.afterKeys, plan: explainPlan(instead.plan, rowsOf) },
        }),
  };
  const covered =
    parts.length > 0 &&
    plan.branches.every(({ access }) => access.kind === "index" && access.covered);
  const [only] = parts;
  if (parts.length > 1)
    return { kind: "union", bounds: [], residual: predicates, covered, parts, ...about };
  if (only === undefined)
    return { kind: "get", bounds: ["nothing"], residual: [], covered, ...about };
  return { ...only, residual: [...only.residual, ...predicates], covered, ...about };
}

/** The explanation of a query together with those of what it includes, by relation. */
export function withIncludes(
  explanation: Explanation,
  includes: Readonly<Record<string, Explanation>>,
): Explanation {
  const entries = Object.entries(includes);
  if (entries.length === 0) return explanation;
  const lines = entries.flatMap(([relation, { text }]) => [
    `include  ${relation}`,
    ...text.split("\n").map((line) => `  ${line}`),
  ]);
  return { ...explanation, includes, text: [explanation.text, ...lines].join("\n") };
}

function explainBranch(
  { access, residual }: Branch,
  rowsOf: ((access: Access) => number) | undefined,
): ExplainedPart {
  const conditions =
    residual.kind === "all" ? [] : residual.kind === "and" ? residual.nodes : [residual];
  return {
    kind: access.kind,
    ...(access.kind === "index" ? { index: access.index.name } : {}),
    bounds: boundsOf(access),
    residual: conditions.map(filterText),
    ...(rowsOf === undefined ? {} : { estimate: rowsOf(access) }),
  };
}

function boundsOf(access: Access): readonly string[] {
  if (access.kind === "get") return access.ids.map((id) => `id = ${JSON.stringify(id)}`);
  return boundTexts(access.bounds);
}

/** Each range in words, once. */
export function boundTexts(bounds: readonly Bound[]): readonly string[] {
  return [...new Set(bounds.map(({ text }) => (text === "" ? "everything" : text)))];
}

/** More ranges than this are counted, not shown. */
const BOUNDS_SHOWN_MAX = 6;

/** The plan as a few lines of text, the same for the same plan. */
export function planText(plan: Plan): string {
  const lines: string[] = [];
  if (plan.branches.length === 0) lines.push("nothing is read");
  const isUnion = plan.branches.length > 1;
  if (isUnion) lines.push("union, each document once");
  for (const branch of plan.branches)
    lines.push(...branchLines(branch, plan).map((line) => (isUnion ? `  ${line}` : line)));
  if (plan.predicates.length > 0) lines.push(`check    ${plan.predicates.length} × JavaScript`);
  if (plan.order !== undefined) lines.push(`order    ${orderText(plan.order)}, ${sortText(plan)}`);
  if (plan.limit !== undefined) lines.push(`limit    ${plan.limit}`);
  if (plan.instead !== undefined) {
    const [line] = planText(plan.instead.plan).split("\n");
    lines.push(`else     ${line}, after ${plan.instead.afterKeys} keys`);
  }
  if (plan.select !== undefined) lines.push(`select   ${plan.select.join(", ")}`);
  for (const warning of plan.warnings) lines.push(`warning  ${warning}`);
  return lines.join("\n");
}

function sortText({ branches, sort, limit }: Plan): string {
  if (sort === "index") return "as it is read";
  if (sort === "merge")
    return `merge of ${branches.flatMap(({ access }) => partsOf(access)).length} ranges`;
  return limit === undefined ? "sorted in memory" : `best ${limit} kept in memory`;
}

function branchLines({ access, residual, turned }: Branch, plan: Plan): readonly string[] {
  const lines = [`${accessText(access)}${plan.backward === turned ? "" : ", backwards"}`];
  lines.push(...shownBounds("range", boundsOf(access)));
  if (residual.kind !== "all") lines.push(`check    ${filterText(residual)}`);
  return lines;
}

/** A line for each range, as far as they can be taken in. */
export function shownBounds(label: string, bounds: readonly string[]): readonly string[] {
  const begin = label.padEnd(8);
  const lines = bounds.slice(0, BOUNDS_SHOWN_MAX).map((bound) => `${begin} ${bound}`);
  const more = bounds.length - lines.length;
  return more > 0 ? [...lines, `${begin} and ${more} more`] : lines;
}

function accessText(access: Access): string {
  switch (access.kind) {
    case "get":
      return "documents by id";
    case "scan":
      return access.whole ? "all documents" : "documents in ranges of ids";
    case "index": {
      const once = access.firstIn === undefined ? "" : ", each document once";
      return `index ${access.index.name}${access.covered ? ", no documents" : ""}${once}`;
    }
  }
}
