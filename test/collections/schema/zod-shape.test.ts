import { describe, expect, test } from "vitest";
import * as z from "zod";
import { InvalidDefinition } from "../../../src/collections/collection-error.ts";
import { compileSchema } from "../../../src/collections/schema/document-schema.ts";
import { ref } from "../../../src/collections/schema/reference.ts";
import { parseShape, shapeText } from "../../../src/collections/schema/shape-text.ts";

/** The shape of a field, as JSON. */
function field(schema: z.core.$ZodType): unknown {
  const { fingerprint } = compileSchema("c", z.object({ f: schema }));
  return (JSON.parse(fingerprint) as { object: { f: unknown } }).object.f;
}

const isoDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});
// What the compiler makes of an enum of numbers.
const Numbered = { First: 1, Second: 2, 1: "First", 2: "Second" } as const;
interface Tree {
  name: string;
  children: Tree[];
}
const tree: z.ZodType<Tree> = z.lazy(() => z.object({ name: z.string(), children: z.array(tree) }));
const getterTree = z.object({
  name: z.string(),
  get parent() {
    return getterTree.optional();
  },
});
const recursive = (last: unknown): unknown => ({
  object: { children: { array: last }, name: "string" },
});

describe("the shape of a zod schema", () => {
  test.each<[string, z.core.$ZodType, unknown]>([
    ["string", z.string(), "string"],
    ["string with a format", z.email(), "string"],
    ["coerced string", z.coerce.string(), "string"],
    ["trimmed string", z.string().trim().min(1), "string"],
    ["template literal", z.templateLiteral(["a-", z.number()]), "string"],
    ["number", z.number(), "number"],
    ["int", z.int(), "number"],
    ["coerced number", z.coerce.number(), "number"],
    ["boolean", z.boolean(), "boolean"],
    ["bigint", z.bigint(), "bigint"],
    ["int64", z.int64(), "bigint"],
    ["date", z.date(), "date"],
    ["null", z.null(), "null"],
    ["undefined", z.undefined(), "undefined"],
    ["any", z.any(), "unknown"],
    ["unknown", z.unknown(), "unknown"],
    ["bytes", z.instanceof(Uint8Array), "bytes"],
    ["instanceof Date", z.instanceof(Date), "date"],
    ["custom", z.custom<string>(), "unknown"],
    ["literal", z.literal("a"), { string: ["a"] }],
    [
      "literals",
      z.literal(["a", 1, 2n, true, null]),
      {
        union: [{ string: ["a"] }, { number: [1] }, { bigint: ["2"] }, { boolean: [true] }, "null"],
      },
    ],
    ["enum", z.enum(["b", "a"]), { string: ["a", "b"] }],
    ["number enum", z.enum(Numbered), { number: [1, 2] }],
    ["optional", z.string().optional(), { union: ["string", "undefined"] }],
    ["exact optional", z.exactOptional(z.string()), { union: ["string", "undefined"] }],
    ["nullable", z.string().nullable(), { union: ["string", "null"] }],
    ["nullish", z.string().nullish(), { union: ["string", "null", "undefined"] }],
    ["default", z.string().default("x"), "string"],
    ["default of optional", z.string().optional().default("x"), "string"],
    ["prefault", z.string().prefault("x"), "string"],
    ["catch", z.string().catch("x"), "string"],
    ["nonoptional", z.string().optional().nonoptional(), "string"],
    ["readonly", z.array(z.string()).readonly(), { array: "string" }],
    ["branded", z.string().brand("b"), "string"],
    ["refined", z.string().refine((text) => text !== ""), "string"],
    ["lazy", z.lazy(() => z.number()), "number"],
    ["array", z.array(z.number()), { array: "number" }],
    [
      "tuple",
      z.tuple([z.string(), z.number()], z.boolean()),
      { array: { union: ["string", "number", "boolean"] } },
    ],
    ["union", z.union([z.string(), z.number()]), { union: ["string", "number"] }],
    ["union with a part of itself", z.union([z.literal("a"), z.string()]), "string"],
    ["union with anything", z.union([z.string(), z.any()]), "unknown"],
    [
      "union of an object and a record",
      z.union([z.object({ a: z.string() }), z.record(z.string(), z.number())]),
      { object: { a: { union: ["string", "number", "undefined"] } }, rest: "number" },
    ],
    ["xor", z.xor([z.string(), z.number()]), { union: ["string", "number"] }],
    ["object", z.object({ a: z.string() }), { object: { a: "string" } }],
    ["strict object", z.strictObject({ a: z.string() }), { object: { a: "string" } }],
    [
      "loose object",
      z.looseObject({ a: z.string() }),
      { object: { a: "string" }, rest: "unknown" },
    ],
    [
      "catchall",
      z.object({ a: z.string() }).catchall(z.number()),
      { object: { a: "string" }, rest: "number" },
    ],
    ["record", z.record(z.string(), z.number()), { object: {}, rest: "number" }],
    [
      "record of an enum",
      z.record(z.enum(["a", "b"]), z.number()),
      { object: { a: "number", b: "number" } },
    ],
    [
      "partial record",
      z.partialRecord(z.enum(["a"]), z.number()),
      { object: { a: { union: ["number", "undefined"] } } },
    ],
    [
      "intersection",
      z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() })),
      { object: { a: "string", b: "number" } },
    ],
    [
      "intersection of a field",
      z.intersection(z.object({ a: z.enum(["x", "y"]) }), z.object({ a: z.enum(["y", "z"]) })),
      { object: { a: { string: ["y"] } } },
    ],
    ["pipe of one type", z.string().pipe(z.email()), "string"],
    ["codec", isoDate, "date"],
    [
      "codec of what cannot be stored",
      z.codec(z.map(z.string(), z.number()), z.record(z.string(), z.number()), {
        decode: (map) => Object.fromEntries(map),
        encode: (record) => new Map(Object.entries(record)),
      }),
      { object: {}, rest: "number" },
    ],
    ["string to boolean", z.stringbool(), "boolean"],
    [
      "json",
      z.json(),
      {
        union: [
          "string",
          "number",
          "boolean",
          { object: {}, rest: "unknown" },
          { array: "unknown" },
          "null",
        ],
      },
    ],
    ["reference", ref("users"), { id: "users" }],
    ["optional reference", z.optional(ref("users")), { union: [{ id: "users" }, "undefined"] }],
    ["recursive", tree, recursive("unknown")],
    ["recursive by getter", getterTree, { object: { name: "string", parent: "unknown" } }],
    [
      "discriminated union",
      z.discriminatedUnion("type", [
        z.object({ type: z.literal("circle"), radius: z.number() }),
        z.object({ type: z.literal("square"), side: z.number(), name: z.string() }),
      ]),
      {
        object: {
          name: { union: ["string", "undefined"] },
          radius: { union: ["number", "undefined"] },
          side: { union: ["number", "undefined"] },
          type: { string: ["circle", "square"] },
        },
      },
    ],
  ])("%s", (_, schema, expected) => {
    expect(field(schema)).toEqual(expected);
  });

  test("of the whole document may be a discriminated union or an intersection", () => {
    const either = z.discriminatedUnion("t", [
      z.object({ t: z.literal("a"), x: z.string() }),
      z.object({ t: z.literal("b") }),
    ]);
    expect(compileSchema("c", either).shape.kind).toBe("object");
    const both = z.intersection(z.object({ n: z.number() }), either);
    expect([...compileSchema("c", both).shape.fields.keys()]).toEqual(["n", "t", "x"]);
  });

  test("knows which fields an input may leave out", () => {
    const schema = z.object({
      a: z.string(),
      b: z.string().default("x"),
      c: z.string().prefault("x"),
      d: z.string().optional(),
      e: z.string().catch("x"),
    });
    expect([...compileSchema("c", schema).shape.defaults]).toEqual(["b", "c", "e"]);
  });

  test("does not depend on the order of fields and members", () => {
    const a = z.object({ x: z.union([z.string(), z.number()]), y: z.enum(["p", "q"]) });
    const b = z.object({ y: z.enum(["q", "p"]), x: z.union([z.number(), z.string()]) });
    expect(compileSchema("c", a).fingerprint).toBe(compileSchema("c", b).fingerprint);
  });

  test("can be read back from its text", () => {
    const schema = z.looseObject({
      a: z.literal([1n, 2n]),
      b: z.array(z.object({ c: z.string().nullable().default(null), d: ref("users") })),
      e: z.enum(["x", "y"]).optional(),
      f: z.unknown(),
    });
    const { shape, fingerprint } = compileSchema("c", schema);
    expect(parseShape("things", fingerprint)).toEqual(shape);
    expect(shapeText(parseShape("things", fingerprint))).toBe(fingerprint);
  });
});

