/** What a tool can know of a collection without its program, and what it cannot. */
import { expect, test } from "vitest";
import { z } from "zod";
import { collection, ValidationError } from "kotobadb";
import type { CatalogRow } from "../../../src/collections/catalog/catalog-row.ts";
import { storedDefinition } from "../../../src/collections/catalog/stored-definition.ts";

const { definition } = collection(
  "things",
  z.object({
    kind: z.enum(["a", "b"]),
    count: z.number().default(1),
    inner: z.object({ at: z.date().nullable() }).optional(),
    list: z.array(z.union([z.string(), z.bigint()])),
    rest: z.record(z.string(), z.boolean()).optional(),
  }),
  {
    indexes: {
      byKind: { on: ["kind", "-count"], unique: true, include: ["count"] },
      byDate: ["inner.at"],
    },
  },
);

function rowWith(
  changes: Partial<CatalogRow> = {},
  fingerprints: readonly string[] = [],
): CatalogRow {
  return {
    number: 1,
    past: [],
    shape: definition.schema.fingerprint,
    documents: "ready",
    indexes: definition.indexes.map(({ fingerprint, name }, i) => ({
      name,
      number: i + 1,
      fingerprint: fingerprints[i] ?? fingerprint,
      state: "ready",
    })),
    nextIndex: 3,
    ...changes,
  };
}
const { shape } = definition.schema;

test("the indexes are those that the program defined", () => {
  const stored = storedDefinition("things", rowWith(), shape);
  expect("definition" in stored && stored.definition.indexes).toEqual(definition.indexes);
  expect("definition" in stored && stored.definition.schema.fingerprint).toBe(
    definition.schema.fingerprint,
  );
});

test("when documents expire is not stored: a tool keeps the entries, and deletes nothing", () => {
  const at = z.object({ at: z.date() });
  const expiring = collection("logs", at, {
    indexes: { old: { on: ["-at"], expire: "30d" } },
  }).definition;
  const plain = collection("logs", at, { indexes: { old: ["-at"] } }).definition;
  const { fingerprint, name } = expiring.indexes[0]!;
  const row = rowWith({
    shape: expiring.schema.fingerprint,
    indexes: [{ name, number: 1, fingerprint, state: "ready" }],
  });
  const stored = storedDefinition("logs", row, expiring.schema.shape);
  expect("definition" in stored && stored.definition.indexes).toEqual(plain.indexes);
});

test("so are those that count and sum, but for filtered ones", () => {
  const counting = collection("things", z.object({ kind: z.string(), n: z.number() }), {
    indexes: {
      kinds: { count: true, by: ["kind"] },
      all: { count: true },
      amounts: { sum: "n", by: ["kind"] },
      some: { count: true, where: { kind: "a" } },
    },
  }).definition;
  const { schema, tallies } = counting;
  const storedWith = (names: readonly string[]): ReturnType<typeof storedDefinition> => {
    const indexes = tallies
      .filter(({ name }) => names.includes(name))
      .map(({ fingerprint, name }, i) => ({
        name,
        number: i + 1,
        fingerprint,
        state: "ready" as const,
        cells: true as const,
      }));
    return storedDefinition(
      "things",
      rowWith({ shape: schema.fingerprint, indexes }),
      schema.shape,
    );
  };

  const stored = storedWith(["kinds", "all", "amounts"]);
  expect("definition" in stored && stored.definition.tallies).toEqual(tallies.slice(0, 3));
  expect(storedWith(["kinds", "some"])).toEqual({
    problem: 'the entries of its index "some" are known to its program alone',
  });
});

test("what is not wholly stored, or not finished, has no definition", () => {
  const [first, second] = definition.indexes.map(({ fingerprint }) => fingerprint);
  const filtered = second!.replace('"where":null', '"where":"at is set"');
  for (const fingerprint of [
    filtered,
    "null",
    "5",
    "{}",
    "no JSON",
    second!.replace("}", ',"by":1}'),
  ]) {
    expect(storedDefinition("things", rowWith({}, [first!, fingerprint]), shape)).toEqual({
      problem: 'the entries of its index "byDate" are known to its program alone',
    });
  }
  for (const documents of ["filling", "loading"] as const)
    expect(storedDefinition("things", rowWith({ documents }), shape)).toHaveProperty("problem");
});

test("documents are checked against the shape, as far as it tells", () => {
  const stored = storedDefinition("things", rowWith(), shape);
  if (!("definition" in stored)) throw new Error(stored.problem);
  const { schema } = stored.definition;
  const fine = { kind: "a", count: 1, list: ["x", 5n] };
  for (const more of [
    {},
    { inner: { at: null } },
    { inner: { at: new Date(0) } },
    { rest: { z: true } },
  ])
    expect(schema.validate({ ...fine, ...more })).toEqual({ ...fine, ...more });
  expect(Object.is(schema.validate({ ...fine, count: -0 })["count"], 0)).toBe(true);
  for (const [wrong, path] of [
    [{ kind: "c" }, "kind"],
    [{ kind: undefined }, "kind"],
    [{ count: "1" }, "count"],
    [{ list: [1] }, "list.0"],
    [{ list: null }, "list"],
    [{ inner: {} }, "inner.at"],
    [{ inner: { at: "2026-01-31" } }, "inner.at"],
    [{ inner: { at: null, more: 1 } }, "inner.more"],
    [{ rest: { z: 1 } }, "rest.z"],
    [{ extra: 1 }, "extra"],
    [{ kind: "\ud800" }, "kind"],
  ] as const) {
    const check = (): unknown => schema.validate({ ...fine, ...wrong });
    expect(check, path).toThrow(ValidationError);
    expect(check, path).toThrow(path);
  }
  expect(() => schema.validate({ kind: "a", list: [] })).toThrow(
    "its default is known to the program",
  );
});
