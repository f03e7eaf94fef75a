import { describe, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { collection } from "../../../src/collections/index.ts";
import type { DocOf, IndexName, NumberPath } from "../../../src/collections/index.ts";

const schema = z.object({
  role: z.string(),
  tags: z.array(z.string()),
  amount: z.number().optional(),
  big: z.bigint().nullable(),
  either: z.union([z.number(), z.bigint()]),
  address: z.object({ city: z.string(), zip: z.number() }),
});

const Rows = collection("rows", schema, {
  indexes: {
    byRole: ["role"],
    byCity: { on: ["address.city"], unique: true },
    all: { count: true },
    perRole: { count: true, by: ["role", "address.city"], where: { amount: { gt: 0 } } },
    total: { sum: "amount" },
    zips: { sum: "address.zip", by: ["role"] },
    bigs: { sum: "big", by: ["id"] },
  },
});

describe("declarations that count or sum", () => {
  test("are no indexes that can be scanned by name", () => {
    expectTypeOf<IndexName<NonNullable<(typeof Rows)["~indexes"]>>>().toEqualTypeOf<
      "byRole" | "byCity"
    >();
  });

  test("know the paths of numbers", () => {
    expectTypeOf<NumberPath<DocOf<typeof Rows>>>().toEqualTypeOf<
      "amount" | "big" | "address.zip"
    >();
  });

  test("name fields that are there, and sum what is always a number or always a bigint", () => {
    // @ts-expect-error no such field
    collection("a", schema, { indexes: { i: { count: true, by: ["rolle"] } } });
    // @ts-expect-error an element of an array
    collection("a", schema, { indexes: { i: { count: true, by: ["tags[]"] } } });
    // @ts-expect-error a direction
    collection("a", schema, { indexes: { i: { count: true, by: ["-role"] } } });
    // @ts-expect-error a string
    collection("a", schema, { indexes: { i: { sum: "role" } } });
    // @ts-expect-error a number or a bigint
    collection("a", schema, { indexes: { i: { sum: "either" } } });
    // @ts-expect-error an option that is none
    collection("a", schema, { indexes: { i: { count: true, on: ["role"] } } });
    // @ts-expect-error an option that is none
    collection("a", schema, { indexes: { i: { sum: "amount", unique: true } } });
    // @ts-expect-error both
    collection("a", schema, { indexes: { i: { sum: "amount", count: true } } });
    // @ts-expect-error not true
    collection("a", schema, { indexes: { i: { count: false } } });
    // @ts-expect-error a filter on no field
    collection("a", schema, { indexes: { i: { count: true, where: { rolle: "x" } } } });
  });
});
