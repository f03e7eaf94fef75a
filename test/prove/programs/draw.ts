/** Programs at random: most are short, some are long; a failure shrinks towards fewer and plainer steps. */
import fc from "fast-check";
import { randomOptions } from "../../engine/lsm/random-options.ts";
import { INDEX_SETS, SCHEMAS, uniqueIndexes } from "./collections.ts";
import type { Edition, Input } from "./collections.ts";
import {
  asked,
  bigs,
  chosen,
  cities,
  dates,
  keys,
  levels,
  mixed,
  numbers,
  one,
  ownIds,
  raws,
  strings,
  tags,
} from "./draw-queries.ts";
import { PlainCollection } from "./plain.ts";
import type { Body, Of, Opening, Operation, Program, Read, Step, Write } from "./program.ts";
import { compact } from "./values.ts";

const maybe = <T>(of: fc.Arbitrary<T>, freq = 2): fc.Arbitrary<T | undefined> =>
  fc.option(of, { nil: undefined, freq });
/** One in four; else undefined. */
const seldom = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof(weighted(3, fc.constant(undefined)), weighted(1, of));
const weighted = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
const step = <N extends string, T extends object>(
  what: N,
  parts: { [K in keyof T]: fc.Arbitrary<T[K]> },
): fc.Arbitrary<{ do: N } & T> =>
  fc.record({ do: fc.constant(what), ...parts }) as unknown as fc.Arbitrary<{ do: N } & T>;

// ------------------------------------------------------------------ documents

const input: fc.Arbitrary<Input> = fc
  .record({
    // Unique keys: some are met often, most leave room for many documents.
    key: fc.option(
      maybe(
        fc.oneof(
          one(...keys),
          fc.nat(60).map((n) => `k${n}`),
        ),
      ),
      { nil: null, freq: 5 },
    ),
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
      one<string | null>(null, ...strings),
      fc.nat(300).map((length) => "s".repeat(length)),
    ),
    flag: fc.boolean(),
    at: maybe(one(...dates)),
    big: maybe(one(...bigs)),
    raw: maybe(fc.constantFrom(...raws), 1),
    u: maybe(fc.option(fc.constantFrom<string | number | boolean | Date>(...mixed), { freq: 5 })),
    level: maybe(one(...levels)),
    grade: maybe(one(1, 3, 5)),
    p: maybe(
      fc
        .record({ city: maybe(one(...(cities as readonly string[]))), zip: one(1, 2) })
        .map(compact),
    ),
    tags: maybe(fc.array(one(...tags), { maxLength: 3 })),
    items: maybe(
      fc.array(fc.record({ w: one(...tags), x: maybe(one(0, 1)) }).map(compact), { maxLength: 2 }),
    ),
  })
  .map((fields) => compact(fields) as Input);
const fieldNames = ["key", "a", "b", "n", "m", "s", "flag", "at", "big", "raw", "u", "level"];
const patch = fc
  .tuple(input, fc.subarray([...fieldNames, "grade", "p", "tags", "items"]))
  .map(([fields, chosen]) =>
    Object.fromEntries(Object.entries(fields).filter(([name]) => chosen.includes(name))),
  );

/** Documents that fit beside each other: so many programs begin with. */
const firstDocuments: fc.Arbitrary<readonly Input[]> = fc
  .oneof({ withCrossShrink: true }, weighted(4, fc.array(input, { maxLength: 8 })), {
    weight: 1,
    arbitrary: fc.array(input, { minLength: 10, maxLength: 30, size: "max" }),
  })
  .map((inputs) => {
    const plain = new PlainCollection(uniqueIndexes);
    return inputs.filter(({ level, ...fields }, i) => {
      const document = { ...fields, id: String(i) };
      try {
        plain.check([document]);
      } catch {
        return false;
      }
      plain.put(document);
      return level !== "mid";
    });
  });

// ------------------------------------------------------------------ operations

