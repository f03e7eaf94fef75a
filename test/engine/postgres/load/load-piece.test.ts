/** A piece of a load says the same to COPY and as puts: its rows in order, each key once, the last of equal ones. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes, concatBytes, hex } from "../../../../src/base/index.ts";
import { LoadPiece } from "../../../../src/engine/postgres/load/load-piece.ts";
import { rowsOfCopy } from "./copy-reader.ts";
import type { LoadedRow } from "./copy-reader.ts";

const text = ([key, value]: LoadedRow): string => `${hex(key)}=${hex(value, Infinity)}`;

/** Some are longer than the first buffer, and than a message. */
const value = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 60_000, max: 280_000 })
      .map((length) => new Uint8Array(length).fill(length & 0xff)),
  },
);
const rows = fc.array(fc.tuple(fc.uint8Array({ maxLength: 3 }), value), { maxLength: 30 });

test("the worked example is what COPY is given", () => {
  const bytes = concatBytes(...new LoadPiece().copied([Uint8Array.of(0x61), new Uint8Array(0)]));
  expect(Buffer.from(bytes).toString("hex")).toBe(
    "5047434f50590aff0d0a0000000000000000000002000000016100000000ffff",
  );
});

test("rows come out in order, of equal keys the last, whether they came in order or not", () => {
  fc.assert(
    fc.property(rows, fc.boolean(), (given, inOrder) => {
      const came = inOrder ? given.toSorted(([a], [b]) => compareBytes(a, b)) : given;
      const piece = new LoadPiece();
      const reused = new Uint8Array(300_000);
      for (const [key, value] of came) {
        reused.set(value);
        piece.add(key, reused.subarray(0, value.length));
      }
      const last = new Map(came.map((row) => [hex(row[0]), row]));
      const wanted = [...last.values()].toSorted(([a], [b]) => compareBytes(a, b)).map(text);
      const more: LoadedRow = [Uint8Array.of(0, 0x74), Uint8Array.of(1)];

      const copied = rowsOfCopy(piece.copied(more)).map(text);
      const puts = piece.puts().map((op) => (op.op === "put" ? text([op.key, op.value]) : op.op));

      expect(copied).toEqual([...wanted, text(more)]);
      expect(puts).toEqual(wanted);
    }),
    { numRuns: 100 },
  );
});

test("a piece takes a first row of any size, and then as many bytes as it is for", () => {
  const piece = new LoadPiece(100);
  const key = Uint8Array.of(1);
  expect([piece.isEmpty, piece.hasRoomFor(key, new Uint8Array(1_000))]).toEqual([true, true]);
  piece.add(key, new Uint8Array(69));
  expect(piece.isEmpty).toBe(false);
  // Ten bytes stand beside those of a row.
  expect(piece.hasRoomFor(key, new Uint8Array(9))).toBe(true);
  expect(piece.hasRoomFor(key, new Uint8Array(10))).toBe(false);
});
