import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  InvalidDefinition,
  RESERVED_NAMES,
  collection,
  fieldText,
  filterText,
} from "../../src/collections/index.ts";

const schema = z.object({
  name: z.string(),
  age: z.number().nullish(),
  tags: z.array(z.string()),
  friends: z.array(z.object({ name: z.string(), pets: z.array(z.string()) })),
  address: z.object({ city: z.string() }),
  either: z.union([z.string(), z.object({ a: z.string() })]),
  anything: z.unknown(),
  extra: z.record(z.string(), z.number()),
});

/** Definitions as a program without types would write them. */
const define = collection as unknown as (
  name: unknown,
  schema: unknown,
  options?: { indexes: unknown },
) => ReturnType<typeof collection>;

function problemOf(indexes: unknown): string {
  try {
    define("things", schema, { indexes });
  } catch (error) {
    if (error instanceof InvalidDefinition) return String(error.details["problem"]);
    throw error;
  }
  return "none";
}

describe("a collection's name", () => {
  test("is letters, digits and underscores", () => {
    for (const name of ["a", "_", "users", "Users2", "x".repeat(64)]) {
      expect(define(name, schema).name).toBe(name);
    }
    for (const name of [
      "",
      "2a",
      "a-b",
      "a b",
      "a.b",
      "é",
      "x".repeat(65),
      "a\0",
      "__proto__ ",
      5,
    ]) {
      expect(() => define(name, schema), String(name)).toThrow(InvalidDefinition);
    }
  });

  test("is no member of the database", () => {
    expect(RESERVED_NAMES).toContain("transaction");
    for (const name of RESERVED_NAMES)
      expect(() => define(name, schema)).toThrow(/member of the database/);
  });
});

describe("an index declaration", () => {
  test("is read into its parts", () => {
    const { indexes } = define("things", schema, {
      indexes: {
        plain: ["name", "-address.city"],
        full: { on: ["-tags[]", "id"], where: { name: "x" }, include: ["age", "id"] },
        key: { on: ["name"], unique: true },
        inside: ["friends[].name"],
        open: ["extra.height", "anything"],
      },
    }).definition;
    expect(indexes.map((index) => [index.name, index.fields.map(fieldText)])).toEqual([
      ["plain", ["name", "-address.city"]],
      ["full", ["-tags[]", "id"]],
      ["key", ["name"]],
      ["inside", ["friends[].name"]],
      ["open", ["extra.height", "anything"]],
    ]);
    const [plain, full, key] = indexes;
    expect([plain!.unique, plain!.where, plain!.include]).toEqual([false, undefined, []]);
    expect(filterText(full!.where!)).toContain("name");
    expect(full!.include).toEqual(["age"]);
    expect(key!.unique).toBe(true);
    expect(Object.isFrozen(indexes) && indexes.every(Object.isFrozen)).toBe(true);
  });

  test("says what is wrong with it", () => {
    const cases: [unknown, RegExp][] = [
      [{ i: ["nam"] }, /index "i": "nam" is no field of the documents/],
      [{ i: ["address.street"] }, /"address.street" is no field/],
      [{ i: ["address"] }, /"address" is an object: name a field in it/],
      [{ i: ["either"] }, /"either" is an object/],
      [{ i: ["tags"] }, /"tags" is an array: write \[\] behind it/],
      [{ i: ["name[]"] }, /"name\[\]" has \[\] behind a field that is no array/],
      [{ i: ["friends[]"] }, /"friends\[\]" is an object/],
      [{ i: ["friends[].pets"] }, /"friends\[\].pets" is an array/],
      [{ i: ["friends[].age"] }, /"friends\[\].age" is no field/],
      [{ i: ["friends[].pets[]"] }, /is no path/],
      [{ i: ["extra"] }, /"extra" is an object/],
      [{ i: [""] }, /"" is no path/],
      [{ i: ["--name"] }, /is no field|is no path/],
      [{ i: ["a..b"] }, /is no path/],
      [{ i: [5] }, /a path is a string/],
      [{ i: [] }, /`on` is a list of paths/],
      [{ i: {} }, /`on` is a list of paths/],
      [{ i: "name" }, /list of paths, or an object/],
      [{ i: null }, /list of paths, or an object/],
      [{ i: Array.from({ length: 17 }, () => "name") }, /at most 16 fields/],
      [{ i: ["tags[]", "friends[].name"] }, /at most one field goes through/],
      [{ i: ["name", "-name"] }, /"name" stands there twice/],
      [{ i: { on: ["tags[]"], unique: true } }, /a unique index has no field/],
      [{ i: { on: ["name"], unique: "yes" } }, /`unique` is true or false/],
      [{ i: { on: ["name"], uniqe: true } }, /no option "uniqe"/],
      [{ i: { on: ["name"], include: ["nam"] } }, /unknown field, "nam"/],
      [{ i: { on: ["name"], include: ["age", "age"] } }, /names a field twice/],
      [{ i: { on: ["name"], include: "age" } }, /`include` is a list/],
      [{ i: { on: ["name"], where: { nam: 1 } } }, /index "i": its filter is wrong/],
      [{ i: { on: ["name"], where: { name: undefined } } }, /its filter is wrong/],
      [{ "2nd": ["name"] }, /the name is not a letter/],
      [[["name"]], /indexes are an object/],
      [null, /indexes are an object/],
    ];
    for (const [indexes, problem] of cases) {
      expect(problemOf(indexes), JSON.stringify(indexes)).toMatch(problem);
    }
  });

  test("has a fingerprint that changes with all that entries follow from", () => {
    const specs: unknown[] = [
      ["name"],
      ["-name"],
      ["name", "age"],
      { on: ["name"], unique: true },
      { on: ["name"], where: { age: 1 } },
      { on: ["name"], where: { age: 2 } },
      { on: ["name"], include: ["age"] },
      { on: ["name"], include: ["age", "tags"] },
      { on: ["name"], include: ["tags", "age"] },
    ];
    const texts = specs.map(
      (spec) => define("t", schema, { indexes: { i: spec } }).definition.fingerprint,
    );
    expect(new Set(texts).size).toBe(specs.length);
    expect(define("t", schema, { indexes: { i: { on: ["name"] } } }).definition.fingerprint).toBe(
      texts[0],
    );
  });
});

test("a schema that is none, or not of objects, is refused", () => {
  for (const bad of [undefined, {}, z.string(), z.array(z.string())]) {
    expect(() => define("things", bad)).toThrow(InvalidDefinition);
  }
});
