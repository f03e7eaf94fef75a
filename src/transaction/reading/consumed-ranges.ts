/**
 * How far a scan has consumed the ranges it reads from the engine, kept in the read set as it goes: a scan that is
 * given up half way conflicts only with changes of what it has shown.
 */
import { compareBytes, nextKey } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { KeyRange } from "../../engine/contract/index.ts";
import type { RangeRead, ReadSet } from "./read-set.ts";

export class ConsumedRanges {
  readonly #readSet: ReadSet;
  readonly #reverse: boolean;
  /** In scan order. */
  readonly #parts: readonly KeyRange[];
  #at = 0;
  #read: RangeRead | undefined;

  /** `parts` in key order. */
  constructor(readSet: ReadSet, parts: readonly KeyRange[], reverse: boolean) {
    this.#readSet = readSet;
    this.#reverse = reverse;
    this.#parts = reverse ? parts.toReversed() : parts;
  }

  /** Everything up to and with `key` was consumed. The bytes of `key` must not change. */
  through(key: Bytes): void {
    for (; this.#at < this.#parts.length; this.#at++) {
      const part = this.#parts[this.#at]!;
      if (!this.#isBehind(part, key)) {
        if (this.#reaches(part, key)) this.#extend(part, key);
        return;
      }
      this.#whole(part);
    }
  }

  /** Everything was consumed. */
  all(): void {
    for (; this.#at < this.#parts.length; this.#at++) this.#whole(this.#parts[this.#at]!);
  }

  /** No more will be consumed. */
  finish(): void {
    if (this.#read !== undefined) this.#readSet.finish(this.#read);
    this.#read = undefined;
    this.#at = this.#parts.length;
  }

  /** The scan has left the whole part behind when it stands on `key`. */
  #isBehind(part: KeyRange, key: Bytes): boolean {
    if (this.#reverse) return compareBytes(key, part.start) < 0;
    return part.end !== undefined && compareBytes(key, part.end) >= 0;
  }

  /** The scan has entered the part when it stands on `key`. */
  #reaches(part: KeyRange, key: Bytes): boolean {
    if (this.#reverse) return part.end === undefined || compareBytes(key, part.end) < 0;
    return compareBytes(key, part.start) >= 0;
  }

  #extend(part: KeyRange, key: Bytes): void {
    const start = this.#reverse ? key : part.start;
    const end = this.#reverse ? part.end : nextKey(key);
    if (this.#read === undefined) {
      this.#read = this.#readSet.begin(start, end);
    } else {
      this.#read.start = start;
      this.#read.end = end;
    }
  }

  #whole(part: KeyRange): void {
    if (this.#read === undefined) this.#read = this.#readSet.begin(part.start, part.end);
    this.#read.start = part.start;
    this.#read.end = part.end;
    this.#readSet.finish(this.#read);
    this.#read = undefined;
  }
}
