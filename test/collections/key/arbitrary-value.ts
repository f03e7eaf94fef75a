/** Random values for properties: every type, with the awkward ones far more often than chance would give them. */
import * as fc from "fast-check";
import type { Scalar } from "../../../src/collections/schema/document-type.ts";

const awkwardNumbers = [
  0,
  -0,
  1,
  -1,
  0.5,
  -1.5,
  Number.MIN_VALUE,
  -Number.MIN_VALUE,
  2.225e-308,
  Number.MAX_SAFE_INTEGER,
  -Number.MAX_SAFE_INTEGER,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];
const anyNumber: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(...awkwardNumbers),
  fc.double({ noNaN: true }),
  fc.integer({ min: -3, max: 3 }),
);

/** Short texts of units that sort differently as UTF-16 and as code points, or that the encoding treats apart. */
const awkwardUnits = [
  "\0",
  "\u0001",
  "\u0002",
  "a",
  "b",
  "\x7f",
  "\x80",
  "\u07ff",
  "\u0800",
  "\ud7ff",
  "\ue000",
  "\ufeff",
  "\uffff",
  "😀",
  "\u{10ffff}",
];
export const anyString: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: fc.constantFrom(...awkwardUnits), maxLength: 4 }) },
  // Long enough for the writer to leave its loop over units, with something to escape or without.
  fc.string({ unit: fc.constantFrom(...awkwardUnits), minLength: 30, maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(...awkwardUnits.slice(2)), minLength: 30, maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ maxLength: 100 }),
);

export const anyBytes: fc.Arbitrary<Uint8Array> = fc
  .oneof(
    fc.array(fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xfe, 0xff), { maxLength: 4 }),
    fc.array(fc.nat(255), { maxLength: 40 }),
  )
  .map((bytes) => Uint8Array.from(bytes));

const anyBigint: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: -300n, max: 300n }),
  fc.bigInt({ min: -(1n << 64n), max: 1n << 64n }),
  fc
    .record({
      // Around the lengths where the head changes: 119 and 255 bytes.
      bits: fc.oneof(fc.nat(3000), fc.constantFrom(951, 952, 953, 2039, 2040, 2041)),
      below: fc.bigInt({ min: -1n, max: 1n }),
      negative: fc.boolean(),
    })
    .map(({ bits, below, negative }) => ((1n << BigInt(bits)) + below) * (negative ? -1n : 1n)),
);

const anyDate: fc.Arbitrary<Date> = fc.oneof(
  fc.date({ noInvalidDate: true }),
  fc.constantFrom(0, -1, 1, 8.64e15, -8.64e15).map((millis) => new Date(millis)),
);

export const anyScalar: fc.Arbitrary<Scalar> = fc.oneof(
  fc.constantFrom<Scalar>(null, undefined, true, false),
  anyNumber,
  anyBigint,
  anyDate,
  anyString,
  anyBytes,
);

/** Two values of which the second is often the same or nearly the same as the first. */
export const scalarPair: fc.Arbitrary<readonly [Scalar, Scalar]> = fc.oneof(
  fc.tuple(anyScalar, anyScalar),
  anyScalar.map((value) => [value, value] as const),
  fc.tuple(anyString, anyString).map(([a, b]) => [a, a + b] as const),
  fc.tuple(anyBytes, anyBytes).map(([a, b]) => [a, Uint8Array.of(...a, ...b)] as const),
  fc.tuple(anyBigint, fc.bigInt({ min: -1n, max: 1n })).map(([a, b]) => [a, a + b] as const),
);
