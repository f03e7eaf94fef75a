/** Walks a memtable's tree. Keeps its present record, and finds its place again when the tree has grown. */
import { EMPTY_BYTES } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { MAX_SEQUENCE, NO_VIEW, stepOverHidden, stepOverHiddenBack } from "../cursor/index.ts";
import type { Cursor } from "../cursor/index.ts";
import type { EntryArena } from "./entry-arena.ts";
import type { EntryOrder } from "./sorted-records.ts";

export class MemtableCursor implements Cursor {
  readonly #arena: EntryArena;
  readonly #tree: EntryOrder;
  #record = 0;
  #position = -1;
  /** The size of the tree for which #position holds. */
  #sizeSeen = 0;

  valid = false;
  keyBuffer: Bytes = EMPTY_BYTES;
  keyStart = 0;
  keyEnd = 0;
  sequence = 0;
  kind = 0;
  valueBuffer: Bytes = EMPTY_BYTES;
  valueStart = 0;
  valueEnd = 0;
  valueView: DataView = NO_VIEW;

  constructor(arena: EntryArena, tree: EntryOrder) {
    this.#arena = arena;
    this.#tree = tree;
  }

  seekToFirst(): void {
    this.#goTo(this.#tree.first());
  }
  seekToLast(): void {
    this.#goTo(this.#tree.last());
  }
  seek(key: Bytes): void {
    this.#goTo(this.#tree.lowerBound(this.#arena.probe(key, MAX_SEQUENCE)));
  }
  seekBefore(key: Bytes): void {
    const position = this.#tree.lowerBound(this.#arena.probe(key, MAX_SEQUENCE));
    this.#goTo(position < 0 ? this.#tree.last() : this.#tree.before(position));
  }
  next(): void {
    this.#refresh();
    this.#goTo(this.#tree.after(this.#position));
  }
  prev(): void {
    this.#refresh();
    this.#goTo(this.#tree.before(this.#position));
  }
  skipHidden(end: Bytes | undefined, sequence: number): void {
    stepOverHidden(this, end, sequence);
  }
  skipHiddenBack(start: Bytes, sequence: number): void {
    stepOverHiddenBack(this, start, sequence);
  }
  /** Records never move. */
  resume(): void {}
  close(): void {
    this.valid = false;
  }

  #refresh(): void {
    if (this.#sizeSeen === this.#tree.size) return;
    this.#position = this.#tree.lowerBound(this.#record);
  }

  /** HOT: bench/micro/lsm-storage. */
  #goTo(position: number): void {
    this.valid = position >= 0;
    if (!this.valid) return;
    const arena = this.#arena;
    const record = this.#tree.recordAt(position);
    this.#position = position;
    this.#sizeSeen = this.#tree.size;
    this.#record = record;
    this.keyBuffer = arena.bytes;
    this.keyStart = arena.keyStart(record);
    this.keyEnd = this.keyStart + arena.keyLength(record);
    this.sequence = arena.sequence(record);
    this.kind = arena.kind(record);
    this.valueBuffer = arena.bytes;
    this.valueStart = this.keyEnd;
    this.valueEnd = this.keyEnd + arena.valueLength(record);
    this.valueView = arena.view;
  }
}
