/**
 * What validating a document of 7 fields costs, in ns: zod as it is and compiled, the whole of validate(), and the border
 * check alone. Run: npx tsx bench/micro/validate.ts
 */
import * as z from "zod";
import { compileSchema } from "../../src/collections/schema/document-schema.ts";
import { isStorable } from "../../src/collections/schema/storable.ts";
import { compileStorableCheck } from "../../src/collections/schema/storable-check.ts";

const schema = z.object({
  name: z.string(),
  age: z.number(),
  role: z.enum(["admin", "user"]).default("user"),
  joined: z.date(),
  active: z.boolean(),
  address: z.object({ city: z.string(), zip: z.string() }),
  tags: z.array(z.string()),
});
const input = {
  name: "Ada Lovelace",
  age: 36,
  joined: new Date(1.7e12),
  active: true,
  address: { city: "London", zip: "W1" },
  tags: ["math", "engine"],
};

let sink = 0;
function measured(work: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 6; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < 300_000; i++) {
      input.age = i;
      sink += work() === undefined ? 1 : 2;
    }
    best = Math.min(best, Number(process.hrtime.bigint() - start) / 300_000);
  }
  return best;
}
function line(name: string, ns: number): void {
  console.log(ns.toFixed(0).padStart(7), name);
}

const compiled = z.compile(schema);
const documentSchema = compileSchema("users", schema);
const check = compileStorableCheck(documentSchema.shape)!;
const document = documentSchema.validate(input);
const open = compileSchema("users", z.looseObject({ name: z.string() }));

line(
  "zod, ~standard.validate",
  measured(() => schema["~standard"].validate(input)),
);
line(
  "zod compiled, ~standard.validate",
  measured(() => compiled["~standard"].validate(input)),
);
line(
  "validate()",
  measured(() => documentSchema.validate(input)),
);
line(
  "border check of the shape",
  measured(() => check(document, 0)),
);
line(
  "border check of anything (isStorable)",
  measured(() => isStorable(document)),
);
line(
  "validate() of a loose object",
  measured(() => open.validate(input)),
);
const start = process.hrtime.bigint();
for (let i = 0; i < 50; i++) sink += compileSchema("users", schema).fingerprint.length;
line("compileSchema()", Number(process.hrtime.bigint() - start) / 50);
console.log(sink === 0 ? "nothing was measured" : "");
