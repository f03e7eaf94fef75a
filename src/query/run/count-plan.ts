/**
 * Counting. Where the ranges of a plan answer everything, rows are counted without their values; else documents are
 * read like any other result, and counted.
 */
import { isPromise } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import type { Scan } from "../../engine/contract/index.ts";
import type { FullView } from "../../transaction/index.ts";
import type { Bound } from "../plan/key-ranges.ts";
import type { Plan } from "../plan/plan.ts";
import type { ReadCounts } from "./branch-reader.ts";
import { PlanCursor } from "./plan-cursor.ts";
import type { RunGround } from "./plan-cursor.ts";

/** How many rows the plan gives. */
export function countPlan(plan: Plan, ground: RunGround): Awaitable<number> {
  const { counts, view } = ground;
  const bounds = countableBounds(plan);
  if (bounds !== undefined) return new RowCount(bounds, view, plan.limit ?? Infinity, counts).run();
  const cursor = new PlanCursor(plan, undefined, ground);
  return countRows(cursor, 0);
}

/** The ranges whose rows are exactly the results; undefined if something must be checked. */
function countableBounds(plan: Plan): readonly Bound[] | undefined {
  const [branch] = plan.branches;
  if (plan.branches.length !== 1 || plan.predicates.length > 0) return undefined;
  const { access, residual } = branch!;
  if (residual.kind !== "all" || access.kind === "get") return undefined;
  if (access.kind === "index" && access.firstIn !== undefined) return undefined;
  return access.bounds;
}

function countRows(cursor: PlanCursor, before: number): Awaitable<number> {
  let count = before;
  for (;;) {
    const batch = cursor.next();
    if (isPromise(batch)) {
      return batch.then((arrived) =>
        arrived === undefined ? count : countRows(cursor, count + arrived.length),
      );
    }
    if (batch === undefined) return count;
    count += batch.length;
  }
}

class RowCount {
  readonly #bounds: readonly Bound[];
  readonly #view: FullView;
  readonly #counts: ReadCounts;
  #left: number;
  #count = 0;
  #at = 0;
  #scan: Scan | undefined;

  constructor(bounds: readonly Bound[], view: FullView, limit: number, counts: ReadCounts) {
    this.#bounds = bounds;
    this.#view = view;
    this.#left = limit;
    this.#counts = counts;
  }

  run(): Awaitable<number> {
    for (;;) {
      const scan = this.#open();
      if (scan === undefined) return this.#count;
      const page = scan.next();
      if (isPromise(page)) {
        return page.then((arrived) => {
          this.#add(arrived.rows, arrived.done);
          return this.run();
        });
      }
      this.#add(page.rows, page.done);
    }
  }

  #open(): Scan | undefined {
    if (this.#scan !== undefined) return this.#scan;
    const bound = this.#bounds[this.#at];
    if (bound === undefined || this.#left === 0) return undefined;
    const limit = this.#left === Infinity ? {} : { limit: this.#left };
    this.#scan = this.#view.scan(bound.range, { keysOnly: true, expect: "all", ...limit });
    return this.#scan;
  }

  #add(rows: number, done: boolean): void {
    this.#count += rows;
    this.#left -= rows;
    this.#counts.keys += rows;
    if (!done && this.#left > 0) return;
    this.#scan?.close();
    this.#scan = undefined;
    this.#at++;
  }
}
