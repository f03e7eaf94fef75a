/** Random documents, indexes, filters and queries: small domains, so that values meet and every edge is hit. */
import fc from "fast-check";
import { z } from "zod";
import { runsHere } from "../support/elsewhere.ts";

const numbers = [-1e300, -1, 0, 0.5, 1, 2, 3, 1e300];
const strings = ["", "a", "a\0", "ab", "b", "\uffff", "\u{1f600}", "a\u{10ffff}"];
const dates = [new Date(-1), new Date(0), new Date(1), new Date(86_400_000)];
const bigints = [-(10n ** 30n), -1n, 0n, 7n, 10n ** 30n];
const raws = [[], [0], [0, 255], [1], [255]].map((bytes) => Uint8Array.from(bytes));
const words = ["x", "y", "z", "zz"];
const mixed = [null, 0, 1, 2, "a", "b"];

export const randomSchema = z.object({
  /** Made unique by the tests. */
  e: z.number().nullish(),
  n: z.number(),
  m: z.number().optional(),
  s: z.string().nullish(),
  b: z.boolean().nullable(),
  d: z.date().optional(),
  g: z.bigint().optional(),
  r: z.instanceof(Uint8Array).optional(),
  u: z.union([z.number(), z.string(), z.null()]),
  p: z.object({ c: z.string().optional(), k: z.number() }).optional(),
  t: z.array(z.string()).optional(),
  q: z.array(z.number().nullable()),
  i: z.array(z.object({ x: z.number().optional(), w: z.string() })),
});
export type RandomDocument = z.infer<typeof randomSchema> & { id?: string };

/** How often a property is tried: KOTOBA_TEST_FACTOR=20 for a long run. */
export function runs(count: number): number {
  return runsHere(count) * Number(process.env["KOTOBA_TEST_FACTOR"] ?? 1);
}

const one = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(of, { nil: undefined, freq: 3 });
const ownIds = ["a1", "0", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "7Z", "ü", "zz\0", "zz"];

/** Without what is missing: an absent field, not an undefined one. */
function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as T;
}

const document = fc
  .record({
    n: one(numbers),
    m: maybe(one(numbers)),
    s: fc.option(maybe(one(strings)), { nil: null, freq: 5 }),
    b: one([true, false, null]),
    d: maybe(one(dates)),
    g: maybe(one(bigints)),
    r: maybe(one(raws)),
    u: one(mixed),
    p: maybe(fc.record({ c: maybe(one(words)), k: one(numbers) }).map(compact)),
    t: maybe(fc.array(one(words), { maxLength: 3 })),
    q: fc.array(one([null, 0, 1, 2]), { maxLength: 3 }),
    i: fc.array(fc.record({ x: maybe(one([0, 1, 2])), w: one(words) }).map(compact), {
      maxLength: 3,
    }),
    hasE: fc.nat(3),
  })
  .map(compact);

/** Documents with distinct `e`, some of them without, and ids of both kinds. */
export const documents: fc.Arbitrary<readonly RandomDocument[]> = fc
  .tuple(fc.array(document, { maxLength: 24 }), fc.subarray(ownIds))
  .map(([list, ids]) =>
    list.map(({ hasE, ...fields }, at) => ({
      ...fields,
      ...(hasE === 0 ? {} : { e: hasE === 1 ? null : at }),
      ...(ids[at] === undefined ? {} : { id: ids[at] }),
    })),
  );

