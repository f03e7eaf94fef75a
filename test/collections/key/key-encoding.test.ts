import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { CorruptionError } from "../../../src/engine/contract/index.ts";
import { compareBytes, hex } from "../../../src/base/index.ts";
import { KeyReader, decodeValue } from "../../../src/collections/key/key-reader.ts";
import { KeyWriter, encodeKey } from "../../../src/collections/key/key-writer.ts";
import { compareValues } from "../../../src/collections/key/value-order.ts";
import type { Scalar } from "../../../src/collections/schema/document-type.ts";
import { anyBytes, anyScalar, scalarPair } from "./arbitrary-value.ts";

// Many random cases: a busy machine takes longer than the usual limit.
vi.setConfig({ testTimeout: 30_000 });

/** Two tuples that often share their first values, each field with its direction. */
const tuplePair = fc.array(fc.tuple(scalarPair, fc.boolean()), { minLength: 1, maxLength: 3 });

/** The order of tuples, field by field, as queries see it. */
function compareTuples(
  a: readonly Scalar[],
  b: readonly Scalar[],
  descendings: readonly boolean[],
): number {
  for (const [i, descending] of descendings.entries()) {
    const order = compareValues(a[i], b[i]);
    if (order !== 0) return Math.sign(descending ? -order : order);
  }
  return 0;
}

