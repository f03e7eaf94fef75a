/**
 * The collections of the power cut simulation in two versions of one program. The second adds an index to stored
 * documents, changes one, drops one, makes one unique, fills in a new field and registers a further collection.
 */
import { collection } from "kotobadb";
import type { Db } from "kotobadb";
import { z } from "zod";

/** Ten fields that may be missing: a thousand shapes of documents, each a structure of the codec. */
const maybe = z.number().optional();
const shapes = { a: maybe, b: maybe, c: maybe, d: maybe, e: maybe, f: maybe, g: maybe, h: maybe };

const account = {
  lane: z.number(),
  email: z.string(),
  handle: z.string().optional(),
  balance: z.number(),
  city: z.string(),
  tags: z.array(z.string()).default([]),
};
const order = {
  account: z.string(),
  open: z.boolean(),
  lines: z.array(z.object({ sku: z.string(), count: z.number(), note: z.string().optional() })),
};
const entry = { lane: z.number(), n: z.number(), ...shapes };

const uniqueAccounts = {
  byEmail: { on: ["email"], unique: true },
  byHandle: { on: ["lane", "-handle"], unique: true },
} as const;

export const versionOne = {
  accounts: collection("accounts", z.object(account), {
    indexes: {
      ...uniqueAccounts,
      byCity: ["city", "-balance"],
      byTag: ["tags[]"],
      perCity: { count: true, by: ["city"] },
      balances: { sum: "balance" },
    },
  }),
  orders: collection("orders", z.object(order), {
    indexes: { byAccount: ["account"], openOnes: { on: ["account"], where: { open: true } } },
  }),
  entries: collection("entries", z.object(entry)),
};

export const versionTwo = {
  accounts: collection("accounts", z.object({ ...account, grade: z.number().default(3) }), {
    indexes: {
      ...uniqueAccounts,
      byCity: { on: ["city"], include: ["balance"] },
      byGrade: ["-grade", "email"],
      perGrade: { count: true, by: ["grade"] },
      balances: { sum: "balance" },
    },
  }),
  orders: collection("orders", z.object(order), {
    indexes: {
      byAccount: ["account"],
      openOnes: { on: ["account"], where: { open: true } },
      bySku: ["lines[].sku"],
    },
  }),
  entries: collection("entries", z.object(entry), {
    indexes: { once: { on: ["lane", "n"], unique: true } },
  }),
  notes: collection("notes", z.object({ lane: z.number(), text: z.string() }), {
    indexes: { byText: ["text"] },
  }),
};

export type One = Db<typeof versionOne>;
export type Two = Db<typeof versionTwo>;
export type Version = 1 | 2;

export const collectionNames = ["accounts", "orders", "entries", "notes"] as const;
export type CollectionName = (typeof collectionNames)[number];
export type Stored = Readonly<Record<string, unknown>> & { readonly id: string };

/** What a document of the first version is in the second one. */
export function inVersion(version: Version, name: CollectionName, document: Stored): Stored {
  return version === 2 && name === "accounts" ? { grade: 3, ...document } : document;
}