export const indexPool = {
  byN: ["n"],
  byNDown: ["-n"],
  byS: ["s"],
  bySDown: ["-s"],
  byBN: ["b", "n"],
  byUNDown: ["u", "-n"],
  byDDown: ["-d"],
  byG: ["g"],
  byRDownN: ["-r", "n"],
  byCityNDown: ["p.c", "-n"],
  byKS: ["p.k", "s"],
  byTag: ["t[]"],
  byTagDownN: ["-t[]", "n"],
  byNTag: ["n", "t[]"],
  byQ: ["q[]"],
  byItem: ["i[].x"],
  byWordDownS: ["-i[].w", "s"],
  byMNS: ["m", "-n", "s"],
  byId: ["id"],
  byBIdDown: ["b", "-id"],
  uniqueE: { on: ["e"], unique: true },
  uniqueEDownB: { on: ["-e", "b"], unique: true },
  trueByN: { on: ["n"], where: { b: true } },
  positiveByS: { on: ["s"], where: { n: { gte: 1 } } },
  someByS: { on: ["-s"], where: { n: { gte: 1 }, m: { exists: true } } },
  nWithS: { on: ["n"], include: ["s", "p"] },
  bSWithTags: { on: ["b", "-s"], include: ["t", "q", "i"] },
} as const;
export type PoolName = keyof typeof indexPool;

const indexNames: fc.Arbitrary<readonly PoolName[]> = fc.subarray(
  Object.keys(indexPool) as PoolName[],
  { maxLength: 12 },
);

function conditions(
  values: readonly unknown[],
  ordered: readonly unknown[] = values,
): fc.Arbitrary<unknown> {
  const value = one(values);
  const bound = one(ordered.length === 0 ? [null] : ordered);
  const list = fc.subarray([...values], { maxLength: 3 });
  return fc.oneof(
    { weight: 3, arbitrary: value },
    { weight: 1, arbitrary: fc.record({ eq: value }) },
    { weight: 1, arbitrary: fc.record({ ne: value }) },
    { weight: 2, arbitrary: list.map((some) => ({ in: some })) },
    { weight: 1, arbitrary: list.map((some) => ({ notIn: some })) },
    { weight: 1, arbitrary: fc.boolean().map((exists) => ({ exists })) },
    ...(ordered.length === 0
      ? []
      : [
          { weight: 2, arbitrary: fc.record({ gte: bound }) },
          { weight: 2, arbitrary: fc.record({ lt: bound }) },
          { weight: 1, arbitrary: fc.record({ gt: bound, lte: bound }) },
        ]),
  );
}

const textConditions = (values: readonly (string | null)[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: conditions(
        values,
        values.filter((value) => value !== null),
      ),
    },
    {
      weight: 1,
      arbitrary: one(["", "a", "z", "\u{1f600}"]).map((startsWith) => ({ startsWith })),
    },
  );

/** Conditions by the path that they speak of. */
const fieldConditions: Readonly<Record<string, fc.Arbitrary<object>>> = {
  e: conditions([0, 1, 2, 5, null], [0, 1, 5]).map((e) => ({ e })),
  n: conditions(numbers).map((n) => ({ n })),
  m: conditions([...numbers, null], numbers).map((m) => ({ m })),
  s: textConditions([...strings, null]).map((s) => ({ s })),
  b: conditions([true, false, null], []).map((b) => ({ b })),
  d: conditions([...dates, null], dates).map((d) => ({ d })),
  g: conditions([...bigints, null], bigints).map((g) => ({ g })),
  r: conditions([...raws, null], raws).map((r) => ({ r })),
  u: conditions(mixed, [1, "a"]).map((u) => ({ u })),
  "p.c": textConditions([...words, null]).map((c) => ({ p: { c } })),
  "p.k": conditions([...numbers, null], numbers).map((k) => ({ p: { k } })),
  id: textConditions(["a1", "0", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "zz", "01"]).map((id) => ({ id })),
  "t[]": fc.oneof(
    one(words).map((has) => ({ t: { has } })),
    fc.subarray(words, { minLength: 1 }).map((hasAny) => ({ t: { hasAny } })),
    fc.subarray(words).map((hasAll) => ({ t: { hasAll } })),
    fc.nat(2).map((size) => ({ t: { size } })),
  ),
  "q[]": one([null, 0, 1]).map((has) => ({ q: { has } })),
  "i[].x": conditions([0, 1, 2, null], [0, 1]).map((x) => ({ i: { some: { x } } })),
  "i[].w": fc
    .tuple(textConditions(words), maybe(conditions([0, 1, null], [0, 1])))
    .map(([w, x]) => ({ i: { some: x === undefined ? { w } : { w, x } } })),
};
const field: fc.Arbitrary<object> = fc.oneof(...Object.values(fieldConditions));