const pick = fc.nat(40);
const write: fc.Arbitrary<Write> = fc.oneof(
  weighted(6, step("insert", { input, id: seldom(one(...ownIds)) })),
  weighted(2, step("insertMany", { inputs: fc.array(input, { maxLength: 6 }) })),
  weighted(
    4,
    step("update", {
      pick,
      patch,
      gone: fc.subarray(["key", "b", "m", "at", "p", "u", "tags", "grade", "n"], { maxLength: 2 }),
    }),
  ),
  weighted(2, step("updateBy", { pick, by: one(-1, 1, 2) })),
  weighted(2, step("inc", { pick, field: one("n", "m"), by: one(1, -2, 0.5) })),
  weighted(1, step("push", { pick, tags: fc.array(one(...tags), { maxLength: 2 }) })),
  weighted(2, step("replace", { pick, input })),
  weighted(
    3,
    step("upsert", {
      by: one("key", "pair", "id"),
      input: input.map((fields): Input => ({
        ...fields,
        key: fields.key ?? "k1",
        b: fields.b ?? "p",
      })),
      id: one(...ownIds),
    }),
  ),
  weighted(4, step("delete", { pick })),
  weighted(1, step("updateWhere", { filter: chosen, by: one(-1, 1, 2) })),
  weighted(1, step("deleteWhere", { filter: chosen })),
  weighted(1, step("insertWrong", { input, how: fc.nat(9) })),
  weighted(2, step("swap", { pick, other: pick })),
) as fc.Arbitrary<Write>;

const read: fc.Arbitrary<Read> = fc.oneof(
  weighted(
    16,
    step("query", {
      asked,
      end: one(
        "all",
        "all",
        "all",
        "first",
        "one",
        "count",
        "exists",
        "pages",
        "stream",
        "explain",
        "figures",
      ),
    }),
  ),
  weighted(2, step("get", { picks: fc.array(pick, { minLength: 1, maxLength: 4 }) })),
  weighted(2, step("find", { key: one(...keys), a: one(1, 2, 3), b: one("p", "q", "r") })),
  weighted(1, step("readWrong", { how: fc.nat(30) })),
) as fc.Arbitrary<Read>;

function on<T extends object>(of: fc.Arbitrary<T>): fc.Arbitrary<Of<T>> {
  return fc.tuple(of, one(0, 0, 0, 1)).map(([whole, collection]) => ({ ...whole, on: collection }));
}
const operation: fc.Arbitrary<Operation> = on(
  fc.oneof(weighted<Write | Read>(3, write), weighted<Write | Read>(2, read)),
) as fc.Arbitrary<Operation>;

const durability = one("durable", "buffered", "memory");
function body(maxLength: number): fc.Arbitrary<Body> {
  return fc.record({
    steps: fc.array(operation, { maxLength }),
    throws: one(false, false, false, true),
    readOnly: one(false, false, false, false, false, false, false, true),
    durability: seldom(durability),
  });
}

// ------------------------------------------------------------------ the life of a database

const openings = {
  // What users get is made for more data than this, and takes ten times as long to open.
  options: fc.oneof(weighted(24, randomOptions), weighted(1, fc.constant(undefined))),
  durability: seldom(durability),
  fullScan: one("allow", "allow", "allow", "allow", "warn", "error"),
  readMillis: one(0, 0, 0, 1, 8),
  lazy: fc.boolean(),
};
const opening: fc.Arbitrary<Opening> = fc.record(openings);
const edition: fc.Arbitrary<Omit<Edition, "version">> = fc.record({
  schema: fc.nat(SCHEMAS - 1),
  indexes: fc.nat(INDEX_SETS - 1),
});

