import * as fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { compileSchema } from "../../../src/collections/schema/document-schema.ts";
import { OPAQUE_SHAPE } from "../../../src/collections/schema/field-shape.ts";
import { documentJson, documentOfJson } from "../../../src/collections/transfer/document-json.ts";
import { anyDocumentSchema, anyName, anyValue } from "./arbitrary-document.ts";

const RUNS = Number(process.env["RUNS"] ?? "300");

type Fields = Record<string, unknown>;

test("what is written is read back equal, through any schema", () => {
  fc.assert(
    fc.property(
      anyDocumentSchema.chain(({ schema, value }) => fc.tuple(fc.constant(schema), value)),
      ([schema, value]) => {
        const { shape } = compileSchema("c", schema);
        const document = { id: "x", ...(value as Fields) };
        const text = documentJson(document, shape);
        expect(text).not.toContain("\n");
        expect(documentOfJson(text, shape)).toStrictEqual(document);
      },
    ),
    { numRuns: RUNS },
  );
});

test("what is written is read back equal where nothing is known of the shape", () => {
  fc.assert(
    fc.property(fc.dictionary(anyName, anyValue, { noNullPrototype: true }), (fields) => {
      const document = { id: "x", ...fields };
      expect(documentOfJson(documentJson(document, OPAQUE_SHAPE), OPAQUE_SHAPE)).toStrictEqual(
        document,
      );
    }),
    { numRuns: RUNS },
  );
});

const { shape } = compileSchema(
  "c",
  z.object({
    at: z.date().optional(),
    big: z.bigint().nullable().optional(),
    bytes: z.instanceof(Uint8Array).optional(),
    either: z.union([z.date(), z.string()]).optional(),
    list: z.array(z.string().optional()).optional(),
    rest: z.record(z.string(), z.unknown()).optional(),
    size: z.number().optional(),
  }),
);

test("values have their short form where the shape tells the type, and a tag elsewhere", () => {
  const date = new Date("2026-01-31T12:00:00Z");
  const bytes = Uint8Array.of(1, 2, 254);
  expect(
    JSON.parse(
      documentJson(
        {
          id: "x",
          at: date,
          big: 2n ** 64n,
          bytes,
          either: date,
          list: ["a", undefined],
          rest: {
            date,
            big: 1n,
            bytes,
            none: undefined,
            data: { $date: 1 },
            two: { $date: 1, b: 2 },
          },
          size: undefined,
        },
        shape,
      ),
    ),
  ).toEqual({
    id: "x",
    at: "2026-01-31T12:00:00.000Z",
    big: "18446744073709551616",
    bytes: "AQL+",
    either: { $date: "2026-01-31T12:00:00.000Z" },
    list: ["a", { $undefined: true }],
    rest: {
      date: { $date: "2026-01-31T12:00:00.000Z" },
      big: { $bigint: "1" },
      bytes: { $bytes: "AQL+" },
      none: { $undefined: true },
      data: { $$date: 1 },
      two: { $date: 1, b: 2 },
    },
  });
});

test("text written by hand may use either form", () => {
  const read = (fields: string): unknown => documentOfJson(`{${fields}}`, shape);
  expect(read('"at":"2026-01-31"')).toEqual({ at: new Date("2026-01-31T00:00:00Z") });
  expect(read('"at":"2026-01-31T12:00+02:00"')).toEqual({ at: new Date("2026-01-31T10:00:00Z") });
  expect(read('"at":{"$date":"2026-01-31T10:00Z"}')).toEqual({ at: new Date("2026-01-31T10:00Z") });
  expect(read('"big":5')).toEqual({ big: 5n });
  expect(read('"big":{"$bigint":"-5"}')).toEqual({ big: -5n });
  expect(read('"bytes":"AQ"')).toEqual({ bytes: Uint8Array.of(1) });
  expect(read('"either":"2026-01-31"')).toEqual({ either: "2026-01-31" });
  expect(read('"size":{"$number":"-Infinity"}')).toEqual({ size: -Infinity });
});

for (const [fields, reason] of [
  ['"at":"yesterday"', "at: a date is written as 2026-01-31T12:00:00.000Z"],
  ['"at":"2026-02-30"', "at: a date is written as 2026-01-31T12:00:00.000Z"],
  ['"at":"2026-01-31T12:00:00"', "at: a date is written as 2026-01-31T12:00:00.000Z"],
  ['"big":"1e3"', "big: a bigint is written as decimal digits"],
  [
    '"big":9007199254740993',
    "big: a bigint is written as a string of digits, or as a safe integer",
  ],
  ['"bytes":"A?"', "bytes: bytes are written as base64"],
  ['"bytes":"AR"', "bytes: bytes are written as base64"],
  ['"size":1e999', "size: a number is too large for JavaScript"],
  ['"size":{"$number":"NaN"}', undefined],
  ['"size":{"$number":"0x10"}', "size: a $number is written as JavaScript writes it"],
  ['"rest":{"__proto__":{}}', "rest.__proto__: a field called __proto__ cannot be stored"],
  [
    '"rest":{"a":{"$ref":"b"}}',
    'rest.a: "$ref" is no tag that is known with such a value; an object with this one field is written with "$$ref"',
  ],
  [
    '"rest":{"a":{"$date":5}}',
    'rest.a: "$date" is no tag that is known with such a value; an object with this one field is written with "$$date"',
  ],
] as const) {
  test(`{${fields}} is ${reason === undefined ? "left to the schema" : "refused by its field"}`, () => {
    const read = (): unknown => documentOfJson(`{${fields}}`, shape);
    if (reason === undefined) expect(read()).toEqual({ size: NaN });
    else expect(read).toThrow(reason);
  });
}

test("what is no object, or nested beyond all bounds, is refused", () => {
  const read = (text: string) => (): unknown => documentOfJson(text, shape);
  expect(read('{"at":')).toThrow("it is no JSON: ");
  for (const text of ["5", "null", "[]", '"a"']) expect(read(text)).toThrow("it is no JSON object");
  const deep = `{"rest":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`;
  expect(read(deep)).toThrow("nested more than 100 deep");
});
