import { describe, expect, test } from "vitest";
import { z } from "zod";
import { collection, ref } from "../../../src/collections/index.ts";
import { shapeChange } from "../../../src/collections/catalog/shape-change.ts";
import type { ShapeChange } from "../../../src/collections/catalog/shape-change.ts";

function change(stored: z.ZodType<object>, defined: z.ZodType<object>): ShapeChange {
  const shapeOf = (schema: z.ZodType<object>) => collection("c", schema).definition.schema.shape;
  return shapeChange(shapeOf(stored), shapeOf(defined));
}
const base = { name: z.string(), role: z.enum(["admin", "member"]) };
const stored = z.object(base);
const FITS = { difference: undefined, fill: false };
const FILLS = { difference: undefined, fill: true };

describe("a newer schema fits", () => {
  test.each<[string, z.ZodType<object>, z.ZodType<object>]>([
    ["the same", stored, z.object(base)],
    ["fields in another order", stored, z.object({ role: base.role, name: base.name })],
    ["an optional field", stored, z.object({ ...base, age: z.number().optional() })],
    ["a nullish field", stored, z.object({ ...base, age: z.number().nullish() })],
    ["a field that became optional", stored, z.object({ ...base, name: z.string().optional() })],
    ["a field that may be null", stored, z.object({ ...base, name: z.string().nullable() })],
    ["a larger enum", stored, z.object({ ...base, role: z.enum(["guest", "admin", "member"]) })],
    ["an enum that became a string", stored, z.object({ ...base, role: z.string() })],
    [
      "a default where all have the field",
      stored,
      z.object({ ...base, name: z.string().default("") }),
    ],
    [
      "another type beside the old one",
      stored,
      z.object({ ...base, name: z.union([z.string(), z.number()]) }),
    ],
    ["a field that may be anything", stored, z.object({ ...base, name: z.unknown() })],
    ["an unknown field", stored, z.object({ ...base, more: z.unknown() })],
    ["a refinement", stored, z.object({ ...base, name: z.string().min(5) })],
    ["an id that became a string", z.object({ by: ref("users") }), z.object({ by: z.string() })],
    ["a closed object that became open", stored, z.looseObject(base)],
    ["named fields of an open object", z.looseObject({}), z.looseObject({ a: z.unknown() })],
    [
      "an optional field in an array's objects",
      z.object({ list: z.array(z.object({ a: z.string() })) }),
      z.object({ list: z.array(z.object({ a: z.string(), b: z.number().optional() })) }),
    ],
  ])("with %s", (_, from, to) => {
    expect(change(from, to)).toEqual(FITS);
  });
});

describe("a newer schema fits once documents are filled up", () => {
  test.each<[string, z.ZodType<object>, z.ZodType<object>]>([
    ["with a new field", stored, z.object({ ...base, logins: z.number().default(0) })],
    [
      "with an optional field that has a default now",
      z.object({ a: z.string().optional() }),
      z.object({ a: z.string().default("") }),
    ],
    [
      "inside of a nested object",
      z.object({ o: z.object({ a: z.string() }) }),
      z.object({ o: z.object({ a: z.string(), b: z.number().default(1) }) }),
    ],
  ])("%s", (_, from, to) => {
    expect(change(from, to)).toEqual(FILLS);
  });
});

describe("a newer schema is refused, naming the field", () => {
  test.each<[string, z.ZodType<object>, z.ZodType<object>, RegExp]>([
    [
      "a new required field",
      stored,
      z.object({ ...base, age: z.number() }),
      /"age" is required, but/,
    ],
    [
      "a field that is gone",
      stored,
      z.object({ name: z.string() }),
      /"role" is stored, but the definition lacks it/,
    ],
    [
      "a renamed field",
      stored,
      z.object({ title: z.string(), role: base.role }),
      /"name" is stored/,
    ],
    [
      "another type",
      stored,
      z.object({ ...base, name: z.number() }),
      /"name" may hold a value of the kind string/,
    ],
    [
      "a smaller enum",
      stored,
      z.object({ ...base, role: z.enum(["admin"]) }),
      /"role" may hold "member"/,
    ],
    [
      "an enum for a string",
      stored,
      z.object({ ...base, name: z.enum(["a"]) }),
      /"name" may hold any string/,
    ],
    [
      "a required field that was optional",
      z.object({ a: z.string().optional() }),
      z.object({ a: z.string() }),
      /"a" may hold nothing/,
    ],
    [
      "a field that may not be null any more",
      z.object({ a: z.string().nullable() }),
      z.object({ a: z.string() }),
      /"a" may hold a value of the kind null/,
    ],
    [
      "a nested change",
      z.object({ o: z.object({ a: z.string() }) }),
      z.object({ o: z.object({ a: z.date() }) }),
      /"o.a" may hold/,
    ],
    [
      "a change of elements",
      z.object({ l: z.array(z.string()) }),
      z.object({ l: z.array(z.bigint()) }),
      /"l\[\]" may hold/,
    ],
    [
      "an open object that is closed now",
      z.looseObject({ a: z.string() }),
      z.object({ a: z.string() }),
      /a document may have fields/,
    ],
    [
      "a named field of an open object",
      z.looseObject({}),
      z.looseObject({ a: z.string() }),
      /"a" may hold anything/,
    ],
    [
      "ids of another collection",
      z.object({ by: ref("users") }),
      z.object({ by: ref("teams") }),
      /"by" refers to documents of "users"/,
    ],
    [
      "a string that became an id",
      z.object({ by: z.string() }),
      z.object({ by: ref("users") }),
      /"by" may hold/,
    ],
    [
      "anything that became something",
      z.object({ a: z.unknown() }),
      z.object({ a: z.string().optional() }),
      /"a" may hold anything/,
    ],
  ])("%s", (_, from, to, difference) => {
    expect(change(from, to).difference).toMatch(difference);
  });
});
