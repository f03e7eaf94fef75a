/**
 * From what is known about the fields of an index to ranges of its keys.
 *
 * Always true:
 * (1) The ranges hold exactly the entries whose leading fields have values in the given sets: none more, none less.
 * (2) Ranges rise and do not overlap, so that a scan of one after the other is in the order of the index.
 */
import { compareBytes, concatBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { BoundIndex } from "../../collections/index.ts";
import { prefixRange } from "../../engine/contract/index.ts";
import type { KeyRange } from "../../engine/contract/index.ts";
import { intervalText } from "./set-text.ts";
import { isPoint, partRangeOf, pointPartOf } from "./value-set.ts";
import type { ValueSet } from "./value-set.ts";

/**
 * Lists on several fields multiply. Beyond this many ranges an index is bounded by its first fields only, and the rest is
 * checked on the documents. A list on one field may be of any length.
 */
const RANGES_MAX = 1_024;

/** A range of keys, and the same in words. */
export interface Bound {
  readonly range: KeyRange;
  /** 'city = "Oslo", age >= 18'; empty for the whole index. */
  readonly text: string;
}
export interface IndexBounds {
  readonly bounds: readonly Bound[];
  /** How many leading fields the ranges answer. */
  readonly fields: number;
  /** How many of them are fixed to a list of values. */
  readonly equalities: number;
  /** The field after them is bounded too. */
  readonly hasRange: boolean;
}

/** The ranges for sets of the leading fields; a set may be missing from some field on. */
export function indexBounds(
  index: Pick<BoundIndex, "prefix" | "fields">,
  sets: readonly (ValueSet | undefined)[],
): IndexBounds {
  let begun: readonly { readonly prefix: Bytes; readonly text: string }[] = [
    { prefix: index.prefix, text: "" },
  ];
  let fields = 0;
  let hasRange = false;
  let bounds: Bound[] | undefined;
  for (const { path, descending } of index.fields) {
    const set = sets[fields];
    if (set === undefined || (begun.length > 1 && begun.length * set.length > RANGES_MAX)) break;
    fields++;
    if (!set.every(isPoint)) {
      hasRange = true;
      const steps = set.map((interval) => ({
        part: partRangeOf(interval, descending),
        text: intervalText(path.text, interval),
      }));
      bounds = begun.flatMap(({ prefix, text }) =>
        steps.map((step) => ({
          range: {
            start: concatBytes(prefix, step.part.start),
            end: concatBytes(prefix, step.part.end),
          },
          text: joined(text, step.text),
        })),
      );
      break;
    }
    const steps = set.map((point) => ({
      part: pointPartOf(point, descending),
      text: intervalText(path.text, point),
    }));
    begun = begun.flatMap(({ prefix, text }) =>
      steps.map((step) => ({
        prefix: concatBytes(prefix, step.part),
        text: joined(text, step.text),
      })),
    );
  }
  bounds ??= begun.map(({ prefix, text }) => ({ range: prefixRange(prefix), text }));
  return {
    bounds: inOrder(bounds),
    fields,
    equalities: hasRange ? fields - 1 : fields,
    hasRange,
  };
}

export function inOrder(bounds: readonly Bound[]): readonly Bound[] {
  return bounds.toSorted((a, b) => compareBytes(a.range.start, b.range.start));
}

function joined(before: string, next: string): string {
  return before === "" ? next : `${before}, ${next}`;
}
