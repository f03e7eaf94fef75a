/**
 * A level >= 1 as one cursor: its tables hold disjoint keys in order, so one of them is open at a time.
 *
 * Always true: the current table cursor is the only one that is positioned; the fields are its own.
 */
import { EMPTY_BYTES, compareBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { tableIndexFor } from "./version.ts";
import type { Cursor } from "../cursor/index.ts";
import type { TableMeta } from "../manifest/index.ts";

/** A table reader, or what opens one when it is its turn. */
export interface CursorSource {
  cursor(options?: { readonly inPlace: boolean }): Cursor;
}

export class LevelCursor implements Cursor {
  readonly #tables: readonly TableMeta[];
  readonly #readers: readonly CursorSource[];
  readonly #options: { readonly inPlace: boolean } | undefined;
  #at = -1;
  #cursor: Cursor | undefined;

  /** `options`: how cursors are opened. */
  constructor(
    tables: readonly TableMeta[],
    readers: readonly CursorSource[],
    options?: { readonly inPlace: boolean },
  ) {
    this.#tables = tables;
    this.#readers = readers;
    this.#options = options;
  }

  get valid(): boolean {
    return this.#cursor !== undefined && this.#cursor.valid;
  }
  get keyBuffer(): Bytes {
    return this.#cursor?.keyBuffer ?? EMPTY_BYTES;
  }
  get keyStart(): number {
    return this.#cursor!.keyStart;
  }
  get keyEnd(): number {
    return this.#cursor!.keyEnd;
  }
  get sequence(): number {
    return this.#cursor!.sequence;
  }
  get kind(): number {
    return this.#cursor!.kind;
  }
  get valueBuffer(): Bytes {
    return this.#cursor!.valueBuffer;
  }
  get valueStart(): number {
    return this.#cursor!.valueStart;
  }
  get valueEnd(): number {
    return this.#cursor!.valueEnd;
  }
  get valueView(): DataView {
    return this.#cursor!.valueView;
  }

  seekToFirst(): void {
    this.#open(0)?.seekToFirst();
    this.#skipForward();
  }
  seekToLast(): void {
    this.#open(this.#readers.length - 1)?.seekToLast();
    this.#skipBack();
  }
  seek(key: Bytes): void {
    this.#open(Math.max(0, tableIndexFor(this.#tables, key)))?.seek(key);
    this.#skipForward();
  }
  seekBefore(key: Bytes): void {
    let at = tableIndexFor(this.#tables, key);
    if (at >= 0 && compareBytes(this.#tables[at]!.smallestKey, key) === 0) at--;
    this.#open(at)?.seekBefore(key);
    this.#skipBack();
  }
  next(): void {
    this.#cursor!.next();
    this.#skipForward();
  }
  prev(): void {
    this.#cursor!.prev();
    this.#skipBack();
  }
  skipHidden(end: Bytes | undefined, sequence: number): void {
    const cursor = this.#cursor!;
    cursor.skipHidden(end, sequence);
    if (cursor.valid) return;
    // Tables that are hidden whole are not opened.
    let at = this.#at + 1;
    while (at < this.#tables.length && endsBefore(this.#tables[at]!, end, sequence)) at++;
    const next = this.#open(at);
    if (end === undefined || !isOlder(this.#tables[at], sequence)) next?.seekToFirst();
    else next?.seek(end);
    this.#skipForward();
  }
  skipHiddenBack(start: Bytes, sequence: number): void {
    const cursor = this.#cursor!;
    cursor.skipHiddenBack(start, sequence);
    if (cursor.valid) return;
    let at = this.#at - 1;
    while (at >= 0 && beginsAfter(this.#tables[at]!, start, sequence)) at--;
    const before = this.#open(at);
    if (isOlder(this.#tables[at], sequence)) before?.seekBefore(start);
    else before?.seekToLast();
    this.#skipBack();
  }
  resume(): void {
    this.#cursor?.resume();
  }
  close(): void {
    this.#open(-1);
  }

  #skipForward(): void {
    while (this.#cursor !== undefined && !this.#cursor.valid) {
      this.#open(this.#at + 1)?.seekToFirst();
    }
  }
  #skipBack(): void {
    while (this.#cursor !== undefined && !this.#cursor.valid) {
      this.#open(this.#at - 1)?.seekToLast();
    }
  }

  /** Makes table `at` the current one; none if there is no such table. */
  #open(at: number): Cursor | undefined {
    if (at === this.#at && this.#cursor !== undefined) return this.#cursor;
    this.#cursor?.close();
    this.#at = at;
    this.#cursor = this.#readers[at]?.cursor(this.#options);
    return this.#cursor;
  }
}

function isOlder(table: TableMeta | undefined, sequence: number): boolean {
  return table !== undefined && table.largestSequence < sequence;
}

/** A range delete of this sequence that ends at `end` hides all of the table, if it begins before it. */
function endsBefore(table: TableMeta, end: Bytes | undefined, sequence: number): boolean {
  if (!isOlder(table, sequence)) return false;
  if (end === undefined) return true;
  return table.largestKey !== undefined && compareBytes(table.largestKey, end) < 0;
}

function beginsAfter(table: TableMeta, start: Bytes, sequence: number): boolean {
  return isOlder(table, sequence) && compareBytes(table.smallestKey, start) >= 0;
}
