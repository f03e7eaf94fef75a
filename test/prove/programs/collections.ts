/**
 * The collections of the programs: every kind of field and of index, in schemas that grow and sets of indexes to change
 * between on reopening. The indexes are written once, for the database and for the model.
 */
import { collection } from "kotobadb";
import { z } from "zod";
import { PlainCollection } from "./plain.ts";
import type { CollectionName, Model, PlainIndex, PlainIndexes } from "./plain.ts";
import { filterObject } from "./values.ts";
import type { Doc, Fields } from "./values.ts";
import { compact } from "./values.ts";
import { failingUp, fieldsIn, indexesIn, talliesIn, ups } from "./versions.ts";
import type { Failing } from "./versions.ts";

const base = {
  key: z.string().nullish(),
  a: z.number(),
  b: z.string().optional(),
  n: z.number(),
  m: z.number().optional(),
  s: z.string().nullable(),
  flag: z.boolean(),
  at: z.date().optional(),
  big: z.bigint().optional(),
  raw: z.instanceof(Uint8Array).optional(),
  u: z.union([z.string(), z.number(), z.boolean(), z.date()]).nullish(),
  level: z.enum(["low", "high"]).optional(),
  p: z.object({ city: z.string().optional(), zip: z.number() }).optional(),
  tags: z.array(z.string()).default([]),
  items: z.array(z.object({ w: z.string(), x: z.number().optional() })).default([]),
};
const grown = {
  ...base,
  level: z.enum(["low", "mid", "high"]).optional(),
  grade: z.number().default(3),
};
const grownTwice = { ...grown, a: z.number().nullable(), note: z.string().default("-") };
/** Each accepts all documents of those before it, with its defaults filled in. */
const schemas = [base, grown, grownTwice] as const;
export const SCHEMAS = schemas.length;
type SchemaNumber = number;

const firstSchema = z.object(base);
type Given = z.input<typeof firstSchema>;
/** What programs hand in: also fields that a schema does not have yet. */
export interface Input extends Omit<Given, "level"> {
  readonly level?: string | undefined;
  readonly grade?: number | undefined;
}

/** What is stored of an input; undefined where it must be refused. */
export function stored(input: Fields, schema: SchemaNumber, version: number): Fields | undefined {
  const { blob, grade = 3, note = "-", raw, rest = [], ...fields } = input;
  if (fields["level"] === "mid" && schema === 0) return undefined;
  return compact({
    tags: [],
    items: [],
    ...fields,
    ...(schema > 0 ? { grade } : {}),
    ...(schema > 1 ? { note } : {}),
    ...(version > 0 ? { blob } : { raw }),
    ...(version > 1 ? { rest } : {}),
  });
}

// ------------------------------------------------------------------ indexes

const flagged = { path: "flag", op: "eq", value: true } as const;
/** In every set. */
export const uniqueIndexes = {
  byKey: { on: ["key"], unique: true },
  byPair: { on: ["a", "-b"], unique: true },
  flaggedM: { on: ["m"], unique: true, where: flagged },
} as const satisfies PlainIndexes;

const full: PlainIndexes = {
  ...uniqueIndexes,
  byN: { on: ["n"] },
  byNDown: { on: ["-n", "s"] },
  byCity: { on: ["p.city", "-n"] },
  byTag: { on: ["tags[]"] },
  byTagN: { on: ["-tags[]", "n"] },
  byWord: { on: ["items[].w"] },
  flaggedN: { on: ["n"], where: flagged },
  coveringS: { on: ["-s"], include: ["n", "tags", "flag"] },
  byAt: { on: ["-at", "flag"] },
  // The dates are of 1970, so they are due when the clock has been set forward once.
  stale: { on: ["-at"], expire: "19700d" },
  byU: { on: ["u", "-big"] },
  byRaw: { on: ["-raw", "level"], include: ["big", "u"] },
};
const half: PlainIndexes = {
  ...uniqueIndexes,
  byN: { on: ["n", "-m"] },
  byTag: { on: ["tags[]", "-flag"] },
  coveringS: { on: ["s", "n"], include: ["p"] },
  byU: { on: ["-u"], include: ["raw", "at"] },
  stale: { on: ["at"], expire: "19800d" },
  flaggedStale: { on: ["at"], expire: "19690.5d", where: flagged, include: ["n"] },
  flaggedN: {
    on: ["n", "-id"],
    where: {
      or: [
        { path: "n", op: "gt", value: 0 },
        { path: "s", op: "eq", value: null },
      ],
    },
  },
};
/** Stored documents may stand against it. */
const strict: PlainIndexes = { ...uniqueIndexes, onceN: { on: ["n", "flag"], unique: true } };
/** They answer count() and nothing else, so the model knows nothing of them. */
const tallies: readonly object[] = [
  {
    perS: { count: true, by: ["s"] },
    flagged: { count: true, by: ["n", "flag"], where: { flag: true } },
    sumOfN: { sum: "n", by: ["level"] },
  },
  { all: { count: true }, perS: { count: true, by: ["s", "flag"] }, sumOfBig: { sum: "big" } },
  {},
  { perKey: { count: true, by: ["key"] } },
];
const sets: readonly PlainIndexes[] = [full, half, uniqueIndexes, strict];
export const INDEX_SETS = sets.length;
const graded: PlainIndex = { on: ["-grade", "s"] };

