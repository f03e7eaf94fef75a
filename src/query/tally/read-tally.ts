/**
 * Reading the cells that answer for a query. In a transaction they join the read set like other keys and ranges: whoever
 * has read a count conflicts with a write that changes it, and two writes that change it do not conflict with each other.
 *
 * Always true: a cell that holds 0 is as one that is not there, so no group without documents is ever given.
 */
import { andThen, isPromise } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import {
  CELL_ABSENT,
  CELL_COUNT,
  PartSum,
  cellKey,
  decodeAmount,
  placeOfCell,
} from "../../collections/index.ts";
import type { BoundTally, Scalar } from "../../collections/index.ts";
import { CorruptionError } from "../../engine/contract/index.ts";
import type { MultiScan, Page } from "../../engine/contract/index.ts";
import type { FullView } from "../../transaction/index.ts";
import type { TallyPlan } from "./choose-tally.ts";

/** What one group of documents adds up to. */
export interface TallyGroup {
  /** The values of the tally's `by` fields; null for what is null or missing. */
  readonly values: readonly Scalar[];
  /** How many documents; 1 at least. */
  readonly count: number;
  /** How many of them have a number in the summed field: all, if nothing is summed. */
  readonly numbers: number;
  /** Undefined where nothing is summed. addSum() puts groups together, so that only the whole is rounded. */
  readonly sum: PartSum | undefined;
}

/** How many documents the groups have together. */
export function readCount(plan: TallyPlan, view: FullView): Awaitable<number> {
  if (plan.points) {
    const keys = plan.bounds.map(({ range }) => cellKey(range.start, CELL_COUNT));
    return andThen(view.getMany(keys), (values) => {
      let count = 0;
      for (const value of values) if (value !== undefined) count += countIn(plan, value);
      return count;
    });
  }
  let count = 0;
  const read = eachCell(plan, view, (page, row) => {
    if (page.buffer[page.keyEnd[row]! - 1] !== CELL_COUNT) return;
    count += countIn(plan, page.buffer, page.valueStart[row]!, page.valueEnd[row]!);
  });
  return andThen(read, () => count);
}

function countIn({ tally }: TallyPlan, bytes: Bytes, start = 0, end = bytes.length): number {
  return checkedCount(tally, decodeAmount(bytes, start, end));
}

/** The groups in the order of their values, without those that have no documents. */
export function readGroups(plan: TallyPlan, view: FullView): Awaitable<TallyGroup[]> {
  const groups = new GroupList(plan.tally);
  return andThen(
    eachCell(plan, view, (page, row) => groups.add(page, row)),
    () => groups.finish(),
  );
}

/** Gathers the cells of a group, which stand together, the count first. */
class GroupList {
  readonly #tally: BoundTally;
  readonly #groups: TallyGroup[] = [];
  #group:
    | { values: readonly Scalar[]; count: number; absent: number; sum: PartSum | undefined }
    | undefined;

  constructor(tally: BoundTally) {
    this.#tally = tally;
  }

  add(page: Page, row: number): void {
    const { buffer } = page;
    const place = placeOfCell(this.#tally, buffer, page.keyStart[row]!, page.keyEnd[row]!);
    const amount = decodeAmount(buffer, page.valueStart[row]!, page.valueEnd[row]!);
    if (place.cell === CELL_COUNT) {
      this.#close();
      const { sum } = this.#tally;
      this.#group = {
        values: place.values,
        count: checkedCount(this.#tally, amount),
        absent: 0,
        sum: sum === undefined ? undefined : new PartSum(sum.type),
      };
      return;
    }
    const group = this.#group;
    if (group === undefined)
      throw damaged(this.#tally, "the count before what else a group has", "none");
    if (place.cell === CELL_ABSENT) group.absent = checkedCount(this.#tally, amount);
    else group.sum?.addPart(place.cell, amount);
  }

  finish(): TallyGroup[] {
    this.#close();
    return this.#groups;
  }

  #close(): void {
    const group = this.#group;
    if (group === undefined || group.count === 0) return;
    const { absent, count, sum, values } = group;
    this.#groups.push({ values, count, numbers: count - absent, sum });
  }
}

function checkedCount(tally: BoundTally, amount: bigint): number {
  if (amount < 0n || amount > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw damaged(tally, "a count of documents", String(amount));
  }
  return Number(amount);
}

function damaged(tally: BoundTally, expected: string, found: string): CorruptionError {
  return new CorruptionError({ file: `index "${tally.name}"`, offset: 0, expected, found });
}

function eachCell(
  plan: TallyPlan,
  view: FullView,
  visit: (page: Page, row: number) => void,
): Awaitable<void> {
  const ranges = plan.bounds.map(({ range }) => range);
  const scan = view.scanMany(ranges, { expect: "all" });
  let result: Awaitable<void>;
  try {
    result = readOn(scan, visit);
  } catch (error) {
    scan.close();
    throw error;
  }
  if (isPromise(result)) return result.finally(() => scan.close());
  scan.close();
  return undefined;
}

function readOn(scan: MultiScan, visit: (page: Page, row: number) => void): Awaitable<void> {
  const take = (next: { readonly page: Page } | undefined): boolean => {
    if (next === undefined) return false;
    for (let row = 0; row < next.page.rows; row++) visit(next.page, row);
    return true;
  };
  for (;;) {
    const next = scan.next();
    if (isPromise(next)) {
      return next.then((arrived) => (take(arrived) ? readOn(scan, visit) : undefined));
    }
    if (!take(next)) return undefined;
  }
}