const transacting = step("transaction", { body: body(4) });
const cut = step("powerCut", { unsynced: one("lost", "kept", "seeded"), opening });
const checkpoint = step("checkpoint", { settles: fc.boolean(), opening, write: on(write) });
const readOnly = step("readOnly", {
  by: one(0, 0, 1),
  settles: fc.boolean(),
  opening,
  reads: fc.array(on(read), { maxLength: 3 }),
  write: on(write),
});
const reopening = {
  // An earlier schema is refused, and then nothing else of the step is met.
  edition: fc.record({
    schema: one(0, 1, 2, 2, 2, 2, 2, 2, 2, 2),
    indexes: fc.nat(INDEX_SETS - 1),
  }),
  by: one(0, 0, 1, 1, 1, 1, 2, -1),
  fails: seldom(one("throws", "misfits", "promises")),
  settles: one(true, false, false),
  opening: fc.record({ ...openings, lazy: one(true, true, true, false) }),
};
/** What is done at once, while there may be something to be built; it may be left to yet another program. */
const meanwhile = fc.oneof(
  weighted(6, on(write)),
  weighted(3, on(read)),
  weighted(6, transacting),
  weighted(
    2,
    one("snapshot", "verify").map((what) => ({ do: what })),
  ),
  weighted(2, step("readSnapshot", { pick, read: on(read) })),
  weighted(5, cut),
  weighted(2, step("reopen", { ...reopening, meanwhile: fc.constant([]) })),
  weighted(1, checkpoint),
  weighted(1, readOnly),
) as fc.Arbitrary<Step>;
const reopen = step("reopen", {
  ...reopening,
  meanwhile: fc.array(meanwhile, { minLength: 1, maxLength: 5, size: "max" }),
});

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  weighted(16, on(write)),
  weighted(12, on(read)),
  weighted(5, step("transaction", { body: body(8) })),
  weighted(
    3,
    step("race", {
      bodies: fc.array(body(5), { minLength: 2, maxLength: 3 }),
      direct: fc.array(on(write), { maxLength: 3 }),
      turns: fc.array(fc.nat(3), { maxLength: 16 }),
    }),
  ),
  weighted(2, step("burst", { writes: fc.array(on(write), { minLength: 2, maxLength: 3 }) })),
  weighted(
    4,
    one("snapshot", "snapshot", "closeSnapshot", "verify", "stats").map((what) => ({ do: what })),
  ),
  weighted(4, step("readSnapshot", { pick, read: on(read) })),
  weighted(2, on(step("openStream", { asked, rows: fc.nat(3) }))),
  weighted(2, step("endStream", { whole: fc.boolean() })),
  weighted(3, on(step("openPages", { asked, size: fc.integer({ min: 1, max: 4 }) }))),
  weighted(5, step("turnPage", { pick, back: fc.boolean() })),
  weighted(
    3,
    step("upkeep", { what: one("compact", "flush", "flush", "cleanupWal"), waits: fc.boolean() }),
  ),
  weighted(3, reopen),
  weighted(1, fc.constant({ do: "ready" })),
  weighted(1, checkpoint),
  weighted(1, readOnly),
  weighted(2, cut),
  weighted(1, step("setClock", { byMillis: one(-10_000_000_000, -3_600_000, -1, 1, 5_000, 1e10) })),
  weighted(2, step("expire", { byMillis: one(0, 1e10, 1e10, -1e10) })),
  weighted(1, step("sleep", { millis: one(1, 100, 3_000, 70_000) })),
  weighted(1, step("pause", { turns: fc.integer({ min: 1, max: 30 }) })),
) as fc.Arbitrary<Step>;

const steps = fc.oneof(
  { withCrossShrink: true },
  weighted(16, fc.array(anyStep, { minLength: 1, maxLength: 10, size: "max" })),
  weighted(4, fc.array(anyStep, { minLength: 8, maxLength: 26, size: "max" })),
  weighted(1, fc.array(anyStep, { minLength: 30, maxLength: 80, size: "max" })),
);

export const programs: fc.Arbitrary<Program> = fc
  .record({
    engine: one("memory", "lsm", "memory"),
    seed: fc.nat(1_000_000),
    opening,
    version: one(0, 0, 0, 1, 2),
    pace: maybe(
      fc.record({ first: one(1, 1, 4), batch: one(1, 1, 3), pauseTurns: one(1, 4, 20, 60) }),
      5,
    ),
    edition,
    first: firstDocuments,
    steps,
  })
  .map(({ edition: { indexes, schema }, first, version, ...program }) => ({
    ...program,
    // The stricter set is for stored documents to stand against.
    edition: { version, schema, indexes: Math.min(indexes, 2) },
    steps: [{ do: "insertMany", on: 0, inputs: first }, ...program.steps],
  }));
