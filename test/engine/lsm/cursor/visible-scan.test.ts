import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes } from "../../../../src/base/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import { rangeContains } from "../../../../src/engine/contract/index.ts";
import type { KeyRange, Page, ScanOptions } from "../../../../src/engine/contract/index.ts";
import {
  BLOCK_MISSING,
  RangeDeleteIndex,
  VisibleScan,
  mergeCursor,
} from "../../../../src/engine/lsm/cursor/index.ts";
import type { RangeDelete } from "../../../../src/engine/lsm/cursor/index.ts";
import { Memtable } from "../../../../src/engine/lsm/memtable/index.ts";
import { ModelCursor, bytes, entries, keys, rangeDeletes, sorted } from "./entry-model.ts";
import type { ModelEntry } from "./entry-model.ts";

interface Row {
  readonly key: Bytes;
  readonly value: Bytes | undefined;
}

function rowsOf(page: Page): Row[] {
  return Array.from({ length: page.rows }, (_, i) => ({
    key: page.buffer.slice(page.keyStart[i], page.keyEnd[i]),
    value:
      page.valueStart.length === 0
        ? undefined
        : page.buffer.slice(page.valueStart[i], page.valueEnd[i]),
  }));
}

function drain(scan: VisibleScan): Row[] {
  const rows: Row[] = [];
  for (;;) {
    const page = scan.next();
    rows.push(...rowsOf(page));
    if (page.done) return rows;
    expect(page.rows).toBeGreaterThan(0);
  }
}

/** What a reader sees, worked out key by key. */
function visiblePlainly(
  list: readonly ModelEntry[],
  deletes: readonly RangeDelete[],
  sequence: number,
  range: KeyRange,
  options: ScanOptions,
): Row[] {
  const rows: Row[] = [];
  let last: Bytes | undefined;
  for (const entry of sorted(list)) {
    if (entry.sequence > sequence || !rangeContains(range, entry.key)) continue;
    if (last !== undefined && compareBytes(last, entry.key) === 0) continue;
    last = entry.key;
    const isHidden = deletes.some(
      (one) =>
        one.sequence <= sequence && one.sequence > entry.sequence && rangeContains(one, entry.key),
    );
    if (isHidden || entry.kind !== 1) continue;
    rows.push({ key: entry.key, value: options.keysOnly ? undefined : entry.value });
  }
  if (options.reverse) rows.reverse();
  return rows.slice(0, options.limit ?? rows.length);
}

const ranges = fc.record({
  start: fc.oneof(fc.constant(new Uint8Array(0)), keys),
  end: fc.option(keys, { nil: undefined, freq: 2 }),
});
const options = fc.record(
  {
    reverse: fc.boolean(),
    limit: fc.integer({ min: 0, max: 30 }),
    keysOnly: fc.boolean(),
    expect: fc.constantFrom("iterate" as const, "all" as const),
  },
  { requiredKeys: [] },
);

