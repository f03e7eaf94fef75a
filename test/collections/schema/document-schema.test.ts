import { describe, expect, expectTypeOf, test } from "vitest";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { Schema } from "effect";
import * as z from "zod";
import { InvalidDefinition, ValidationError } from "../../../src/collections/collection-error.ts";
import { compileSchema } from "../../../src/collections/schema/document-schema.ts";
import type { Id } from "../../../src/collections/schema/document-type.ts";
import { ref } from "../../../src/collections/schema/reference.ts";
import { documentDepthMax } from "../../../src/collections/schema/storable.ts";

/** The issues of a refused input, as path and message. */
function issues(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return error.issues.map(({ path, message }) => `${path.map(String).join(".")}: ${message}`);
  }
  throw new Error("nothing was refused");
}

const person = compileSchema(
  "people",
  z.object({
    name: z.string().min(1),
    age: z.number().int(),
    role: z.enum(["admin", "user"]).default("user"),
    address: z.object({ city: z.string() }).optional(),
    tags: z.array(z.string()).default([]),
  }),
);
/** A schema that knows nothing of what stands in `x`. */
const open = compileSchema("open", z.object({ x: z.unknown() }));

describe("validation", () => {
  test("gives a document with defaults, in the order of the schema", () => {
    const document = person.validate({ age: 3, name: "Ada" });
    expect(document).toEqual({ name: "Ada", age: 3, role: "user", tags: [] });
    expect(Object.keys(document)).toEqual(["name", "age", "role", "tags"]);
  });

  test("gives every issue with its path", () => {
    const found = issues(() =>
      person.validate({ name: "", age: 1.5, tags: ["a", 5], address: {} }),
    );
    expect(found.map((issue) => issue.split(":")[0])).toEqual([
      "name",
      "age",
      "address.city",
      "tags.1",
    ]);
  });

  test("names collection and fields in the error", () => {
    const refused = () => person.validate({ name: "Ada", age: "3" });
    expect(refused).toThrow(ValidationError);
    expect(refused).toThrow(
      "A document, a patch or an id does not fit its collection. (collection=people, issues=age:",
    );
  });

  test("never changes the input and gives nothing of it but leaves", () => {
    const input = Object.freeze({
      name: "Ada",
      age: -0,
      address: Object.freeze({ city: "Oslo" }),
      tags: Object.freeze(["x"]),
    });
    const document = person.validate(input);
    expect(Object.is(document["age"], 0)).toBe(true);
    expect(document["address"]).not.toBe(input.address);
    expect(document["tags"]).not.toBe(input.tags);
  });

  test("lets an unknown field fall where zod does, and refuses it where zod does", () => {
    const strict = compileSchema("s", z.strictObject({ a: z.string() }));
    expect(person.validate({ name: "Ada", age: 1, more: 1 })).not.toHaveProperty("more");
    expect(issues(() => strict.validate({ a: "x", more: 1 }))).toHaveLength(1);
  });

  test.each([undefined, null, 5, "text", []])("refuses %j as a document", (input) => {
    expect(() => person.validate(input)).toThrow(ValidationError);
  });

  test("checks each member of a discriminated union", () => {
    const shapes = compileSchema(
      "shapes",
      z.discriminatedUnion("type", [
        z.object({ type: z.literal("circle"), radius: z.number() }),
        z.object({ type: z.literal("named"), name: z.string() }),
      ]),
    );
    expect(shapes.validate({ type: "circle", radius: 2 })).toEqual({ type: "circle", radius: 2 });
    expect(issues(() => shapes.validate({ type: "circle", name: "x" }))[0]).toMatch(/^radius/);
    expect(issues(() => shapes.validate({ type: "named", name: "\ud800" }))).toEqual([
      "name: a string with a lone surrogate cannot be stored",
    ]);
    expect(() => shapes.validate({ type: "other" })).toThrow(ValidationError);
  });

  test("an asynchronous check is a mistake of the definition", () => {
    const later = compileSchema(
      "later",
      z.object({ a: z.string().refine(() => Promise.resolve(true)) }),
    );
    expect(() => later.validate({ a: "x" })).toThrow(InvalidDefinition);
    expect(() => later.validate({ a: "x" })).toThrow("asynchronous");
  });
});

