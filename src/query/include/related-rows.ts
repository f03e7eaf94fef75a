/**
 * Finds the documents of a collection that refer to any of a list of documents, in as many engine round trips for a
 * thousand of them as for one: the entries of all in one scanMany, then the documents in one getMany.
 *
 * Always true:
 * (1) What is refused (a full scan, by the database's rule) is refused before anything is read, and whatever the data.
 * (2) The documents of one list are in the request's order, and no more of them than its limit.
 * (3) The plan only says where to look: each document is put to the one that it refers to by what it holds itself.
 */
import { andThen, isPromise } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import { ALL, compileFilter, implies, oneOf, simplify, valueAt } from "../../collections/index.ts";
import type {
  CollectionStore,
  Document,
  FieldPath,
  FilterNode,
  Scalar,
} from "../../collections/index.ts";
import type { MultiScan, Page } from "../../engine/contract/index.ts";
import type { FullView } from "../../transaction/index.ts";
import { choosePlan } from "../plan/choose-plan.ts";
import { orderOf } from "../plan/order.ts";
import type { Branch, IndexAccess, Plan } from "../plan/plan.ts";
import { EVERYTHING } from "../plan/value-set.ts";
import { changed } from "../query-request.ts";
import type { QueryRequest } from "../query-request.ts";
import { danglingEntry } from "../run/branch-reader.ts";
import { coveredDecoder } from "../run/covered-row.ts";
import { PlanCursor, predicateTest } from "../run/plan-cursor.ts";
import { collect } from "../run/read-page.ts";
import { RowSorter } from "../run/sort-rows.ts";

/** What is asked, of which collection, and how its rows hold the references. */
export interface RelatedQuery {
  readonly store: CollectionStore;
  readonly via: FieldPath;
  /** Its select has `via`, or is undefined. Includes are none of its business. */
  readonly request: QueryRequest;
  /** How the documents that refer to one document would be found. */
  readonly plan: Plan;
}

/** Stands where the ids will stand, in plans and in what is told of them. */
const SOME_ID = "(an id)";

/** Plans a request, by the rule for full scans. */
export type Planner = (request: QueryRequest, store: CollectionStore) => Plan;

/**
 * Looks for the index that will serve, once for all lists of ids.
 *
 * @throws FullScan where none does, and the database's rule forbids that.
 */
export function relatedQuery(
  store: CollectionStore,
  via: FieldPath,
  request: QueryRequest,
  planned: Planner,
): RelatedQuery {
  const whole = { store, via, request, plan: choose(store, requestForOne(request, via)) };
  if (isServed(whole.plan)) return whole;
  // What makes it several scans (an `or`) can be checked on the documents as well.
  const checked = changed(request, {
    filter: ALL,
    predicates: Object.freeze([compileFilter(request.filter), ...request.predicates]),
  });
  const simple = { store, via, request: checked, plan: choose(store, requestForOne(checked, via)) };
  if (isServed(simple.plan)) return simple;
  return { ...whole, plan: planned(requestForOne(request, via), store) };
}

function isServed(plan: Plan): boolean {
  return !plan.fullScan && plan.branches.length === 1 && isPlainIndex(plan.branches[0]!);
}

function choose(store: CollectionStore, request: QueryRequest): Plan {
  return choosePlan(request, { definition: store.definition, layout: store.layout() });
}

/** The request as it is for one document; to be planned, not to be run. */
export function requestForOne(request: QueryRequest, via: FieldPath): QueryRequest {
  return changed(request, { filter: narrowed(request.filter, via, [SOME_ID]) });
}

function narrowed(filter: FilterNode, via: FieldPath, ids: readonly Scalar[]): FilterNode {
  return simplify({ kind: "and", nodes: [filter, oneOf(via, ids)] });
}

/** The documents that refer to each of the ids, by id; ids to which none refers are left out. */
export function relatedRows(
  query: RelatedQuery,
  ids: readonly string[],
  view: FullView,
): Awaitable<ReadonlyMap<string, Document[]>> {
  const { request, store, via } = query;
  if (ids.length === 0 || request.limit === 0) return new Map();
  const filter = narrowed(request.filter, via, ids);
  const name = indexFor(query.plan, filter);
  const index =
    name === undefined ? undefined : Object.freeze({ name, prefix: [], range: EVERYTHING });
  const plan = choose(store, changed(request, { filter, limit: undefined, index }));
  const [branch] = plan.branches;
  const isOrdered = plan.order === undefined || (name !== undefined && query.plan.sort === "index");
  const groups = new Groups(query, isOrdered);
  if (plan.branches.length !== 1 || !isPlainIndex(branch!)) {
    const counts = { keys: 0, documents: 0 };
    const cursor = new PlanCursor(plan, undefined, { view, store, counts });
    return andThen(collect(cursor, []), (rows) => groups.take(rows, undefined).finish());
  }
  const test = testOf(branch, plan);
  const { backward } = query.plan;
  // Where every entry of a range counts, and in this order, the engine can stop at the limit. A range is of one id then:
  // else the ids would be left to be checked.
  const limit = isOrdered && test === undefined ? request.limit : undefined;
  const reader = new RangeReader(branch.access, store, view, { backward, limit });
  return andThen(reader.rows(), (rows) => groups.take(rows, test).finish());
}

