import fc from "fast-check";
import { expect, test } from "vitest";
import { SyncTimes } from "../../../../src/engine/lsm/commit/sync-times.ts";

test("figures are at most a fifth above those of the sorted list, and the largest is exact", () => {
  const millis = fc.double({ min: 0.001, max: 60_000, noNaN: true });
  fc.assert(
    fc.property(fc.array(millis, { minLength: 1, maxLength: 200 }), (times) => {
      const syncs = new SyncTimes();
      for (const time of times) syncs.add(time, 1);
      const sorted = times.map((time) => time * 1_000).toSorted((a, b) => a - b);
      const { syncMicrosMax, syncMicrosP50, syncMicrosP99 } = syncs.stats;
      expect(syncMicrosMax).toBe(sorted.at(-1));
      for (const [found, share] of [
        [syncMicrosP50!, 0.5],
        [syncMicrosP99!, 0.99],
      ] as const) {
        const exact = sorted[Math.ceil(sorted.length * share) - 1]!;
        expect(found).toBeGreaterThanOrEqual(exact * 0.999);
        expect(found).toBeLessThanOrEqual(exact * 1.2);
      }
    }),
  );
});

test("before the first sync all figures are 0", () => {
  expect(new Set(Object.values(new SyncTimes().stats))).toEqual(new Set([0]));
});
