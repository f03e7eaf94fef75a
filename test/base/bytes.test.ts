import fc from "fast-check";
import { expect, test } from "vitest";
import {
  compareByteRanges,
  compareBytes,
  concatBytes,
  copyBytes,
  hex,
  nextKey,
  prefixEnd,
} from "../../src/base/index.ts";

const bytes = fc.uint8Array({ maxLength: 6 });

test("bytes compare as Buffer.compare does, whole and as parts of larger arrays", () => {
  fc.assert(
    fc.property(bytes, bytes, bytes, (a, b, around) => {
      const expected = Math.sign(Buffer.compare(a, b));
      expect(Math.sign(compareBytes(a, b))).toBe(expected);
      const [wideA, wideB] = [concatBytes(around, a, around), concatBytes(b, around)];
      const from = around.length;
      expect(Math.sign(compareByteRanges(wideA, from, from + a.length, wideB, 0, b.length))).toBe(
        expected,
      );
    }),
  );
});

test("no key lies between a key and its next key", () => {
  fc.assert(
    fc.property(bytes, bytes, (key, other) => {
      const next = nextKey(key);
      expect(compareBytes(key, next)).toBeLessThan(0);
      expect(compareBytes(other, key) > 0 && compareBytes(other, next) < 0).toBe(false);
    }),
  );
});

test("the end of a prefix is above exactly the keys that start with it or sort before it", () => {
  fc.assert(
    fc.property(bytes, bytes, (prefix, key) => {
      const end = prefixEnd(prefix);
      const starts = Buffer.from(key.subarray(0, prefix.length)).equals(prefix);
      const inside =
        compareBytes(key, prefix) >= 0 && (end === undefined || compareBytes(key, end) < 0);
      expect(inside).toBe(starts);
    }),
  );
});

test("a copy shares no memory with its source, even with a Buffer", () => {
  const source = Buffer.from([1, 2, 3]);
  const copy = copyBytes(source, 1);
  source[1] = 9;
  expect([...copy]).toEqual([2, 3]);
});

test("bytes in messages are cut when they are long", () => {
  expect(hex(new Uint8Array([0, 255]))).toBe("00ff");
  expect(hex(new Uint8Array(100), 2)).toBe("0000…(100 bytes)");
});