describe("what cannot be stored is refused by its path", () => {
  const cyclic: Record<string, unknown> = { a: 1 };
  cyclic["again"] = { deep: [cyclic] };
  const holes = [1];
  holes[3] = 4;
  class Money {
    amount = 1;
  }

  test.each<[string, unknown, string[]]>([
    ["NaN", { a: [1, Number.NaN] }, ["x.a.1: NaN cannot be stored"]],
    ["a lone surrogate", { a: "\ud800" }, ["x.a: a string with a lone surrogate cannot be stored"]],
    [
      "a key with a lone surrogate",
      { "\ud800": 1 },
      ["x.\ud800: a name with a lone surrogate cannot be stored"],
    ],
    ["a function", { f: () => 1 }, ["x.f: a function cannot be stored"]],
    ["a symbol", [Symbol("s")], ["x.0: a symbol cannot be stored"]],
    [
      "a key that is a symbol",
      { [Symbol("s")]: 1 },
      ["x.Symbol(s): a key that is a symbol cannot be stored"],
    ],
    ["an instance of a class", { m: new Money() }, ["x.m: an instance of Money cannot be stored"]],
    ["a Map", new Map(), ["x: an instance of Map cannot be stored"]],
    ["a RegExp", [/a/], ["x.0: an instance of RegExp cannot be stored"]],
    [
      "another typed array",
      new Float64Array(1),
      ["x: an instance of Float64Array cannot be stored"],
    ],
    ["a boxed string", Object("text"), ["x: an instance of String cannot be stored"]],
    ["an invalid date", { d: new Date(Number.NaN) }, ["x.d: an invalid date cannot be stored"]],
    ["a hole", { list: holes }, ["x.list.1: a hole in an array cannot be stored"]],
    [
      "several at once",
      { a: Number.NaN, b: [() => 1] },
      ["x.a: NaN cannot be stored", "x.b.0: a function cannot be stored"],
    ],
    [
      "a field called __proto__",
      JSON.parse('{"a":[{"__proto__":{"b":1}}]}'),
      ["x.a.0.__proto__: a field called __proto__ cannot be stored"],
    ],
  ])("%s", (_, x, expected) => {
    expect(issues(() => open.validate({ x }))).toEqual(expected);
  });

  test("what contains itself", () => {
    const [first] = issues(() => open.validate({ x: cyclic }));
    expect(first).toMatch(/^x\.again\.deep\.0\.again.*nested more than 100 deep, or in itself/);
  });

  test("what contains itself many times, without taking for ever", () => {
    const wide: Record<string, unknown> = {};
    for (let i = 0; i < 10; i++) wide[`f${i}`] = wide;
    expect(issues(() => open.validate({ x: wide })).length).toBeLessThanOrEqual(100);
  });

  test("what contains itself in a schema that contains itself", () => {
    const node = z.object({
      name: z.string(),
      get children() {
        return z.array(node);
      },
    });
    const schema = compileSchema("nodes", node);
    expect(schema.validate({ name: "a", children: [{ name: "b", children: [] }] })).toEqual({
      name: "a",
      children: [{ name: "b", children: [] }],
    });
    const loop: Record<string, unknown> = { name: "loop" };
    loop["children"] = [loop];
    expect(issues(() => schema.validate(loop))[0]).toMatch(/^children\.0\.children\.0.*in itself/);
  });

  test("nesting up to the bound is fine", () => {
    let x: unknown = 1;
    // The document itself and its field x are two levels.
    for (let i = 0; i < documentDepthMax - 1; i++) x = [x];
    expect(open.validate({ x })).toEqual({ x });
    expect(() => open.validate({ x: [x] })).toThrow(ValidationError);
  });

  test("__proto__ in a record and in a loose object, which zod would let fall", () => {
    const input: unknown = JSON.parse('{"r":{"__proto__":1,"a":2}}');
    const record = compileSchema("c", z.object({ r: z.record(z.string(), z.number()) }));
    const loose = compileSchema("c", z.object({ r: z.looseObject({}) }));
    for (const schema of [record, loose]) {
      expect(issues(() => schema.validate(input))).toEqual([
        "r.__proto__: a field called __proto__ cannot be stored",
      ]);
    }
  });

  test("in fields of known types too", () => {
    const schema = compileSchema(
      "c",
      z.object({
        text: z.string(),
        texts: z.array(z.string().nullable()),
        deep: z.object({ either: z.union([z.string(), z.number()]).optional() }).optional(),
        lies: z.date().default(() => new Date(Number.NaN)),
        record: z.record(z.string(), z.string()).optional(),
      }),
    );
    const fine = {
      text: "a",
      texts: ["b", null],
      deep: { either: 1 },
      lies: new Date(1),
      record: { a: "b" },
    };
    expect(schema.validate(fine)).toEqual(fine);
    expect(
      issues(() =>
        schema.validate({
          text: "\ud800",
          texts: ["a", "\udc00"],
          deep: { either: "\ud800" },
          record: { "\ud800": "\ud800" },
        }),
      ).map((issue) => issue.split(":")[0]),
    ).toEqual(["text", "texts.1", "deep.either", "lies", "record.\ud800"]);
  });
});