describe("a schema that cannot be a collection's is refused by its field", () => {
  class Money {}
  test.each<[string, z.core.$ZodType, string]>([
    ["a transform", z.string().transform((text) => text.length), "transform"],
    [
      "a transform deep inside",
      z.array(z.object({ a: z.string().transform((text) => text.length) })),
      "f.[].a: a transform",
    ],
    ["preprocess", z.preprocess((value) => value, z.string()), "transform"],
    [
      "a transform before a codec",
      z.codec(
        z.string().transform((text) => text),
        z.string(),
        { decode: (text) => text, encode: (text) => text },
      ),
      "transform",
    ],
    ["a pipe that changes the type", z.string().pipe(z.coerce.number()), "codec"],
    ["success", z.success(z.string()), "transform"],
    ["Map", z.map(z.string(), z.number()), "Map"],
    ["Set", z.set(z.string()), "Set"],
    ["symbol", z.symbol(), "symbol"],
    ["NaN", z.nan(), "nan"],
    ["promise", z.promise(z.string()), "promise"],
    ["file", z.file(), "file"],
    ["function", z.custom<() => void>().and(z.instanceof(Function)), "Function"],
    ["an instance of a class", z.instanceof(Money), "instances of Money"],
    ["a literal that cannot be stored", z.literal(["\ud800"]), "literal"],
    [
      "a field called __proto__",
      z.object(Object.fromEntries([["__proto__", z.string()]])),
      "__proto__",
    ],
  ])("%s", (_, schema, problem) => {
    const define = () => compileSchema("users", z.object({ f: schema }));
    expect(define).toThrow(InvalidDefinition);
    expect(define).toThrow(problem);
    expect(define).toThrow("collection=users");
    expect(define).toThrow("problem=f");
  });

  test.each<[string, unknown, string]>([
    ["no object", z.string(), "must give an object"],
    ["an object or nothing", z.object({}).optional(), "must give an object"],
    ["anything", z.any(), "must give an object"],
    ["an id field", z.object({ id: z.string() }), "id:"],
    [
      "an id field in one of several",
      z.union([z.object({ a: z.string() }), z.object({ id: z.string() })]),
      "id:",
    ],
    ["a field called AND", z.object({ AND: z.string() }), "AND:"],
    ["no schema at all", { type: "object" }, "not a zod or Standard Schema"],
    ["nothing", undefined, "not a zod or Standard Schema"],
  ])("%s", (_, schema, problem) => {
    const define = () => compileSchema("users", schema as z.ZodType);
    expect(define).toThrow(InvalidDefinition);
    expect(define).toThrow(problem);
  });
});
