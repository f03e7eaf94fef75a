/** What is remembered of recent commits under bounds of memory and age, beside a list that forgets nothing. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { equalBytes } from "../../../../src/base/index.ts";
import {
  isEmptyRange,
  rangeContains,
  rangesOverlap,
} from "../../../../src/engine/contract/index.ts";
import type { KeyRange, WriteOp } from "../../../../src/engine/contract/index.ts";
import { RecentCommits } from "../../../../src/engine/lsm/commit/index.ts";
import type { Verdict } from "../../../../src/engine/lsm/commit/index.ts";
import { ROUNDS, bytes, del, delRange, put, range } from "../support.ts";

const UNBOUNDED = { bytesMax: Infinity, ageMillisMax: Infinity };

/** Keys that are prefixes of each other, and the empty one. */
const key = fc
  .array(fc.constantFrom("", "a", "b", "\u0000"), { maxLength: 3 })
  .map((parts) => parts.join(""));
const end = fc.option(key, { nil: undefined });
const op: fc.Arbitrary<WriteOp> = fc.oneof(
  { weight: 5, arbitrary: key.map((k) => put(k, "")) },
  { weight: 2, arbitrary: key.map(del) },
  { weight: 2, arbitrary: fc.tuple(key, end).map(([from, to]) => delRange(from, to)) },
);

type Step =
  | { readonly do: "commit"; readonly ops: readonly WriteOp[]; readonly afterMillis: number }
  | { readonly do: "forget"; readonly back: number }
  | {
      readonly do: "judge";
      readonly back: number;
      readonly keys: readonly string[];
      readonly ranges: readonly KeyRange[];
    };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("commit" as const),
      ops: fc.array(op, { minLength: 1, maxLength: 5 }),
      afterMillis: fc.nat(30),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("forget" as const), back: fc.nat(12) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("judge" as const),
      back: fc.integer({ min: 0, max: 24 }),
      keys: fc.array(key, { maxLength: 3, size: "max" }),
      ranges: fc.array(
        fc.tuple(key, end).map(([from, to]) => range(from, to)),
        { maxLength: 3 },
      ),
    }),
  },
);

interface Commit {
  readonly sequence: number;
  readonly atMillis: number;
  readonly bytes: number;
  readonly ops: readonly WriteOp[];
}

/** All commits ever made, and up to which one the bounds allow to forget. */
class Plain {
  readonly #bounds: typeof UNBOUNDED;
  readonly all: Commit[] = [];
  floor = 0;
  constructor(bounds: typeof UNBOUNDED) {
    this.#bounds = bounds;
  }
  get kept(): readonly Commit[] {
    return this.all.filter(({ sequence }) => sequence > this.floor);
  }
  get bytes(): number {
    return this.kept.reduce((sum, commit) => sum + commit.bytes, 0);
  }
  record(sequence: number, atMillis: number, ops: readonly WriteOp[]): void {
    // How much one commit counts is taken from one that remembers nothing else.
    const alone = new RecentCommits(0, UNBOUNDED);
    alone.record(sequence, atMillis, ops);
    this.all.push({ sequence, atMillis, ops, bytes: alone.bytes });
    const { ageMillisMax, bytesMax } = this.#bounds;
    for (const { atMillis: made, sequence: oldest } of this.kept) {
      if (made >= atMillis - ageMillisMax && this.bytes <= bytesMax) break;
      this.floor = oldest;
    }
  }
  forget(sequence: number): void {
    this.floor = Math.max(this.floor, sequence);
  }
  judge(begin: number, keys: readonly string[], ranges: readonly KeyRange[]): Verdict {
    if (keys.length + ranges.length === 0) return "agrees";
    if (begin < this.floor) return "too old";
    const later = this.all.filter(({ sequence }) => sequence > begin);
    const isTouched = later.some(({ ops }) => ops.some((one) => touches(one, keys, ranges)));
    return isTouched ? "conflict" : "agrees";
  }
}

function touches(one: WriteOp, keys: readonly string[], ranges: readonly KeyRange[]): boolean {
  const reads = keys.map(bytes);
  if (one.op !== "delRange") {
    return (
      reads.some((read) => equalBytes(read, one.key)) ||
      ranges.some((read) => rangeContains(read, one.key))
    );
  }
  if (isEmptyRange(one.range)) return false;
  return (
    reads.some((read) => rangeContains(one.range, read)) ||
    ranges.some((read) => !isEmptyRange(read) && rangesOverlap(one.range, read))
  );
}

for (const [name, bounds] of [
  ["no bounds", UNBOUNDED],
  ["little memory", { bytesMax: 1_500, ageMillisMax: Infinity }],
  ["a short age", { bytesMax: Infinity, ageMillisMax: 60 }],
  ["little memory and a short age", { bytesMax: 2_500, ageMillisMax: 90 }],
  ["no memory at all", { bytesMax: 1, ageMillisMax: 0 }],
] as const) {
  test(`with ${name} every verdict is that of the whole history, or "too old" exactly where the bounds say so`, () => {
    const seen: Record<Verdict, number> = { agrees: 0, conflict: 0, "too old": 0 };
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 60, size: "max" }), (steps) => {
        const recent = new RecentCommits(0, bounds);
        const plain = new Plain(bounds);
        let sequence = 0;
        let now = 0;
        for (const one of steps) {
          switch (one.do) {
            case "commit":
              now += one.afterMillis;
              sequence++;
              recent.record(sequence, now, one.ops);
              plain.record(sequence, now, one.ops);
              break;
            case "forget":
              recent.forget(Math.max(0, sequence - one.back));
              plain.forget(Math.max(0, sequence - one.back));
              break;
            case "judge": {
              const begin = Math.max(0, sequence - one.back);
              const verdict = recent.judge(begin, one.keys.map(bytes), one.ranges);
              expect(verdict).toBe(plain.judge(begin, one.keys, one.ranges));
              seen[verdict]++;
              break;
            }
          }
          expect(recent.floor).toBe(plain.floor);
          expect(recent.count).toBe(plain.kept.length);
          expect(recent.bytes).toBe(plain.bytes);
        }
      }),
      { numRuns: 150 * ROUNDS },
    );
    expect(seen.agrees).toBeGreaterThan(0);
    if (name !== "no memory at all") expect(seen.conflict).toBeGreaterThan(50);
    expect(seen["too old"]).toBeGreaterThan(50);
  });
}
