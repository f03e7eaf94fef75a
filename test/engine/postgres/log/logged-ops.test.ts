/** The ops of a commit as bytes of the log. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hex } from "../../../../src/base/index.ts";
import type { WriteOp } from "../../../../src/engine/contract/index.ts";
import { decodeOps, encodeOps } from "../../../../src/engine/postgres/log/logged-ops.ts";

const bytes = fc.uint8Array({ maxLength: 12 });
const ops: fc.Arbitrary<WriteOp[]> = fc.array(
  fc.oneof(
    fc.record({ op: fc.constant("put" as const), key: bytes, value: bytes }),
    fc.record({ op: fc.constant("del" as const), key: bytes }),
    fc.record({
      op: fc.constant("delRange" as const),
      range: fc.record({ start: bytes, end: fc.option(bytes, { nil: undefined }) }),
    }),
    fc.record({
      op: fc.constant("merge" as const),
      key: bytes,
      how: fc.constantFrom("addInt" as const, "addFloat" as const, "min" as const, "max" as const),
      operand: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    }),
  ),
);

describe("logged ops", () => {
  it("come back as they were", () => {
    fc.assert(
      fc.property(ops, (given) => {
        expect(decodeOps(encodeOps(given), 1n)).toEqual(given);
      }),
    );
  });

  it("are refused where bytes are missing or were changed to none of ours", () => {
    fc.assert(
      fc.property(ops, fc.nat(), (given, cut) => {
        const whole = encodeOps(given);
        const part = whole.subarray(0, cut % whole.length);
        let read: readonly WriteOp[] | undefined;
        try {
          read = decodeOps(part, 7n);
        } catch (error) {
          expect(error).toMatchObject({ _tag: "CorruptionError" });
          return;
        }
        // Cut between two ops: the row itself is kept whole by the server.
        expect(read).toEqual(given.slice(0, read.length));
      }),
    );
    for (const damaged of [
      [],
      [2],
      [1, 9],
      [1, 1, 0, 0, 0, 9, 1],
      [1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7],
    ])
      expect(() => decodeOps(Uint8Array.from(damaged), 7n)).toThrow(/damaged/);
  });

  it("are the bytes of the example", () => {
    const example: WriteOp[] = [
      { op: "put", key: Uint8Array.of(0x61), value: new Uint8Array() },
      { op: "del", key: Uint8Array.of(0x62) },
    ];
    expect(hex(encodeOps(example))).toBe("0101000000016100000000020000000162");
  });
});
