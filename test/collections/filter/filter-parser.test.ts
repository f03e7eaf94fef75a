import { describe, expect, test } from "vitest";
import * as z from "zod";
import { InvalidQuery } from "../../../src/collections/collection-error.ts";
import { parseFilter } from "../../../src/collections/filter/filter-parser.ts";
import { filterText } from "../../../src/collections/filter/filter-text.ts";
import { compileSchema } from "../../../src/collections/schema/document-schema.ts";
import { OPAQUE_SHAPE } from "../../../src/collections/schema/field-shape.ts";
import { ref } from "../../../src/collections/schema/reference.ts";

const { shape } = compileSchema(
  "people",
  z.object({
    name: z.string(),
    age: z.number().optional(),
    big: z.bigint(),
    ok: z.boolean(),
    role: z.enum(["admin", "user"]),
    born: z.date(),
    raw: z.instanceof(Uint8Array),
    boss: ref("people"),
    address: z
      .object({ city: z.string(), geo: z.object({ lat: z.number() }).optional() })
      .optional(),
    tags: z.array(z.string()),
    items: z.array(z.object({ sku: z.string(), parts: z.array(z.object({ n: z.number() })) })),
    attributes: z.record(z.string(), z.number()),
    either: z.union([z.string(), z.object({ size: z.number(), x: z.number() })]),
    any: z.unknown(),
  }),
);

function text(input: unknown): string {
  return filterText(parseFilter("people", shape, input));
}
function opaque(input: unknown): string {
  return filterText(parseFilter("people", OPAQUE_SHAPE, input));
}

describe("a filter is read as", () => {
  test.each<[unknown, string]>([
    [{}, "all"],
    [{ name: "Ada" }, 'name = "Ada"'],
    [{ name: null }, "name = null"],
    [{ id: "01ARZ3NDEKTSV4RRFFQ69G5FAV" }, 'id = "01ARZ3NDEKTSV4RRFFQ69G5FAV"'],
    [{ id: { in: ["b", "a"] } }, 'id in ["a", "b"]'],
    [{ boss: { startsWith: "x" } }, 'boss starts with "x"'],
    [{ age: { eq: 1 } }, "age = 1"],
    [{ age: { ne: 1 } }, "not (age = 1)"],
    [{ age: { ne: null } }, "not (age = null)"],
    [{ age: { gt: 1, lte: 5 } }, "age > 1 and age <= 5"],
    [{ age: { gte: -0, lt: Number.POSITIVE_INFINITY } }, "age >= 0 and age < Infinity"],
    [{ age: { in: [3, 1, 3, 2] } }, "age in [1, 2, 3]"],
    [{ age: { in: [3, 3] } }, "age = 3"],
    [{ age: { in: [] } }, "none"],
    [{ age: { in: [1, null] } }, "age in [null, 1]"],
    [{ age: { notIn: [1, 2] } }, "not (age in [1, 2])"],
    [{ age: { notIn: [] } }, "all"],
    [{ age: { exists: true } }, "not (age = null)"],
    [{ age: { exists: false } }, "age = null"],
    [{ big: { gt: 5n } }, "big > 5n"],
    [{ ok: true }, "ok = true"],
    [{ ok: { ne: true } }, "not (ok = true)"],
    [{ role: "admin" }, 'role = "admin"'],
    [{ born: { lt: new Date(5) } }, "born < date 1970-01-01T00:00:00.005Z"],
    [{ raw: { gte: Uint8Array.of(0, 255) } }, "raw >= x'00ff'"],
    [{ raw: Buffer.from("a") }, "raw = x'61'"],
    [{ name: { startsWith: "" } }, 'name starts with ""'],
    [
      { address: { city: "Oslo", geo: { lat: { gt: 1 } } } },
      'address.city = "Oslo" and address.geo.lat > 1',
    ],
    [{ address: null }, "address = null"],
    [{ tags: { has: "a" } }, 'tags[] has "a"'],
    [{ tags: { hasAny: ["b", "a", "b"] } }, 'tags[] has "a" or tags[] has "b"'],
    [{ tags: { hasAny: [] } }, "none"],
    [{ tags: { hasAll: ["b", "a"] } }, 'tags[] has "a" and tags[] has "b"'],
    [{ tags: { hasAll: [] } }, "all"],
    [{ tags: { size: 2 } }, "tags has size 2"],
    [
      { items: { some: { sku: "a", parts: { some: { n: { gt: 1 } } } } } },
      'items[] some (sku = "a" and parts[] some (n > 1))',
    ],
    [{ attributes: { "a.b": 1, c: { gt: 2 } } }, 'attributes."a.b" = 1 and attributes.c > 2'],
    [{ either: { size: 2 } }, "either.size = 2"],
    [{ either: { size: { gt: 2 }, x: 1 } }, "either.size > 2 and either.x = 1"],
    [{ either: { startsWith: "a" } }, 'either starts with "a"'],
    [{ any: { deep: { gt: "a" } } }, 'any.deep > "a"'],
    [{ any: { gt: "a", exists: true } }, 'any > "a" and not (any = null)'],
    [{ AND: [] }, "all"],
    [{ OR: [] }, "none"],
    [{ NOT: {} }, "none"],
    [{ OR: [{}, { age: 1 }] }, "all"],
    [
      { AND: [{ age: 1 }, { AND: [{ name: "a" }, {}] }], ok: true },
      'age = 1 and name = "a" and ok = true',
    ],
    [
      { OR: [{ age: 1, ok: true }, { OR: [{ name: "a" }, { OR: [] }] }] },
      '(age = 1 and ok = true) or name = "a"',
    ],
    [{ NOT: { NOT: { age: 1 } } }, "age = 1"],
    [{ NOT: { OR: [{ age: 1 }, { age: 2 }] } }, "not (age = 1 or age = 2)"],
  ])("%o", (input, expected) => {
    expect(text(input)).toBe(expected);
  });

  test("fields of a schema that says nothing: anything", () => {
    expect(opaque({ a: 1, b: { c: { has: "x" } }, d: { e: 1 }, id: "x" })).toBe(
      'a = 1 and b.c[] has "x" and d.e = 1 and id = "x"',
    );
  });

  test("a tree that keeps nothing of the caller's and cannot be changed", () => {
    const date = new Date(5);
    const bytes = Uint8Array.of(1);
    const list = [2, 1];
    const node = parseFilter("people", shape, { born: date, raw: bytes, age: { in: list } });
    date.setTime(6);
    bytes[0] = 2;
    list.length = 0;
    expect(filterText(node)).toBe(
      "born = date 1970-01-01T00:00:00.005Z and raw = x'01' and age in [1, 2]",
    );
    expect(Object.isFrozen(node)).toBe(true);
  });
});

