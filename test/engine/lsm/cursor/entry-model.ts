/** The plain twin of everything that holds entries: a sorted array. Slow, and easy to believe. */
import * as fc from "fast-check";
import { compareBytes } from "../../../../src/base/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import type { PointKind } from "../../../../src/engine/lsm/codec/index.ts";
import type { Cursor, RangeDelete } from "../../../../src/engine/lsm/cursor/index.ts";

export interface ModelEntry {
  readonly key: Bytes;
  readonly sequence: number;
  readonly kind: PointKind;
  readonly value: Bytes;
}

export const bytes = (text: string): Bytes => new TextEncoder().encode(text);

function compareEntries(a: ModelEntry, b: ModelEntry): number {
  return compareBytes(a.key, b.key) || b.sequence - a.sequence;
}

export function sorted(entries: readonly ModelEntry[]): readonly ModelEntry[] {
  return entries.toSorted(compareEntries);
}

/** Few different bytes and lengths, so that keys repeat, share prefixes and extend one another. */
export const keys: fc.Arbitrary<Bytes> = fc.oneof(
  fc
    .array(fc.constantFrom(0, 1, 0x61, 0x62, 0xff), { maxLength: 7 })
    .map((list) => Uint8Array.from(list)),
  fc.integer({ min: 0, max: 60 }).map((i) => bytes(`users/${String(i).padStart(4, "0")}`)),
);

/** Entries with distinct pairs of key and sequence. */
export function entries(max: number, maxSequence = 12): fc.Arbitrary<readonly ModelEntry[]> {
  return fc.uniqueArray(
    fc
      .record({
        key: keys,
        sequence: fc.integer({ min: 1, max: maxSequence }),
        kind: fc.constantFrom<PointKind>(1, 1, 1, 2),
        value: fc.uint8Array({ maxLength: 12 }),
      })
      .map((entry) => (entry.kind === 2 ? { ...entry, value: new Uint8Array(0) } : entry)),
    { maxLength: max, selector: (entry) => `${entry.key.join()}@${entry.sequence}` },
  );
}

export function rangeDeletes(max: number, maxSequence = 12): fc.Arbitrary<readonly RangeDelete[]> {
  return fc.array(
    fc.record({
      start: keys,
      end: fc.option(keys, { nil: undefined, freq: 8 }),
      sequence: fc.integer({ min: 1, max: maxSequence }),
    }),
    { maxLength: max },
  );
}

export type Move =
  | { readonly move: "seek" | "seekBefore"; readonly key: Bytes }
  | { readonly move: "first" | "last" | "next" | "prev" };

export const moves: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    fc.record({ move: fc.constantFrom("seek" as const, "seekBefore" as const), key: keys }),
    fc.record({ move: fc.constantFrom("first" as const, "last" as const) }),
    {
      weight: 8,
      arbitrary: fc.record({ move: fc.constantFrom("next" as const, "prev" as const) }),
    },
  ),
  { minLength: 1, maxLength: 40 },
);

/** A position in the sorted array; outside of it: not valid. */
function modelMove(list: readonly ModelEntry[], at: number, move: Move): number {
  switch (move.move) {
    case "first":
      return list.length === 0 ? -1 : 0;
    case "last":
      return list.length - 1;
    case "next":
      return at + 1 === list.length ? -1 : at + 1;
    case "prev":
      return at - 1;
    case "seek":
      return list.findIndex((entry) => compareBytes(entry.key, move.key) >= 0);
    case "seekBefore":
      return list.findLastIndex((entry) => compareBytes(entry.key, move.key) < 0);
  }
}

export function applyMove(cursor: Cursor, move: Move): void {
  switch (move.move) {
    case "first":
      return cursor.seekToFirst();
    case "last":
      return cursor.seekToLast();
    case "next":
      return cursor.next();
    case "prev":
      return cursor.prev();
    case "seek":
      return cursor.seek(move.key);
    case "seekBefore":
      return cursor.seekBefore(move.key);
  }
}