const { filter } = fc.letrec<{ filter: object }>((tie) => ({
  filter: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 6, arbitrary: field },
    {
      weight: 5,
      arbitrary: fc.tuple(field, field).map(([a, b]) => ({ AND: [a, b] })),
    },
    {
      weight: 2,
      arbitrary: fc.array(tie("filter"), { minLength: 1, maxLength: 3 }).map((AND) => ({ AND })),
    },
    {
      weight: 3,
      arbitrary: fc.array(tie("filter"), { minLength: 1, maxLength: 3 }).map((OR) => ({ OR })),
    },
    { weight: 1, arbitrary: tie("filter").map((NOT) => ({ NOT })) },
  ),
}));
export { filter };

const orderPaths = ["n", "m", "s", "b", "d", "g", "r", "u", "p.c", "p.k", "e", "id"] as const;
export interface RandomQuery {
  readonly filter: object | undefined;
  readonly orderBy: readonly (readonly [path: string, direction: "asc" | "desc"])[];
  readonly reverse: boolean;
  readonly limit: number | undefined;
  readonly select: readonly string[] | undefined;
}
const rest = {
  reverse: fc.boolean(),
  limit: fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 6 }) },
    { weight: 1, arbitrary: fc.constant(0) },
  ),
  select: fc.option(fc.subarray(["id", "n", "s", "b", "p", "t", "u", "q"], { maxLength: 3 }), {
    nil: undefined,
    freq: 2,
  }),
};
const anyQuery: fc.Arbitrary<RandomQuery> = fc.record({
  filter: fc.option(filter, { nil: undefined, freq: 8 }),
  orderBy: fc.array(fc.tuple(one(orderPaths), one(["asc", "desc"] as const)), { maxLength: 3 }),
  ...rest,
});

/** Mostly one condition; sometimes one of two, so that points and ranges of one field meet. */
function conditionsAlong(path: string): fc.Arbitrary<object> {
  const condition = fieldConditions[path]!;
  return fc.oneof(
    { weight: 4, arbitrary: condition },
    { weight: 1, arbitrary: fc.tuple(condition, condition).map((OR) => ({ OR })) },
  );
}

/** A query that goes along the fields of an index: conditions on the first ones, an order by the others. */
function queryAlong(name: PoolName): fc.Arbitrary<RandomQuery> {
  const on = fieldsOf(name);
  const paths = on.map((text) => text.replace("-", ""));
  return fc.nat(on.length).chain((fixed) =>
    fc.record({
      filter: fc
        .tuple(
          fc.tuple(...paths.slice(0, Math.max(fixed, 1)).map(conditionsAlong)),
          fc.array(field, { maxLength: 1 }),
          fc.array(fc.constant({ b: true, n: { gte: 2 }, m: { gte: 0 } }), { maxLength: 1 }),
        )
        .map(([along, others, part]) => ({ AND: [...along, ...others, ...part] })),
      orderBy: fc.option(
        fc.tuple(fc.boolean(), fc.nat(1)).map(([turned, fixedToo]) =>
          on
            .slice(Math.max(fixed - fixedToo, 0))
            .filter((text) => !text.includes("[]"))
            .map((text): readonly [string, "asc" | "desc"] => [
              text.replace("-", ""),
              text.startsWith("-") === turned ? "asc" : "desc",
            ]),
        ),
        { nil: [], freq: 3 },
      ),
      ...rest,
    }),
  );
}
const unions: fc.Arbitrary<RandomQuery> = fc.record({
  filter: fc.array(field, { minLength: 2, maxLength: 3 }).map((OR) => ({ OR })),
  orderBy: fc.constant([]),
  ...rest,
});

/** Values by the path that they stand at, and the condition that the path has one of some. */
const domains: Readonly<
  Record<string, readonly [readonly unknown[], (some: unknown[]) => object]>