/** The index that the plan for one document reads, where it may be read for many. */
function indexFor({ branches }: Plan, filter: FilterNode): string | undefined {
  const [branch] = branches;
  if (branches.length !== 1 || !isPlainIndex(branch!)) return undefined;
  const { index } = branch.access;
  return index.where === undefined || implies(filter, index.where) ? index.name : undefined;
}

/** Reads an index in which each document has at most one entry. */
function isPlainIndex(branch: Branch): branch is Branch & { readonly access: IndexAccess } {
  return branch.access.kind === "index" && branch.access.firstIn === undefined;
}

type Test = (document: Document) => boolean;

/** What has to be checked on each document; undefined if nothing. */
function testOf({ residual }: Branch, plan: Plan): Test | undefined {
  const tests: Test[] = plan.predicates.map((predicate) =>
    predicateTest(plan.collection, predicate),
  );
  if (residual.kind !== "all") tests.unshift(compileFilter(residual));
  if (tests.length < 2) return tests[0];
  return (document) => tests.every((test) => test(document));
}

/** Rows by what they refer to. */
class Groups {
  readonly #query: RelatedQuery;
  readonly #isOrdered: boolean;
  readonly #rows = new Map<string, Document[]>();

  constructor(query: RelatedQuery, isOrdered: boolean) {
    this.#query = query;
    this.#isOrdered = isOrdered;
  }

  take(rows: readonly Document[], test: Test | undefined): this {
    for (const row of rows) {
      if (test !== undefined && !test(row)) continue;
      const id = valueAt(row, this.#query.via) as string;
      const group = this.#rows.get(id);
      if (group === undefined) this.#rows.set(id, [row]);
      else group.push(row);
    }
    return this;
  }

  finish(): ReadonlyMap<string, Document[]> {
    const { request } = this.#query;
    const order = orderOf(request);
    const { limit } = request;
    if (order !== undefined && !this.#isOrdered) {
      for (const [id, rows] of this.#rows) {
        const sorter = new RowSorter(order, limit);
        for (const row of rows) sorter.add(row);
        this.#rows.set(id, [...sorter.finish()]);
      }
    } else if (limit !== undefined) {
      for (const [id, rows] of this.#rows)
        if (rows.length > limit) this.#rows.set(id, rows.slice(0, limit));
    }
    return this.#rows;
  }
}

/** All rows of the ranges of one index. */
class RangeReader {
  readonly #access: IndexAccess;
  readonly #store: CollectionStore;
  readonly #view: FullView;
  readonly #scan: MultiScan;

  /** `limit` is for each range. */
  constructor(
    access: IndexAccess,
    store: CollectionStore,
    view: FullView,
    { backward, limit }: { readonly backward: boolean; readonly limit: number | undefined },
  ) {
    const ranges = access.bounds.map(({ range }) => range);
    this.#access = access;
    this.#store = store;
    this.#view = view;
    this.#scan = view.scanMany(backward ? ranges.toReversed() : ranges, {
      expect: "all",
      reverse: backward,
      ...(limit === undefined ? {} : { limitEach: limit }),
    });
  }

  rows(): Awaitable<readonly Document[]> {
    if (this.#access.covered) {
      const decode = coveredDecoder(this.#store, this.#access.index);
      return this.#collect([] as Document[], decode);
    }
    const ids = this.#collect([] as string[], (page, row) =>
      this.#store.referredId(page.buffer, page.valueStart[row]!, page.valueEnd[row]!),
    );
    return andThen(ids, (found) => this.#documents(found));
  }

  #collect<A>(into: A[], decode: (page: Page, row: number) => A): Awaitable<A[]> {
    for (;;) {
      const tagged = this.#scan.next();
      if (isPromise(tagged))
        return tagged.then((arrived) => {
          if (arrived === undefined) return into;
          append(into, arrived.page, decode);
          return this.#collect(into, decode);
        });
      if (tagged === undefined) return into;
      append(into, tagged.page, decode);
    }
  }

  #documents(ids: readonly string[]): Awaitable<readonly Document[]> {
    if (ids.length === 0) return [];
    return andThen(this.#store.getMany(this.#view, ids), (documents) =>
      documents.map((document) => {
        if (document === undefined) throw danglingEntry(this.#access, this.#store);
        return document;
      }),
    );
  }
}

function append<A>(into: A[], page: Page, decode: (page: Page, row: number) => A): void {
  for (let row = 0; row < page.rows; row++) into.push(decode(page, row));
}
