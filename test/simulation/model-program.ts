/** Random programs over the public API, as values that shrink and print. */
import fc from "fast-check";
import { uniqueIndexes } from "./model-collections.ts";
import type { Input } from "./model-collections.ts";
import { compact, PlainCollection } from "./model-plain.ts";
import type { Asked, Filter } from "./model-plain.ts";

/** Which document: its place among those there are, or none of them. */
type Pick = number;

export type Write =
  | { readonly do: "insert"; readonly input: Input; readonly id: string | undefined }
  | { readonly do: "insertMany"; readonly inputs: readonly Input[] }
  | {
      readonly do: "update";
      readonly pick: Pick;
      readonly patch: Partial<Input>;
      readonly gone: readonly string[];
    }
  | { readonly do: "updateBy"; readonly pick: Pick; readonly by: number }
  | { readonly do: "inc"; readonly pick: Pick; readonly field: "n" | "m"; readonly by: number }
  | { readonly do: "push"; readonly pick: Pick; readonly tags: readonly string[] }
  | { readonly do: "replace"; readonly pick: Pick; readonly input: Input }
  | {
      readonly do: "upsert";
      readonly by: "key" | "pair" | "id";
      readonly input: Input;
      readonly id: string;
    }
  | { readonly do: "delete"; readonly pick: Pick }
  | { readonly do: "insertWrong"; readonly input: Input }
  | { readonly do: "swap"; readonly pick: Pick; readonly other: Pick };
export type Read =
  | { readonly do: "query"; readonly asked: Asked; readonly end: End }
  | { readonly do: "get"; readonly picks: readonly Pick[] }
  | { readonly do: "find"; readonly key: string; readonly a: number; readonly b: string };
type End = "all" | "first" | "count" | "exists" | "pages" | "stream";
export type Of<T> = T & { readonly on: 0 | 1 };
/** Reads so many rows and one more, and goes on later. */
interface OpenStream {
  readonly do: "openStream";
  readonly asked: Asked;
  readonly rows: number;
}
export type Step =
  | Of<Write>
  | Of<Read>
  | {
      readonly do: "transaction";
      readonly steps: readonly Of<Write | Read>[];
      readonly throws: boolean;
    }
  | { readonly do: "snapshot" | "closeSnapshot" | "compact" | "flush" | "powerCut" | "verify" }
  | { readonly do: "readSnapshot"; readonly pick: Pick; readonly read: Of<Read> }
  | Of<OpenStream>
  | { readonly do: "endStream"; readonly whole: boolean }
  | { readonly do: "reopen"; readonly variant: number }
  | { readonly do: "pause"; readonly turns: number };

const one = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(of, { nil: undefined, freq: 2 });

const keys = ["k1", "k2", "k3", "k\u{1f600}", "k\uffff"];
/** Unique keys: some are met often, most leave room for many documents. */
const manyKeys = fc.oneof(
  fc.constantFrom(...keys),
  fc.nat(60).map((n) => `k${n}`),
);
const numbers = [-1e9, -1, 0, 0.5, 1, 2, 3, 7];
const strings = ["", "a", "a\0", "ab", "b", "\uffff", "\u{1f600}"];
const cities = ["Oslo", "Rome", "Rom"];
const tags = ["x", "y", "z", "zz"];
const dates = [new Date(-1), new Date(0), new Date(86_400_000)];
const ownIds = ["a1", "zz", "\u{fc}", "0"];

const input: fc.Arbitrary<Input> = fc
  .record({
    key: fc.option(maybe(manyKeys), { nil: null, freq: 5 }),
    a: one(1, 2, 3),
    b: maybe(
      fc.oneof(
        one("p", "q", "r"),
        fc.nat(60).map((n) => `p${n}`),
      ),
    ),
    n: one(...numbers),
    m: maybe(fc.oneof(one(...numbers), fc.nat(200))),
    s: fc.oneof(
      one(null, ...strings),
      fc.nat(300).map((length) => "s".repeat(length)),
    ),
    flag: fc.boolean(),
    at: maybe(one(...dates)),
    p: maybe(fc.record({ city: maybe(one(...cities)), zip: one(1, 2) }).map(compact)),
    tags: maybe(fc.array(one(...tags), { maxLength: 3 })),
    items: maybe(
      fc.array(fc.record({ w: one(...tags), x: maybe(one(0, 1)) }).map(compact), { maxLength: 2 }),
    ),
  })
  .map((fields) => compact(fields) as Input);

