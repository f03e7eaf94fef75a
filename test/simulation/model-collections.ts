/** The collections of the model simulation: every kind of index, and three sets of them to change between on reopening. */
import { collection } from "kotobadb";
import { z } from "zod";
import type { PlainIndex } from "./model-plain.ts";

const schema = z.object({
  key: z.string().nullish(),
  a: z.number(),
  b: z.string().optional(),
  n: z.number(),
  m: z.number().optional(),
  s: z.string().nullable(),
  flag: z.boolean(),
  at: z.date().optional(),
  p: z.object({ city: z.string().optional(), zip: z.number() }).optional(),
  tags: z.array(z.string()).default([]),
  items: z.array(z.object({ w: z.string(), x: z.number().optional() })).default([]),
});
export type Input = z.input<typeof schema>;
export const fieldsWithDefaults = { tags: [], items: [] } as const;

/** Unique in every variant: what is stored must always fit. */
export const uniqueIndexes: Readonly<Record<string, PlainIndex>> = {
  byKey: { on: ["key"], unique: true },
  byPair: { on: ["a", "-b"], unique: true },
  flaggedM: {
    on: ["m"],
    unique: true,
    where: { path: "flag", op: "eq", value: true },
  },
};
const unique = {
  byKey: { on: ["key"], unique: true },
  byPair: { on: ["a", "-b"], unique: true },
  flaggedM: { on: ["m"], unique: true, where: { flag: true } },
} as const;
const full = {
  ...unique,
  byN: ["n"],
  byNDown: ["-n", "s"],
  byCity: ["p.city", "-n"],
  byTag: ["tags[]"],
  byTagN: ["-tags[]", "n"],
  byWord: ["items[].w"],
  flaggedN: { on: ["n"], where: { flag: true } },
  coveringS: { on: ["-s"], include: ["n", "tags", "flag"] },
  byAt: ["-at", "flag"],
} as const;
const half = {
  ...unique,
  byN: ["n", "-m"],
  byTag: ["tags[]", "-flag"],
  coveringS: { on: ["s", "n"], include: ["p"] },
} as const;

/** Indexes that both sides can scan by name, with their plain twins; by variant. */
const namedIndexes: readonly Readonly<Record<string, PlainIndex>>[] = [
  {
    byN: { on: ["n"] },
    byNDown: { on: ["-n", "s"] },
    byCity: { on: ["p.city", "-n"] },
    flaggedN: { on: ["n"], where: { path: "flag", op: "eq", value: true } },
    coveringS: { on: ["-s"] },
    byAt: { on: ["-at", "flag"] },
    byPair: { on: ["a", "-b"] },
  },
  { byN: { on: ["n", "-m"] }, coveringS: { on: ["s", "n"] }, byPair: { on: ["a", "-b"] } },
  { byPair: { on: ["a", "-b"] } },
];

const things = [full, half, unique].map((indexes) => collection("things", schema, { indexes }));
const others = [unique, full, half].map((indexes) => collection("others", schema, { indexes }));

const VARIANTS = 3;
export const collectionNames = ["things", "others"] as const;
export type CollectionName = (typeof collectionNames)[number];

/** The definitions of one variant. */
export function definitions(variant: number): {
  things: (typeof things)[0];
  others: (typeof others)[0];
} {
  return { things: things[variant]!, others: others[variant]! };
}
/** Which of namedIndexes a collection has. */
export function indexesOf(
  name: CollectionName,
  variant: number,
): Readonly<Record<string, PlainIndex>> {
  return namedIndexes[name === "things" ? variant : (variant + 2) % VARIANTS]!;
}