test("a scan gives what a reader at its sequence sees, whatever the sources", () => {
  fc.assert(
    fc.property(
      entries(60),
      rangeDeletes(4),
      fc.integer({ min: 0, max: 13 }),
      ranges,
      options,
      (list, deletes, sequence, range, chosen) => {
        const memtable = new Memtable();
        const hands: ModelEntry[][] = [[], [], []];
        for (const [i, entry] of list.entries()) {
          if (i % 4 < 3) hands[i % 4]!.push(entry);
          else memtable.add(entry.sequence, entry.kind, entry.key, entry.value);
        }
        const scan = new VisibleScan({
          cursor: mergeCursor([memtable.cursor(), ...hands.map((hand) => new ModelCursor(hand))]),
          range,
          sequence,
          // Each source has range deletes of its own.
          rangeDeletes: [
            RangeDeleteIndex.build(deletes.slice(0, 2)),
            RangeDeleteIndex.build(deletes.slice(2)),
          ],
          options: chosen,
        });
        const expected = visiblePlainly(list, deletes, sequence, range, chosen);
        expect(drain(scan)).toEqual(expected);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("a key with many versions is left by a seek, in both directions", () => {
  const list: ModelEntry[] = [];
  for (let i = 1; i <= 500; i++) {
    list.push({ key: bytes("b"), sequence: i, kind: 1, value: bytes(String(i)) });
  }
  for (const key of ["a", "c"])
    list.push({ key: bytes(key), sequence: 1, kind: 1, value: bytes(key) });
  for (const reverse of [false, true]) {
    // The reader at 495 must not see the five newest versions, which a seek meets first.
    for (const sequence of [500, 495, 3]) {
      const cursor = new ModelCursor(list);
      const range = { start: bytes(""), end: undefined };
      const options = { reverse };
      const scan = new VisibleScan({ cursor, range, sequence, rangeDeletes: [], options });
      const values = drain(scan).map(({ value }) => new TextDecoder().decode(value));
      const expected = ["a", String(sequence), "c"];
      expect(values).toEqual(reverse ? expected.toReversed() : expected);
      if (sequence > 3) expect(cursor.steps).toBeLessThan(40);
    }
  }
});

test("a scan goes on with the same rows while a writer adds newer ones", () => {
  for (const reverse of [false, true]) {
    const memtable = new Memtable();
    const name = (i: number): Bytes => bytes(`k${String(i).padStart(5, "0")}`);
    for (let i = 0; i < 1_000; i += 2) memtable.add(1, 1, name(i), bytes(`v${i}`));
    const scan = new VisibleScan({
      cursor: mergeCursor([memtable.cursor(), new ModelCursor([])]),
      range: { start: bytes("k"), end: bytes("l") },
      sequence: 1,
      rangeDeletes: [memtable.rangeDeleteIndex],
      options: { reverse },
    });
    const rows: Row[] = [];
    for (let turn = 2; ; turn++) {
      const page = scan.next();
      rows.push(...rowsOf(page));
      if (page.done) break;
      for (let i = 0; i < 1_000; i += 3)
        memtable.add(turn, i % 2 === 0 ? 2 : 1, name(i), bytes(""));
      memtable.addRangeDelete({ start: bytes("k"), end: undefined, sequence: turn });
    }
    const expected = Array.from({ length: 500 }, (_, i) => `v${2 * i}`);
    const found = rows.map(({ value }) => new TextDecoder().decode(value));
    expect(found).toEqual(reverse ? expected.toReversed() : expected);
  }
});

function scanOf(count: number, valueBytes: number, chosen: ScanOptions): VisibleScan {
  const memtable = new Memtable();
  for (let i = 0; i < count; i++) {
    memtable.add(1, 1, bytes(`k${String(i).padStart(6, "0")}`), new Uint8Array(valueBytes).fill(i));
  }
  return new VisibleScan({
    cursor: memtable.cursor(),
    range: { start: bytes(""), end: undefined },
    sequence: 1,
    rangeDeletes: [],
    options: chosen,
  });
}

test("pages begin small, grow four times each, and stop at 256 KiB", () => {
  const sizes: number[] = [];
  const scan = scanOf(20_000, 50, {});
  for (let page = scan.next(); ; page = scan.next()) {
    sizes.push(page.rows);
    if (page.done) break;
  }
  expect(sizes.slice(0, 4)).toEqual([64, 256, 1_024, 4_096]);
  expect(Math.max(...sizes) * 57).toBeLessThan(256 * 1_024 + 57);
  expect(sizes.reduce((sum, rows) => sum + rows)).toBe(20_000);
});

test("a caller who wants all gets large pages at once, and a limit is met in the first page", () => {
  expect(scanOf(20_000, 50, { expect: "all" }).next().rows).toBeGreaterThan(4_000);
  const limited = scanOf(20_000, 50, { limit: 100 }).next();
  expect(limited.rows).toBe(100);
  expect(limited.done).toBe(true);
});

test("a page is the caller's own: later pages and writes do not change it", () => {
  const scan = scanOf(200, 10, {});
  const first = scan.next();
  const before = rowsOf(first);
  scan.next();
  expect(rowsOf(first)).toEqual(before);
  expect(first.buffer.length).toBeLessThan(3_000 + 64 * 96);
});

test("a scan closes its cursor and tells its owner once, at its end or when closed early", () => {
  for (const early of [false, true]) {
    let closed = 0;
    const scan = new VisibleScan({
      cursor: new ModelCursor([{ key: bytes("a"), sequence: 1, kind: 1, value: bytes("") }]),
      range: { start: bytes(""), end: undefined },
      sequence: 1,
      rangeDeletes: [],
      onClose: () => closed++,
    });
    if (early) scan.close();
    else expect(scan.next().done).toBe(true);
    scan.close();
    expect(closed).toBe(1);
    expect(scan.next()).toMatchObject({ rows: 0, done: true });
  }
});

test("an empty range has no rows", () => {
  const scan = new VisibleScan({
    cursor: new ModelCursor([{ key: bytes("b"), sequence: 1, kind: 1, value: bytes("") }]),
    range: { start: bytes("c"), end: bytes("a") },
    sequence: 1,
    rangeDeletes: [],
    options: { reverse: true },
  });
  expect(scan.next()).toMatchObject({ rows: 0, done: true });
});

/** Behind the first entry stands a block that is not there yet. */
class Halting extends ModelCursor {
  #isHalted = false;
  override next(): void {
    if (this.#isHalted) return super.next();
    this.#isHalted = true;
    throw BLOCK_MISSING;
  }
}

test("a page of one row without a byte is followed by the next page", () => {
  const none = new Uint8Array(0);
  const scan = new VisibleScan({
    cursor: new Halting([
      { key: none, sequence: 1, kind: 1, value: none },
      { key: bytes("k"), sequence: 1, kind: 1, value: bytes("v") },
    ]),
    range: { start: none, end: undefined },
    sequence: 5,
    rangeDeletes: [],
    options: { expect: "all" },
  });
  const first = scan.next();
  expect([first.rows, first.done]).toEqual([1, false]);
  expect(drain(scan)).toEqual([{ key: bytes("k"), value: bytes("v") }]);
});
