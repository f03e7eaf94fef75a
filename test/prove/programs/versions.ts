/**
 * The versions of the schema of things: what each has instead of what, and the function from each to the next, written
 * once, for the database and for the model.
 *
 * Always true:
 * (1) A function never gives two documents one unique key that had two, so indexes that stood in a version stand in the
 *     next one.
 * (2) Programs are drawn in the names of the first version; what they write and ask is put in those of the one at hand.
 */
import { z } from "zod";
import type { Asked, PlainIndex, PlainIndexes } from "./plain.ts";
import type { Write } from "./program.ts";
import { compact } from "./values.ts";
import type { Fields, Filter } from "./values.ts";

export const VERSIONS = 3;

type Up = (old: Fields) => Fields;
/** First a field gets another name and a number another unit; then a list is split, and unique keys are spelt otherwise. */
export const ups: readonly Up[] = [
  ({ raw, ...old }) => compact({ ...old, n: (old["n"] as number) * 2, blob: raw }),
  (old) => {
    const { key } = old;
    const tags = old["tags"] as readonly string[];
    return {
      ...old,
      n: (old["n"] as number) / 4,
      ...(typeof key === "string" ? { key: `${key}'` } : {}),
      tags: tags.filter((tag) => !tag.startsWith("z")),
      rest: tags.filter((tag) => tag.startsWith("z")),
    };
  },
];

/** How a function fails for documents with a flag: it throws, gives what the next schema refuses, or a promise. */
export type Failing = "throws" | "misfits" | "promises";
export function failingUp(up: Up, how: Failing): (old: Fields) => unknown {
  return (old) => {
    const next = up(old);
    if (old["flag"] !== true) return next;
    if (how === "throws") throw new Error("a step that fails");
    return how === "misfits" ? { ...next, n: "text" } : Promise.resolve(next);
  };
}

/** The fields of a schema of the first version, as another version has them. */
export function fieldsIn(fields: z.ZodRawShape, version: number): z.ZodRawShape {
  if (version === 0) return fields;
  const { raw, ...kept } = fields;
  return {
    ...kept,
    blob: raw!,
    ...(version > 1 ? { rest: z.array(z.string()).default([]) } : {}),
  };
}

// ------------------------------------------------------------------ indexes

const own: readonly PlainIndexes[] = [
  {},
  {
    byBlob: { on: ["flag", "-blob"] },
    flaggedS: { on: ["s"], where: { path: "flag", op: "eq", value: true } },
  },
  { byRest: { on: ["rest[]", "-n"] }, byBlob: { on: ["flag", "blob"] } },
];
const tallies: readonly object[] = [
  {},
  { perFlag: { sum: "n", by: ["flag"] } },
  { perA: { count: true, by: ["a"] } },
];
export function talliesIn(version: number): object {
  return tallies[version]!;
}

export function indexesIn(set: PlainIndexes, version: number): PlainIndexes {
  if (version === 0) return set;
  const named = Object.entries(set).map(([name, index]): [string, PlainIndex] => [
    name,
    {
      ...index,
      on: index.on.map((field) => field.replace(/^(-?)raw$/, "$1blob")),
      ...(index.include === undefined ? {} : { include: index.include.map(renamed) }),
    },
  ]);
  return { ...Object.fromEntries(named), ...own[version] };
}

// ------------------------------------------------------------------ what programs say

function renamed(path: string): string {
  return path === "raw" ? "blob" : path;
}

export function askedIn(asked: Asked, version: number): Asked {
  if (version === 0) return asked;
  const { filter, orderBy, select } = asked;
  return {
    ...asked,
    filter: filter && filterIn(filter),
    orderBy: orderBy.map(([path, direction]) => [renamed(path), direction]),
    select: select?.map(renamed),
  };
}
function filterIn(filter: Filter): Filter {
  if ("and" in filter) return { and: filter.and.map(filterIn) };
  if ("or" in filter) return { or: filter.or.map(filterIn) };
  if ("not" in filter) return { not: filterIn(filter.not) };
  return { ...filter, path: renamed(filter.path) };
}

export function writeIn<W extends Write>(step: W, version: number): W {
  if (version === 0) return step;
  const parts = Object.entries(step).map(([name, part]: [string, unknown]) => {
    if (name === "inputs") return [name, (part as Fields[]).map(inputIn)];
    return [name, name === "input" || name === "patch" ? inputIn(part as Fields) : part];
  });
  return Object.fromEntries(parts) as W;
}
function inputIn(fields: Fields): Fields {
  const { raw, ...others } = fields;
  return raw === undefined ? fields : { ...others, blob: raw };
}
