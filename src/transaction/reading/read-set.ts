/**
 * What a transaction has read from the engine: keys, and ranges as far as they were consumed. Answers that came from the
 * transaction's own writes are not reads.
 *
 * Always true:
 * (1) Everything the body was shown from the engine is covered by a key or a range here.
 * (2) No key occurs twice; ranges of finished scans are joined now and then, so that a loop of scans stays small.
 */
import type { Bytes } from "../../base/index.ts";
import { rangeContains } from "../../engine/contract/index.ts";
import type { KeyRange } from "../../engine/contract/index.ts";
import { KeySet } from "./key-set.ts";
import { RangeSet } from "./range-set.ts";

/** Joining begins here, and again whenever the list has doubled: sorting then costs O(log n) for each range. */
const JOIN_RANGES_MIN = 256;

/** A range that a scan is consuming; it grows until the scan ends. */
export class RangeRead implements KeyRange {
  start: Bytes;
  end: Bytes | undefined;

  constructor(start: Bytes, end: Bytes | undefined) {
    this.start = start;
    this.end = end;
  }
}

export class ReadSet {
  readonly #keys = new KeySet();
  #open: Set<RangeRead> | undefined;
  #finished: KeyRange[] = [];
  #joinAt = JOIN_RANGES_MIN;
  /** The range that was touched last; gets after a scan of their collection fall into it. */
  #latest: KeyRange | undefined;
  #bytes = 0;
  readonly #recording: boolean;

  /** Without `recording` nothing is kept: what nobody will check. */
  constructor(recording: boolean) {
    this.#recording = recording;
  }

  get isEmpty(): boolean {
    return (
      this.#keys.keys.length === 0 && (this.#open?.size ?? 0) === 0 && this.#finished.length === 0
    );
  }

  /** Bytes of the keys and bounds kept, as the limit of a transaction counts them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** `owned`: the key's bytes will not change, so that no copy is needed. */
  addKey(key: Bytes, owned: boolean): void {
    if (!this.#recording) return;
    if (this.#latest !== undefined && rangeContains(this.#latest, key)) return;
    if (this.#keys.add(key, owned)) this.#bytes += key.length;
  }

  /** Begins with bounds that will not change; the scan replaces them as it consumes, then calls `finish`. */
  begin(start: Bytes, end: Bytes | undefined): RangeRead {
    const read = new RangeRead(start, end);
    if (!this.#recording) return read;
    (this.#open ??= new Set()).add(read);
    this.#latest = read;
    this.#bytes += start.length + (end?.length ?? 0);
    return read;
  }

  finish(read: RangeRead): void {
    if (this.#open?.delete(read) !== true) return;
    this.#finished.push(read);
    if (this.#finished.length < this.#joinAt) return;
    this.#finished = RangeSet.of(this.#finished).ranges.slice();
    this.#joinAt = Math.max(JOIN_RANGES_MIN, this.#finished.length * 2);
  }

  keys(): readonly Bytes[] {
    return this.#keys.keys;
  }

  /** All ranges, joined and in key order. */
  ranges(): readonly KeyRange[] {
    if ((this.#open?.size ?? 0) === 0 && this.#finished.length === 0) return [];
    return RangeSet.of([...this.#finished, ...(this.#open ?? [])]).ranges;
  }
}
