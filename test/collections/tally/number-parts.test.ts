import fc from "fast-check";
import { expect, test } from "vitest";
import { PartSum } from "../../../src/collections/index.ts";
import { partsOf } from "../../../src/collections/tally/number-parts.ts";

/** A float64 as an integer of units of 2^-1074, by doubling it until it is whole: another way than the sum's own. */
function unitsOf(value: number): bigint {
  let whole = value;
  let left = 1_074n;
  while (!Number.isInteger(whole)) {
    whole *= 2;
    left--;
  }
  return BigInt(whole) << left;
}

/** The float64 next to a finite one. */
function neighbour(value: number, up: boolean): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigInt64(0);
  if (value === 0) return up ? Number.MIN_VALUE : -Number.MIN_VALUE;
  view.setBigInt64(0, bits + (value > 0 === up ? 1n : -1n));
  return view.getFloat64(0);
}

const absolute = (value: bigint): bigint => (value < 0n ? -value : value);

function expectNearest(sum: number, units: bigint): void {
  const off = absolute(unitsOf(sum) - units);
  for (const up of [true, false]) {
    const other = neighbour(sum, up);
    if (!Number.isFinite(other)) continue;
    const offOther = absolute(unitsOf(other) - units);
    expect(off <= offOther, `${other} is nearer than ${sum}`).toBe(true);
    // In the middle of both, the even one.
    if (off === offOther && off !== 0n) expect(isEven(sum)).toBe(true);
  }
}

function isEven(value: number): boolean {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return (view.getUint32(4) & 1) === 0;
}

const numbers = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }),
  fc.double({ noNaN: true, min: -1, max: 1 }),
  fc.integer({ min: -100_000, max: 100_000 }).map((cents) => cents / 100),
  fc.constantFrom(0, -0, Number.MIN_VALUE, 2 ** -1_022, 2 ** 53, 2 ** 53 + 2, 0.1, 1e16, 2 ** -53),
);

test("a sum is the float64 nearest to what the numbers really add up to", () => {
  fc.assert(
    fc.property(fc.array(numbers, { maxLength: 30 }), (values) => {
      const sum = new PartSum("number");
      for (const value of values) sum.add(value);
      const units = values.reduce((all, value) => all + unitsOf(value), 0n);
      expectNearest(sum.value as number, units);
    }),
    { numRuns: 2_000 },
  );
});

test("ties go to the even number", () => {
  for (const [values, expected] of [
    [[1, 2 ** -53], 1],
    [[1 + 2 ** -52, 2 ** -53], 1 + 2 ** -51],
    [[1, 2 ** -53, 2 ** -1_074], 1 + 2 ** -52],
    [[2 ** 53, 1], 2 ** 53],
    [[-(2 ** 53), -1, -0.5], -(2 ** 53) - 2],
  ] as const) {
    const sum = new PartSum("number");
    for (const value of values) sum.add(value);
    expect(sum.value).toBe(expected);
  }
});

test("what is taken away leaves nothing behind, in any order", () => {
  fc.assert(
    fc.property(
      fc.array(numbers, { maxLength: 20 }),
      fc.array(fc.record({ value: numbers, at: fc.nat() }), { maxLength: 20 }),
      (kept, gone) => {
        const parts = new Map<number, bigint>();
        const add = (value: number, sign: bigint) => {
          for (const { part, amount } of partsOf(value))
            parts.set(part, (parts.get(part) ?? 0n) + sign * BigInt(amount));
        };
        for (const { value } of gone) add(value, 1n);
        for (const value of kept) add(value, 1n);
        for (const { value } of gone.toSorted((a, b) => a.at - b.at)) add(value, -1n);
        const left = new PartSum("number");
        for (const [part, amount] of parts) left.addPart(part, amount);
        const plain = new PartSum("number");
        for (const value of kept) plain.add(value);
        expect(left.value).toBe(plain.value);
      },
    ),
    { numRuns: 500 },
  );
});

test("infinities are counted, so they can be taken away again", () => {
  const sum = new PartSum("number");
  sum.add(5);
  sum.add(Infinity);
  expect(sum.value).toBe(Infinity);
  sum.add(-Infinity);
  expect(sum.value).toBeNaN();
  for (const { part, amount } of partsOf(Infinity)) sum.addPart(part, -BigInt(amount));
  expect(sum.value).toBe(-Infinity);
  for (const { part, amount } of partsOf(-Infinity)) sum.addPart(part, -BigInt(amount));
  expect(sum.value).toBe(5);
});

test("finite numbers beyond the largest are infinite together, and finite again without one of them", () => {
  const sum = new PartSum("number");
  sum.add(Number.MAX_VALUE);
  sum.add(Number.MAX_VALUE);
  expect(sum.value).toBe(Infinity);
  sum.add(-Number.MAX_VALUE);
  expect(sum.value).toBe(Number.MAX_VALUE);
});

test("bigints are summed as they are", () => {
  const bits = fc.bigInt({ min: -(1n << 1_023n), max: 1n << 1_023n });
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.bigInt({ min: -9n, max: 9n }), bits)), (values) => {
      const sum = new PartSum("bigint");
      for (const value of values) sum.add(value);
      expect(sum.value).toBe(values.reduce((all, value) => all + value, 0n));
    }),
    { numRuns: 300 },
  );
});

test("sums of groups together are the sum of all", () => {
  fc.assert(
    fc.property(fc.array(numbers), fc.array(numbers), (a, b) => {
      const [sumA, sumB, all] = [
        new PartSum("number"),
        new PartSum("number"),
        new PartSum("number"),
      ];
      for (const value of a) sumA.add(value);
      for (const value of b) sumB.add(value);
      for (const value of [...a, ...b]) all.add(value);
      sumA.addSum(sumB);
      expect(sumA.value).toBe(all.value);
    }),
  );
});

test("a number has few parts", () => {
  fc.assert(
    fc.property(fc.integer(), numbers, (whole, any) => {
      expect(partsOf(whole).length).toBeLessThanOrEqual(1);
      expect(partsOf(any).length).toBeLessThanOrEqual(3);
    }),
  );
  expect(partsOf(-2.5)).toEqual([
    { part: 0x31, amount: -0x8000_0000 },
    { part: 0x32, amount: -2 },
  ]);
});
