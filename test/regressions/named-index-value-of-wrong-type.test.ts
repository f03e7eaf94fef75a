/** A value that a field can never have is refused by a scan of a named index as it is by a filter. */
import { expect, test } from "vitest";
import { z } from "zod";
import { InvalidQuery, collection } from "../../src/collections/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import { EVERY_DOCUMENT, withIndex, withIndexBound, withWhere } from "../../src/query/index.ts";
import { TestDatabase } from "../collections/test-database.ts";

const notes = collection(
  "notes",
  z.object({
    n: z.number(),
    name: z.string().nullable(),
    either: z.union([z.number(), z.date()]),
    any: z.unknown(),
    tags: z.array(z.string()),
  }),
  {
    indexes: {
      byN: ["n"],
      byName: ["name", "n"],
      byEither: ["either"],
      byAny: ["any"],
      byTag: ["tags[]"],
    },
  } as object,
);
const store = (await new TestDatabase(new MemoryEngine()).store(notes)).inner;
const { definition } = store;
const scan = (name: string, ...prefix: unknown[]) =>
  withIndex(definition, EVERY_DOCUMENT, name, prefix);

test("a leading value of the wrong type is refused, with the words of where()", () => {
  const words = /the field is number, the value is of the type string/;
  expect(() => withWhere(definition, EVERY_DOCUMENT, { n: "str" })).toThrow(words);
  expect(() => scan("byN", "str")).toThrow(words);
  expect(() => scan("byN", "str")).toThrow(InvalidQuery);
  for (const [name, ...prefix] of [
    ["byN", 5n],
    ["byName", "a", "b"],
    ["byName", 1],
    ["byEither", "x"],
    ["byTag", 1],
  ] as const)
    expect(() => scan(name, ...prefix), name).toThrow(InvalidQuery);
});

test("a bound of the wrong type is refused", () => {
  for (const op of ["gt", "gte", "lt", "lte"] as const) {
    expect(() => withIndexBound(definition, scan("byN"), op, new Date(0))).toThrow(InvalidQuery);
    expect(() => withIndexBound(definition, scan("byName", "a"), op, "b")).toThrow(InvalidQuery);
  }
  expect(() => withIndexBound(definition, scan("byN"), "startsWith", "a")).toThrow(InvalidQuery);
});

test("what the field may be is accepted: null everywhere, each member of a union, anything where nothing is known", () => {
  for (const [name, ...prefix] of [
    ["byN", null],
    ["byN", 1],
    ["byName", "a", 1],
    ["byEither", new Date(0)],
    ["byEither", 1],
    ["byAny", "x"],
    ["byAny", 5n],
    ["byTag", "x"],
  ] as const)
    expect(scan(name, ...prefix).index?.prefix, name).toHaveLength(prefix.length);
  expect(withIndexBound(definition, scan("byAny"), "gt", new Date(0)).index?.range).toHaveLength(1);
});
