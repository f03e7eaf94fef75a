/** Every kind of zod schema that a document may have. */
import { expect, test } from "vitest";
import * as z from "zod";
import { collection, InvalidDefinition, ref } from "../../../../src/index.ts";
import { holdsFor } from "./table.ts";
import type { Row } from "./table.ts";

const f = (schema: z.core.$ZodType) => z.object({ f: schema as z.ZodType });
const noon = new Date("2026-01-02T12:00:00.000Z");
const later = new Date("2026-03-04T00:00:00.000Z");
const bytes = Uint8Array.of(1, 2);

const isoDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});
const listOfSet = z.codec(z.set(z.string()), z.array(z.string()), {
  decode: (set) => [...set],
  encode: (list) => new Set(list),
});
const shape = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("circle"), radius: z.number() }),
  z.object({ kind: z.literal("named"), name: z.string(), at: z.date().optional() }),
]);
const node = z.object({
  name: z.string(),
  get children() {
    return z.array(node);
  },
});

holdsFor({
  strings: {
    schema: f(z.string()),
    inputs: [{ f: "a" }, { f: "ab" }, { f: "b" }],
    index: "f",
    filters: [
      [{ f: "a" }, [0]],
      [{ f: { startsWith: "a" } }, [0, 1]],
      [{ f: { gt: "a" } }, [1, 2]],
    ],
  },
  "formats of strings": {
    schema: z.object({
      f: z.email(),
      u: z.uuid(),
      d: z.iso.date(),
      t: z.templateLiteral(["v", z.int()]),
    }),
    inputs: [{ f: "a@x.org", u: "123e4567-e89b-42d3-a456-426614174000", d: "2026-01-31", t: "v1" }],
    index: "f",
    filters: [
      [{ f: "a@x.org" }, [0]],
      [{ d: { gte: "2026-01-01" }, t: "v1" }, [0]],
    ],
  },
  numbers: {
    schema: f(z.number()),
    inputs: [{ f: 1 }, { f: -1.5 }, { f: 2 ** 60 }],
    index: "f",
    filters: [
      [{ f: { gte: 1 } }, [0, 2]],
      [{ f: { in: [1, -1.5] } }, [0, 1]],
    ],
  },
  booleans: {
    schema: f(z.boolean()),
    inputs: [{ f: true }, { f: false }],
    index: "f",
    filters: [[{ f: true }, [0]]],
  },
  bigints: {
    schema: f(z.bigint()),
    inputs: [{ f: 1n }, { f: -(2n ** 90n) }, { f: 2n ** 63n }],
    index: "f",
    filters: [
      [{ f: { gt: 1n } }, [2]],
      [{ f: -(2n ** 90n) }, [1]],
    ],
  },
  dates: {
    schema: f(z.date()),
    inputs: [{ f: noon }, { f: later }],
    index: "f",
    filters: [
      [{ f: { lt: later } }, [0]],
      [{ f: later }, [1]],
    ],
  },
  bytes: {
    schema: f(z.instanceof(Uint8Array)),
    inputs: [{ f: bytes }, { f: new Uint8Array(0) }],
    index: "f",
    filters: [
      [{ f: bytes }, [0]],
      [{ f: { lt: bytes } }, [1]],
    ],
  },
  "enums and literals": {
    schema: z.object({ f: z.enum(["low", "high"]), l: z.literal([1, "x", null, 2n]) }),
    inputs: [
      { f: "low", l: 1 },
      { f: "high", l: null },
      { f: "high", l: 2n },
    ],
    index: "f",
    filters: [
      [{ f: "high" }, [1, 2]],
      [{ l: null }, [1]],
      [{ l: { in: [1, 2n] } }, [0, 2]],
    ],
  },
  optionals: {
    schema: f(z.string().optional()),
    inputs: [{}, { f: "a" }],
    index: "f",
    filters: [
      [{ f: null }, [0]],
      [{ f: { exists: true } }, [1]],
    ],
  },
  "nullables and nullish": {
    schema: z.object({ f: z.number().nullable(), n: z.string().nullish() }),
    inputs: [{ f: null }, { f: 1, n: null }, { f: 2, n: "a" }],
    index: "f",
    filters: [
      [{ f: null }, [0]],
      [{ f: { ne: 1 } }, [0, 2]],
      [{ n: { exists: false } }, [0, 1]],
    ],
  },
  "defaults, prefaults, catches": {
    schema: z.object({
      f: z.string().default("x"),
      p: z.string().trim().prefault(" p "),
      c: z.number().catch(7),
      o: z.object({ in: z.number().default(1) }).default({ in: 2 }),
    }),
    inputs: [{}, { f: "y", p: "q", c: "no number", o: {} }],
    stored: [
      { f: "x", p: "p", c: 7, o: { in: 2 } },
      { f: "y", p: "q", c: 7, o: { in: 1 } },
    ],
    index: "f",
    filters: [
      [{ f: "x" }, [0]],
      [{ c: 7, o: { in: 1 } }, [1]],
    ],
  },
  unions: {
    schema: f(z.union([z.number(), z.string(), z.date()])),
    inputs: [{ f: 1 }, { f: "1" }, { f: noon }],
    index: "f",
    filters: [
      [{ f: 1 }, [0]],
      [{ f: { gte: "" } }, [1]],
      [{ f: { gte: noon } }, [2]],
    ],
  },
  "unions with lists": {
    schema: f(z.union([z.string(), z.array(z.string())])),
    inputs: [{ f: "a" }, { f: ["a"] }],
    filters: [
      [{ f: { has: "a" } }, [1]],
      [{ f: "a" }, [0]],
    ],
  },
  "discriminated unions in a field": {
    schema: f(shape),
    inputs: [
      { f: { kind: "circle", radius: 2 } },
      { f: { kind: "named", name: "n", at: noon } },
      { f: { kind: "named", name: "m" } },
    ],
    index: "f.radius",
    filters: [
      [{ f: { radius: { gte: 1 } } }, [0]],
      [{ f: { kind: "named" } }, [1, 2]],
      [{ f: { at: { exists: true } } }, [1]],
    ],
  },
  "a discriminated union as the document": {
    schema: shape,
    inputs: [
      { kind: "circle", radius: 2 },
      { kind: "named", name: "n" },
    ],
    index: "name",
    filters: [
      [{ name: "n" }, [1]],
      [{ kind: "circle", radius: { lt: 3 } }, [0]],
    ],
  },
  intersections: {
    schema: z.intersection(z.object({ f: z.number() }), z.object({ g: z.string() })),
    inputs: [{ f: 1, g: "a" }],
    index: "f",
    filters: [[{ f: 1, g: "a" }, [0]]],
  },
  records: {
    schema: z.object({
      f: z.record(z.string(), z.number()),
      e: z.record(z.enum(["de", "en"]), z.string()),
      p: z.partialRecord(z.enum(["de", "en"]), z.string()),
    }),
    inputs: [
      { f: { a: 1, "b c": 2 }, e: { de: "eins", en: "one" }, p: {} },
      { f: {}, e: { de: "zwei", en: "two" }, p: { en: "two" } },
    ],
    index: "e.de",
    filters: [
      [{ e: { de: "zwei" } }, [1]],
      [{ f: { a: 1 } }, [0]],
      [{ p: { en: { exists: true } } }, [1]],
    ],
  },
  "a record with an index on one of its names": {
    schema: f(z.record(z.string(), z.number())),
    inputs: [{ f: { a: 1 } }, { f: { b: 2 } }],
    index: "f.a",
    filters: [[{ f: { a: 1 } }, [0]]],
  },
  "loose objects and catchalls": {
    schema: z.looseObject({ f: z.number(), c: z.object({}).catchall(z.string()).optional() }),
    inputs: [
      { f: 1, more: { deep: [1, null] } },
      { f: 2, c: { other: "x" } },
    ],
    index: "f",
    filters: [
      [{ f: 2 }, [1]],
      [{ c: { other: "x" } }, [1]],
    ],
  },
  arrays: {
    schema: f(z.array(z.string())),
    inputs: [{ f: ["a", "b"] }, { f: [] }],
    index: "f[]",
    filters: [
      [{ f: { has: "a" } }, [0]],
      [{ f: { size: 0 } }, [1]],
    ],
  },
  "arrays of objects": {
    schema: f(z.array(z.object({ sku: z.string(), n: z.number().optional() }))),
    inputs: [{ f: [{ sku: "x", n: 1 }, { sku: "y" }] }, { f: [{ sku: "z" }] }],
    index: "f[].sku",
    filters: [
      [{ f: { some: { sku: "y" } } }, [0]],
      [{ f: { some: { sku: "x", n: { gte: 1 } } } }, [0]],
    ],
  },
  "nested arrays and tuples": {
    schema: z.object({
      f: z.array(z.array(z.number())),
      t: z.tuple([z.string(), z.date()], z.number()),
    }),
    inputs: [
      { f: [[1, 2], []], t: ["a", noon] },
      { f: [], t: ["b", noon, 1, 2] },
    ],
    filters: [
      [{ f: { size: 2 } }, [0]],
      [{ t: { size: 4 } }, [1]],
    ],
  },
  "branded and read-only values": {
    schema: z.object({
      f: z.string().brand("Sku"),
      r: z.array(z.string()).readonly(),
      n: z.number().optional().nonoptional(),
    }),
    inputs: [{ f: "s1", r: ["a"], n: 1 }],
    index: "f",
    filters: [[{ f: "s1", r: { has: "a" } }, [0]]],
  },
  codecs: {
    schema: z.object({ f: isoDate, s: listOfSet, b: z.stringbool() }),
    inputs: [
      { f: noon.toISOString(), s: new Set(["a", "b"]), b: "yes" },
      { f: later.toISOString(), s: new Set(), b: "false" },
    ],
    stored: [
      { f: noon, s: ["a", "b"], b: true },
      { f: later, s: [], b: false },
    ],
    index: "f",
    filters: [
      [{ f: { gt: noon } }, [1]],
      [{ s: { has: "b" }, b: true }, [0]],
    ],
  },
  "coerced and normalised values": {
    schema: z.object({
      f: z.coerce.date(),
      n: z.coerce.number(),
      s: z.string().trim().toLowerCase(),
    }),
    inputs: [{ f: noon.toISOString(), n: "5", s: " Ada " }],
    stored: [{ f: noon, n: 5, s: "ada" }],
    index: "f",
    filters: [[{ f: noon, n: 5, s: "ada" }, [0]]],
  },
  "what refers to itself, and what may be anything": {
    schema: z.object({ f: node, u: z.unknown(), j: z.json() }),
    inputs: [
      {
        f: { name: "a", children: [{ name: "b", children: [] }] },
        u: [bytes, { at: noon }],
        j: [1, "x"],
      },
      { f: { name: "c", children: [] }, u: "text", j: null },
    ],
    index: "f.name",
    filters: [
      [{ f: { name: "c" } }, [1]],
      [{ u: "text" }, [1]],
    ],
  },
  references: {
    schema: z.object({ f: ref("users"), o: ref("users").nullish() }),
    inputs: [{ f: "u1" }, { f: "u2", o: "u1" }],
    index: "f",
    filters: [
      [{ f: "u1" }, [0]],
      [{ o: "u1" }, [1]],
    ],
  },
} satisfies Readonly<Record<string, Row>>);