const pick = fc.nat(40);
const write: fc.Arbitrary<Write> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("insert" as const),
      input,
      id: fc.option(one(...ownIds), { nil: undefined, freq: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("insertMany" as const),
      inputs: fc.array(input, { maxLength: 6 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("update" as const),
      pick,
      patch: fc
        .tuple(
          input,
          fc.subarray(["key", "a", "b", "n", "m", "s", "flag", "at", "p", "tags", "items"]),
        )
        .map(
          ([fields, chosen]) =>
            Object.fromEntries(
              Object.entries(fields).filter(([name]) => chosen.includes(name)),
            ) as Partial<Input>,
        ),
      gone: fc.subarray(["key", "b", "m", "at", "p"], { maxLength: 2 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("updateBy" as const), pick, by: one(-1, 1, 2) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("inc" as const),
      pick,
      field: one("n" as const, "m" as const),
      by: one(1, -2, 0.5),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      pick,
      tags: fc.array(one(...tags), { maxLength: 2 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("replace" as const), pick, input }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("upsert" as const),
      by: one("key" as const, "pair" as const, "id" as const),
      input: input.map((fields): Input => ({
        ...fields,
        key: fields.key ?? "k1",
        b: fields.b ?? "p",
      })),
      id: one(...ownIds),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("delete" as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("insertWrong" as const), input }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("swap" as const), pick, other: pick }) },
);

const condition = (
  path: string,
  values: readonly unknown[],
  ordered: readonly unknown[] = values,
): fc.Arbitrary<Filter> =>
  fc
    .oneof(
      fc.tuple(one("eq", "ne"), one<unknown>(null, ...values)),
      fc.tuple(one("in", "notIn"), fc.subarray([null, ...values], { maxLength: 3 })),
      ...(ordered.length === 0 ? [] : [fc.tuple(one("gt", "gte", "lt", "lte"), one(...ordered))]),
      ...(ordered.length === 0 ? [] : [fc.tuple(one("gt", "gte", "lt", "lte"), one(...ordered))]),
      fc.tuple(fc.constant("exists"), fc.boolean()),
      ...(typeof values[0] === "string"
        ? [fc.tuple(fc.constant("startsWith"), one("", "k", "a", "R", "z"))]
        : []),
    )
    .map(([op, value]) => ({ path, op, value }));

const someItem: fc.Arbitrary<Filter> = fc
  .tuple(condition("w", tags), fc.option(condition("x", [0, 1]), { nil: undefined }))
  .map(([w, x]) => ({ path: "items", op: "some", value: x === undefined ? w : { and: [w, x] } }));
const field: fc.Arbitrary<Filter> = fc.oneof(
  condition("key", keys),
  condition("a", [1, 2, 3]),
  condition("b", ["p", "q", "r"]),
  condition("n", numbers),
  condition("m", numbers),
  condition("s", strings),
  condition("flag", [true, false], []),
  condition("at", dates),
  condition("p.city", cities),
  condition("p.zip", [1, 2]),
  condition("id", [...ownIds, "01HF7YAT00000000000000000"]),
  fc
    .tuple(fc.constant("has"), one<unknown>(...tags))
    .map(([op, value]) => ({ path: "tags", op, value })),
  fc
    .tuple(one("hasAny", "hasAll"), fc.subarray(tags))
    .map(([op, value]) => ({ path: "tags", op, value })),
  fc.nat(2).map((value) => ({ path: "tags", op: "size", value })),
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

const orderPaths = ["n", "m", "s", "flag", "at", "a", "b", "key", "p.city", "p.zip", "id"];
const asked: fc.Arbitrary<Asked> = fc.record({
  index: fc.option(one("byN", "byNDown", "byCity", "flaggedN", "coveringS", "byAt", "byPair"), {
    nil: undefined,
    freq: 2,
  }),
  filter: fc.option(filter, { nil: undefined, freq: 5 }),
  orderBy: fc.array(fc.tuple(one(...orderPaths), one("asc" as const, "desc" as const)), {
    maxLength: 2,
  }),
  reverse: fc.boolean(),
  limit: fc.option(fc.nat(5), { nil: undefined, freq: 2 }),
  select: fc.option(fc.subarray(["id", "n", "s", "tags", "flag", "p", "key"]), {
    nil: undefined,
    freq: 2,
  }),
});
const read: fc.Arbitrary<Read> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("query" as const),
      asked,
      end: one<End>("all", "all", "all", "first", "count", "exists", "pages", "stream"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("get" as const),
      picks: fc.array(pick, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("find" as const),
      key: one(...keys),
      a: one(1, 2, 3),
      b: one("p", "q", "r"),
    }),
  },
);

function on<T extends object>(of: fc.Arbitrary<T>): fc.Arbitrary<Of<T>> {
  return fc
    .tuple(of, one<0 | 1>(0, 0, 0, 1))
    .map(([step, collection]) => ({ ...step, on: collection }));
}

const openStream: fc.Arbitrary<OpenStream> = fc.record({
  do: fc.constant("openStream" as const),
  asked,
  rows: fc.nat(3),
});
/** Documents that fit beside each other: so many programs begin with. */
const firstDocuments: fc.Arbitrary<readonly Input[]> = fc
  .array(input, { maxLength: 30, size: "max" })
  .map((inputs) => {
    const plain = new PlainCollection(uniqueIndexes);
    return inputs.filter((fields, i) => {
      const document = { ...fields, id: String(i) };
      try {
        plain.check([document]);
      } catch {
        return false;
      }
      plain.put(document);
      return true;
    });
  });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 16, arbitrary: on(write) },
  { weight: 12, arbitrary: on(read) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("transaction" as const),
      steps: fc.array(
        on(fc.oneof({ weight: 3, arbitrary: write }, { weight: 2, arbitrary: read })),
        { maxLength: 8 },
      ),
      throws: fc.nat(3).map((dice) => dice === 0),
    }),
  },
  {
    weight: 6,
    arbitrary: one(
      "snapshot" as const,
      "closeSnapshot",
      "compact",
      "flush",
      "powerCut",
      "verify",
    ).map((what): Step => ({ do: what as "flush" })),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("readSnapshot" as const), pick, read: on(read) }),
  },
  {
    weight: 2,
    arbitrary: on(openStream),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("endStream" as const), whole: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("reopen" as const), variant: fc.nat(2) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("pause" as const),
      turns: fc.integer({ min: 1, max: 30 }),
    }),
  },
);

export function programs(lengthMax: number): fc.Arbitrary<readonly Step[]> {
  return fc
    .tuple(firstDocuments, fc.array(step, { minLength: 1, maxLength: lengthMax, size: "max" }))
    .map(([inputs, steps]) => [{ do: "insertMany", on: 0, inputs }, ...steps]);
}
