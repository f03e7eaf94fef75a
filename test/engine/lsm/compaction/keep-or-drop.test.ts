/** What may be left out, judged against the plain meaning of views: nobody reads anything else than before. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { KIND_DELETE, KIND_PUT } from "../../../../src/engine/lsm/codec/index.ts";
import {
  KeepOrDrop,
  isInOldestStratum,
  stratumOf,
} from "../../../../src/engine/lsm/compaction/index.ts";
import { MAX_SEQUENCE, RangeDeleteIndex } from "../../../../src/engine/lsm/cursor/index.ts";
import { bytes } from "../support.ts";

interface Version {
  readonly sequence: number;
  readonly kind: number;
}

const KEY = bytes("k");

/** The versions of one key that stay, newest first. */
function kept(
  versions: readonly Version[],
  views: readonly number[],
  deletes: readonly number[],
  isBeneath: boolean,
): Version[] {
  const judge = new KeepOrDrop({
    views,
    rangeDeletes: RangeDeleteIndex.build(
      deletes.map((sequence) => ({ start: bytes("a"), end: bytes("z"), sequence })),
    ),
    isBeneath: () => isBeneath,
  });
  judge.startKey();
  return versions.filter(({ kind, sequence }) => judge.keeps(KEY, 0, KEY.length, sequence, kind));
}

/** What a view reads: the sequence of the put it sees, 0 for nothing. `older` lies beneath everything. */
function seen(
  versions: readonly Version[],
  view: number,
  deletes: readonly number[],
  older: boolean,
): number {
  const all = older ? [...versions, { sequence: 1, kind: KIND_PUT }] : versions;
  const newest = all.find(({ sequence }) => sequence <= view);
  if (newest === undefined || newest.kind === KIND_DELETE) return 0;
  const isHidden = deletes.some((s) => s <= view && s > newest.sequence);
  return isHidden ? 0 : newest.sequence;
}

const sequences = (maxLength: number): fc.Arbitrary<number[]> =>
  fc
    .uniqueArray(fc.integer({ min: 2, max: 30 }), { maxLength })
    .map((list) => list.toSorted((a, b) => a - b));

test("no view reads anything else than before, nor does one that begins later", () => {
  fc.assert(
    fc.property(
      sequences(10),
      fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }),
      sequences(5),
      sequences(3),
      fc.boolean(),
      (numbers, isDelete, views, deletes, isBeneath) => {
        const versions = numbers.toReversed().map((sequence, i) => ({
          sequence,
          kind: isDelete[i] === true ? KIND_DELETE : KIND_PUT,
        }));
        const after = kept(versions, views, deletes, isBeneath);
        // A range delete goes by the same rule as a point delete.
        const deletesAfter = deletes.filter((s) => !isInOldestStratum(views, s) || isBeneath);
        for (const view of [...views, 31, MAX_SEQUENCE]) {
          const before = seen(versions, view, deletes, isBeneath);
          expect(seen(after, view, deletesAfter, isBeneath)).toBe(before);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

test("with no view open one version stays at most, and a delete only above something older", () => {
  const versions = [
    { sequence: 9, kind: KIND_DELETE },
    { sequence: 5, kind: KIND_PUT },
    { sequence: 3, kind: KIND_PUT },
  ];
  expect(kept(versions, [], [], false)).toEqual([]);
  expect(kept(versions, [], [], true)).toEqual([versions[0]]);
  expect(kept(versions.slice(1), [], [], false)).toEqual([versions[1]]);
});

test("a view keeps what it sees and nothing else", () => {
  const versions = [9, 7, 5, 3].map((sequence) => ({ sequence, kind: KIND_PUT }));
  expect(kept(versions, [6], [], false).map(({ sequence }) => sequence)).toEqual([9, 5]);
  expect(kept(versions, [4, 6], [], false).map(({ sequence }) => sequence)).toEqual([9, 5, 3]);
});

test("what a range delete hides goes unless a view stands between", () => {
  const versions = [{ sequence: 5, kind: KIND_PUT }];
  expect(kept(versions, [], [8], true)).toEqual([]);
  expect(kept(versions, [6], [8], true)).toEqual(versions);
  expect(kept(versions, [3], [8], true)).toEqual([]);
  expect(kept(versions, [6], [5], true)).toEqual(versions);
});

test("a stratum is named by the oldest view at or after a version", () => {
  expect([1, 4, 5, 6, 9, 10].map((sequence) => stratumOf([4, 9], sequence))).toEqual([
    4,
    4,
    9,
    9,
    9,
    MAX_SEQUENCE,
  ]);
});
