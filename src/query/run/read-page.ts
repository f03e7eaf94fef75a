/**
 * Pages of a query by place, not by count: a page after a row begins behind that row's place, whatever was inserted or
 * deleted meanwhile, so that no row comes twice and none is left out.
 */
import { andThen, isPromise } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import { InvalidQuery, filterText, matches, scalarText } from "../../collections/index.ts";
import type { Document } from "../../collections/index.ts";
import { orderText } from "../plan/order.ts";
import type { Branch, Plan } from "../plan/plan.ts";
import { planText } from "../plan/plan-text.ts";
import { setText } from "../plan/set-text.ts";
import { InvalidCursor } from "../query-error.ts";
import { shown } from "../query-request.ts";
import type { QueryRequest } from "../query-request.ts";
import { clippedPlan, reversedPlan } from "./clip-plan.ts";
import { firstEntryKey, idSuffix } from "./entry-key.ts";
import { decodeCursor, encodeCursor, fingerprintOf } from "./page-cursor.ts";
import type { PagePosition, Side } from "./page-cursor.ts";
import { PlanCursor } from "./plan-cursor.ts";
import type { RunGround } from "./plan-cursor.ts";
import { orderValues } from "./sort-rows.ts";

export interface PageRequest {
  /** Rows on a page, at least 1. */
  readonly size: number;
  /** `next` of another page. */
  readonly after?: string | null | undefined;
  /** `previous` of another page. */
  readonly before?: string | null | undefined;
}
/** One page of a longer list. */
export interface RowPage {
  /** With `select` the rows are documents of which only those fields are there. */
  readonly items: readonly Document[];
  /** Hand to `after` for the next page; null at the end. */
  readonly next: string | null;
  /** Hand to `before` for the page before; null at the start. After deletions it may lead to an empty page. */
  readonly previous: string | null;
}

const PAGE_OPTIONS: readonly string[] = ["size", "after", "before"];

/** Refuses what cannot be a page. */
export function checkPageRequest(
  collection: string,
  request: QueryRequest,
  page: PageRequest,
): void {
  if (typeof page !== "object" || page === null)
    throw new InvalidQuery(collection, `page takes { size }, not ${shown(page)}`);
  const unknown = Object.keys(page).find((name) => !PAGE_OPTIONS.includes(name));
  if (unknown !== undefined)
    throw new InvalidQuery(
      collection,
      `page has no such option; there are ${PAGE_OPTIONS.join(", ")}`,
      unknown,
    );
  if (!Number.isSafeInteger(page.size) || page.size < 1)
    throw new InvalidQuery(
      collection,
      `a page has a whole number of rows from 1 on, not ${shown(page.size)}`,
      "size",
    );
  for (const side of ["after", "before"] as const) {
    const cursor: unknown = page[side];
    if (typeof cursor !== "string" && cursor !== null && cursor !== undefined)
      throw new InvalidQuery(collection, `a cursor is a string, not ${shown(cursor)}`, side);
  }
  if (request.limit !== undefined)
    throw new InvalidQuery(collection, "a query with a limit has no pages: its limit is the page");
  if (isGiven(page.after) && isGiven(page.before))
    throw new InvalidQuery(collection, "a page is after one cursor or before one, not both");
}

function isGiven(cursor: string | null | undefined): cursor is string {
  return cursor !== undefined && cursor !== null;
}

