import { expect, test } from "vitest";
import { z } from "zod";
import { InvalidDefinition, collection } from "../../../src/collections/index.ts";

const schema = z.object({
  role: z.string(),
  tags: z.array(z.string()),
  amount: z.number().optional(),
  big: z.bigint(),
  either: z.union([z.number(), z.bigint()]),
  any: z.unknown(),
  nothing: z.null(),
  address: z.object({ city: z.string(), zip: z.number() }),
});
const define = (spec: unknown, name = "t") =>
  collection("rows", schema, { indexes: { [name]: spec } } as object).definition;

test("indexes that count or sum are declared beside others, and apart from those that are scanned", () => {
  const { indexes, tallies } = collection("rows", schema, {
    indexes: {
      byRole: ["role"],
      all: { count: true },
      perPlace: { sum: "address.zip", by: ["address.city", "role"], where: { role: { ne: "x" } } },
      bigs: { sum: "big", by: [] },
    },
  }).definition;
  expect(indexes.map(({ name }) => name)).toEqual(["byRole"]);
  expect(tallies.map(({ name, fingerprint }) => [name, fingerprint])).toEqual([
    ["all", '{"count":true,"by":[],"where":null}'],
    [
      "perPlace",
      '{"sum":"address.zip","of":"number","by":["address.city","role"],"where":"not (role = \\"x\\")"}',
    ],
    ["bigs", '{"sum":"big","of":"bigint","by":[],"where":null}'],
  ]);
});

test.each([
  [{ count: false }, "`count` is true"],
  [{ count: 1 }, "`count` is true"],
  [
    { count: true, sum: "amount" },
    "it counts or it sums; an index that sums counts its documents too",
  ],
  [{ count: true, on: ["role"] }, 'there is no option "on" of an index that counts or sums'],
  [{ count: true, unique: true }, 'there is no option "unique" of an index that counts or sums'],
  [{ count: true, by: "role" }, "`by` is a list of paths"],
  [{ count: true, by: ["role", "role"] }, '"role" stands there twice'],
  [{ count: true, by: ["-role"] }, '`by` has no direction: write "role"'],
  [{ count: true, by: ["roles"] }, '"roles" is no field of the documents'],
  [{ count: true, by: ["tags[]"] }, '"tags[]" goes through the elements of an array ([])'],
  [{ count: true, by: ["tags"] }, '"tags" is an array'],
  [{ count: true, by: ["address"] }, '"address" is an object: name a field in it'],
  [{ count: true, by: [5] }, "a path is a string"],
  [{ count: true, by: ["a..b"] }, '"a..b" is no path'],
  // A hole is no path either.
  [{ count: true, by: Array.from({ length: 1 }) }, "a path is a string"],
  [{ count: true, by: Array.from({ length: 17 }, () => "role") }, "an index has at most 16 fields"],
  [{ count: true, where: { role: 5 } }, "its filter is wrong at role"],
  [{ sum: "role" }, '"role" cannot be summed: it is string, and must be number or bigint'],
  [{ sum: "either" }, '"either" cannot be summed: it is number or bigint'],
  [{ sum: "any" }, '"any" cannot be summed: it is unknown'],
  [{ sum: "nothing" }, '"nothing" cannot be summed: it has no value'],
  [{ sum: "-amount" }, '`sum` has no direction: write "amount"'],
  [{ sum: "tags[]" }, '"tags[]" goes through the elements of an array ([])'],
  [{ sum: undefined }, "a path is a string"],
])("%j is refused: %s", (spec, problem) => {
  let error: unknown;
  try {
    define(spec);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(InvalidDefinition);
  expect((error as InvalidDefinition).message).toContain(`index "t": ${problem}`);
});

test("their names are names of indexes", () => {
  expect(() => define({ count: true }, "a-b")).toThrow(/the name is not a letter/);
});
