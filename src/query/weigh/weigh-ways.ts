/**
 * Which of several ways reads least, where the engine tells how many rows ranges have. Pure: the same ways and the same
 * estimates give the same choice.
 *
 * Costs are told in documents of a scan in the order of keys: reading one of those, decoding it and checking a condition
 * costs 1. docs/decisions/0009-planner-statistics.md has the measurements.
 *
 * Always true:
 * (1) Of ways that cost about the same the first one is taken: the ways come in the order of the laws.
 * (2) A way is taken for the sake of what its limit may leave unread only if it has another one to turn to (Way.instead),
 *     at the latest when it has cost as much as that one would have.
 */
import { partsOf } from "../plan/plan.ts";
import type { Branch } from "../plan/plan.ts";
import type { Scales } from "./scales.ts";
import { RANK } from "./way.ts";
import type { Way } from "./way.ts";

/** An entry of an index, and the document that it refers to. */
const ENTRY_AND_DOCUMENT = 2;
/** An entry alone. */
const ENTRY = 0.4;
/** A document looked up by its id. */
const LOOKUP = 1.5;
/** Sorting a row in memory. */
const SORTED_ROW = 0.4;
/** More rows than these are not kept while they are sorted, but read again. */
const ROWS_SORTED_WHOLE = 100_000;

/** Estimates are rough: whoever is to be preferred to the laws' choice must be cheaper by this factor. */
const MARGIN = 1.25;
/** So few rows that looking for something better costs more than it could save, where there is another index. */
const FEW_ROWS = 8;
/** The same where the only other way is to read all documents. */
const FEW_ROWS_ALONE = 256;

/** What matters of the request. */
export interface Asked {
  readonly ordered: boolean;
  readonly limit: number | undefined;
  /** JavaScript conditions are checked on every document. */
  readonly hasPredicates: boolean;
}

/** About so many rows an engine gives first. */
const FIRST_PAGE = 64;

interface Weighed {
  readonly way: Way;
  /** What it costs if all of its ranges are read. */
  readonly whole: number;
  /** What it costs as far as its limit lets us hope. */
  readonly hoped: number;
}

/** The way to take. `ways` come in the order of the laws, the laws' choice first; none of them stands on law 3. */
export function weighWays(ways: readonly Way[], asked: Asked, scales: Scales): Way {
  const [first] = ways as readonly [Way];
  if (isBounded(first, asked)) return first;
  const answering = ways.filter(({ rank }) => rank >= RANK.range);
  if (answering.length === 0) return unanswered(ways, asked, scales);
  const isAlone = answering.length === 1 && (asked.limit === undefined || ways.length === 2);
  const few = isAlone ? FEW_ROWS_ALONE : FEW_ROWS;
  if (first.rank >= RANK.range && rowsOf(first, scales) <= few) return first;
  const rows = answering.map((way) => rowsOf(way, scales));
  // Each way that answers reads all results, so there are no more of them than the least one reads.
  const matches = Math.max(1, Math.min(...rows));
  const weighed = ways.map((way): Weighed => {
    const whole = wholeCost(way, asked, scales, matches);
    return { way, whole, hoped: Math.min(whole, hopedCost(way, asked, scales, matches)) };
  });
  const chosen = cheapest(weighed, ({ hoped }) => hoped);
  const { way } = chosen;
  const others = weighed.filter((other) => other !== chosen);
  if (others.length === 0 || !stopsEarly(way, asked)) return way;
  const other = cheapest(others, ({ whole }) => whole);
  return chosen.whole <= other.whole ? way : turning(way, other.way, scales);
}

/** No index answers the filter: all is read, by an index if that gives an order worth having. */
function unanswered(ways: readonly Way[], asked: Asked, scales: Scales): Way {
  const first = ways[0]!;
  const costOf = (way: Way): number => wholeCost(way, asked, scales, Infinity);
  if (asked.limit === undefined) {
    const weighed = ways.map((way) => ({ way, whole: costOf(way), hoped: Infinity }));
    return cheapest(weighed, ({ whole }) => whole).way;
  }
  const all = ways.find(({ rank }) => rank === RANK.scan);
  if (all === undefined || first === all || !stopsEarly(first, asked)) return first;
  return turning(first, all, scales);
}

/** Hopes no longer than the other way takes to read: a hope that fails found little that would have to be sorted. */
function turning(way: Way, other: Way, scales: Scales): Way {
  const keys = Math.ceil(readCost(other, scales) / Math.max(...way.branches.map(unitOf)));
  const afterKeys = Math.max(FEW_ROWS_ALONE, keys);
  return { ...way, instead: { way: other, afterKeys } };
}

/**
 * Does it read no more rows than are asked for, whatever the data? Not so a union, whose branches may read what others
 * have given, and a merge, whose parts each read as many.
 */
function isBounded({ branches, direction }: Way, asked: Asked): boolean {
  const isInOrder = !asked.ordered || direction !== undefined;
  const [only] = branches;
  if (asked.limit === undefined || !isInOrder || branches.length !== 1) return false;
  return partsOf(only!.access).length === 1 && isExact(only!, asked);
}

/** Is each row that it reads a result? */
function isExact({ access, residual }: Branch, { hasPredicates }: Asked): boolean {
  const repeats = access.kind === "index" && access.firstIn !== undefined;
  return residual.kind === "all" && !hasPredicates && !repeats;
}

/** May the limit end it before its ranges do, so that it can be gone on with by another way? */
function stopsEarly({ branches, direction }: Way, { limit, ordered }: Asked): boolean {
  return ordered && limit !== undefined && direction !== undefined && branches.length > 0;
}

function rowsOf({ branches }: Way, scales: Scales): number {
  return branches.reduce((sum, { access }) => sum + scales.rowsOf(access), 0);
}

function wholeCost(way: Way, { limit, ordered }: Asked, scales: Scales, matches: number): number {
  const read = readCost(way, scales);
  const isSorted = ordered && way.direction === undefined;
  if (!isSorted) return read;
  const sorted = Math.min(matches, rowsOf(way, scales));
  const isWhole = limit !== undefined || sorted <= ROWS_SORTED_WHOLE;
  return read + sorted * (isWhole ? SORTED_ROW : SORTED_ROW + LOOKUP);
}

function readCost({ branches }: Way, scales: Scales): number {
  return branches.reduce((sum, one) => sum + scales.rowsOf(one.access) * unitOf(one), 0);
}

/** Results are taken to be spread evenly. */
function hopedCost(way: Way, asked: Asked, scales: Scales, matches: number): number {
  if (!stopsEarly(way, asked)) return Infinity;
  const rows = rowsOf(way, scales);
  const each = way.branches.every((one) => isExact(one, asked)) ? 1 : rows / matches;
  const hoped = asked.limit! * each;
  // Each part but the one that gave a row has read a page that may be of no use.
  const parts = way.branches.flatMap(({ access }) => partsOf(access)).length;
  const beside = (parts - 1) * Math.min(FIRST_PAGE, asked.limit!);
  const share = rows === 0 ? 0 : Math.min(1, (hoped + beside) / rows);
  return share * readCost(way, scales);
}

function unitOf({ access }: Branch): number {
  switch (access.kind) {
    case "get":
      return LOOKUP;
    case "scan":
      return 1;
    case "index":
      return access.covered ? ENTRY : ENTRY_AND_DOCUMENT;
  }
}

/** The first of those that cost about as little as the least one. */
function cheapest(ways: readonly Weighed[], costOf: (way: Weighed) => number): Weighed {
  const least = Math.min(...ways.map(costOf));
  return ways.find((way) => costOf(way) <= least * MARGIN)!;
}