describe("what can be stored", () => {
  test("comes through as it is", () => {
    const x = {
      text: "é😀\0",
      numbers: [0, -1.5, Number.POSITIVE_INFINITY, Number.MAX_VALUE],
      big: -(2n ** 200n),
      when: new Date(-1),
      raw: Uint8Array.of(0, 255),
      nothing: [null, undefined, true],
      bare: Object.assign(Object.create(null) as object, { a: 1 }),
    };
    expect(open.validate({ x })).toEqual({ x });
  });

  test("has 0 for -0, wherever it stands, and leaves the input alone", () => {
    const input = { x: { deep: [{ zero: -0 }] } };
    const document = open.validate(input) as typeof input;
    expect(Object.is(document.x.deep[0]?.zero, 0)).toBe(true);
    expect(Object.is(input.x.deep[0]?.zero, -0)).toBe(true);
  });
});

describe("a changed document is checked again", () => {
  test("by the same schema", () => {
    const document = person.validate({ name: "Ada", age: 3 });
    expect(person.revalidate({ ...document, age: 4 })).toEqual({ ...document, age: 4 });
    expect(() => person.revalidate({ ...document, age: "4" })).toThrow(ValidationError);
  });

  test("through its codecs and back", () => {
    const isoDate = z.codec(z.iso.datetime(), z.date(), {
      decode: (text) => new Date(text),
      encode: (date) => date.toISOString(),
    });
    const schema = compileSchema(
      "events",
      z.object({ at: isoDate, name: z.string().default("x") }),
    );
    const document = schema.validate({ at: "2026-01-02T03:04:05.678Z" });
    expect(document).toEqual({ at: new Date("2026-01-02T03:04:05.678Z"), name: "x" });
    expect(schema.revalidate({ ...document, at: new Date(5) })).toEqual({
      at: new Date(5),
      name: "x",
    });
    expect(issues(() => schema.revalidate({ ...document, at: "text" }))[0]).toMatch(/^at:/);
    expect(() => schema.validate({ at: new Date(5) })).toThrow(ValidationError);
  });
});

