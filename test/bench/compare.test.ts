/** The check of a change against its base: a planted slowdown is found, noise is not. */
import { expect, test } from "vitest";
import { chanceOfLower } from "../../bench/kit/index.ts";
import { ROUNDS_MIN, figuresOf, firstLook, secondLook } from "../../bench/command/compare.ts";
import type { Figures } from "../../bench/command/compare.ts";

const ROUNDS = 9;
const WORKLOADS = 80;

/** A generator with a seed, so that a run that fails can be repeated. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** As rounds on a shared machine: a little noise each, and now and then one that takes half as long again. */
function roundsOf(random: () => number, rate: number): number[] {
  return Array.from({ length: ROUNDS }, () => {
    const noise = 1 + 0.06 * (random() + random() - 1);
    const busy = random() < 0.2 ? 1 + random() / 2 : 1;
    return rate / (noise * busy);
  });
}

/** A run of which the first workload is slowed down, as the command looks at it. */
function slowIn(seed: number, slowdown: number): string {
  const random = randomOf(seed);
  const rounds = (at: number) => ({
    base: roundsOf(random, 1e6),
    change: roundsOf(random, at === 0 ? 1e6 / slowdown : 1e6),
  });
  const figures = Array.from({ length: WORKLOADS }, (_, at): Figures => {
    return { name: `workload ${at}`, better: "higher", tolerance: 0.08, ...rounds(at) };
  });
  const suspects = firstLook(figures).filter(({ isSlower }) => isSlower);
  const again = suspects.map((one): Figures => {
    const more = rounds(one.name === "workload 0" ? 0 : 1);
    return { ...one, base: [...one.base, ...more.base], change: [...one.change, ...more.change] };
  });
  return secondLook(again, WORKLOADS)
    .flatMap(({ isSlower, name }) => (isSlower ? [name] : []))
    .join();
}

test("noise is not taken for a slowdown", () => {
  const found = Array.from({ length: 300 }, (_, seed) => slowIn(seed, 1));
  expect(found.filter((names) => names !== "")).toEqual([]);
});

test("a slowdown of a quarter in one of eighty workloads is mostly found, and no other is told", () => {
  const found = Array.from({ length: 300 }, (_, seed) => slowIn(seed, 1.25));
  expect(new Set(found)).toEqual(new Set(["workload 0", ""]));
  expect(found.filter((names) => names === "workload 0").length).toBeGreaterThan(240);
});

test("one of a half is nearly always found", () => {
  const found = Array.from({ length: 100 }, (_, seed) => slowIn(seed, 1.5));
  expect(found.filter((names) => names === "workload 0").length).toBeGreaterThan(97);
});

test("a change that is quicker is not slower", () => {
  expect(slowIn(5, 0.5)).toBe("");
});

test("a slowdown in processor time alone is found where the rate is too noisy to tell", () => {
  const random = randomOf(11);
  const round = (cpuMicros: number) => {
    const rate = 1e5 * (0.5 + random());
    const wallSeconds = 1e5 / rate;
    const cpuSeconds = (cpuMicros * (1 + 0.02 * random()) * 1e5) / 1e6;
    return [
      {
        suite: "keyvalue" as const,
        store: "kotobadb",
        workload: "get",
        unit: "ops/s" as const,
        value: rate,
        better: "higher" as const,
        cpuSeconds,
        wallSeconds,
      },
    ];
  };
  const base = Array.from({ length: ROUNDS }, () => round(2));
  const change = Array.from({ length: ROUNDS }, () => round(2.4));
  const slow = firstLook(figuresOf(base, change)).filter(({ isSlower }) => isSlower);
  expect(slow.map(({ name }) => name)).toEqual(["keyvalue, get, CPU"]);
});

test("the rank-sum test gives the chances that counting gives", () => {
  // All below: one of the 20 ways to choose three of six.
  expect(chanceOfLower([1, 2, 3], [4, 5, 6])).toBeCloseTo(1 / 20);
  expect(chanceOfLower([4, 5, 6], [1, 2, 3])).toBe(1);
  // One pair the other way round: two of the ways.
  expect(chanceOfLower([1, 2, 4], [3, 5, 6])).toBeCloseTo(2 / 20);
  expect(chanceOfLower([1, 1], [1, 1])).toBeCloseTo(4 / 6);
});

test("the fewest rounds that are taken can tell a slowdown, and one less could not", () => {
  const slowWith = (rounds: number): boolean => {
    const base = Array.from({ length: rounds }, () => 100);
    const change = Array.from({ length: rounds }, () => 50);
    const figures = { name: "x", better: "higher", tolerance: 0.08, base, change } as const;
    return firstLook([figures])[0]!.isSlower;
  };
  expect([slowWith(ROUNDS_MIN - 1), slowWith(ROUNDS_MIN)]).toEqual([false, true]);
});
