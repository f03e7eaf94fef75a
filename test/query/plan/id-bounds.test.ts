import fc from "fast-check";
import { expect, test } from "vitest";
import { compareStrings, documentKey, isUlid } from "../../../src/collections/index.ts";
import { rangeContains } from "../../../src/engine/contract/index.ts";
import { firstUlidFrom, idBounds } from "../../../src/query/plan/id-bounds.ts";
import { compareIds } from "../../../src/query/id-order.ts";
import { boundSet } from "../../../src/query/query-request.ts";
import {
  classSet,
  complement,
  intersect,
  pointSet,
  prefixSet,
} from "../../../src/query/plan/value-set.ts";
import { compareIdsPlainly } from "../plain-query.ts";

const prefix = Uint8Array.of(1, 0);
const ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const ids = [
  ulid,
  "00000000000000000000000000",
  "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
  "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
  "01ARZ3NDEKTSV4RRFFQ69G5FAW",
  "01ARZ3NDEKTSV4RRFFQ69G5FAVX",
  "01ARZ3NDEKTSV4RRFFQ69G5FA",
  "01arz3ndektsv4rrffq69g5fav",
  "0",
  "01",
  "1",
  "7",
  "8",
  "A",
  "\0",
  "a",
  "a\0",
  "ü",
  "\uffff",
  "\u{10ffff}",
];
const letters = fc.constantFrom("0", "1", "7", "8", "A", "I", "Z", "a", "\0", "~", "\u{1f600}");
const anyId = fc.oneof(
  fc.constantFrom(...ids),
  fc.array(letters, { minLength: 1, maxLength: 30 }).map((list) => list.join("")),
  fc.array(fc.constantFrom("0", "1", "Z"), { minLength: 26, maxLength: 26 }).map((l) => l.join("")),
);

test("bounds of ids hold exactly the documents whose ids are in the set", () => {
  const ops = fc.constantFrom("gt", "gte", "lt", "lte", "startsWith", "ne");
  fc.assert(
    fc.property(ops, anyId, fc.array(anyId), (op, operand, more) => {
      const set =
        op === "ne"
          ? intersect(complement(pointSet([operand])), classSet("string"))
          : op === "startsWith"
            ? prefixSet(operand)
            : boundSet(op, operand);
      const bounds = idBounds(prefix, set);
      for (const id of [...ids, ...more, operand]) {
        const order = compareStrings(id, operand);
        const expected = {
          gt: order > 0,
          gte: order >= 0,
          lt: order < 0,
          lte: order <= 0,
          ne: order !== 0,
          startsWith: id.startsWith(operand),
        }[op];
        const key = documentKey(prefix, id);
        const hits = bounds.filter(({ range }) => rangeContains(range, key));
        expect(hits.length, `${id} ${op} ${operand}`).toBe(expected ? 1 : 0);
      }
    }),
    { numRuns: 300 },
  );
});

test("the first ULID from a text on is a ULID that is not below it, and none is between", () => {
  expect(firstUlidFrom("")).toBe("0".repeat(26));
  expect(firstUlidFrom("01ARZ")).toBe("01ARZ".padEnd(26, "0"));
  expect(firstUlidFrom("0I")).toBe("0J".padEnd(26, "0"));
  expect(firstUlidFrom("0Za")).toBe("10".padEnd(26, "0"));
  expect(firstUlidFrom("7Za")).toBe(undefined);
  expect(firstUlidFrom(`${ulid}0`)).toBe("01ARZ3NDEKTSV4RRFFQ69G5FAW");
  fc.assert(
    fc.property(anyId, (text) => {
      const first = firstUlidFrom(text);
      if (first === undefined) return;
      expect(isUlid(first)).toBe(true);
      expect(compareStrings(first, text)).toBeGreaterThanOrEqual(0);
    }),
  );
});

test("ids compare as their keys do", () => {
  fc.assert(
    fc.property(anyId, anyId, (a, b) => {
      expect(Math.sign(compareIds(a, b))).toBe(Math.sign(compareIdsPlainly(a, b)));
    }),
  );
});
