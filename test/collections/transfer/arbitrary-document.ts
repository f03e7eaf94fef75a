/** Random schemas, each with random documents of it: what import and export must carry without loss. */
import * as fc from "fast-check";
import { z } from "zod";
import { isLongMarked } from "../../../src/collections/schema/storable.ts";
import { anyBytes, anyScalar, anyString } from "../key/arbitrary-value.ts";

export interface Sample {
  readonly schema: z.ZodType;
  readonly value: fc.Arbitrary<unknown>;
}

const anyBigint = fc.oneof(fc.bigInt({ min: -300n, max: 300n }), fc.bigInt());
const anyDate = fc.oneof(
  fc.date({ noInvalidDate: true }),
  fc.constantFrom(0, 8.64e15, -8.64e15).map((millis) => new Date(millis)),
);
const anyNumber = fc.double({ noNaN: true, noDefaultInfinity: true });
/** Names that a text could take for something else. */
export const anyName: fc.Arbitrary<string> = fc
  .oneof(
    fc.constantFrom("a", "b", "$date", "$$date", "$", "$$", "$undefined", "$x", "toJSON", "1", ""),
    anyString,
  )
  .filter((name) => name !== "__proto__" && name !== "id" && !isLongMarked(name));

/** Anything at all, tag-like objects among it. */
export const anyValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    anyScalar,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(anyName, tie("value"), { maxKeys: 3, noNullPrototype: true }),
    fc.tuple(anyName, tie("value")).map(([name, value]) => ({ [name]: value })),
    fc
      .tuple(
        fc.constantFrom("$date", "$bigint", "$bytes", "$number", "$string", "$undefined"),
        fc.constantFrom("1", "-0", "", true, "2026-01-31T12:00:00.000Z"),
      )
      .map(([name, value]) => ({ [name]: value })),
  ),
})).value;

const leaves: readonly Sample[] = [
  { schema: z.string(), value: anyString },
  { schema: z.number(), value: anyNumber },
  { schema: z.bigint(), value: anyBigint },
  { schema: z.date(), value: anyDate },
  { schema: z.instanceof(Uint8Array), value: anyBytes },
  { schema: z.boolean(), value: fc.boolean() },
  { schema: z.null(), value: fc.constant(null) },
  { schema: z.unknown(), value: anyValue },
  { schema: z.enum(["x", "2026-01-31"]), value: fc.constantFrom("x", "2026-01-31") },
];

function listOf({ schema, value }: Sample): Sample {
  return { schema: z.array(schema), value: fc.array(value, { maxLength: 3 }) };
}
function unionOf(a: Sample, b: Sample): Sample {
  return { schema: z.union([a.schema, b.schema]), value: fc.oneof(a.value, b.value) };
}
function recordOf({ schema, value }: Sample): Sample {
  return {
    schema: z.record(z.string(), schema),
    value: fc.dictionary(anyName, value, { maxKeys: 3, noNullPrototype: true }),
  };
}
function objectOf(fields: readonly (readonly [string, Sample])[]): Sample {
  const shape: Record<string, z.ZodType> = {};
  const values: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, { schema, value }] of fields) {
    shape[name] = schema;
    values[name] = value;
  }
  return { schema: z.object(shape), value: fc.record(values, { noNullPrototype: true }) };
}

const fieldName = fc.constantFrom("a", "b", "c", "$date", "$x", "d");

const anySample: fc.Arbitrary<Sample> = fc.letrec<{ sample: Sample }>((tie) => ({
  sample: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.constantFrom(...leaves),
    tie("sample").map(listOf),
    fc.tuple(tie("sample"), tie("sample")).map(([a, b]) => unionOf(a, b)),
    tie("sample").map(recordOf),
    fc
      .uniqueArray(fc.tuple(fieldName, tie("sample")), { maxLength: 3, selector: ([name]) => name })
      .map(objectOf),
  ),
})).sample;

/** A schema of whole documents, and documents of it. */
export const anyDocumentSchema: fc.Arbitrary<Sample> = fc
  .uniqueArray(fc.tuple(fieldName, anySample), { maxLength: 4, selector: ([name]) => name })
  .map(objectOf);
