/**
 * What the newest commits changed: the keys and ranges that open transactions are validated against.
 *
 * Always true:
 * (1) Every commit after `floor` is here, in the order of sequences. What is at or before it may be gone.
 * (2) A transaction that began at or after `floor` is judged exactly: conflict if and only if a commit after its
 *     beginning touched what it read. One that began before is never waved through; it is too old.
 * (3) `#newestOf` knows each point key of these commits once, at the newest commit that touched it.
 */
import { assert, compareByteRanges, copyBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { isEmptyRange, rangeContains, rangesOverlap } from "../../contract/index.ts";
import type { KeyRange, WriteOp } from "../../contract/index.ts";
import { hashKey } from "./key-hash.ts";
import { anyRangeHolds, disjointRanges } from "./read-ranges.ts";

export interface RecentCommitsBounds {
  readonly bytesMax: number;
  readonly ageMillisMax: number;
}
export type Verdict = "agrees" | "conflict" | "too old";

/** A rough figure for the objects that a remembered key costs beside its bytes. */
const KEY_BOOKKEEPING_BYTES = 64;
const COMMIT_BOOKKEEPING_BYTES = 160;

interface RecentCommit {
  readonly sequence: number;
  readonly atMillis: number;
  readonly bytes: number;
  /** Key i is keys[ends[i - 1], ends[i]), the first from 0. */
  readonly keys: Bytes;
  readonly ends: readonly number[];
  readonly ranges: readonly KeyRange[];
}
/** Where a key was touched last; `next` is another key of the same hash. */
interface Touch {
  commit: RecentCommit;
  index: number;
  next: Touch | undefined;
}

export class RecentCommits {
  readonly #bounds: RecentCommitsBounds;
  readonly #newestOf = new Map<number, Touch>();
  /** Those before `#first` are dropped already. */
  #commits: RecentCommit[] = [];
  #first = 0;
  #bytes = 0;
  #withRanges = 0;
  #floor: number;

  constructor(floor: number, bounds: RecentCommitsBounds) {
    this.#floor = floor;
    this.#bounds = bounds;
  }

  get floor(): number {
    return this.#floor;
  }
  get bytes(): number {
    return this.#bytes;
  }
  get count(): number {
    return this.#commits.length - this.#first;
  }

  /** Remembers a commit, in copies; forgets what is beyond the bounds. */
  record(sequence: number, nowMillis: number, ops: readonly WriteOp[]): void {
    const last = this.#commits.at(-1)?.sequence ?? this.#floor;
    assert(sequence > last, "commits are remembered in the order of their sequences");
    const commit = remember(sequence, nowMillis, ops);
    this.#commits.push(commit);
    this.#bytes += commit.bytes;
    if (commit.ranges.length > 0) this.#withRanges++;
    for (let i = 0; i < commit.ends.length; i++) this.#touch(commit, i);
    const oldestMillis = nowMillis - this.#bounds.ageMillisMax;
    while (this.count > 0) {
      const oldest = this.#commits[this.#first]!;
      if (oldest.atMillis >= oldestMillis && this.#bytes <= this.#bounds.bytesMax) break;
      this.#dropOldest();
    }
  }

  /** Says that nobody who began at or before `sequence` will ask: they are forgotten, and need not be recorded. */
  forget(sequence: number): void {
    while (this.count > 0 && this.#commits[this.#first]!.sequence <= sequence) this.#dropOldest();
    if (sequence > this.#floor) this.#floor = sequence;
  }

  /** Judges a transaction that began at `begin` by what it read. */
  judge(begin: number, readKeys: readonly Bytes[], readRanges: readonly KeyRange[]): Verdict {
    if (readKeys.length === 0 && readRanges.length === 0) return "agrees";
    if (begin < this.#floor) return "too old";
    if (this.count === 0 || this.#commits.at(-1)!.sequence <= begin) return "agrees";
    for (const key of readKeys) if (this.#lastTouch(key) > begin) return "conflict";
    const agrees =
      (this.#withRanges === 0 || this.#rangesAgree(begin, readKeys, readRanges)) &&
      (readRanges.length === 0 || this.#keysAgree(begin, disjointRanges(readRanges)));
    return agrees ? "agrees" : "conflict";
  }

  /** No range that was deleted after `begin` holds a key or touches a range that was read. */
  #rangesAgree(
    begin: number,
    readKeys: readonly Bytes[],
    readRanges: readonly KeyRange[],
  ): boolean {
    for (let at = this.#firstAfter(begin); at < this.#commits.length; at++) {
      for (const deleted of this.#commits[at]!.ranges) {
        if (readKeys.some((key) => rangeContains(deleted, key))) return false;
        if (readRanges.some((read) => !isEmptyRange(read) && rangesOverlap(deleted, read))) {
          return false;
        }
      }
    }
    return true;
  }

  /** No key that was changed after `begin` lies in one of the ranges, which are disjoint and in order. */
  #keysAgree(begin: number, ranges: readonly KeyRange[]): boolean {
    for (let at = this.#firstAfter(begin); at < this.#commits.length; at++) {
      const commit = this.#commits[at]!;
      let start = 0;
      for (const end of commit.ends) {
        if (anyRangeHolds(ranges, commit.keys, start, end)) return false;
        start = end;
      }
    }
    return true;
  }

  #lastTouch(key: Bytes): number {
    let touch = this.#newestOf.get(hashKey(key, 0, key.length));
    while (touch !== undefined && !isKey(touch, key, 0, key.length)) touch = touch.next;
    return touch === undefined ? 0 : touch.commit.sequence;
  }

  #touch(commit: RecentCommit, index: number): void {
    const start = startOf(commit, index);
    const end = commit.ends[index]!;
    const hash = hashKey(commit.keys, start, end);
    const first = this.#newestOf.get(hash);
    let touch = first;
    while (touch !== undefined && !isKey(touch, commit.keys, start, end)) touch = touch.next;
    if (touch === undefined) this.#newestOf.set(hash, { commit, index, next: first });
    else {
      touch.commit = commit;
      touch.index = index;
    }
  }

  #dropOldest(): void {
    const commit = this.#commits[this.#first]!;
    for (let i = 0; i < commit.ends.length; i++) this.#untouch(commit, i);
    this.#bytes -= commit.bytes;
    if (commit.ranges.length > 0) this.#withRanges--;
    this.#floor = commit.sequence;
    this.#first++;
    if (this.#first > 64 && this.#first * 2 > this.#commits.length) {
      this.#commits = this.#commits.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Forgets the key unless a newer commit touched it too. */
  #untouch(commit: RecentCommit, index: number): void {
    const hash = hashKey(commit.keys, startOf(commit, index), commit.ends[index]!);
    let before: Touch | undefined;
    let touch = this.#newestOf.get(hash);
    while (touch !== undefined && !(touch.commit === commit && touch.index === index)) {
      before = touch;
      touch = touch.next;
    }
    if (touch === undefined) return;
    if (before !== undefined) before.next = touch.next;
    else if (touch.next !== undefined) this.#newestOf.set(hash, touch.next);
    else this.#newestOf.delete(hash);
  }

  /** The place of the first commit after `sequence`. */
  #firstAfter(sequence: number): number {
    let start = this.#first;
    let end = this.#commits.length;
    while (start < end) {
      const middle = (start + end) >>> 1;
      if (this.#commits[middle]!.sequence <= sequence) start = middle + 1;
      else end = middle;
    }
    return start;
  }
}

function remember(sequence: number, atMillis: number, ops: readonly WriteOp[]): RecentCommit {
  let keyBytes = 0;
  for (const op of ops) if (op.op !== "delRange") keyBytes += op.key.length;
  const keys = new Uint8Array(keyBytes);
  const ends: number[] = [];
  const ranges: KeyRange[] = [];
  let bytes = COMMIT_BOOKKEEPING_BYTES + keyBytes;
  let at = 0;
  for (const op of ops) {
    if (op.op === "delRange") {
      if (isEmptyRange(op.range)) continue;
      const end = op.range.end === undefined ? undefined : copyBytes(op.range.end);
      ranges.push({ start: copyBytes(op.range.start), end });
      bytes += op.range.start.length + (end?.length ?? 0);
    } else {
      keys.set(op.key, at);
      at += op.key.length;
      ends.push(at);
    }
  }
  bytes += (ends.length + ranges.length) * KEY_BOOKKEEPING_BYTES;
  return { sequence, atMillis, bytes, keys, ends, ranges };
}

function startOf(commit: RecentCommit, index: number): number {
  return index === 0 ? 0 : commit.ends[index - 1]!;
}

function isKey(touch: Touch, bytes: Bytes, start: number, end: number): boolean {
  const { commit, index } = touch;
  const touchedEnd = commit.ends[index]!;
  return (
    compareByteRanges(commit.keys, startOf(commit, index), touchedEnd, bytes, start, end) === 0
  );
}
