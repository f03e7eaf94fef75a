/**
 * The ends of a query: what runs it. Each takes a view (a transaction, a snapshot, a plain read) and a store that is
 * ready, and gives a value at once where the view does.
 */
import { andThen, isPromise } from "../base/index.ts";
import type { Awaitable, BatchCursor } from "../base/index.ts";
import {
  IndexNotReady,
  InvalidQuery,
  NotFound,
  filterForm,
  filterText,
} from "../collections/index.ts";
import type { CollectionDefinition, CollectionStore, Document } from "../collections/index.ts";
import type { ReadView } from "../engine/contract/index.ts";
import { fullView } from "../transaction/index.ts";
import type { FullView } from "../transaction/index.ts";
import { rowMaker } from "./include/include-rows.ts";
import type { RowMaker } from "./include/include-rows.ts";
import { choosePlan } from "./plan/choose-plan.ts";
import type { QueryTarget } from "./plan/choose-plan.ts";
import type { Plan } from "./plan/plan.ts";
import { FullScan, NotUnique } from "./query-error.ts";
import { shown } from "./query-request.ts";
import type { QueryRequest } from "./query-request.ts";
import type { ReadCounts } from "./run/branch-reader.ts";
import { countPlan } from "./run/count-plan.ts";
import { PlanCursor } from "./run/plan-cursor.ts";
import type { RunGround } from "./run/plan-cursor.ts";
import { checkPageRequest, collect, readPage } from "./run/read-page.ts";
import type { PageRequest, RowPage } from "./run/read-page.ts";
import { chooseTally } from "./tally/choose-tally.ts";
import { readCount } from "./tally/read-tally.ts";
import type { Estimate } from "./weigh/scales.ts";

/** What happens to a query that may have to look at every document. */
export type FullScanRule = "allow" | "warn" | "error";

/** Where a query runs. */
export interface QueryContext {
  readonly store: CollectionStore;
  readonly view: ReadView;
  /** Default: allow. The doors have another one. */
  readonly fullScan?: FullScanRule | undefined;
  /** Takes the FullScan that the rule `warn` does not throw, and the form of the query, by which it may be known already. */
  readonly warn?: ((form: string, problem: () => FullScan) => void) | undefined;
  /** Where related documents are; for requests that include any. */
  readonly storeOf?: ((definition: CollectionDefinition) => CollectionStore) | undefined;
  /** About how many rows a range has. Absent: plans follow from the request and the indexes alone. */
  readonly estimate?: Estimate | undefined;
  /** What sorting may take; default 64 MiB. See SortTooLarge. */
  readonly sortBytesMax?: number | undefined;
  /** A clock for explain. */
  readonly nowMillis?: (() => number) | undefined;
}

/** All rows, in order. */
export function allRows(request: QueryRequest, context: QueryContext): Awaitable<Document[]> {
  const maker = makerOf(request, context);
  const cursor = open(maker.request, context);
  return andThen(collect(cursor, []), (documents) => maker.rows(documents));
}

/** The first row; undefined if there is none. */
export function firstRow(
  request: QueryRequest,
  context: QueryContext,
): Awaitable<Document | undefined> {
  return andThen(allRows(atMost(request, 1), context), (rows) => rows[0]);
}

/** The only row. @throws NotFound, NotUnique. */
export function onlyRow(request: QueryRequest, context: QueryContext): Awaitable<Document> {
  return andThen(allRows(atMost(request, 2), context), (rows) => {
    const { name } = context.store.definition;
    const [first] = rows;
    if (first === undefined) throw new NotFound(name);
    if (rows.length > 1) throw new NotUnique(name, filterText(request.filter));
    return first;
  });
}

/** Is there any row? */
export function hasRows(request: QueryRequest, context: QueryContext): Awaitable<boolean> {
  return andThen(countRows(atMost(request, 1), context), (count) => count > 0);
}

/** How many rows there are. */
export function countRows(request: QueryRequest, context: QueryContext): Awaitable<number> {
  const tally = chooseTally(request, targetOf(context));
  if (tally !== undefined) return readCount(tally, completed(context.view));
  // Order and fields do not matter to a count, and without them an index alone may do.
  const plan = planned({ ...request, orderBy: [], reverse: false, select: [] }, context);
  return countPlan(plan, groundOf(context, newCounts()));
}

/** One page of rows. @throws InvalidCursor, InvalidQuery. */
export function pageOfRows(
  request: QueryRequest,
  context: QueryContext,
  page: PageRequest,
): Awaitable<RowPage> {
  checkPageRequest(context.store.definition.name, request, page);
  const maker = makerOf(request, context);
  // Without an order the rows come as the plan reads them, and the next page must come from the same one.
  const estimate = request.orderBy.length === 0 ? undefined : context.estimate;
  const plan = planned({ ...maker.request, limit: page.size + 1 }, { ...context, estimate });
  const read = readPage(plan, request, page, groundOf(context, newCounts()));
  return andThen(read, ({ items, next, previous }) =>
    andThen(maker.rows(items), (rows) => ({ items: rows, next, previous })),
  );
}

