import { describe, expect, test } from "vitest";
import { parsePath, pathOf, valueAt, valuesAt } from "../../../src/collections/path/field-path.ts";

function path(text: string): NonNullable<ReturnType<typeof parsePath>> {
  const parsed = parsePath(text);
  if (parsed === undefined) throw new Error(`not a path: ${text}`);
  return parsed;
}

describe("the text of a path", () => {
  test.each([
    ["age", { before: ["age"], each: false, after: [] }],
    ["address.city", { before: ["address", "city"], each: false, after: [] }],
    ["tags[]", { before: ["tags"], each: true, after: [] }],
    ["order.items[].sku.code", { before: ["order", "items"], each: true, after: ["sku", "code"] }],
  ])("%s is read, and written again", (text, parts) => {
    expect(parsePath(text)).toEqual({ text, ...parts });
    expect(pathOf(parts.before, parts.each ? parts.after : undefined).text).toBe(text);
  });

  test.each([
    "",
    ".",
    "a.",
    ".a",
    "a..b",
    "[]",
    "a[",
    "a]",
    "a[0]",
    "a[]b",
    "a[][]",
    "a[].b[]",
    "a.[]",
    "__proto__",
    "a.__proto__.b",
  ])("%j is no path", (text) => {
    expect(parsePath(text)).toBeUndefined();
  });

  test("tells a name with a dot from two names", () => {
    expect(pathOf(["a.b"]).text).toBe('"a.b"');
    expect(pathOf(["a", "b"]).text).toBe("a.b");
    expect(pathOf(["a", ""]).text).toBe('a.""');
    expect(pathOf(["a[]"]).text).not.toBe(pathOf(["a"], []).text);
  });

  test("paths cannot be changed", () => {
    expect(Object.isFrozen(path("a.b"))).toBe(true);
    expect(Object.isFrozen(path("a.b").before)).toBe(true);
  });
});

describe("the value at a path", () => {
  const document = {
    age: 3,
    address: { city: "Oslo", geo: { lat: 1 } },
    tags: ["x", "y"],
    items: [{ sku: "a" }, null, "text", { sku: "b" }, {}],
    when: new Date(5),
    raw: Uint8Array.of(1),
    nothing: null,
  };

  test.each([
    ["age", 3],
    ["address.city", "Oslo"],
    ["address.geo.lat", 1],
    ["nothing", null],
    ["missing", undefined],
    ["missing.deeper", undefined],
    ["nothing.deeper", undefined],
    ["age.deeper", undefined],
  ])("%s is found", (text, expected) => {
    expect(valueAt(document, path(text))).toBe(expected);
  });

  test.each([
    "constructor",
    "toString",
    "address.hasOwnProperty",
    "tags.length",
    "address.city.length",
    "raw.length",
    "when.getTime",
    "tags.0",
  ])("%s is not there: it is inherited or inside of what is not an object", (text) => {
    expect(valueAt(document, path(text))).toBeUndefined();
  });

  test("is undefined in what is no document", () => {
    for (const nothing of [undefined, null, 5, "text", [1]]) {
      expect(valueAt(nothing, path("age"))).toBeUndefined();
    }
  });

  test("with [] is each element, in order", () => {
    expect(valuesAt(document, path("tags[]"))).toEqual(["x", "y"]);
    expect(valuesAt(document, path("age"))).toEqual([3]);
    expect(valuesAt(document, path("missing"))).toEqual([undefined]);
    expect(valuesAt(document, path("missing[]"))).toEqual([]);
    expect(valuesAt(document, path("age[]"))).toEqual([]);
  });

  test("inside of elements leaves out those that are no objects", () => {
    expect(valuesAt(document, path("items[].sku"))).toEqual(["a", "b", undefined]);
  });

  test("gives no access to the document's own array", () => {
    const values = valuesAt(document, path("tags[]"));
    values.push("z");
    expect(document.tags).toEqual(["x", "y"]);
  });
});
