import { expect, test } from "vitest";
import { settingsOf } from "../../../../src/engine/lsm/settings/index.ts";
import type { LsmOptions } from "../../../../src/engine/lsm/index.ts";

const of = (options: Partial<LsmOptions>): ReturnType<typeof settingsOf> =>
  settingsOf({ path: "", ...options });

test("profiles are the specification's presets, and what is set by itself goes before them", () => {
  const pair = (options: Partial<LsmOptions>): readonly number[] => {
    const { l0TablesTrigger, minCompactionFiles } = of(options);
    return [l0TablesTrigger, minCompactionFiles];
  };
  expect(pair({})).toEqual([10, 4]);
  expect(pair({ profile: "write-heavy" })).toEqual([20, 8]);
  expect(pair({ profile: "read-heavy" })).toEqual([5, 2]);
  expect(pair({ profile: "memory-constrained" })).toEqual([3, 2]);
  expect(pair({ profile: "write-heavy", maxSstables: 12 })).toEqual([12, 8]);
  expect(pair({ maxSstables: 12, l0TablesTrigger: 6 })).toEqual([6, 4]);
  expect(pair({ l0TablesTrigger: 3 })).toEqual([3, 3]);
});

test("what is no policy, no profile, or wider than the trigger is refused by name", () => {
  expect(() => of({ policy: "none" as "fifo" })).toThrow(/policy must be one of leveled/);
  expect(() => of({ profile: "toString" as "balanced" })).toThrow(/profile must be one of/);
  expect(() => of({ l0TablesTrigger: 3, minCompactionFiles: 4 })).toThrow(/at most the trigger, 3/);
  expect(() => of({ maxSstables: 65 })).toThrow(/l0TablesTrigger must be a number from 2 to 64/);
  expect(() => of({ tombstoneDensePercent: 0 })).toThrow(/tombstoneDensePercent/);
});
