/**
 * Range deletes, and the index that answers which of them cover a key.
 *
 * A range delete of sequence s hides the point entries of its keys whose sequence is below s, strictly: puts of the same
 * commit survive. The index cuts overlapping ranges at each other's bounds into fragments.
 *
 * Always true:
 * (1) Fragments are sorted, disjoint and not empty: start(i) < end(i) <= start(i + 1).
 * (2) A fragment knows the sequences of all range deletes that cover it, largest first, each once.
 * (3) Adding a range delete of sequence s changes no answer for a reader at a sequence below s. So readers share the
 *     index with the writer.
 */
import { compareByteRanges, compareBytes, copyBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";

/** Deletes the keys [start, end); end undefined means to the end of the keyspace. */
export interface RangeDelete {
  readonly start: Bytes;
  readonly end: Bytes | undefined;
  readonly sequence: number;
}

interface Fragment {
  readonly start: Bytes;
  readonly end: Bytes | undefined;
  /** Largest first. */
  readonly sequences: readonly number[];
}

export class RangeDeleteIndex {
  readonly #fragments: Fragment[] = [];

  static build(deletes: readonly RangeDelete[]): RangeDeleteIndex {
    const index = new RangeDeleteIndex();
    for (const one of deletes) index.add(one);
    return index;
  }

  get isEmpty(): boolean {
    return this.#fragments.length === 0;
  }
  /** How many disjoint pieces the ranges were cut into. */
  get fragments(): number {
    return this.#fragments.length;
  }

  /** Takes in one more range delete; its bytes are copied. An empty range deletes nothing. */
  add(rangeDelete: RangeDelete): void {
    const { sequence } = rangeDelete;
    if (!isBefore(rangeDelete.start, rangeDelete.end)) return;
    const end = rangeDelete.end === undefined ? undefined : copyBytes(rangeDelete.end);
    let start: Bytes | undefined = copyBytes(rangeDelete.start);
    const first = this.#firstEndingAfter(start, 0, start.length);
    const changed: Fragment[] = [];
    let at = first;
    // `start` is where the part not yet laid down begins; undefined once the end of the keyspace was reached.
    for (; at < this.#fragments.length; at++) {
      const old = this.#fragments[at]!;
      if (start === undefined || !isBefore(old.start, end)) break;
      if (compareBytes(start, old.start) < 0) {
        changed.push({ start, end: old.start, sequences: [sequence] });
        start = old.start;
      } else if (compareBytes(old.start, start) < 0) {
        changed.push({ start: old.start, end: start, sequences: old.sequences });
      }
      const shared = smallerEnd(old.end, end);
      changed.push({ start, end: shared, sequences: withSequence(old.sequences, sequence) });
      if (shared !== undefined && isBefore(shared, old.end)) {
        changed.push({ start: shared, end: old.end, sequences: old.sequences });
      }
      start = shared;
    }
    if (start !== undefined && isBefore(start, end)) {
      changed.push({ start, end, sequences: [sequence] });
    }
    this.#fragments.splice(first, at - first, ...changed);
  }

  /** The fragment that holds key[keyStart, keyEnd), or -1. */
  find(key: Bytes, keyStart: number, keyEnd: number): number {
    const at = this.#firstEndingAfter(key, keyStart, keyEnd);
    if (at === this.#fragments.length) return -1;
    const { start } = this.#fragments[at]!;
    return compareByteRanges(start, 0, start.length, key, keyStart, keyEnd) <= 0 ? at : -1;
  }

  /** The largest sequence, at most `maxSequence`, of the range deletes over this fragment; 0 if there is none. */
  sequenceOf(fragment: number, maxSequence: number): number {
    for (const sequence of this.#fragments[fragment]!.sequences) {
      if (sequence <= maxSequence) return sequence;
    }
    return 0;
  }
  startOf(fragment: number): Bytes {
    return this.#fragments[fragment]!.start;
  }
  /** Undefined: the end of the keyspace. */
  endOf(fragment: number): Bytes | undefined {
    return this.#fragments[fragment]!.end;
  }

  /** The largest sequence, at most `maxSequence`, of a range delete that covers the key; 0 if there is none. */
  covers(key: Bytes, keyStart: number, keyEnd: number, maxSequence: number): number {
    if (this.#fragments.length === 0) return 0;
    const fragment = this.find(key, keyStart, keyEnd);
    return fragment === -1 ? 0 : this.sequenceOf(fragment, maxSequence);
  }

  /** Position of the first fragment whose end is after the key. */
  #firstEndingAfter(key: Bytes, keyStart: number, keyEnd: number): number {
    let low = 0;
    let high = this.#fragments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { end } = this.#fragments[middle]!;
      const isAfter =
        end === undefined || compareByteRanges(end, 0, end.length, key, keyStart, keyEnd) > 0;
      if (isAfter) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function isBefore(key: Bytes, end: Bytes | undefined): boolean {
  return end === undefined || compareBytes(key, end) < 0;
}

function smallerEnd(a: Bytes | undefined, b: Bytes | undefined): Bytes | undefined {
  if (a === undefined) return b;
  return isBefore(a, b) ? a : b;
}

/** Sequences mostly come in rising order, so the place is mostly the first. */
function withSequence(sequences: readonly number[], sequence: number): readonly number[] {
  let at = 0;
  while (at < sequences.length && sequences[at]! > sequence) at++;
  if (sequences[at] === sequence) return sequences;
  return [...sequences.slice(0, at), sequence, ...sequences.slice(at)];
}
