import fc from "fast-check";
import { expect, test } from "vitest";
import { isWellFormed } from "../../../src/collections/index.ts";
import { InvalidCursor } from "../../../src/query/index.ts";
import { decodeCursor, encodeCursor, fingerprintOf } from "../../../src/query/run/page-cursor.ts";
import type { PagePosition } from "../../../src/query/run/page-cursor.ts";

const fingerprint = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

test("the worked example of the format", () => {
  const position: PagePosition = {
    kind: "order",
    side: "after",
    place: { values: [36], id: "ada" },
  };
  const text = encodeCursor(fingerprint, position);
  const bytes = Buffer.from(text, "base64url").toString("hex");
  expect(bytes.slice(0, -8)).toBe(
    "01" + "0102030405060708" + "02" + "30c042000000000000" + "5061646100",
  );
  expect(text).toBe("AQECAwQFBgcIAjDAQgAAAAAAAFBhZGEAiPGnzA");
  expect(decodeCursor("c", fingerprint, text, 1)).toEqual(position);
});

const value = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double({ noNaN: true }).map((n) => n + 0),
  fc.bigInt(),
  fc.date({ noInvalidDate: true }),
  fc.string({ unit: "binary" }).filter(isWellFormed),
  fc.uint8Array(),
);
const side = fc.constantFrom("before", "after");
const position: fc.Arbitrary<PagePosition> = fc.oneof(
  fc.record({
    kind: fc.constant("order"),
    side,
    place: fc.record({
      values: fc.array(value, { maxLength: 3 }),
      id: fc.string({ minLength: 1 }),
    }),
  }),
  fc.record({
    kind: fc.constant("scan"),
    side,
    branch: fc.nat(64),
    key: fc.uint8Array().map((bytes) => new Uint8Array(bytes)),
  }),
);
const fieldsOf = (of: PagePosition): number => (of.kind === "order" ? of.place.values.length : 0);

test("a cursor reads back what was written", () => {
  fc.assert(
    fc.property(position, fc.string(), (written, query) => {
      const own = fingerprintOf(query);
      const text = encodeCursor(own, written);
      expect(text).toMatch(/^[\w-]+$/);
      expect(decodeCursor("c", own, text, fieldsOf(written))).toEqual(written);
    }),
  );
});

test("any changed letter, and any other query, is refused", () => {
  fc.assert(
    fc.property(position, fc.nat(), fc.nat(63), (written, at, by) => {
      const text = encodeCursor(fingerprint, written);
      const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
      const i = at % text.length;
      const changed = text.slice(0, i) + letters[by]! + text.slice(i + 1);
      if (changed !== text)
        expect(() => decodeCursor("c", fingerprint, changed, fieldsOf(written))).toThrow(
          InvalidCursor,
        );
      expect(() => decodeCursor("c", fingerprintOf("x"), text, fieldsOf(written))).toThrow(
        InvalidCursor,
      );
      if (written.kind === "order")
        expect(() => decodeCursor("c", fingerprint, text, fieldsOf(written) + 1)).toThrow(
          InvalidCursor,
        );
    }),
  );
});