/** The page of a plan whose limit is one row more than the page has. */
export function readPage(
  planned: Plan,
  request: QueryRequest,
  page: PageRequest,
  ground: RunGround,
): Awaitable<RowPage> {
  const places = new Places(planned, request);
  const isBefore = isGiven(page.before);
  const cursor = isBefore ? page.before : page.after;
  const position = isGiven(cursor) ? places.decode(cursor) : undefined;
  const oriented = isBefore ? reversedPlan(places.plan) : places.plan;
  const { plan, cut } =
    position === undefined
      ? { plan: oriented, cut: undefined }
      : clippedPlan(oriented, ground.store.layout(), isBefore ? turned(position) : position);
  const rows = collect(new PlanCursor(plan, cut, ground), []);
  return andThen(rows, (found) => {
    const more = found.length > page.size;
    const shown = found.slice(0, page.size);
    const items = isBefore ? shown.toReversed() : shown;
    const first = items[0];
    const last = items.at(-1);
    const previous = first === undefined ? cursor : places.encode(first, "before");
    const next = last === undefined ? cursor : places.encode(last, "after");
    return {
      items,
      next: (isBefore || more ? next : null) ?? null,
      previous: ((isBefore ? more : isGiven(cursor)) ? previous : null) ?? null,
    };
  });
}

function turned(position: PagePosition): PagePosition {
  return { ...position, side: position.side === "before" ? "after" : "before" };
}

/** All rows that a cursor still has. */
export function collect(cursor: PlanCursor, rows: Document[]): Awaitable<Document[]> {
  for (;;) {
    const batch = cursor.next();
    if (isPromise(batch)) {
      return batch.then((arrived) => {
        if (arrived === undefined) return rows;
        append(rows, arrived);
        return collect(cursor, rows);
      });
    }
    if (batch === undefined) return rows;
    append(rows, batch);
  }
}

function append(rows: Document[], batch: readonly Document[]): void {
  for (const document of batch) rows.push(document);
}

/** Where the rows of one query stand, as cursors. */
class Places {
  readonly plan: Plan;
  readonly #fingerprint: Bytes;

  constructor(plan: Plan, request: QueryRequest) {
    // Without an order a row's place is its entry's key, for which the whole document is needed.
    this.plan = plan.order === undefined ? withDocuments(plan) : plan;
    this.#fingerprint = fingerprintOf(queryText(this.plan, request));
  }

  encode(document: Document, side: Side): string {
    return encodeCursor(this.#fingerprint, this.#positionOf(document, side));
  }

  decode(cursor: string): PagePosition {
    const { collection, order, branches } = this.plan;
    const position = decodeCursor(collection, this.#fingerprint, cursor, order?.fields.length ?? 0);
    const fits =
      order === undefined
        ? position.kind === "scan" && branches[position.branch] !== undefined
        : position.kind === "order";
    if (!fits) throw new InvalidCursor(collection, "it belongs to another query");
    return position;
  }

  #positionOf(document: Document, side: Side): PagePosition {
    const { order, branches } = this.plan;
    if (order !== undefined) {
      return {
        kind: "order",
        side,
        place: { values: orderValues(order, document), id: document.id },
      };
    }
    const found =
      branches.length === 1 ? 0 : branches.findIndex(({ filter }) => matches(filter, document));
    return { kind: "scan", side, branch: found, key: this.#keyOf(branches[found]!, document) };
  }

  /** The row's key behind what all keys of the branch begin with. */
  #keyOf({ access }: Branch, document: Document): Bytes {
    if (access.kind !== "index") return idSuffix(document.id);
    return firstEntryKey(access)(document)!.slice(access.index.prefix.length);
  }
}

function withDocuments(plan: Plan): Plan {
  const branches = plan.branches.map((branch) =>
    branch.access.kind === "index" && branch.access.covered
      ? { ...branch, access: { ...branch.access, covered: false } }
      : branch,
  );
  return Object.freeze({ ...plan, branches });
}

/** All that decides which rows a query has and in which order. */
function queryText(plan: Plan, request: QueryRequest): string {
  const { index } = request;
  return JSON.stringify([
    plan.collection,
    filterText(request.filter),
    request.predicates.length,
    request.reverse,
    index === undefined ? "" : [index.name, index.prefix.map(scalarText), setText("", index.range)],
    // Without an order the rows come as the plan reads them.
    plan.order === undefined
      ? planText({ ...plan, limit: undefined, select: undefined, warnings: [] })
      : orderText(plan.order),
  ]);
}
