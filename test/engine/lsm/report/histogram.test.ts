/** A histogram is held against the sorted list of what it was given. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Histogram } from "../../../../src/engine/lsm/report/index.ts";

test("an empty histogram says zero of everything", () => {
  const { figures } = new Histogram();
  expect(Object.values(figures).every((figure) => figure === 0)).toBe(true);
});

test("count, sum, least and greatest are exact, and a percentile is within a quarter of the true one", () => {
  const value = fc.oneof(
    fc.double({ min: 0, max: 10, noNaN: true }),
    fc.double({ min: 0.001, max: 1e12, noNaN: true }),
    fc.integer({ min: 0, max: 40 }).map((power) => 2 ** power),
    fc.constant(0),
  );
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 200 }),
      fc.constantFrom(0, 0.5, 0.9, 0.99, 1),
      (values, part) => {
        const histogram = new Histogram();
        for (const one of values) histogram.record(one);
        const sorted = values.toSorted((a, b) => a - b);
        const { count, max, min, sum } = histogram.figures;
        expect(count).toBe(values.length);
        expect(min).toBe(sorted[0]);
        expect(max).toBe(sorted.at(-1));
        expect(sum).toBeCloseTo(
          values.reduce((a, b) => a + b, 0),
          -Math.log10(1e-9 * max + 1e-9),
        );
        const exact = sorted[Math.max(0, Math.ceil(part * values.length) - 1)]!;
        const found = histogram.percentile(part);
        expect(found).toBeGreaterThanOrEqual(exact);
        // Below the first bound everything is one bucket.
        expect(found).toBeLessThanOrEqual(Math.max(exact * 2 ** 0.25 * 1.000_001, 2 ** -10));
      },
    ),
  );
});

test("what is no amount is a mistake of the caller", () => {
  const histogram = new Histogram();
  for (const wrong of [-1, NaN, Infinity])
    expect(() => histogram.record(wrong)).toThrow(/from 0 on/);
  expect(histogram.count).toBe(0);
});
