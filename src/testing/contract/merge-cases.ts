/** Cases about number cells (laws 3, 5, 6 and 8). */
import { hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { MergeHow, WriteOp } from "../../engine/contract/index.ts";
import { contractCase, expectEqual, outcomeOf } from "./contract-case.ts";
import type { ContractCase, Place } from "./contract-case.ts";

function int(value: bigint): Bytes {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, value);
  return bytes;
}

function float(value: number): Bytes {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}

function merge(place: Place, name: string, how: MergeHow, operand: Bytes): WriteOp {
  return { op: "merge", key: place.key(name), how, operand };
}

async function cell(place: Place, name: string): Promise<string | undefined> {
  const transaction = await place.begin({ readOnly: true });
  const value = await transaction.get(place.key(name));
  transaction.abort();
  return value === undefined ? undefined : hex(value);
}

const MERGES: readonly (readonly [how: MergeHow, operands: readonly Bytes[], result: Bytes])[] = [
  ["addInt", [int(5n)], int(5n)],
  ["addInt", [int(5n), int(-7n), int(1n)], int(-1n)],
  ["addInt", [int(2n ** 63n - 1n), int(1n)], int(-(2n ** 63n))],
  ["addInt", [int(2n ** 53n), int(1n)], int(2n ** 53n + 1n)],
  ["addFloat", [float(0.5)], float(0.5)],
  ["addFloat", [float(0.1), float(0.2), float(-1e10)], float(0.1 + 0.2 + -1e10)],
  ["min", [float(3), float(-4.5), float(2)], float(-4.5)],
  ["min", [float(-1), float(Infinity)], float(-1)],
  ["max", [float(-3), float(-4.5), float(-2)], float(-2)],
  ["max", [float(7), float(-Infinity)], float(7)],
];

const mergesCompute = contractCase(
  "merges add, wrap around and choose as they say; the operand becomes the value of an absent cell",
  [8],
  async (place) => {
    for (const [i, [how, operands, result]] of MERGES.entries()) {
      for (const operand of operands) await place.write([merge(place, `cell${i}`, how, operand)]);
      expectEqual(
        await cell(place, `cell${i}`),
        hex(result),
        `${how} of ${operands.map((o) => hex(o)).join()}`,
      );
    }
    const transaction = await place.begin({ readOnly: true });
    const rows = await transaction.entries(place.range("cell"));
    transaction.abort();
    const byScan = Object.fromEntries(
      rows.map(({ key, value }) => [hex(key), hex(value)] as const),
    );
    for (const [i, [, , result]] of MERGES.entries()) {
      expectEqual(byScan[hex(place.key(`cell${i}`))], hex(result), `cell ${i} in a scan`);
    }
  },
);

const mergesInPlans = contractCase(
  "a merge counts on what was put before, and begins anew where its own plan deletes the range",
  [8],
  async (place) => {
    await place.write([{ op: "put", key: place.key("a"), value: int(10n) }]);
    await place.write([merge(place, "a", "addInt", int(5n))]);
    expectEqual(await cell(place, "a"), hex(int(15n)), "after a put");
    await place.write([
      merge(place, "a", "addInt", int(7n)),
      { op: "delRange", range: place.range() },
    ]);
    expectEqual(await cell(place, "a"), hex(int(7n)), "with a range delete in one plan");
    await place.write([place.del("a")]);
    expectEqual(await cell(place, "a"), undefined, "after a delete");
    await place.write([merge(place, "a", "addInt", int(1n))]);
    expectEqual(await cell(place, "a"), hex(int(1n)), "after a delete and a merge");
  },
);

const mergesKeepOldViews = contractCase(
  "a view does not see merges that are committed after it was fixed",
  [3],
  async (place) => {
    await place.write([merge(place, "a", "addInt", int(1n))]);
    const before = await place.begin({ readOnly: true });
    expectEqual(await before.get(place.key("a")), int(1n), "first read");
    for (let i = 0; i < 5; i++) await place.write([merge(place, "a", "addInt", int(1n))]);
    expectEqual(await before.get(place.key("a")), int(1n), "read after merges");
    before.abort();
    expectEqual(await cell(place, "a"), hex(int(6n)), "newest");
  },
);

/** More than an engine keeps together: whoever watches over neighbours of what was read does not see beyond them. */
const ROWS_BETWEEN = 2_000;

const mergesDoNotConflict = contractCase(
  "concurrent merges of one cell all succeed and none is lost",
  [5, 6],
  async (place) => {
    const between = Array.from({ length: ROWS_BETWEEN }, (_, i) => place.put(`p${i}`, "between"));
    await place.write(between);
    const transactions = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const transaction = await place.begin();
        await transaction.get(place.key(`other${i}`));
        transaction.merge(place.key("sum"), "addInt", int(1n));
        return transaction;
      }),
    );
    const outcomes = await Promise.all(
      transactions.map((transaction) => outcomeOf(() => transaction.commit())),
    );
    await Promise.all(
      Array.from({ length: 20 }, async () => place.write([merge(place, "sum", "addInt", int(1n))])),
    );
    expectEqual(await cell(place, "sum"), hex(int(40n)), "sum");
    expectEqual(
      outcomes.filter((outcome) => outcome !== "ok"),
      [],
      "merges that failed",
    );
  },
);

export const mergeCases: readonly ContractCase[] = [
  mergesCompute,
  mergesInPlans,
  mergesKeepOldViews,
  mergesDoNotConflict,
];
