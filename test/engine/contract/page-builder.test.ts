/** Pages that are filled side by side, against the rows that were put into them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { PageBuilder } from "../../../src/engine/contract/index.ts";
import type { Page } from "../../../src/engine/contract/index.ts";

interface Row {
  readonly key: Uint8Array;
  /** Undefined: the row refers to nothing. */
  readonly value: Uint8Array | undefined;
}

const bytes = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 12 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 60, maxLength: 400, size: "max" }) },
);
const row: fc.Arbitrary<Row> = fc.record({
  key: bytes,
  value: fc.option(bytes, { nil: undefined }),
});
const planned = fc.record({
  keysOnly: fc.boolean(),
  rows: fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 3_000 })),
  bytes: fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 20_000 })),
});
const steps = fc.array(fc.record({ page: fc.nat({ max: 3 }), row }), { maxLength: 120 });

function rowsOf(page: Page, keysOnly: boolean): Row[] {
  return Array.from({ length: page.rows }, (_, i) => {
    const key = page.buffer.slice(page.keyStart[i], page.keyEnd[i]);
    if (keysOnly || page.valueStart[i] === -1) return { key, value: undefined };
    return { key, value: page.buffer.slice(page.valueStart[i], page.valueEnd[i]) };
  });
}

test("pages that are filled at the same time keep their own rows, whatever they grow to", () => {
  const held: { readonly page: Page; readonly keysOnly: boolean; readonly rows: Row[] }[] = [];
  fc.assert(
    fc.property(fc.array(planned, { minLength: 4, maxLength: 4 }), steps, (plans, added) => {
      const open = plans.map((plan) => ({
        plan,
        builder: new PageBuilder(plan),
        rows: [] as Row[],
      }));
      for (const {
        page,
        row: { key, value },
      } of added) {
        const { builder, plan, rows } = open[page]!;
        const before = builder.bytes;
        if (value === undefined) builder.addMissing();
        else builder.add(key, 0, key.length, value, 0, value.length);
        const given = value === undefined ? new Uint8Array(0) : key;
        rows.push({ key: given, value: plan.keysOnly ? undefined : value });
        const size = value === undefined ? 0 : key.length + (plan.keysOnly ? 0 : value.length);
        expect(builder.bytes - before).toBe(size);
      }
      for (const { builder, plan, rows } of open)
        held.push({ page: builder.build(true), keysOnly: plan.keysOnly, rows });
      // Pages of long ago too: what came after them must not have touched them.
      for (const { page, keysOnly, rows } of held.slice(-40))
        expect(rowsOf(page, keysOnly)).toEqual(rows);
    }),
    { numRuns: 300 },
  );
});

test("pages that are filled in one go keep their rows when the next ones are filled, and take no more than they need", () => {
  const held: { readonly page: Page; readonly keysOnly: boolean; readonly rows: Row[] }[] = [];
  const count = fc.oneof(
    { weight: 12, arbitrary: fc.nat({ max: 20 }) },
    { weight: 1, arbitrary: fc.integer({ min: 480, max: 700 }) },
  );
  fc.assert(
    fc.property(planned, count, fc.array(row, { minLength: 1, maxLength: 8 }), (plan, n, some) => {
      const builder = new PageBuilder({ ...plan, inOneGo: true });
      const rows = Array.from({ length: n }, (_, i) => some[i % some.length]!);
      for (const { key, value } of rows) {
        if (value === undefined) builder.addMissing();
        else builder.add(key, 0, key.length, value, 0, value.length);
      }
      const page = builder.build(true);
      if (builder.bytes <= 20_000 && n < 500 && plan.rows <= 500) {
        expect(page.buffer.buffer.byteLength).toBe(builder.bytes);
        expect(page.keyStart).toHaveLength(n);
      }
      const given = rows.map(({ key, value }) => ({
        key: value === undefined ? new Uint8Array(0) : key,
        value: plan.keysOnly ? undefined : value,
      }));
      held.push({ page, keysOnly: plan.keysOnly, rows: given });
      for (const one of held.slice(-2)) expect(rowsOf(one.page, one.keysOnly)).toEqual(one.rows);
    }),
    { numRuns: 100 },
  );
});