test.each<[string, z.ZodType, string]>([
  [
    "a transform",
    z.string().transform((text) => text.length),
    "f: a transform has no way back; write a codec",
  ],
  [
    "a transform in a list of a pipe",
    z.array(z.object({ a: z.string().pipe(z.transform((text) => `${String(text)}!`)) })),
    "f.[].a: a transform has no way back",
  ],
  [
    "a pipe to another type",
    z.string().pipe(z.coerce.number()),
    "f: a pipe gives what its own input refuses",
  ],
  ["preprocess", z.preprocess(Number, z.number()), "f: a transform has no way back"],
  [
    "an async refinement",
    z.string().refine(async () => true),
    "f: an async function checks or transforms it",
  ],
  [
    "an async check deep inside",
    z.array(z.object({ a: z.string().check(async () => undefined) })),
    "f.[].a: an async function checks or transforms it",
  ],
  [
    "an async codec",
    z.codec(z.string(), z.string(), { decode: async (text) => text, encode: async (text) => text }),
    "f: an async function checks or transforms it",
  ],
  ["a promise", z.promise(z.string()), "f: a value of the type promise cannot be stored"],
])("refused where it is declared, by its place: %s", (_, schema, problem) => {
  const declare = () => collection("things", f(schema));
  expect(declare).toThrow(InvalidDefinition);
  expect(declare).toThrow(problem);
});