describe("references", () => {
  const posts = compileSchema(
    "posts",
    z.object({ author: ref("users"), editor: z.optional(ref("users")) }),
  );
  test("are typed as the id of a document of the other collection", () => {
    const schema = z.object({ author: ref("users"), editor: z.optional(ref("users")) });
    expectTypeOf<z.infer<typeof schema>>().toEqualTypeOf<{
      author: Id<"users">;
      editor?: Id<"users"> | undefined;
    }>();
    expectTypeOf<z.input<typeof schema>["author"]>().toEqualTypeOf<Id<"users">>();
  });

  test("are strings that are not empty and well-formed", () => {
    expect(posts.validate({ author: "u1" })).toEqual({ author: "u1" });
    expect(issues(() => posts.validate({ author: "" }))).toHaveLength(1);
    expect(issues(() => posts.validate({ author: 5 }))).toHaveLength(1);
    expect(issues(() => posts.validate({ author: "u1", editor: "\ud800" }))).toEqual([
      "editor: a string with a lone surrogate cannot be stored",
    ]);
  });
});

describe("a schema that is not zod's", () => {
  const handwritten: StandardSchemaV1<{ name: string }> = {
    "~standard": {
      version: 1,
      vendor: "handwritten",
      validate: (value) =>
        typeof (value as { name?: unknown } | null)?.name === "string"
          ? { value: value as { name: string } }
          : { issues: [{ message: "a name is needed", path: [{ key: "name" }] }] },
    },
  };

  test("validates, with issues by path; of its shape nothing is known", () => {
    const schema = compileSchema("c", handwritten);
    expect(schema.shape).toMatchObject({ kind: "object", open: true, rest: { kind: "unknown" } });
    expect(schema.validate({ name: "Ada" })).toEqual({ name: "Ada" });
    expect(issues(() => schema.validate({ name: 5 }))).toEqual(["name: a name is needed"]);
  });

  test("gives a copy, although its schema may not", () => {
    const input = { name: "Ada", list: [{ a: 1 }] };
    const document = compileSchema("c", handwritten).validate(input) as typeof input;
    expect(document).toEqual(input);
    expect(document).not.toBe(input);
    expect(document.list[0]).not.toBe(input.list[0]);
  });

  test("is looked through whole", () => {
    const schema = compileSchema("c", handwritten);
    expect(issues(() => schema.validate({ name: "\ud800" }))).toHaveLength(1);
    expect(issues(() => schema.validate({ name: "Ada", f: [() => 1] }))).toEqual([
      "f.0: a function cannot be stored",
    ]);
    expect(issues(() => schema.validate(JSON.parse('{"name":"Ada","__proto__":1}')))).toHaveLength(
      1,
    );
  });

  test("may not give an id, or what is no plain object", () => {
    const schema = compileSchema("c", handwritten);
    expect(issues(() => schema.validate({ name: "Ada", id: "x" }))).toEqual([
      "id: the id is not a field of the schema",
    ]);
    class Named {
      name = "Ada";
    }
    expect(issues(() => schema.validate(new Named()))).toEqual([
      ": the schema gave no plain object",
    ]);
  });

  test("may not be asynchronous, and its late failure is nobody's concern", () => {
    const failing: StandardSchemaV1 = {
      "~standard": {
        version: 1,
        vendor: "late",
        validate: () => Promise.reject(new Error("late")),
      },
    };
    expect(() => compileSchema("c", failing).validate({})).toThrow(InvalidDefinition);
  });

  test("may be an Effect Schema", () => {
    const effect = Schema.Struct({ name: Schema.String, age: Schema.Number });
    const schema = compileSchema("c", Schema.toStandardSchemaV1(effect));
    expect(schema.validate({ name: "Ada", age: 3 })).toEqual({ name: "Ada", age: 3 });
    expect(issues(() => schema.validate({ name: "Ada", age: "3" }))[0]).toMatch(/^age: /);
    expect(issues(() => schema.validate({ name: "Ada", age: Number.NaN }))).toEqual([
      "age: NaN cannot be stored",
    ]);
  });
});
