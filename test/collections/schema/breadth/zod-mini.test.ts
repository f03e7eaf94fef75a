/** zod's small door: the same schemas without methods. */
import { expect, test } from "vitest";
import * as z from "zod/mini";
import { collection, InvalidDefinition } from "../../../../src/index.ts";
import { holdsFor } from "./table.ts";

const noon = new Date("2026-01-02T12:00:00.000Z");

holdsFor({
  "zod/mini": {
    schema: z.object({
      f: z.string().check(z.trim(), z.minLength(1)),
      n: z.optional(z.number().check(z.int())),
      d: z._default(z.date(), () => noon),
      list: z.array(z.object({ sku: z.string() })),
      kind: z.discriminatedUnion("t", [
        z.object({ t: z.literal("a"), x: z.nullable(z.bigint()) }),
        z.object({ t: z.literal("b") }),
      ]),
    }),
    inputs: [
      { f: " a ", list: [{ sku: "s" }], kind: { t: "a", x: 5n } },
      { f: "b", n: 1, d: noon, list: [], kind: { t: "b" } },
    ],
    stored: [
      { f: "a", d: noon, list: [{ sku: "s" }], kind: { t: "a", x: 5n } },
      { f: "b", n: 1, d: noon, list: [], kind: { t: "b" } },
    ],
    index: "f",
    filters: [
      [{ f: "a" }, [0]],
      [{ list: { some: { sku: "s" } }, kind: { x: { gte: 5n } } }, [0]],
      [{ n: { exists: true }, d: noon }, [1]],
    ],
  },
});

test("transforms are refused as those of zod are", () => {
  const schema = z.object({
    f: z.pipe(
      z.string(),
      z.transform((text: string) => text.length),
    ),
  });
  expect(() => collection("things", schema)).toThrow(InvalidDefinition);
  expect(() => collection("things", schema)).toThrow("f: a transform has no way back");
});