> = {
  e: [[0, 1, 2, 5, null], (some) => ({ e: { in: some } })],
  n: [numbers, (some) => ({ n: { in: some } })],
  m: [[...numbers, null], (some) => ({ m: { in: some } })],
  s: [[...strings, null], (some) => ({ s: { in: some } })],
  b: [[true, false, null], (some) => ({ b: { in: some } })],
  r: [[...raws, null], (some) => ({ r: { in: some } })],
  u: [mixed, (some) => ({ u: { in: some } })],
  "p.c": [[...words, null], (some) => ({ p: { c: { in: some } } })],
  "p.k": [numbers, (some) => ({ p: { k: { in: some } } })],
  "t[]": [words, (some) => ({ t: { hasAny: some } })],
  "i[].w": [words, (some) => ({ i: { some: { w: { in: some } } } })],
};

/** One of so many values at least; of a path without a list of values, any condition. */
function among(path: string, minLength: number, maxLength: number = 4): fc.Arbitrary<object> {
  const [values, condition] = domains[path] ?? [];
  if (values === undefined) return fieldConditions[path]!;
  const counts = { minLength, maxLength: Math.min(maxLength, values.length) };
  return fc.subarray([...values], counts).map(condition!);
}

function fieldsOf(name: PoolName): readonly string[] {
  const spec: readonly string[] | { readonly on: readonly string[] } = indexPool[name];
  return "on" in spec ? spec.on : (spec as readonly string[]);
}

/** The order of the fields of an index from one of them on, or its opposite. */
function orderFrom(on: readonly string[], begin: number, turned: boolean): RandomQuery["orderBy"] {
  const ordered = on.filter((text) => !text.includes("[]"));
  const last = ordered.at(-1)?.startsWith("-") ?? false;
  const asked = on.slice(begin).filter((text) => ordered.includes(text));
  return [...asked, last ? "-id" : "id"].map((text): readonly [string, "asc" | "desc"] => [
    text.replace("-", ""),
    text.startsWith("-") === turned ? "asc" : "desc",
  ]);
}

/** Lists of values for the first fields of an index, the order of the others, and a limit. */
function mergeAlong(name: PoolName): fc.Arbitrary<RandomQuery> {
  const on = fieldsOf(name);
  const paths = on.map((text) => text.replace("-", ""));
  return fc.integer({ min: 1, max: on.length }).chain((count) =>
    fc.record({
      ...rest,
      filter: fc
        .tuple(
          fc.tuple(...paths.slice(0, count).map((path) => among(path, 2))),
          fc.array(field, { maxLength: 1 }),
          fc.array(fc.constant({ b: true, n: { gte: 0 } }), { maxLength: 1 }),
        )
        .map(([first, others, part]) => ({ AND: [...first, ...others, ...part] })),
      orderBy: fc
        .tuple(fc.boolean(), fc.nat(4))
        .map(([turned, overlap]) => orderFrom(on, overlap === 0 ? count - 1 : count, turned)),
      limit: fc.integer({ min: 1, max: 6 }),
    }),
  );
}

/** What an index answers in an order: values for the fields that the order leaves out, sometimes more. */
function branchAlong(name: PoolName, asked: readonly string[]): fc.Arbitrary<object> {
  const paths = fieldsOf(name).map((text) => text.replace("-", ""));
  const along = paths.map((path) =>
    asked.includes(path)
      ? fc.oneof(
          { weight: 3, arbitrary: fc.constant({}) },
          { weight: 1, arbitrary: among(path, 1, 1) },
          { weight: 1, arbitrary: fieldConditions[path]! },
        )
      : fc.oneof(
          { weight: 4, arbitrary: among(path, 1, 1) },
          { weight: 1, arbitrary: among(path, 2, 3) },
        ),
  );
  const some = fc.array(field, { maxLength: 1 });
  const spec: object = indexPool[name];
  const part = "where" in spec ? [spec.where as object] : [];
  return fc
    .tuple(fc.tuple(...along), fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, some))
    .map(([first, others]) => ({ AND: [...first, ...part, ...others] }));
}

