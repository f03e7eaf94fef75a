/** The step that is missing between two schemas, as a program may paste it. */
import { expect, test } from "vitest";
import { z } from "zod";
import { missingStep } from "../../../src/collections/evolution/missing-step.ts";
import { compileSchema } from "../../../src/collections/schema/document-schema.ts";
import { ref } from "../../../src/collections/index.ts";

const step = (before: z.ZodType, after: z.ZodType): string =>
  missingStep(compileSchema("a", before).shape, compileSchema("a", after).shape, 2);

test("a new field that is required is to be thought of", () => {
  expect(
    step(z.object({ name: z.string() }), z.object({ name: z.string(), age: z.number() })),
  ).toBe(".evolve(Version2, (old) => ({ ...old, age: /* number */ }))");
});

test("fields that need no step are left to the schema", () => {
  const before = z.object({ name: z.string(), role: z.enum(["a"]) });
  const after = z.object({
    name: z.string(),
    role: z.enum(["a", "b"]),
    nick: z.string().optional(),
    logins: z.number().default(0),
    age: z.number(),
  });
  expect(step(before, after)).toBe(".evolve(Version2, (old) => ({ ...old, age: /* number */ }))");
});

test("fields that are gone are taken out", () => {
  expect(
    step(z.object({ a: z.string(), "b-c": z.date(), d: z.number() }), z.object({ a: z.string() })),
  ).toBe('.evolve(Version2, ({ "b-c": gone1, d, ...old }) => ({ ...old }))');
});

test("a field that is gone and a new one of its kind are taken for a new name", () => {
  expect(
    step(
      z.object({ fullName: z.string(), n: z.number() }),
      z.object({ name: z.string(), "big n": z.number(), on: z.boolean() }),
    ),
  ).toBe(
    '.evolve(Version2, ({ fullName, n, ...old }) => ({ ...old, name: fullName /* is it? */, "big n": n /* is it? */, on: /* boolean */ }))',
  );
  expect(step(z.object({ a: z.string() }), z.object({ b: z.string(), c: z.string() }))).toBe(
    ".evolve(Version2, ({ a, ...old }) => ({ ...old, b: /* string */, c: /* string */ }))",
  );
});

test("a value of another kind is told with the kind that it had", () => {
  expect(
    step(
      z.object({ zip: z.number(), role: z.enum(["a", "b"]), by: ref("users") }),
      z.object({ zip: z.string(), role: z.enum(["a"]), by: ref("people") }),
    ),
  ).toBe(
    '.evolve(Version2, (old) => ({ ...old, zip: /* string, from old.zip: number */, role: /* "a", from old.role: "a" or "b" */, by: /* id of "people", from old.by: id of "users" */ }))',
  );
});

test("a field that may be missing no more gets something in its place", () => {
  expect(step(z.object({ nick: z.string().optional() }), z.object({ nick: z.string() }))).toBe(
    ".evolve(Version2, (old) => ({ ...old, nick: old.nick ?? /* string */ }))",
  );
});

test("objects within keep what fits", () => {
  expect(
    step(
      z.object({ address: z.object({ city: z.string(), zip: z.number(), x: z.string() }) }),
      z.object({ address: z.object({ city: z.string(), zip: z.string(), land: z.enum(["no"]) }) }),
    ),
  ).toBe(
    '.evolve(Version2, (old) => ({ ...old, address: { ...old.address /* without x */, zip: /* string, from old.address.zip: number */, land: /* "no" */ } }))',
  );
});

test("lists are told by their elements, and nothing ends a comment early", () => {
  expect(
    step(
      z.object({ tags: z.array(z.string()), odd: z.string() }),
      z.object({ tags: z.array(z.number()), odd: z.enum(["*/"]) }),
    ),
  ).toBe(
    '.evolve(Version2, (old) => ({ ...old, tags: /* list of number, from old.tags: list of string */, odd: /* "* /", from old.odd: string */ }))',
  );
});