/** Rows in batches, read as they are asked for; close() when no more are. */
export function openRows(request: QueryRequest, context: QueryContext): BatchCursor<Document> {
  const maker = makerOf(request, context);
  const cursor = open(maker.request, context);
  const rows = (
    batch: readonly Document[] | undefined,
  ): Awaitable<readonly Document[] | undefined> =>
    batch === undefined ? undefined : maker.rows(batch);
  return {
    next: () => {
      const batch = cursor.next();
      return isPromise(batch) ? batch.then(rows) : rows(batch);
    },
    close: () => cursor.close(),
  };
}

/**
 * The plan, without running it and whatever the rule for full scans.
 *
 * @throws InvalidQuery where a JavaScript condition is no function; IndexNotReady where the named index is being built.
 */
export function planFor(request: QueryRequest, context: PlanContext): Plan {
  for (const predicate of request.predicates as readonly unknown[])
    if (typeof predicate !== "function")
      throw new InvalidQuery(
        context.store.definition.name,
        `a JavaScript condition is a function, not ${shown(predicate)}`,
      );
  const target = targetOf(context);
  const named = request.index?.name;
  if (named !== undefined && !target.layout.indexes.some(({ name }) => name === named))
    throw context.store.lacking(named);
  return choosePlan(request, target);
}

type PlanContext = Pick<QueryContext, "store" | "estimate">;

/** What the planner knows of the collection. */
export function targetOf({ estimate, store }: PlanContext): QueryTarget {
  return { definition: store.definition, layout: store.layout(), estimate };
}

function open(request: QueryRequest, context: QueryContext): PlanCursor {
  const plan = planned(request, context);
  return new PlanCursor(plan, undefined, groundOf(context, newCounts()));
}

/** Where a plan of the query runs. */
export function groundOf(
  { sortBytesMax, store, view }: QueryContext,
  counts: ReadCounts,
): RunGround {
  return { view: completed(view), store, counts, sortBytesMax };
}

function makerOf(request: QueryRequest, context: QueryContext): RowMaker {
  return rowMaker(request, {
    view: completed(context.view),
    storeOf: context.storeOf,
    planned: (related, store) => planned(related, { ...context, store }),
  });
}

function planned(request: QueryRequest, context: QueryContext): Plan {
  const plan = planFor(request, context);
  const { fullScan = "allow", warn } = context;
  if (!plan.fullScan || fullScan === "allow") return plan;
  const missing = missingIndex(request, context);
  if (missing !== undefined) {
    if (fullScan === "error") throw new IndexNotReady(plan.collection, missing);
    return plan;
  }
  const problem = (): FullScan =>
    new FullScan(plan.collection, filterText(plan.filter), plan.suggestion);
  if (fullScan === "error") throw problem();
  warn?.(formOf(plan), problem);
  return plan;
}

/** The index that would serve the query, and is still being built. */
function missingIndex(request: QueryRequest, { store }: QueryContext): string | undefined {
  const layout = store.layoutOnceBuilt();
  if (layout === undefined) return undefined;
  const plan = choosePlan(request, { definition: store.definition, layout });
  if (plan.fullScan) return undefined;
  const ready = new Set(store.layout().indexes.map(({ name }) => name));
  return plan.branches
    .flatMap(({ access }) => (access.kind === "index" ? [access.index.name] : []))
    .find((name) => !ready.has(name));
}

/** The query without its values, `tasks: state = ? by -at`: equal for queries that differ in nothing else. */
function formOf({ collection, filter, order, predicates }: Plan): string {
  const checks = predicates.map(() => " and JavaScript").join("");
  const fields = order?.fields.map(
    ({ descending, path }) => `${descending ? "-" : ""}${path.text}`,
  );
  const by = fields === undefined ? "" : ` by ${fields.join(", ")}`;
  return `${collection}: ${filterForm(filter)}${checks}${by}`;
}

function atMost(request: QueryRequest, rows: number): QueryRequest {
  return { ...request, limit: Math.min(rows, request.limit ?? rows) };
}

/** Engines may leave ways of reading out; a transaction leaves out none. */
export function completed(view: ReadView): FullView {
  const isComplete = view.scanMany !== undefined && view.scanRefs !== undefined;
  return isComplete ? (view as FullView) : fullView(view, false);
}

export function newCounts(): ReadCounts {
  return { keys: 0, documents: 0 };
}
