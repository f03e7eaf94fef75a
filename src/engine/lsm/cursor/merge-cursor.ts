/**
 * Several cursors as one, in both directions.
 *
 * Always true:
 * (1) The live sources stand first in #order, sorted by the present direction; the first is the present entry. The others
 *     stand on their nearest entry beyond it.
 * (2) Sources are few (a memtable or three, some tables of level 0, one cursor a level), and runs of one source are
 *     common. So #order is kept by insertion: one comparison when the same source goes on, as few as a heap otherwise.
 */
import { EMPTY_BYTES, compareByteRanges } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { BLOCK_MISSING } from "./block-missing.ts";
import { NO_VIEW } from "./cursor.ts";
import type { Cursor } from "./cursor.ts";

/** The entries of all `cursors` in order. The merge owns them and the list: it moves and closes them. */
export function mergeCursor(cursors: readonly Cursor[]): Cursor {
  return cursors.length === 1 ? cursors[0]! : new MergeCursor(cursors);
}

class MergeCursor implements Cursor {
  readonly #sources: readonly Cursor[];
  readonly #order: Cursor[];
  #live = 0;
  /** 1: towards larger keys; -1: towards smaller ones. */
  #direction: 1 | -1 = 1;

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

  constructor(cursors: readonly Cursor[]) {
    this.#sources = cursors;
    this.#order = cursors.slice();
  }

  seekToFirst(): void {
    this.#place("first", EMPTY_BYTES);
    this.#sort(1);
  }
  seekToLast(): void {
    this.#place("last", EMPTY_BYTES);
    this.#sort(-1);
  }
  seek(key: Bytes): void {
    this.#place("at", key);
    this.#sort(1);
  }
  seekBefore(key: Bytes): void {
    this.#place("before", key);
    this.#sort(-1);
  }

  /** All sources are moved before it stops at a missing block, so that what they all miss is read at once. */
  #place(where: Where, key: Bytes): void {
    let isMissing = false;
    for (const source of this.#sources) {
      try {
        placeCursor(source, where, key);
      } catch (error) {
        if (error !== BLOCK_MISSING) throw error;
        isMissing = true;
      }
    }
    if (isMissing) throw BLOCK_MISSING;
  }

  next(): void {
    if (this.#direction === -1) this.#turnForward();
    this.#order[0]!.next();
    this.#replaceFirst();
  }
  prev(): void {
    if (this.#direction === 1) this.#turnBack();
    this.#order[0]!.prev();
    this.#replaceFirst();
  }

  skipHidden(end: Bytes | undefined, sequence: number): void {
    if (this.#direction === -1) this.#turnForward();
    for (let i = 0; i < this.#live; i++) {
      const source = this.#order[i]!;
      if (source.sequence < sequence && isKeyBefore(source, end)) source.skipHidden(end, sequence);
    }
    this.#sort(1);
  }
  skipHiddenBack(start: Bytes, sequence: number): void {
    if (this.#direction === 1) this.#turnBack();
    for (let i = 0; i < this.#live; i++) {
      const source = this.#order[i]!;
      if (source.sequence < sequence && !isKeyBefore(source, start)) {
        source.skipHiddenBack(start, sequence);
      }
    }
    this.#sort(-1);
  }

  /** As in #place, all that is missing is asked for at once. */
  resume(): void {
    let isMissing = false;
    for (const source of this.#sources) {
      try {
        source.resume();
      } catch (error) {
        if (error !== BLOCK_MISSING) throw error;
        isMissing = true;
      }
    }
    if (isMissing) throw BLOCK_MISSING;
    this.#show();
  }

  close(): void {
    this.valid = false;
    this.#live = 0;
    for (const source of this.#sources) source.close();
  }

  /** Entries may have been added to a memtable between a source's place and the present entry: hence the loops. */
  #turnBack(): void {
    const present = this.#order[0]!;
    for (const source of this.#sources) {
      if (source === present) continue;
      if (!source.valid) source.seekToLast();
      while (source.valid && compareEntries(source, present) > 0) source.prev();
    }
    this.#sort(-1);
  }
  #turnForward(): void {
    const present = this.#order[0]!;
    for (const source of this.#sources) {
      if (source === present) continue;
      if (!source.valid) source.seekToFirst();
      while (source.valid && compareEntries(source, present) < 0) source.next();
    }
    this.#sort(1);
  }

  #sort(direction: 1 | -1): void {
    this.#direction = direction;
    this.#live = 0;
    let dead = this.#order.length;
    for (const source of this.#sources) {
      if (!source.valid) {
        this.#order[--dead] = source;
        continue;
      }
      let at = this.#live++;
      while (at > 0 && compareEntries(this.#order[at - 1]!, source) * direction > 0) {
        this.#order[at] = this.#order[at - 1]!;
        at--;
      }
      this.#order[at] = source;
    }
    this.#show();
  }

  /** HOT: bench/micro/lsm-storage. The first source moved: puts it where it belongs. */
  #replaceFirst(): void {
    const order = this.#order;
    const moved = order[0]!;
    if (!moved.valid) {
      this.#live--;
      for (let i = 0; i < this.#live; i++) order[i] = order[i + 1]!;
      order[this.#live] = moved;
    } else {
      let at = 0;
      while (at + 1 < this.#live && compareEntries(moved, order[at + 1]!) * this.#direction > 0) {
        order[at] = order[at + 1]!;
        at++;
      }
      order[at] = moved;
    }
    this.#show();
  }

  #show(): void {
    this.valid = this.#live > 0;
    if (!this.valid) return;
    const first = this.#order[0]!;
    this.keyBuffer = first.keyBuffer;
    this.keyStart = first.keyStart;
    this.keyEnd = first.keyEnd;
    this.sequence = first.sequence;
    this.kind = first.kind;
    this.valueBuffer = first.valueBuffer;
    this.valueStart = first.valueStart;
    this.valueEnd = first.valueEnd;
    this.valueView = first.valueView;
  }
}

type Where = "first" | "last" | "at" | "before";

function placeCursor(cursor: Cursor, where: Where, key: Bytes): void {
  if (where === "at") cursor.seek(key);
  else if (where === "before") cursor.seekBefore(key);
  else if (where === "first") cursor.seekToFirst();
  else cursor.seekToLast();
}

/** The order of entries: key ascending, sequence descending. */
function compareEntries(a: Cursor, b: Cursor): number {
  const byKey = compareByteRanges(
    a.keyBuffer,
    a.keyStart,
    a.keyEnd,
    b.keyBuffer,
    b.keyStart,
    b.keyEnd,
  );
  return byKey !== 0 ? byKey : b.sequence - a.sequence;
}

function isKeyBefore(cursor: Cursor, end: Bytes | undefined): boolean {
  return (
    end === undefined ||
    compareByteRanges(cursor.keyBuffer, cursor.keyStart, cursor.keyEnd, end, 0, end.length) < 0
  );
}
