/** Random filters and documents over few fields and few values, so that filters often match and often imply. */
import * as fc from "fast-check";
import * as z from "zod";
import { parseFilter } from "../../../src/collections/filter/filter-parser.ts";
import type { FilterNode } from "../../../src/collections/filter/filter.ts";
import { compileSchema } from "../../../src/collections/schema/document-schema.ts";
import type { ObjectShape } from "../../../src/collections/schema/field-shape.ts";

const schema = z.object({
  n: z.number().nullish(),
  s: z.string().nullish(),
  d: z.date().nullish(),
  b: z.instanceof(Uint8Array).optional(),
  big: z.bigint().optional(),
  ok: z.boolean().optional(),
  /** Of several types, so that comparisons meet values of other types. */
  mix: z.union([z.string(), z.number(), z.boolean(), z.bigint()]).nullish(),
  o: z
    .object({ n: z.number().optional(), p: z.object({ s: z.string().optional() }).optional() })
    .optional(),
  tags: z.array(z.string().nullable()).optional(),
  items: z.array(z.object({ n: z.number().optional(), s: z.string().optional() })).optional(),
});
export const shape: ObjectShape = compileSchema("c", schema).shape;

const number = fc.constantFrom(-1, 0, 1, 1.5, 2);
const text = fc.constantFrom("", "a", "ab", "abc", "b", "\u{10000}", "\uffff");
const date = fc.constantFrom(0, 1, 2).map((millis) => new Date(millis));
const bytes = fc.constantFrom([], [0], [0, 1], [255]).map((list) => Uint8Array.from(list));
const big = fc.constantFrom(-1n, 0n, 1n);
const mixed = fc.oneof(number, text, big, fc.boolean());

function optional<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null | undefined> {
  return fc.option(fc.option(value, { nil: undefined, freq: 4 }), { nil: null, freq: 6 });
}
const item = fc.record({ n: number, s: text }, { requiredKeys: [] });

export const anyDocument: fc.Arbitrary<Record<string, unknown>> = fc.record(
  {
    n: optional(number),
    s: optional(text),
    d: optional(date),
    b: bytes,
    big,
    ok: fc.boolean(),
    mix: optional(mixed),
    o: fc.record(
      { n: number, p: fc.record({ s: text }, { requiredKeys: [] }) },
      { requiredKeys: [] },
    ),
    tags: fc.array(fc.option(text), { maxLength: 3 }),
    items: fc.array(item, { maxLength: 3 }),
  },
  { requiredKeys: [] },
);

/** The conditions on a field of one type: a value, or some of its operators. */
function condition(
  value: fc.Arbitrary<unknown>,
  more: Record<string, fc.Arbitrary<unknown>> = {},
): fc.Arbitrary<unknown> {
  const operators = {
    eq: value,
    ne: fc.option(value),
    in: fc.array(value, { maxLength: 3 }),
    notIn: fc.array(value, { maxLength: 3 }),
    exists: fc.boolean(),
    ...more,
  };
  const some = fc
    .record(operators, { requiredKeys: [] })
    .filter((chosen) => Object.keys(chosen).length > 0);
  const one = fc
    .constantFrom(...Object.keys(operators))
    .chain((name) =>
      operators[name as keyof typeof operators].map((operand) => ({ [name]: operand })),
    );
  return fc.oneof(fc.option(value), one, one, some);
}
function ordered(
  value: fc.Arbitrary<unknown>,
  more: Record<string, fc.Arbitrary<unknown>> = {},
): fc.Arbitrary<unknown> {
  return condition(value, { gt: value, gte: value, lt: value, lte: value, ...more });
}

const fields = {
  n: ordered(number),
  s: ordered(text, { startsWith: text }),
  d: ordered(date),
  b: ordered(bytes),
  big: ordered(big),
  ok: condition(fc.boolean()),
  mix: fc.oneof(ordered(fc.oneof(number, text, big), { startsWith: text }), condition(mixed)),
  o: fc.oneof(
    fc.record({ n: ordered(number) }),
    fc.record({ p: fc.record({ s: condition(text, { startsWith: text }) }) }),
  ),
  tags: fc.oneof(
    fc.record({ has: fc.option(text) }),
    fc.record({ hasAny: fc.array(text, { maxLength: 2 }) }),
    fc.record({ hasAll: fc.array(text, { maxLength: 2 }) }),
    fc.record({ size: fc.nat(2) }),
  ),
  items: fc.oneof(
    fc.record({ some: fc.record({ n: ordered(number) }) }),
    fc.record({ some: fc.record({ n: ordered(number), s: condition(text) }) }),
    fc.record({ size: fc.nat(2) }),
  ),
};

const oneField = fc
  .constantFrom(...Object.keys(fields))
  .chain((name) => fields[name as keyof typeof fields].map((value) => ({ [name]: value })));

/** What a caller may write. */
export const anyFilterInput: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    { weight: 4, arbitrary: oneField },
    { weight: 1, arbitrary: fc.constant({}) },
    { weight: 2, arbitrary: fc.tuple(oneField, oneField).map(([a, b]) => ({ ...a, ...b })) },
    { weight: 1, arbitrary: fc.record({ AND: fc.array(tie("filter"), { maxLength: 3 }) }) },
    { weight: 2, arbitrary: fc.record({ OR: fc.array(tie("filter"), { maxLength: 3 }) }) },
    { weight: 2, arbitrary: fc.record({ NOT: tie("filter") }) },
  ),
})).filter;

export const anyFilter: fc.Arbitrary<FilterNode> = anyFilterInput.map((input) =>
  parseFilter("c", shape, input),
);

/** Two filters on the same field: one often implies or excludes the other. */
export const narrowPair: fc.Arbitrary<readonly [FilterNode, FilterNode]> = fc
  .constantFrom("n", "s", "mix", "d")
  .chain((name) => {
    const one = fields[name as "n"].map((value) => ({ [name]: value }));
    const either = fc.oneof(
      one,
      one.map((a) => ({ NOT: a })),
      fc
        .tuple(one, one)
        .chain(([a, b]) =>
          fc.constantFrom({ AND: [a, b] }, { OR: [a, b] }, { AND: [a, { NOT: b }] }),
        ),
    );
    return fc.tuple(either, either);
  })
  .map(([a, b]) => [parseFilter("c", shape, a), parseFilter("c", shape, b)] as const);
