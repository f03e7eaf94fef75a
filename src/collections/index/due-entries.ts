/**
 * Finds the documents whose time has come, by the entries of an index with `expire`.
 *
 * Always true: what is found is what the view shows. Whether a document is due is for the transaction to say that deletes
 * it: between the two somebody may have moved its date.
 */
import { andThen, concatBytes, copyBytes, nextKey } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import { isEmptyRange } from "../../engine/contract/index.ts";
import type { KeyRange, Page, ReadView, Scan } from "../../engine/contract/index.ts";
import { classPartRange, comparedPartRange } from "../key/part-range.ts";
import type { PartRange } from "../key/part-range.ts";
import { KeyReader } from "../key/key-reader.ts";
import { dateOf, isDate } from "../key/value-order.ts";
import type { BoundIndex } from "./index-definition.ts";

/** What a collection knows of the values of its entries. */
export interface EntryOwner {
  /** The id of the document that the entry value at values[start, end) refers to. */
  referredId(values: Bytes, start: number, end: number): string;
}

export interface DueEntries {
  /** Of the documents, in the order of the index. */
  readonly ids: readonly string[];
  /** Where those behind them begin; undefined: there are no more. */
  readonly next: Bytes | undefined;
}

/** At most `limit` documents that are due at `nowMillis`: the first ones, or those from `start` on. */
export function dueEntries(
  owner: EntryOwner,
  view: ReadView,
  index: BoundIndex,
  from: { readonly nowMillis: number; readonly start: Bytes | undefined; readonly limit: number },
): Awaitable<DueEntries> {
  const range = dueRange(index, from.nowMillis);
  if (range === undefined) return { ids: [], next: undefined };
  const { limit, start = range.start } = from;
  // The clock may have been set back since the place was noted.
  if (isEmptyRange({ start, end: range.end })) return { ids: [], next: undefined };
  const ids: string[] = [];
  let last: Bytes | undefined;
  const take = (page: Page): boolean => {
    const rows = Math.min(page.rows, limit - ids.length);
    for (let row = 0; row < rows; row++) {
      ids.push(owner.referredId(page.buffer, page.valueStart[row]!, page.valueEnd[row]!));
    }
    if (rows > 0) last = copyBytes(page.buffer, page.keyStart[rows - 1]!, page.keyEnd[rows - 1]!);
    return page.done || ids.length >= limit;
  };
  const scan = view.scan({ start, end: range.end }, { limit });
  return andThen(readPages(scan, take), () => ({
    ids,
    next: last !== undefined && ids.length >= limit ? nextKey(last) : undefined,
  }));
}

/** When the first document of the index is due, in milliseconds since 1970; undefined where none has a time. */
export function firstDueMillis(view: ReadView, index: BoundIndex): Awaitable<number | undefined> {
  const { descending } = index.fields[0]!;
  const range = rangeOf(index, classPartRange("date", descending));
  let found: number | undefined;
  const take = (page: Page): boolean => {
    if (page.rows > 0) {
      const partStart = page.keyStart[0]! + index.prefix.length;
      const date = new KeyReader(page.buffer, partStart, page.keyEnd[0]).value(descending);
      if (isDate(date)) found = date.getTime() + index.expireMillis!;
    }
    return true;
  };
  const scan = view.scan(range, { reverse: descending, limit: 1, keysOnly: true });
  return andThen(readPages(scan, take), () => found);
}

/** The entries of documents that are due; undefined where no date is so early. */
function dueRange(index: BoundIndex, nowMillis: number): KeyRange | undefined {
  const latest = dateOf(Math.floor(nowMillis - index.expireMillis!));
  if (Number.isNaN(latest.getTime())) return undefined;
  return rangeOf(index, comparedPartRange("lte", latest, index.fields[0]!.descending));
}

function rangeOf({ prefix }: BoundIndex, { end, start }: PartRange): KeyRange {
  return { start: concatBytes(prefix, start), end: concatBytes(prefix, end) };
}

/** Hands out pages until `take` has enough. */
function readPages(scan: Scan, take: (page: Page) => boolean): Awaitable<void> {
  const next = (): Awaitable<void> =>
    andThen(scan.next(), (page) => {
      if (take(page)) return scan.close();
      return next();
    });
  return next();
}
