/** Validation against recent commits, beside the plain way: look at every commit and every read. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes, equalBytes } from "../../../../src/base/index.ts";
import {
  isEmptyRange,
  rangeContains,
  rangesOverlap,
} from "../../../../src/engine/contract/index.ts";
import type { KeyRange, WriteOp } from "../../../../src/engine/contract/index.ts";
import { RecentCommits, disjointRanges } from "../../../../src/engine/lsm/commit/index.ts";
import type { Verdict } from "../../../../src/engine/lsm/commit/index.ts";
import { bytes, del, delRange, put, range } from "../support.ts";

const UNBOUNDED = { bytesMax: Infinity, ageMillisMax: Infinity };

const key = fc.integer({ min: 0, max: 25 }).map((i) => String.fromCharCode(97 + i));
const keyRange = fc
  .tuple(key, fc.option(key, { nil: undefined }))
  .map(([start, end]) => range(start, end));
const op: fc.Arbitrary<WriteOp> = fc.oneof(
  { weight: 5, arbitrary: key.map((k) => put(k, "")) },
  { weight: 2, arbitrary: key.map(del) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(key, fc.option(key, { nil: undefined }))
      .map(([start, end]) => delRange(start, end)),
  },
);

function touches(one: WriteOp, reads: readonly string[], ranges: readonly KeyRange[]): boolean {
  if (one.op !== "delRange") {
    return (
      reads.some((read) => equalBytes(bytes(read), one.key)) ||
      ranges.some((read) => rangeContains(read, one.key))
    );
  }
  return (
    reads.some((read) => rangeContains(one.range, bytes(read))) ||
    ranges.some(
      (read) => !isEmptyRange(read) && !isEmptyRange(one.range) && rangesOverlap(one.range, read),
    )
  );
}

test("a transaction conflicts if and only if a commit after its beginning touched what it read", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(op, { minLength: 1, maxLength: 4 }), { maxLength: 12 }),
      fc.array(key, { maxLength: 4 }),
      fc.array(keyRange, { maxLength: 3 }),
      fc.integer({ min: 0, max: 12 }),
      fc.integer({ min: 0, max: 12 }),
      (commits, reads, ranges, begin, forgotten) => {
        const recent = new RecentCommits(0, UNBOUNDED);
        for (const [i, ops] of commits.entries()) recent.record(i + 1, 0, ops);
        recent.forget(Math.min(forgotten, commits.length));
        const isTouched = commits
          .slice(begin)
          .some((ops) => ops.some((one) => touches(one, reads, ranges)));
        let wanted: Verdict = isTouched ? "conflict" : "agrees";
        if (begin < recent.floor && reads.length + ranges.length > 0) wanted = "too old";
        const readKeys = reads.map((read) => bytes(read));
        expect(recent.judge(begin, readKeys, ranges)).toBe(wanted);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("what is beyond the bounds of age or bytes makes older transactions too old, never valid", () => {
  const byAge = new RecentCommits(0, { bytesMax: Infinity, ageMillisMax: 100 });
  byAge.record(1, 0, [put("a", "")]);
  byAge.record(2, 50, [put("b", "")]);
  byAge.record(3, 101, [put("c", "")]);
  expect(byAge.floor).toBe(1);
  expect(byAge.judge(0, [bytes("z")], [])).toBe("too old");
  expect(byAge.judge(1, [bytes("z")], [])).toBe("agrees");
  expect(byAge.judge(1, [bytes("b")], [])).toBe("conflict");
  const bySize = new RecentCommits(0, { bytesMax: 1_000, ageMillisMax: Infinity });
  for (let i = 1; i <= 100; i++) bySize.record(i, 0, [put(`key ${i}`, "")]);
  expect(bySize.bytes).toBeLessThanOrEqual(1_000);
  expect(bySize.floor).toBeGreaterThan(90);
  expect(bySize.judge(50, [bytes("z")], [])).toBe("too old");
});

test("who read nothing agrees with everybody, however long ago it began", () => {
  const recent = new RecentCommits(100, UNBOUNDED);
  expect(recent.judge(1, [], [])).toBe("agrees");
});

test("nothing is kept of what is forgotten", () => {
  const recent = new RecentCommits(0, UNBOUNDED);
  for (let i = 1; i <= 500; i++) recent.record(i, 0, [put(`k${i % 7}`, ""), delRange("a", "b")]);
  recent.forget(500);
  expect([recent.count, recent.bytes, recent.floor]).toEqual([0, 0, 500]);
  recent.record(501, 0, [put("k1", "")]);
  expect(recent.judge(500, [bytes("k1")], [])).toBe("conflict");
  expect(recent.judge(500, [bytes("k2")], [])).toBe("agrees");
});

test("joined ranges hold the same keys, ascend and do not touch", () => {
  fc.assert(
    fc.property(fc.array(keyRange, { maxLength: 6 }), (ranges) => {
      const joined = disjointRanges(ranges);
      for (let i = 0; i < 26; i++) {
        const one = bytes(String.fromCharCode(97 + i));
        const isIn = (list: readonly KeyRange[]): boolean =>
          list.some((each) => rangeContains(each, one));
        expect(isIn(joined)).toBe(isIn(ranges));
      }
      for (const [i, next] of joined.slice(1).entries()) {
        expect(compareBytes(joined[i]!.end!, next.start)).toBeLessThan(0);
      }
    }),
  );
});
