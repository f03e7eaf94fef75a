import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareBytes, hex } from "../../../src/base/index.ts";
import {
  COLLECTION_COUNT_KEY,
  catalogKey,
  documentsPrefix,
  indexPrefix,
  orderedNumber,
  readOrderedNumber,
  structureKey,
} from "../../../src/collections/catalog/keyspace.ts";

describe("the keyspace", () => {
  test("is as the worked examples say", () => {
    expect(hex(catalogKey("users"))).toBe("00637573657273");
    expect(hex(COLLECTION_COUNT_KEY)).toBe("006e");
    expect(hex(documentsPrefix(1))).toBe("0100");
    expect(hex(indexPrefix(200, 3))).toBe("80c80203");
    expect(hex(structureKey(1, 0))).toBe("010100");
  });

  test("gives every owner a prefix that begins no other", () => {
    const number = fc.integer({ min: 1, max: 0xfffffff });
    const prefix = fc.oneof(
      fc.tuple(number).map(([n]) => documentsPrefix(n)),
      fc.tuple(number, number).map(([n, k]) => indexPrefix(n, k)),
      fc.tuple(number, fc.nat(300)).map(([n, i]) => structureKey(n, i)),
      fc.constantFrom(COLLECTION_COUNT_KEY, catalogKey("a")),
    );
    fc.assert(
      fc.property(prefix, prefix, (a, b) => {
        if (hex(a) === hex(b)) return;
        expect(hex(a).startsWith(hex(b)) || hex(b).startsWith(hex(a))).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});

describe("ordered numbers", () => {
  test("order as the numbers do and come back", () => {
    const number = fc.oneof(
      fc.integer({ min: 0, max: 0xfffffff }),
      fc.constantFrom(0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 0xfffffff),
    );
    fc.assert(
      fc.property(number, number, (a, b) => {
        const bytesOfA = Uint8Array.from(orderedNumber(a));
        const bytesOfB = Uint8Array.from(orderedNumber(b));
        expect(Math.sign(compareBytes(bytesOfA, bytesOfB))).toBe(Math.sign(a - b));
        expect(readOrderedNumber(bytesOfA)).toBe(a);
      }),
      { numRuns: 500 },
    );
  });

  test("of other bytes are undefined", () => {
    for (const bytes of [[], [0x80], [1, 2], [0x80, 5], [0xf0, 0, 0, 0], [0xc0, 0, 1]]) {
      expect(readOrderedNumber(Uint8Array.from(bytes))).toBeUndefined();
    }
    expect(() => orderedNumber(-1)).toThrow(/own rule/);
    expect(() => orderedNumber(0x1000_0000)).toThrow(/own rule/);
  });
});
