import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes } from "../../../../src/base/index.ts";
import { mergeCursor } from "../../../../src/engine/lsm/cursor/index.ts";
import { Memtable } from "../../../../src/engine/lsm/memtable/index.ts";
import {
  ModelCursor,
  allBack,
  allForward,
  bytes,
  entries,
  firstDifference,
  keys,
  moves,
  shown,
  sorted,
} from "./entry-model.ts";
import type { ModelEntry } from "./entry-model.ts";

/** Deals entries out to sources by a number each. */
function deal(list: readonly ModelEntry[], sources: number): ModelEntry[][] {
  const hands: ModelEntry[][] = Array.from({ length: sources }, () => []);
  for (const [i, entry] of list.entries()) hands[(i * 7 + entry.sequence) % sources]!.push(entry);
  return hands;
}

test("a merge shows what one sorted list shows, through seeks and changes of direction", () => {
  fc.assert(
    fc.property(entries(40), fc.integer({ min: 1, max: 5 }), moves, (list, sources, steps) => {
      const merged = mergeCursor(deal(list, sources).map((hand) => new ModelCursor(hand)));
      expect(firstDifference(merged, sorted(list), steps)).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});

test("a merge gives every entry once, in both directions", () => {
  fc.assert(
    fc.property(entries(60), fc.integer({ min: 2, max: 6 }), (list, sources) => {
      const merged = mergeCursor(deal(list, sources).map((hand) => new ModelCursor(hand)));
      expect(allForward(merged)).toEqual(sorted(list));
      expect(allBack(merged)).toEqual(sorted(list).toReversed());
    }),
  );
});

test("a merge of nothing is never valid", () => {
  const merged = mergeCursor([]);
  merged.seekToFirst();
  expect(merged.valid).toBe(false);
  merged.seekBefore(bytes("x"));
  expect(merged.valid).toBe(false);
});

test("skipping hidden entries passes over no other, in both directions", () => {
  fc.assert(
    fc.property(
      entries(40),
      keys,
      fc.option(keys, { nil: undefined }),
      fc.integer({ min: 2, max: 13 }),
      (list, start, end, sequence) => {
        const all = sorted(list);
        const inSwath = (entry: ModelEntry): boolean =>
          compareBytes(entry.key, start) >= 0 &&
          (end === undefined || compareBytes(entry.key, end) < 0);
        const isHidden = (entry: ModelEntry): boolean =>
          inSwath(entry) && entry.sequence < sequence;
        const merged = mergeCursor(deal(list, 3).map((hand) => new ModelCursor(hand)));

        const forward: ModelEntry[] = [];
        merged.seek(start);
        while (merged.valid) {
          if (isHidden(shown(merged)!)) merged.skipHidden(end, sequence);
          else {
            forward.push(shown(merged)!);
            merged.next();
          }
        }
        const after = all.filter((entry) => compareBytes(entry.key, start) >= 0);
        expect(forward).toEqual(after.filter((entry) => !isHidden(entry)));

        const back: ModelEntry[] = [];
        merged.seekToLast();
        while (merged.valid) {
          if (isHidden(shown(merged)!)) merged.skipHiddenBack(start, sequence);
          else {
            back.push(shown(merged)!);
            merged.prev();
          }
        }
        expect(back).toEqual(all.filter((entry) => !isHidden(entry)).toReversed());
      },
    ),
    { numRuns: 300 },
  );
});

test("entries added to a memtable below do not disturb a merge that turns round", () => {
  const memtable = new Memtable();
  for (const key of ["a", "c", "e"]) memtable.add(1, 1, bytes(key), bytes(`${key}1`));
  const other = new ModelCursor(
    ["b", "d"].map((key) => ({ key: bytes(key), sequence: 1, kind: 1, value: bytes(key) })),
  );
  const merged = mergeCursor([memtable.cursor(), other]);
  merged.seek(bytes("b"));
  // Newer versions and keys between the memtable cursor's place (c) and the present entry (b).
  memtable.add(2, 1, bytes("b5"), bytes("new"));
  memtable.add(2, 1, bytes("b"), bytes("new"));
  memtable.add(2, 1, bytes("f"), bytes("new"));
  merged.prev();
  const seen: string[] = [];
  for (; merged.valid; merged.prev()) {
    if (merged.sequence === 1) seen.push(new TextDecoder().decode(shown(merged)!.key));
  }
  expect(seen).toEqual(["a"]);
});
