import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareBytes, hex } from "../../../src/base/index.ts";
import { CorruptionError } from "../../../src/engine/contract/index.ts";
import {
  compareStrings,
  documentKey,
  idOf,
  isUlid,
  isWellFormed,
} from "../../../src/collections/index.ts";

const NO_PREFIX = new Uint8Array(0);
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ulid = fc
  .tuple(
    fc.constantFrom("0", "1", "2", "3", "4", "5", "6", "7"),
    fc.array(
      fc.nat(31).map((value) => alphabet[value]!),
      { minLength: 25, maxLength: 25 },
    ),
  )
  .map(([first, rest]) => first + rest.join(""));
const ownId = fc.string({ unit: "binary", minLength: 1, maxLength: 60 }).filter(isWellFormed);
const anyId = fc.oneof(ulid, ownId);

function keyOf(id: string): Uint8Array {
  return documentKey(NO_PREFIX, id);
}

describe("a document's key", () => {
  test("is as the worked examples say", () => {
    expect(hex(keyOf("01ARZ3NDEKTSV4RRFFQ69G5FAV"))).toBe("1001563e3ab5d3d6764c61efb99302bd5b");
    expect(hex(keyOf("ada"))).toBe("11616461");
    expect(hex(documentKey(Uint8Array.of(1, 0), "ada"))).toBe("010011616461");
  });

  test("gives the id back, wherever it stands in a buffer", () => {
    fc.assert(
      fc.property(anyId, fc.nat(9), (id, offset) => {
        const key = keyOf(id);
        const buffer = new Uint8Array(offset + key.length + 5).fill(0xaa);
        buffer.set(key, offset);
        expect(idOf(buffer, offset, offset + key.length)).toBe(id);
      }),
    );
  });

  test("takes 17 bytes for a ULID, and only for its canonical spelling", () => {
    const id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    expect(keyOf(id)).toHaveLength(17);
    for (const other of [id.toLowerCase(), `8${id.slice(1)}`, `${id.slice(0, 25)}U`, `${id}0`]) {
      expect(isUlid(other)).toBe(false);
      expect(idOf(keyOf(other), 0, keyOf(other).length)).toBe(other);
    }
    expect(keyOf("7ZZZZZZZZZZZZZZZZZZZZZZZZZ").subarray(1)).toEqual(new Uint8Array(16).fill(0xff));
    expect(keyOf("00000000000000000000000000").subarray(1)).toEqual(new Uint8Array(16));
  });

  test("orders ULIDs before other ids, and each kind by code point", () => {
    fc.assert(
      fc.property(anyId, anyId, (a, b) => {
        const byKind = Number(isUlid(b)) - Number(isUlid(a));
        const expected = Math.sign(byKind === 0 ? compareStrings(a, b) : byKind);
        expect(Math.sign(compareBytes(keyOf(a), keyOf(b)))).toBe(expected);
      }),
    );
  });

  test("of other bytes is refused with an error that shows them", () => {
    for (const bytes of [[], [0x10], [0x10, 1, 2], [0x11], [0x11, 0xff], [0x12, 0x61]]) {
      const key = Uint8Array.from(bytes);
      expect(() => idOf(key, 0, key.length)).toThrow(CorruptionError);
    }
  });
});
