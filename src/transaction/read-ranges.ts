/** What a body has read, as a value: to tell whether a commit can have changed what it was shown. */
import { compareBytes } from "../base/index.ts";
import { isEmptyRange, singleKeyRange } from "../engine/contract/index.ts";
import type { CommitListener, KeyRange } from "../engine/contract/index.ts";
import { RangeSet } from "./reading/range-set.ts";
import type { ReadSet } from "./reading/read-set.ts";

/** What commits have touched, as an engine tells it; undefined: anything. */
export type Touched = Parameters<CommitListener>[0];

export class ReadRanges {
  readonly #ranges: RangeSet;

  constructor(reads: ReadSet) {
    this.#ranges = RangeSet.of([...reads.ranges(), ...reads.keys().map(singleKeyRange)]);
  }

  /** Can commits that touched this have changed what was read? False is certain. */
  meets(touched: Touched): boolean {
    if (touched === undefined) return true;
    return (
      touched.keys.some((key) => this.#ranges.has(key)) ||
      touched.ranges.some((range) => this.#overlaps(range))
    );
  }

  #overlaps(range: KeyRange): boolean {
    if (isEmptyRange(range)) return false;
    const outside = this.#ranges.partsOutside(range);
    const [only] = outside;
    // Nothing of the range is in the set only where all of it, in one part, is outside.
    return !(
      outside.length === 1 &&
      compareBytes(only!.start, range.start) === 0 &&
      sameEnd(only!, range)
    );
  }
}

function sameEnd(a: KeyRange, b: KeyRange): boolean {
  if (a.end === undefined || b.end === undefined) return a.end === b.end;
  return compareBytes(a.end, b.end) === 0;
}
