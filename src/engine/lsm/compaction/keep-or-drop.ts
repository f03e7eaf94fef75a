/**
 * Which versions of a key a flush or compaction keeps. Pure: sequences in, verdicts out.
 *
 * The sequences that open views read at cut all sequences into strata: a version of sequence q belongs to the stratum of
 * the oldest view at or after q, and to the newest stratum if there is none. No reader can tell apart what lies in one
 * stratum, so of each key only the newest version in each stratum can ever be seen.
 *
 * Always true, for every view at one of the sequences given, and for every view that begins later:
 * (1) It reads the same before and after.
 * (2) A delete goes only when nothing older that it hides can be left: neither in this merge (it lies in the oldest
 *     stratum, so all older versions of the key fall with it) nor beneath (the caller knows).
 */
import { MAX_SEQUENCE } from "../cursor/index.ts";
import type { RangeDeleteIndex } from "../cursor/index.ts";
import { KIND_DELETE } from "../codec/index.ts";
import type { Bytes } from "../../../base/index.ts";

/** What open views read at, in ascending order, each once. */
export type ViewSequences = readonly number[];

/** The stratum of a version, named by the view that bounds it: the oldest view at or after `sequence`. */
export function stratumOf(views: ViewSequences, sequence: number): number {
  let start = 0;
  let end = views.length;
  while (start < end) {
    const middle = (start + end) >>> 1;
    if (views[middle]! < sequence) start = middle + 1;
    else end = middle;
  }
  return views[start] ?? MAX_SEQUENCE;
}

/** Whether no view is older than `sequence`: then what it deletes is seen by nobody. */
export function isInOldestStratum(views: ViewSequences, sequence: number): boolean {
  return views.length === 0 || sequence <= views[0]!;
}

/** Judges entries in cursor order: keys ascending, the versions of a key newest first. */
export class KeepOrDrop {
  readonly #views: ViewSequences;
  readonly #rangeDeletes: RangeDeleteIndex;
  readonly #isBeneath: (key: Bytes, start: number, end: number) => boolean;
  /** Of the key judged last. */
  #stratum = -1;

  /** `isBeneath` says whether something older of a key may lie deeper; it is asked with ascending keys. */
  constructor(parts: {
    readonly views: ViewSequences;
    readonly rangeDeletes: RangeDeleteIndex;
    readonly isBeneath: (key: Bytes, start: number, end: number) => boolean;
  }) {
    this.#views = parts.views;
    this.#rangeDeletes = parts.rangeDeletes;
    this.#isBeneath = parts.isBeneath;
  }

  /** Says that the next entry is of another key than the one before. */
  startKey(): void {
    this.#stratum = -1;
  }

  /** HOT: bench/micro/lsm-engine.ts. Whether the entry stays. */
  keeps(key: Bytes, start: number, end: number, sequence: number, kind: number): boolean {
    const stratum = stratumOf(this.#views, sequence);
    // A newer version of this key in the same stratum was judged already, and hides this one, whatever became of it.
    if (stratum === this.#stratum) return false;
    this.#stratum = stratum;
    if (this.#rangeDeletes.covers(key, start, end, stratum) > sequence) return false;
    return !(
      kind === KIND_DELETE &&
      isInOldestStratum(this.#views, sequence) &&
      !this.#isBeneath(key, start, end)
    );
  }
}
