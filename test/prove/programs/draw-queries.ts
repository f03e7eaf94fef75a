/** Filters and queries at random, over values that documents often have. */
import fc from "fast-check";
import type { Asked, AskedIndex } from "./plain.ts";
import type { Filter } from "./values.ts";

export const one = <const T>(...values: readonly T[]): fc.Arbitrary<T> =>
  fc.constantFrom(...values);

export const keys = ["k1", "k2", "k3", "k\u{1f600}", "k\uffff"] as const;
export const numbers = [-1e9, -1, 0, 0.5, 1, 2, 3, 7] as const;
export const strings = ["", "a", "a\0", "ab", "b", "\uffff", "\u{1f600}"] as const;
export const cities = ["Oslo", "Rome", "Rom"] as const;
export const tags = ["x", "y", "z", "zz"] as const;
export const dates = [new Date(-1), new Date(0), new Date(86_400_000)] as const;
export const bigs = [-(2n ** 70n), -1n, 0n, 5n, 2n ** 63n] as const;
export const raws = [[], [0], [0, 255], [255]].map((bytes) => Uint8Array.from(bytes));
export const mixed = ["", "a", 0, 1.5, true, false, dates[1]] as const;
export const levels = ["low", "mid", "high"] as const;
/** Of callers; the second is a ULID, and not the newest. */
export const ownIds = ["a1", "01HF7YAT000000000000000000", "zz", "\u{fc}", "0"] as const;
const [pairA, pairB] = [
  [1, 2, 3],
  ["p", "q", "r"],
] as const;

const condition = (
  path: string,
  values: readonly unknown[],
  ordered: readonly unknown[] = values,
): fc.Arbitrary<Filter> => {
  const bounds =
    ordered.length === 0
      ? []
      : [fc.tuple(one("gt", "gte", "lt", "lte"), fc.constantFrom(...ordered))];
  return fc
    .oneof(
      fc.tuple(one("eq", "ne"), fc.constantFrom<unknown>(null, ...values)),
      fc.tuple(one("in", "notIn"), fc.subarray([null, ...values], { maxLength: 3 })),
      ...bounds,
      ...bounds,
      fc.tuple(fc.constant("exists"), fc.boolean()),
      ...(typeof values[0] === "string"
        ? [fc.tuple(fc.constant("startsWith"), one("", "k", "a", "R", "z"))]
        : []),
    )
    .map(([op, value]) => ({ path, op, value }));
};

const someItem: fc.Arbitrary<Filter> = fc
  .tuple(condition("w", tags), fc.option(condition("x", [0, 1]), { nil: undefined }))
  .map(([w, x]) => ({ path: "items", op: "some", value: x === undefined ? w : { and: [w, x] } }));
const ofTags = (op: string, value: fc.Arbitrary<unknown>): fc.Arbitrary<Filter> =>
  value.map((operand) => ({ path: "tags", op, value: operand }));

/** On fields that every schema has, and that few documents or most of them fit. */
export const chosen: fc.Arbitrary<Filter> = fc.oneof(
  condition("key", keys),
  condition("n", numbers),
  condition("flag", [true, false], []),
  ofTags("has", one(...tags)),
);
const field: fc.Arbitrary<Filter> = fc.oneof(
  condition("key", keys),
  condition("a", pairA),
  condition("b", pairB),
  { weight: 2, arbitrary: condition("n", numbers) },
  condition("m", numbers),
  { weight: 2, arbitrary: condition("s", strings) },
  condition("flag", [true, false], []),
  condition("at", dates),
  condition("big", bigs),
  condition("raw", raws),
  condition("u", mixed, [0, 1.5, "", "a", dates[1]]),
  // "mid" is no value of the first schema: there it is only never met.
  condition("level", levels),
  condition("grade", [1, 3]),
  condition("p.city", cities),
  condition("p.zip", [1, 2]),
  condition("id", ownIds),
  ofTags("has", one(...tags)),
  ofTags("hasAny", fc.subarray([...tags])),
  ofTags("hasAll", fc.subarray([...tags])),
  ofTags("size", fc.nat(2)),
  someItem,
);
const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 5, arbitrary: field },
    { weight: 4, arbitrary: fc.tuple(field, field).map((and) => ({ and })) },
    {
      weight: 2,
      arbitrary: fc.array(tie("filter"), { minLength: 1, maxLength: 3 }).map((or) => ({ or })),
    },
    {
      weight: 1,
      arbitrary: fc.array(tie("filter"), { minLength: 1, maxLength: 3 }).map((and) => ({ and })),
    },
    { weight: 1, arbitrary: tie("filter").map((not) => ({ not })) },
  ),
}));

/** What the leading fields of the indexes hold, by name; where sets differ, what both have. */
const indexed: Readonly<Record<string, readonly (readonly unknown[])[]>> = {
  byN: [numbers, numbers],
  byNDown: [numbers, strings],
  byCity: [cities, numbers],
  byTag: [tags],
  byTagN: [tags, numbers],
  byWord: [tags],
  flaggedN: [numbers],
  coveringS: [strings],
  byAt: [dates, [true, false]],
  byU: [mixed, bigs],
  byRaw: [raws, levels],
  byPair: [pairA, pairB],
  byKey: [keys],
  byGrade: [[1, 3], strings],
  byBlob: [[true, false], raws],
  byRest: [tags, numbers],
};
const index: fc.Arbitrary<AskedIndex> = fc
  .constantFrom(...Object.entries(indexed))
  .chain(([name, fields]) =>
    fc.nat(fields.length).chain((length) => {
      const values = fields[length];
      const bound =
        values === undefined
          ? undefined
          : fc.tuple(
              one("gt", "gte", "lt", "lte", "between", "startsWith"),
              fc.constantFrom(...values),
              fc.constantFrom(...values),
            );
      return fc.record({
        name: fc.constant(name),
        prefix: fc.tuple(
          ...fields
            .slice(0, length)
            .map((pool) => fc.constantFrom<unknown>(null, ...pool, ...pool)),
        ),
        bounds:
          bound === undefined
            ? fc.constant([])
            : fc.array(
                bound.filter(([op, value]) => op !== "startsWith" || typeof value === "string"),
                { maxLength: 2 },
              ),
      });
    }),
  );

const orderPaths = [
  "n",
  "m",
  "s",
  "flag",
  "at",
  "a",
  "b",
  "key",
  "p.city",
  "p.zip",
  "big",
  "raw",
  "u",
  "level",
  "grade",
  "id",
] as const;
const selectable = ["id", "n", "s", "tags", "flag", "p", "key", "u", "raw", "big", "grade"];
export const asked: fc.Arbitrary<Asked> = fc.record({
  index: fc.option(index, { nil: undefined, freq: 2 }),
  filter: fc.option(filter, { nil: undefined, freq: 5 }),
  odd: one(false, false, false, false, true),
  orderBy: fc.array(fc.tuple(one(...orderPaths), one("asc", "desc")), { maxLength: 2 }),
  reverse: fc.boolean(),
  limit: fc.option(fc.nat(5), { nil: undefined, freq: 2 }),
  select: fc.option(fc.subarray(selectable, { maxLength: 5 }), { nil: undefined, freq: 2 }),
});