/** Which version of the program it is. */
export interface Edition {
  /** Of the schema of things, which goes on by evolve(); from 0. Others stay as they are. */
  readonly version: number;
  readonly schema: SchemaNumber;
  readonly indexes: number;
}

function setOf(name: CollectionName, { indexes }: Edition): number {
  return name === "things" ? indexes : (indexes + 2) % INDEX_SETS;
}

/** Which version the documents of a collection have. */
export function versionOf(name: CollectionName, { version }: Edition): number {
  return name === "things" ? version : 0;
}

const known = new Map<string, PlainIndexes>();
/** Of one collection in one edition; always the same object. */
export function indexesOf(name: CollectionName, edition: Edition): PlainIndexes {
  const { schema } = edition;
  const version = versionOf(name, edition);
  const number = setOf(name, edition);
  const key = `${version} ${schema} ${number}`;
  let found = known.get(key);
  if (found === undefined) {
    const set = sets[number]!;
    found = indexesIn(schema > 0 && set === half ? { ...set, byGrade: graded } : set, version);
    known.set(key, found);
  }
  return found;
}

/** All documents as the edition has them; those of things were of the version `from`. */
export function inEdition(model: Model, edition: Edition, from: number): Model {
  const moved = (name: CollectionName): PlainCollection => {
    const version = versionOf(name, edition);
    const steps = name === "things" ? ups.slice(from, version) : [];
    const documents = [...model[name].documents].map(([id, before]) => {
      const document = steps.reduce<Fields>((old, up) => up(old), before) as Doc;
      const missing = edition.schema > 0 && !("grade" in document);
      const changed = missing || (edition.schema > 1 && !("note" in document));
      return [id, changed ? (stored(document, edition.schema, version) as Doc) : document] as const;
    });
    return new PlainCollection(indexesOf(name, edition), documents);
  };
  return { things: moved("things"), others: moved("others") };
}

// ------------------------------------------------------------------ definitions

interface Evolving {
  evolve(next: z.ZodObject, up: (old: Fields) => unknown, options: object): Evolving;
}
const schemasIn = schemas.map((fields) =>
  [0, 1, 2].map((version) => z.object(fieldsIn(fields, version))),
);

function define(name: CollectionName, edition: Edition, fails: Failing | undefined) {
  const indexes = Object.fromEntries(
    Object.entries(indexesOf(name, edition)).map(([label, { where, ...index }]) => [
      label,
      where === undefined ? index : { ...index, where: filterObject(where) },
    ]),
  );
  const version = versionOf(name, edition);
  const [first, ...later] = schemasIn[edition.schema]!.slice(0, version + 1);
  const all = { ...indexes, ...tallies[setOf(name, edition)], ...talliesIn(version) };
  let definition = collection(name, first as typeof firstSchema, {
    indexes: (version === 0 ? all : {}) as {},
  });
  for (const [i, schema] of later.entries()) {
    const isLast = i + 1 === version;
    const up = isLast && fails !== undefined ? failingUp(ups[i]!, fails) : ups[i]!;
    const next = (definition as unknown as Evolving).evolve(schema, up, {
      indexes: isLast ? all : {},
    });
    definition = next as unknown as typeof definition;
  }
  return definition;
}
function defineBoth(edition: Edition, fails: Failing | undefined) {
  return { things: define("things", edition, fails), others: define("others", edition, undefined) };
}
type Definitions = ReturnType<typeof defineBoth>;

const defined = new Map<string, Definitions>();
/** The collections of one edition, made once: reading a schema takes longer than a short program. */
export function definitions(edition: Edition, fails?: Failing): Definitions {
  const key = `${edition.version} ${edition.schema} ${edition.indexes} ${fails ?? ""}`;
  let found = defined.get(key);
  if (found === undefined) defined.set(key, (found = defineBoth(edition, fails)));
  return found;
}