describe("a filter is refused, naming the path", () => {
  const withHole = [1];
  withHole[2] = 3;
  class Criteria {
    age = 1;
  }
  test.each<[string, unknown, string, string]>([
    ["an unknown field", { nme: "x" }, "nme", "no such field"],
    ["an unknown nested field", { address: { town: "x" } }, "address.town", "no such field"],
    [
      "an unknown field in an element",
      { items: { some: { sk: 1 } } },
      "items[].sk",
      "no such field",
    ],
    [
      "an unknown field deep in AND and OR",
      { AND: [{}, { OR: [{ x: 1 }] }] },
      "x",
      "no such field",
    ],
    ["a field of every object", { constructor: "x" }, "constructor", "no such field"],
    [
      "__proto__",
      JSON.parse('{"attributes":{"__proto__":1}}'),
      "attributes.__proto__",
      "no such field",
    ],
    ["an unknown operator", { age: { above: 1 } }, "age.above", "no such operator"],
    ["an inherited operator", { age: { toString: 1 } }, "age.toString", "no such operator"],
    ["undefined as a value", { age: undefined }, "age", "undefined"],
    ["undefined as an operand", { age: { gt: undefined } }, "age.gt", "undefined"],
    ["undefined beside a value", { age: { gt: 1, lt: undefined } }, "age.lt", "undefined"],
    ["undefined in a list", { age: { in: [1, undefined] } }, "age.in[1]", "undefined"],
    ["undefined in has", { tags: { has: undefined } }, "tags.has", "undefined"],
    ["undefined in some", { items: { some: { sku: undefined } } }, "items[].sku", "undefined"],
    ["undefined for exists", { age: { exists: undefined } }, "age.exists", "undefined"],
    ["undefined for AND", { AND: undefined }, "AND", "list"],
    ["undefined in OR", { OR: [{}, undefined] }, "OR[1]", "plain object"],
    ["undefined for NOT", { NOT: undefined }, "NOT", "plain object"],
    ["a hole in a list", { age: { in: withHole } }, "age.in[1]", "undefined"],
    ["an object without operators", { age: {} }, "age", "no operator"],
    ["a nested object without fields", { address: {} }, "address", "no field"],
    ["some without fields", { items: { some: {} } }, "items[]", "no field"],
    ["NaN", { age: Number.NaN }, "age", "NaN"],
    ["NaN as an operand", { age: { in: [Number.NaN] } }, "age.in[0]", "NaN"],
    ["a lone surrogate", { name: "\ud800" }, "name", "surrogate"],
    [
      "a lone surrogate as a prefix",
      { name: { startsWith: "\ud800" } },
      "name.startsWith",
      "surrogate",
    ],
    ["an invalid date", { born: { gt: new Date(Number.NaN) } }, "born.gt", "invalid"],
    [
      "a text for a number",
      { age: "1" },
      "age",
      "the field is number or undefined, the value is of the type string",
    ],
    ["a number for a text", { name: { in: ["a", 1] } }, "name.in[1]", "type number"],
    ["a number for a bigint", { big: 1 }, "big", "type number"],
    ["a text for a date", { born: { lt: "2026" } }, "born.lt", "type string"],
    ["a number for an id", { id: 5 }, "id", "type number"],
    ["a text for an object", { address: "Oslo" }, "address", "type string"],
    ["a text for an array", { tags: "a" }, "tags", "the field is array"],
    ["a list for a value", { age: [1, 2] }, "age", "use in"],
    ["a list for an array", { tags: ["a"] }, "tags", "use in, or has"],
    ["a function", { age: () => 1 }, "age", "plain object"],
    ["an instance of a class", { age: new Criteria() }, "age", "plain object"],
    ["more and less of booleans", { ok: { gt: false } }, "ok.gt", "nothing is greater"],
    ["more and less of null", { age: { gte: null } }, "age.gte", "nothing is greater"],
    ["startsWith on a number", { age: { startsWith: "1" } }, "age.startsWith", "type string"],
    ["startsWith a number", { name: { startsWith: 1 } }, "name.startsWith", "takes a string"],
    ["exists of a text", { age: { exists: "true" } }, "age.exists", "true or false"],
    ["in without a list", { age: { in: 1 } }, "age.in", "list"],
    ["has on no array", { name: { has: "a" } }, "name.has", "for arrays"],
    ["has of a wrong type", { tags: { has: 1 } }, "tags.has", "type number"],
    ["has of a list", { tags: { has: ["a"] } }, "tags.has", "single values"],
    ["has on objects", { items: { has: "a" } }, "items.has", "the field is object"],
    ["hasAny without a list", { tags: { hasAny: "a" } }, "tags.hasAny", "list"],
    ["some on scalars", { tags: { some: { a: 1 } } }, "tags.some", "use has"],
    ["a negative size", { tags: { size: -1 } }, "tags.size", "whole number"],
    ["a size that is no whole number", { tags: { size: 1.5 } }, "tags.size", "whole number"],
    ["an operator on an object", { address: { exists: true } }, "address.exists", "no such field"],
    ["operators and fields mixed", { any: { gt: 1, deep: 2 } }, "any", "mixed"],
    ["a key that is a symbol", { age: { [Symbol("s")]: 1, gt: 1 } }, "age", "symbol"],
    ["AND without a list", { AND: { age: 1 } }, "AND", "list"],
    ["a list as filter", [{ age: 1 }], "filter", "plain object"],
    ["null as filter", null, "filter", "plain object"],
    ["undefined as filter", undefined, "filter", "plain object"],
    ["a class as filter", new Criteria(), "filter", "plain object"],
    ["id of an element", { items: { some: { id: "x" } } }, "items[].id", "no such field"],
  ])("%s", (_, input, path, problem) => {
    const parse = () => parseFilter("people", shape, input);
    expect(parse).toThrow(InvalidQuery);
    expect(parse).toThrow(`(collection=people, path=${path}, problem=`);
    expect(parse).toThrow(problem);
  });

  test.each<[string, unknown]>([
    ["undefined", { a: undefined }],
    ["undefined deep inside", { a: { b: { c: undefined } } }],
    ["undefined as an operand", { a: { gt: undefined } }],
    ["NaN", { a: Number.NaN }],
    ["an empty object", { a: {} }],
    ["a list", { a: [1] }],
    ["mixed operators and fields", { a: { gt: 1, b: 1 } }],
    ["a number for an id", { id: 1 }],
  ])("%s even where nothing is known of the shape", (_, input) => {
    expect(() => opaque(input)).toThrow(InvalidQuery);
  });
});
