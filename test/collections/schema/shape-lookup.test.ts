import { describe, expect, test } from "vitest";
import * as z from "zod";
import { parsePath } from "../../../src/collections/path/field-path.ts";
import { compileSchema } from "../../../src/collections/schema/document-schema.ts";
import { OPAQUE_SHAPE } from "../../../src/collections/schema/field-shape.ts";
import { mayBe, shapeAt, withId } from "../../../src/collections/schema/shape-lookup.ts";
import { shapeText } from "../../../src/collections/schema/shape-text.ts";

const { shape } = compileSchema(
  "c",
  z.object({
    name: z.string(),
    address: z.object({ city: z.string(), zip: z.string().nullable() }).optional(),
    tags: z.array(z.string()).optional(),
    items: z.array(z.object({ sku: z.string() })),
    record: z.record(z.string(), z.number()),
    either: z.union([z.object({ a: z.string() }), z.object({ a: z.number(), b: z.string() })]),
    mixed: z.union([z.string(), z.object({ a: z.string() })]),
    any: z.any(),
  }),
);
function at(text: string): string | undefined {
  const path = parsePath(text);
  if (path === undefined) throw new Error(`not a path: ${text}`);
  const found = shapeAt(withId(shape), path);
  return found && shapeText(found);
}

describe("the shape at a path", () => {
  test.each([
    ["id", '"string"'],
    ["name", '"string"'],
    ["address.city", '{"union":["string","undefined"]}'],
    ["address.zip", '{"union":["string","null","undefined"]}'],
    ["tags", '{"union":[{"array":"string"},"undefined"]}'],
    ["tags[]", '"string"'],
    ["items[].sku", '"string"'],
    ["record.anything", '{"union":["number","undefined"]}'],
    ["either.a", '{"union":["string","number"]}'],
    ["either.b", '{"union":["string","undefined"]}'],
    ["mixed.a", '{"union":["string","undefined"]}'],
    ["any.deep.down[].there", '"unknown"'],
  ])("%s is %s", (text, expected) => {
    expect(at(text)).toBe(expected);
  });

  test.each([
    "missing",
    "name.deeper",
    "name[]",
    "address[]",
    "address.missing",
    "tags[].deeper",
    "items.sku",
    "items[].missing",
    "id.deeper",
    "constructor",
  ])("%s is nowhere", (text) => {
    expect(at(text)).toBeUndefined();
  });

  test("of what nothing is known may be anything", () => {
    const found = shapeAt(OPAQUE_SHAPE, parsePath("a.b[].c")!);
    expect(found).toEqual({ kind: "unknown" });
    expect(mayBe(found!, "bigint")).toBe(true);
  });
});