/** What the cursor shows, copied; undefined if it is not valid. */
export function shown(cursor: Cursor): ModelEntry | undefined {
  if (!cursor.valid) return undefined;
  return {
    key: Uint8Array.from(cursor.keyBuffer.slice(cursor.keyStart, cursor.keyEnd)),
    sequence: cursor.sequence,
    kind: cursor.kind as PointKind,
    value: Uint8Array.from(cursor.valueBuffer.slice(cursor.valueStart, cursor.valueEnd)),
  };
}

/** Runs the moves on both; gives the first step at which they differ, undefined if there is none. */
export function firstDifference(
  cursor: Cursor,
  list: readonly ModelEntry[],
  steps: readonly Move[],
): unknown {
  let at = -1;
  for (const [i, move] of steps.entries()) {
    if (at < 0 && (move.move === "next" || move.move === "prev")) continue;
    applyMove(cursor, move);
    at = modelMove(list, at, move);
    const expected = at < 0 ? undefined : list[at];
    const found = shown(cursor);
    if (JSON.stringify(found) !== JSON.stringify(expected)) return { i, move, expected, found };
  }
  return undefined;
}

export function allForward(cursor: Cursor): ModelEntry[] {
  const all: ModelEntry[] = [];
  for (cursor.seekToFirst(); cursor.valid; cursor.next()) all.push(shown(cursor)!);
  return all;
}
export function allBack(cursor: Cursor): ModelEntry[] {
  const all: ModelEntry[] = [];
  for (cursor.seekToLast(); cursor.valid; cursor.prev()) all.push(shown(cursor)!);
  return all;
}

/** The array as a Cursor. */
export class ModelCursor implements Cursor {
  readonly #list: readonly ModelEntry[];
  #at = -1;
  valid = false;
  keyBuffer: Bytes = new Uint8Array(0);
  readonly keyStart = 0;
  keyEnd = 0;
  sequence = 0;
  kind = 0;
  valueBuffer: Bytes = new Uint8Array(0);
  readonly valueStart = 0;
  valueEnd = 0;
  valueView: DataView = new DataView(new ArrayBuffer(0));
  /** How many entries were stepped on, to show that swaths are skipped. */
  steps = 0;

  constructor(list: readonly ModelEntry[]) {
    this.#list = sorted(list);
  }
  seekToFirst(): void {
    this.#go({ move: "first" });
  }
  seekToLast(): void {
    this.#go({ move: "last" });
  }
  seek(key: Bytes): void {
    this.#go({ move: "seek", key });
  }
  seekBefore(key: Bytes): void {
    this.#go({ move: "seekBefore", key });
  }
  next(): void {
    this.#go({ move: "next" });
  }
  prev(): void {
    this.#go({ move: "prev" });
  }
  skipHidden(end: Bytes | undefined, sequence: number): void {
    do this.next();
    while (
      this.valid &&
      this.sequence < sequence &&
      (end === undefined || compareBytes(this.keyBuffer, end) < 0)
    );
  }
  skipHiddenBack(start: Bytes, sequence: number): void {
    do this.prev();
    while (this.valid && this.sequence < sequence && compareBytes(this.keyBuffer, start) >= 0);
  }
  resume(): void {}
  close(): void {
    this.valid = false;
  }
  #go(move: Move): void {
    this.steps++;
    if (!this.valid && (move.move === "next" || move.move === "prev")) {
      throw new Error(`${move.move} of a cursor that is not valid`);
    }
    this.#at = modelMove(this.#list, this.#at, move);
    const entry = this.#list[this.#at];
    this.valid = entry !== undefined;
    if (entry === undefined) return;
    this.keyBuffer = entry.key;
    this.keyEnd = entry.key.length;
    this.sequence = entry.sequence;
    this.kind = entry.kind;
    this.valueBuffer = entry.value;
    this.valueEnd = entry.value.length;
    this.valueView = new DataView(entry.value.buffer, entry.value.byteOffset, entry.value.length);
  }
}
