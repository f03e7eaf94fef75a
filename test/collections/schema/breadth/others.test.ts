/** Schemas of other libraries, and one written by hand: all that is known of them is what they make of a value. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { Schema } from "effect";
import * as v from "valibot";
import { expect, test } from "vitest";
import { collection, InvalidDefinition, open, ValidationError } from "../../../../src/index.ts";
import { holdsFor } from "./table.ts";

const noon = new Date("2026-01-02T12:00:00.000Z");

interface Person {
  readonly f: string;
  readonly age?: number;
}
const byHand: StandardSchemaV1<{ f: string; age?: number | string }, Person> = {
  "~standard": {
    version: 1,
    vendor: "by hand",
    validate: (value) => {
      const { age, f } = (value ?? {}) as { f?: unknown; age?: unknown };
      if (typeof f !== "string") return { issues: [{ message: "a text is needed", path: ["f"] }] };
      return { value: { f, ...(age === undefined ? {} : { age: Number(age) }) } };
    },
  },
};

holdsFor({
  valibot: {
    schema: v.object({
      f: v.pipe(v.string(), v.trim(), v.minLength(1)),
      n: v.optional(v.number()),
      d: v.optional(v.date(), () => noon),
      big: v.nullable(v.bigint()),
      raw: v.instance(Uint8Array),
      list: v.array(v.object({ sku: v.string() })),
      kind: v.variant("t", [
        v.object({ t: v.literal("a"), x: v.number() }),
        v.object({ t: v.literal("b") }),
      ]),
      names: v.record(v.string(), v.number()),
    }),
    inputs: [
      {
        f: " a ",
        big: 5n,
        raw: Uint8Array.of(1),
        list: [{ sku: "s" }],
        kind: { t: "a", x: 1 },
        names: {},
      },
      {
        f: "b",
        n: 1,
        d: noon,
        big: null,
        raw: new Uint8Array(0),
        list: [],
        kind: { t: "b" },
        names: { q: 1 },
      },
    ],
    stored: [
      {
        f: "a",
        d: noon,
        big: 5n,
        raw: Uint8Array.of(1),
        list: [{ sku: "s" }],
        kind: { t: "a", x: 1 },
        names: {},
      },
      {
        f: "b",
        n: 1,
        d: noon,
        big: null,
        raw: new Uint8Array(0),
        list: [],
        kind: { t: "b" },
        names: { q: 1 },
      },
    ],
    index: "f",
    filters: [
      [{ f: "a" }, [0]],
      [{ kind: { t: "b" } }, [1]],
      [{ list: { some: { sku: "s" } }, big: { gte: 5n } }, [0]],
      [{ names: { q: 1 }, n: { exists: true } }, [1]],
    ],
  },
  "a schema by hand": {
    schema: byHand,
    inputs: [{ f: "a", age: "5" }, { f: "b" }],
    stored: [{ f: "a", age: 5 }, { f: "b" }],
    index: "age",
    filters: [
      [{ age: { gte: 5 } }, [0]],
      [{ f: "b", age: null }, [1]],
    ],
  },
  "an Effect Schema": {
    schema: Schema.toStandardSchemaV1(
      Schema.Struct({ f: Schema.String, tags: Schema.Array(Schema.String) }),
    ),
    inputs: [{ f: "a", tags: ["x"] }],
    index: "f",
    filters: [
      [{ f: "a" }, [0]],
      [{ tags: { has: "x" } }, [0]],
    ],
  },
});

test("an asynchronous schema is refused where it is declared, with what to do instead", () => {
  const later = v.objectAsync({
    f: v.pipeAsync(
      v.string(),
      v.checkAsync(async () => true),
    ),
  });
  expect(() => collection("things", later)).toThrow(InvalidDefinition);
  expect(() => collection("things", later)).toThrow(
    "its schema is asynchronous; check what needs waiting before the insert",
  );
});

test("a transform without a way back is refused by the first document, and nothing is written", async () => {
  const shout = v.object({
    f: v.pipe(
      v.string(),
      v.transform((text) => `${text}!`),
    ),
  });
  const length = v.object({
    f: v.pipe(
      v.string(),
      v.transform((text) => text.length),
    ),
  });
  const db = await open(":memory:");
  const [shouted, measured] = [db.collection("shouted", shout), db.collection("measured", length)];
  await expect(shouted.insert({ f: "a" })).rejects.toThrow(
    "f: the schema changes what it gave, which comes again with every update; store what it takes",
  );
  await expect(measured.insert({ f: "a" })).rejects.toThrow(
    "f: the schema refuses what it gave, which comes again with every update; store what it takes",
  );
  await expect(shouted.insert({ f: "a" })).rejects.toThrow(InvalidDefinition);
  expect([await shouted.count(), await measured.count()]).toEqual([0, 0]);
});

test("what a schema refuses is told by its paths", async () => {
  const db = await open(":memory:");
  const things = db.collection("things", v.object({ f: v.object({ n: v.number() }) }));
  const wrong = things.insert({ f: { n: "1" } } as never);
  await expect(wrong).rejects.toThrow(ValidationError);
  await expect(wrong).rejects.toMatchObject({ issues: [{ path: ["f", "n"] }] });
});
