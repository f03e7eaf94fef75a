/** The ranges that a transaction read, made ready for many questions: in order, disjoint, none empty. */
import { compareByteRanges, compareBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { isEmptyRange } from "../../contract/index.ts";
import type { KeyRange } from "../../contract/index.ts";

/** The same keys in ranges that ascend and neither touch nor overlap. */
export function disjointRanges(ranges: readonly KeyRange[]): readonly KeyRange[] {
  if (ranges.length === 1) return isEmptyRange(ranges[0]!) ? [] : ranges;
  const sorted = ranges
    .filter((range) => !isEmptyRange(range))
    .toSorted((a, b) => compareBytes(a.start, b.start));
  const joined: KeyRange[] = [];
  for (const range of sorted) {
    const last = joined.at(-1);
    if (last === undefined || (last.end !== undefined && compareBytes(last.end, range.start) < 0)) {
      joined.push(range);
    } else joined[joined.length - 1] = { start: last.start, end: laterEnd(last.end, range.end) };
  }
  return joined;
}

function laterEnd(a: Bytes | undefined, b: Bytes | undefined): Bytes | undefined {
  if (a === undefined || b === undefined) return undefined;
  return compareBytes(a, b) >= 0 ? a : b;
}

/** Whether one of the disjoint ranges holds the key buffer[start, end). */
export function anyRangeHolds(
  ranges: readonly KeyRange[],
  buffer: Bytes,
  start: number,
  end: number,
): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const from = ranges[middle]!.start;
    if (compareByteRanges(from, 0, from.length, buffer, start, end) <= 0) low = middle + 1;
    else high = middle;
  }
  const range = ranges[low - 1];
  if (range === undefined) return false;
  return (
    range.end === undefined ||
    compareByteRanges(buffer, start, end, range.end, 0, range.end.length) < 0
  );
}