/** What one document has at most. */
const oneDocument = one([{ e: 1 }, { e: 2 }, { e: 5 }, { id: "0" }, { id: "a1" }, { id: "zz" }]);

/** A field that has one value in most branches, and a place for it in an order. */
const between = fc.option(fc.tuple(one(["b", "u", "m", "p.k"]), fc.nat(2)), { nil: [], freq: 2 });

/** Alternatives that have an index each, in an order that some of these indexes give. */
function unionAlong(names: readonly PoolName[]): fc.Arbitrary<RandomQuery> {
  const begin = fc.tuple(one(names), fc.nat(2), fc.boolean(), between);
  return begin.chain(([name, skipped, turned, [extra, place]]) => {
    const on = fieldsOf(name);
    const given = orderFrom(on, Math.min(skipped, on.length), turned);
    const asked = given.map(([path]) => path);
    const isExtra = extra !== undefined && !asked.includes(extra);
    const orderBy = isExtra ? given.toSpliced(place, 0, [extra, "asc"]) : given;
    const serves = (other: PoolName): boolean =>
      fieldsOf(other).filter((text) => asked.includes(text.replace("-", ""))).length ===
      asked.length - 1;
    const serving = names.filter(serves);
    const along = one(serving.length === 0 ? names : serving).chain((other) =>
      branchAlong(other, asked),
    );
    const fixed = isExtra ? among(extra, 1, 1) : fc.constant({});
    const branch = fc.tuple(along, fixed).map(([first, second]) => ({ AND: [first, second] }));
    const branches = fc.array(
      fc.oneof(
        { weight: 12, arbitrary: branch },
        { weight: 3, arbitrary: oneDocument },
        { weight: 1, arbitrary: field },
      ),
      { minLength: 2, maxLength: 4 },
    );
    return fc.record({
      ...rest,
      filter: fc
        .tuple(branches, fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, field))
        .map(([OR, besides]) => ({ AND: [{ OR }, besides] })),
      orderBy: fc.constant(orderBy),
      limit: fc.integer({ min: 1, max: 6 }),
    });
  });
}

/** Indexes, and queries that mostly have something to do with them. */
export const indexesAndQueries: fc.Arbitrary<
  readonly [names: readonly PoolName[], queries: readonly RandomQuery[]]
> = indexNames.chain((names) => {
  const along = names.length === 0 ? anyQuery : one(names).chain(queryAlong);
  const union = names.length === 0 ? unions : fc.oneof(unions, unionAlong(names));
  const query = fc.oneof(
    { weight: 2, arbitrary: anyQuery },
    { weight: 5, arbitrary: along },
    { weight: 2, arbitrary: union },
  );
  return fc.tuple(fc.constant(names), fc.array(query, { minLength: 1, maxLength: 8 }));
});

const someIndexes = fc.subarray(Object.keys(indexPool) as PoolName[], {
  minLength: 1,
  maxLength: 5,
});

/** Indexes, and queries that may be answered by merging ranges of one of them. */
export const indexesAndMerges: typeof indexesAndQueries = someIndexes.chain((names) =>
  fc.tuple(
    fc.constant(names),
    fc.array(one(names).chain(mergeAlong), { minLength: 1, maxLength: 8 }),
  ),
);

/** Indexes, and queries for one of several things that may be answered by merging ranges of them. */
export const indexesAndMergedUnions: typeof indexesAndQueries = fc
  .subarray(Object.keys(indexPool) as PoolName[], { minLength: 2, maxLength: 12 })
  .chain((names) =>
    fc.tuple(fc.constant(names), fc.array(unionAlong(names), { minLength: 1, maxLength: 8 })),
  );

/** Indexes, and queries of all kinds; every third list of them is of those that may be merged. */
export const indexesAndMixedQueries: typeof indexesAndQueries = fc.oneof(
  { weight: 4, arbitrary: indexesAndQueries },
  { weight: 1, arbitrary: indexesAndMerges },
  { weight: 1, arbitrary: indexesAndMergedUnions },
);
