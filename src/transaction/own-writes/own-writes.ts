/**
 * What a transaction has written so far: one write for each key, and the ranges it has deleted, as a commit plan wants
 * them (law 8: all range deletes first, then one op for each key).
 *
 * Always true:
 * (1) No key occurs twice: a later write of a key replaces or absorbs the earlier one.
 * (2) A write of a key inside a deleted range was made after the range was deleted.
 * (3) Inside a deleted range there are puts only: a delete there is no news, a merge finds nothing and becomes a put.
 */
import { EMPTY_BYTES, assert } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { NUMBER_CELL_BYTES, combineCells, singleKeyRange } from "../../engine/contract/index.ts";
import type { KeyRange, MergeHow, WriteOp } from "../../engine/contract/index.ts";
import { RangeSet } from "../reading/range-set.ts";
import { LooseWrites } from "./loose-writes.ts";
import { SortedWrites } from "./sorted-writes.ts";
import type { KeyWrite, WritesCursor, WritesSnapshot } from "./sorted-writes.ts";

/** Answers for a key, from own writes only. */
export interface OwnAnswers {
  readonly isEmpty: boolean;
  answer(key: Bytes): KeyWrite | undefined;
}

/** Stands for every key of a deleted range. */
const DELETED: KeyWrite = { op: "del", key: EMPTY_BYTES };

export class OwnWrites implements OwnAnswers {
  /** Loose until a range of them is asked for: few transactions do, and order costs more than finding. */
  #writes: LooseWrites | SortedWrites = new LooseWrites();
  #deleted: RangeSet = RangeSet.EMPTY;
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#writes.isEmpty && this.#deleted.isEmpty;
  }

  /** Bytes of the keys, values and bounds, as the limit of a transaction counts them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What was done to the key; undefined where only the engine knows. */
  answer(key: Bytes): KeyWrite | undefined {
    return this.#writes.find(key) ?? (this.#isDeleted(key) ? DELETED : undefined);
  }

  put(key: Bytes, value: Bytes): void {
    this.#set({ op: "put", key, value });
  }

  delete(key: Bytes): void {
    if (this.#isDeleted(key)) this.#remove(singleKeyRange(key));
    else this.#set({ op: "del", key });
  }

  deleteRange(range: KeyRange): void {
    this.#remove(range);
    this.#bytes -= bytesOfRanges(this.#deleted.ranges);
    this.#deleted = this.#deleted.with(range);
    this.#bytes += bytesOfRanges(this.#deleted.ranges);
  }

  merge(key: Bytes, how: MergeHow, operand: Bytes): void {
    assert(operand.length === NUMBER_CELL_BYTES, "the operand of a merge is a number cell");
    const earlier = this.#writes.find(key);
    if (earlier === undefined) {
      if (this.#isDeleted(key)) this.#set({ op: "put", key, value: operand });
      else this.#set({ op: "merge", key, how, operand });
      return;
    }
    switch (earlier.op) {
      case "put":
        this.#set({ op: "put", key, value: combineCells(how, earlier.value, operand) });
        break;
      case "del":
        this.#set({ op: "put", key, value: operand });
        break;
      case "merge":
        assert(earlier.how === how, "a number cell is always merged in the same way");
        this.#set({ op: "merge", key, how, operand: combineCells(how, earlier.operand, operand) });
        break;
    }
  }

  /** Everything as it is at this moment, for good. */
  snapshot(): OwnWritesSnapshot {
    return this.isEmpty
      ? NOTHING_WRITTEN
      : new OwnWritesSnapshot(this.#sorted().snapshot(), this.#deleted);
  }

  /** The ops of a commit plan: range deletes, then keys in their order. */
  ops(): readonly WriteOp[] {
    const writes = this.#writes;
    const keyWrites: WriteOp[] =
      writes instanceof LooseWrites ? writes.inOrder() : writes.snapshot().toArray();
    if (this.#deleted.isEmpty) return keyWrites;
    const rangeDeletes = this.#deleted.ranges.map((range): WriteOp => ({ op: "delRange", range }));
    return [...rangeDeletes, ...keyWrites];
  }

  #isDeleted(key: Bytes): boolean {
    return !this.#deleted.isEmpty && this.#deleted.has(key);
  }

  #set(write: KeyWrite): void {
    const earlier = this.#writes.set(write);
    this.#bytes += bytesOf(write) - (earlier === undefined ? 0 : bytesOf(earlier));
  }

  #sorted(): SortedWrites {
    if (this.#writes instanceof LooseWrites)
      this.#writes = new SortedWrites(this.#writes.inOrder());
    return this.#writes;
  }

  #remove(range: KeyRange): void {
    if (this.#writes.isEmpty) return;
    for (const write of this.#sorted().remove(range)) this.#bytes -= bytesOf(write);
  }
}

/** The own writes as they were when a scan was opened. */
export class OwnWritesSnapshot implements OwnAnswers {
  readonly #writes: WritesSnapshot;
  readonly #deleted: RangeSet;

  get isEmpty(): boolean {
    return this === NOTHING_WRITTEN;
  }

  constructor(writes: WritesSnapshot, deleted: RangeSet) {
    this.#writes = writes;
    this.#deleted = deleted;
  }

  answer(key: Bytes): KeyWrite | undefined {
    return this.#writes.find(key) ?? (this.#deleted.has(key) ? DELETED : undefined);
  }

  cursor(range: KeyRange, reverse: boolean): WritesCursor {
    return this.#writes.cursor(range, reverse);
  }

  /** The parts of the range whose rows come from the engine, in key order. */
  engineParts(range: KeyRange): readonly KeyRange[] {
    return this.#deleted.partsOutside(range);
  }
}

const NOTHING_WRITTEN = new OwnWritesSnapshot(new SortedWrites().snapshot(), RangeSet.EMPTY);

/** What a key holds after `write`, where the engine's row holds `base`; undefined: nothing. */
export function valueAfter(write: KeyWrite, base: Bytes | undefined): Bytes | undefined {
  switch (write.op) {
    case "put":
      return write.value;
    case "del":
      return undefined;
    case "merge":
      return base === undefined ? write.operand : combineCells(write.how, base, write.operand);
  }
}

function bytesOf(write: KeyWrite): number {
  switch (write.op) {
    case "put":
      return write.key.length + write.value.length;
    case "del":
      return write.key.length;
    case "merge":
      return write.key.length + write.operand.length;
  }
}

function bytesOfRanges(ranges: readonly KeyRange[]): number {
  let bytes = 0;
  for (const range of ranges) bytes += range.start.length + (range.end?.length ?? 0);
  return bytes;
}
