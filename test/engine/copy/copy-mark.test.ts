/** The row that marks an unfinished copy, byte by byte. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { hex } from "../../../src/base/index.ts";
import { decodeMark, encodeMark, uncopiedFrom } from "../../../src/engine/copy/copy-mark.ts";

const NOTHING = { run: 1, position: null, rows: 0, bytes: 0, checksum: "0".repeat(32) };

test("worked example: a mark is 01 and its fields as JSON", () => {
  const mark = encodeMark(NOTHING);
  expect(hex(mark, 10)).toMatch(/^017b2272756e223a312c/);
  expect(new TextDecoder().decode(mark.subarray(1))).toBe(
    `{"run":1,"position":null,"rows":0,"bytes":0,"checksum":"${"0".repeat(32)}"}`,
  );
});

test("marks come back as they were, and what follows the position is the next key", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(), fc.nat(), (key, rows, bytes) => {
      const mark = { ...NOTHING, position: hex(key, Infinity), rows: rows + 1, bytes };
      expect(decodeMark(encodeMark(mark))).toEqual(mark);
      expect(hex(uncopiedFrom(mark), Infinity)).toBe(`${hex(key, Infinity)}00`);
    }),
  );
  expect(uncopiedFrom(NOTHING)).toHaveLength(0);
});

test("what is no mark is damage", () => {
  for (const text of [
    "",
    "{}",
    "null",
    '{"run":1,"position":null,"rows":1,"bytes":0,"checksum":""}',
    '{"run":1,"position":"0","rows":1,"bytes":0,"checksum":""}',
    '{"run":1,"position":"zz","rows":1,"bytes":0,"checksum":""}',
    '{"run":-1,"position":null,"rows":0,"bytes":0,"checksum":""}',
    '{"run":1,"position":null,"rows":0,"bytes":0.5,"checksum":""}',
    '{"run":1,"position":null,"rows":0,"bytes":0}',
  ]) {
    const bytes = new TextEncoder().encode(`\u0001${text}`);
    expect(() => decodeMark(bytes), text).toThrow("A file of the database is damaged.");
  }
});
