/**
 * Stretches of the keyspace in which a scan found many deleted entries and no row, so that the next scan need not walk
 * through them again. Deletes stay in the tables until they are compacted, and a queue (taken from the front, looked at
 * from the front) would meet all of them each time.
 *
 * "No key of the span holds anything at sequence s" stays true for ever, since no entry is ever added with the sequence
 * of a state that was read before. So for every reader at s or later, whatever the
 * span holds of sequence s or older is hidden, as by a range delete that came right after s. It has the sequence s + 1/2:
 * above all that was there at s, below all that came later.
 *
 * Always true:
 * (1) A span only ever hides entries that the reader would not be shown anyway.
 * (2) At most SPANS_MAX spans are remembered, the newest ones.
 */
import { compareBytes } from "../../../base/index.ts";
import { isEmptyRange } from "../../contract/index.ts";
import type { KeyRange } from "../../contract/index.ts";
import { RangeDeleteIndex } from "../cursor/index.ts";
import type { RangeDelete } from "../cursor/index.ts";

const SPANS_MAX = 16;

export class EmptySpans {
  /** Oldest first. */
  #spans: readonly RangeDelete[] = [];

  get count(): number {
    return this.#spans.length;
  }

  /** Nothing is there in the span at this sequence. */
  learn(span: KeyRange, sequence: number): void {
    if (isEmptyRange(span)) return;
    const learned = { start: span.start, end: span.end, sequence: sequence + 1 / 2 };
    const others = this.#spans.filter((old) => !contains(learned, old));
    this.#spans = [...others.slice(1 - SPANS_MAX), learned];
  }

  /** Those that overlap the range; empty for most. */
  within(range: KeyRange): RangeDeleteIndex {
    const index = new RangeDeleteIndex();
    for (const span of this.#spans) if (overlaps(span, range)) index.add(span);
    return index;
  }
}

function contains(outer: RangeDelete, inner: RangeDelete): boolean {
  if (inner.sequence > outer.sequence || compareBytes(inner.start, outer.start) < 0) return false;
  if (outer.end === undefined) return true;
  return inner.end !== undefined && compareBytes(inner.end, outer.end) <= 0;
}

function overlaps(span: KeyRange, range: KeyRange): boolean {
  return (
    (range.end === undefined || compareBytes(span.start, range.end) < 0) &&
    (span.end === undefined || compareBytes(range.start, span.end) < 0)
  );
}