describe("the order of keys", () => {
  test("is the order of their values, ascending and descending, with nothing behind", () => {
    fc.assert(
      fc.property(tuplePair, anyBytes, (fields, prefix) => {
        const descendings = fields.map(([, descending]) => descending);
        const a = fields.map(([[value]]) => value);
        const b = fields.map(([[, value]]) => value);
        const byBytes = compareBytes(
          encodeKey(prefix, a, descendings),
          encodeKey(prefix, b, descendings),
        );
        expect(Math.sign(byBytes)).toBe(compareTuples(a, b, descendings));
      }),
      { numRuns: 5_000 },
    );
  });

  test("keys that live briefly are those of encodeKey, also after many more were written behind them", () => {
    const value = fc.oneof(
      anyScalar,
      fc.integer({ min: 1, max: 9_000 }).map((length) => "é".repeat(length)),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.array(fc.tuple(value, fc.boolean()), { maxLength: 3 }), anyBytes), {
          maxLength: 60,
        }),
        anyBytes,
        (keys, prefix) => {
          const writer = new KeyWriter(prefix, "briefly");
          const written = keys.map(([fields, tail]) => {
            for (const [one, descending] of fields) writer.value(one, descending);
            return writer.raw(tail, fields.length === 2).finish();
          });
          const plain = keys.map(([fields, tail]) => {
            const alone = new KeyWriter(prefix);
            for (const [one, descending] of fields) alone.value(one, descending);
            return alone.raw(tail, fields.length === 2).finish();
          });
          expect(written.map((key) => hex(key, Infinity))).toEqual(
            plain.map((key) => hex(key, Infinity)),
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  test("takes the end of a raw document key as the same bytes by themselves", () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, fc.boolean(), (head, tail, descending) => {
        const whole = new Uint8Array([...head, ...tail]);
        const cut = new KeyWriter(head).raw(tail, descending).finish();
        expect(new KeyWriter(head).raw(whole, descending, head.length).finish()).toEqual(cut);
      }),
    );
  });

  test("goes on with a raw document key behind the values, in both directions", () => {
    const tail = fc.oneof(
      anyBytes,
      anyBytes.map((bytes) => Uint8Array.of(0x11, ...bytes)),
    );
    fc.assert(
      fc.property(tuplePair, tail, anyBytes, fc.boolean(), (fields, tailOfA, more, downwards) => {
        const descendings = fields.map(([, descending]) => descending);
        const a = fields.map(([[value]]) => value);
        const b = fields.map(([[, value]]) => value);
        const tailOfB = Uint8Array.of(...tailOfA, ...more);
        const byBytes = compareBytes(
          keyOf(a, descendings, tailOfA, downwards),
          keyOf(b, descendings, tailOfB, downwards),
        );
        const byTail = Math.sign(compareBytes(tailOfA, tailOfB)) * (downwards ? -1 : 1);
        expect(Math.sign(byBytes) + 0).toBe((compareTuples(a, b, descendings) || byTail) + 0);
      }),
      { numRuns: 5_000 },
    );
  });

  test("no part is a prefix of another part", () => {
    fc.assert(
      fc.property(scalarPair, fc.boolean(), ([a, b], descending) => {
        fc.pre(compareValues(a, b) !== 0);
        const partOfA = encodeKey(new Uint8Array(0), [a], [descending]);
        const partOfB = encodeKey(new Uint8Array(0), [b], [descending]);
        expect(hex(partOfB, 9_999).startsWith(hex(partOfA, 9_999))).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });

  test("equal values have equal keys", () => {
    expect(hex(encodeKey(new Uint8Array(0), [-0, undefined]))).toBe(
      hex(encodeKey(new Uint8Array(0), [0, null])),
    );
  });
});

function keyOf(
  values: readonly Scalar[],
  descendings: readonly boolean[],
  tail: Uint8Array,
  tailDescending: boolean,
): Uint8Array {
  const writer = new KeyWriter();
  for (const [i, value] of values.entries()) writer.value(value, descendings[i]!);
  return writer.raw(tail, tailDescending).finish();
}

describe("reading keys back", () => {
  test("gives every value again, in the middle of a larger buffer", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyScalar, fc.boolean()), { maxLength: 4 }),
        anyBytes,
        anyBytes,
        (fields, before, behind) => {
          const descendings = fields.map(([, descending]) => descending);
          const key = encodeKey(
            before,
            fields.map(([value]) => value),
            descendings,
          );
          const buffer = Uint8Array.of(...key, ...behind);
          const reader = new KeyReader(buffer, before.length, key.length);
          for (const [value, descending] of fields) {
            expect(reader.value(descending)).toEqual(normalised(value));
          }
          expect(reader.at).toBe(key.length);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test("decodeValue says where the next part begins", () => {
    const key = encodeKey(Uint8Array.of(7), ["Oslo", 5n], [true, false]);
    const first = decodeValue(key, 1, true);
    expect(first.value).toBe("Oslo");
    expect(decodeValue(key, first.next)).toEqual({ value: 5n, next: key.length });
  });

  test("a part that was cut off or changed is damage or another value, never a crash", () => {
    fc.assert(
      fc.property(anyScalar, fc.boolean(), fc.nat(), fc.nat(255), (value, descending, at, byte) => {
        const key = encodeKey(new Uint8Array(0), [value], [descending]);
        expect(() => decodeValue(key.subarray(0, at % key.length), 0, descending)).toThrow(
          CorruptionError,
        );
        key[at % key.length] = byte;
        try {
          const read = decodeValue(key, 0, descending);
          // What is read at all has only this one encoding.
          expect(hex(encodeKey(new Uint8Array(0), [read.value], [descending]), 9_999)).toBe(
            hex(key.subarray(0, read.next), 9_999),
          );
        } catch (error) {
          if (!(error instanceof CorruptionError)) throw error;
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test.each([
    ["an unknown tag", "00"],
    ["a number that is NaN", "30fff8000000000000"],
    ["a number that is -0", "307fffffffffffffff"],
    ["a date out of range", "40fff0000000000000"],
    ["a date between two milliseconds", "40bfe0000000000000"],
    ["a bigint with a leading zero", "388200ff"],
    ["a bigint of 0 bytes in the long form", "38f900"],
    ["a bigint with a length too long for it", "38fa00f0"],
    ["ill-formed UTF-8", "50ff00"],
    ["an escape of nothing", "500103"],
    ["a string without an end", "5061"],
    ["a string that ends in an escape", "5001"],
  ])("%s is damage", (_, bytes) => {
    expect(() => decodeValue(Buffer.from(bytes, "hex"), 0)).toThrow(CorruptionError);
  });
});

function normalised(value: Scalar): Scalar {
  if (value === undefined) return null;
  return typeof value === "number" ? value + 0 : value;
}

describe("the key writer", () => {
  test("goes back to its prefix after each key, and gives copies", () => {
    const writer = new KeyWriter(Uint8Array.of(9));
    const first = writer.value(true).finish();
    const second = writer.value(false).finish();
    expect([hex(first), hex(second)]).toEqual(["0921", "0920"]);
    expect(writer.length).toBe(1);
    expect(first.buffer.byteLength).toBe(2);
  });

  test("grows for long keys", () => {
    const text = "é".repeat(5_000);
    expect(decodeValue(new KeyWriter().value(text).finish(), 0).value).toBe(text);
  });

  test.each([
    ["NaN", Number.NaN],
    ["an invalid date", new Date(Number.NaN)],
    ["a lone high surrogate", "a\ud800"],
    ["a high surrogate before another character", "\ud800a"],
    ["a lone low surrogate", "\udc00a"],
    ["an object", {} as Scalar],
    ["an array", [1] as unknown as Scalar],
    ["a lone surrogate in a long text", `\ud800${"x".repeat(100)}`],
  ])(
    "takes %s for a mistake of its caller, and writes the next key as if nothing had been",
    (_, value) => {
      const writer = new KeyWriter(Uint8Array.of(9));
      expect(() => writer.value(true).value(value)).toThrow("broke its own rule");
      expect(hex(writer.value(false).finish())).toBe("0920");
      expect(() => encodeKey(Uint8Array.of(9), [true, value])).toThrow("broke its own rule");
      expect(hex(encodeKey(Uint8Array.of(9), [false]))).toBe("0920");
    },
  );
});

describe("worked examples of the format", () => {
  const date = new Date("2026-01-02T03:04:05.678Z");
  test.each<[string, Scalar, boolean, string]>([
    ["null", null, false, "10"],
    ["null", null, true, "ef"],
    ["false", false, false, "20"],
    ["true", true, false, "21"],
    ["0", 0, false, "308000000000000000"],
    ["1", 1, false, "30bff0000000000000"],
    ["-1.5", -1.5, false, "304007ffffffffffff"],
    ["-1.5", -1.5, true, "cfbff8000000000000"],
    ["0n", 0n, false, "3880"],
    ["258n", 258n, false, "38820102"],
    ["-258n", -258n, false, "387dfefd"],
    ["256n ** 119n", 256n ** 119n, false, `38f97801${"00".repeat(119)}`],
    ["date", date, false, "40c279b7ca98f2e000"],
    ["''", "", false, "5000"],
    ["'Oslo'", "Oslo", false, "504f736c6f00"],
    ["'Oslo'", "Oslo", true, "afb08c9390ff"],
    ["'a\\0b'", "a\0b", false, "506101016200"],
    ["'é😀'", "é😀", false, "50c3a9f09f988000"],
    ["bytes 00 01 02 FF", Uint8Array.of(0, 1, 2, 255), false, "600101010202ff00"],
  ])("%s", (_, value, descending, expected) => {
    expect(hex(new KeyWriter().value(value, descending).finish(), 999)).toBe(expected);
  });

  test("a tuple with a document key behind", () => {
    const documentKey = Uint8Array.of(0x11, 0x61);
    const writer = new KeyWriter(Uint8Array.of(0x01, 0x02, 0x01));
    expect(hex(writer.value("Oslo").value(-1.5).raw(documentKey).finish())).toBe(
      "010201504f736c6f00304007ffffffffffff1161",
    );
    expect(hex(writer.value("Oslo").value(-1.5, true).raw(documentKey, true).finish())).toBe(
      "010201504f736c6f00cfbff8000000000000ee9eff",
    );
  });
});
