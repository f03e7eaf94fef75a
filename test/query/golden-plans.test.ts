/** Plans as pictures: each file is a theme; read the diff when one changes (`vitest -u` writes them anew). */
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";
import { compareBytes } from "../../src/base/index.ts";
import { collection } from "../../src/collections/index.ts";
import type { CollectionDefinition, CollectionLayout } from "../../src/collections/index.ts";
import {
  EVERY_DOCUMENT,
  planFor,
  planText,
  withIndex,
  withIndexBound,
  withLimit,
  withOrderBy,
  withPredicate,
  withReverse,
  withSelect,
  withWhere,
} from "../../src/query/index.ts";
import type { BoundOp, Estimate, QueryRequest } from "../../src/query/index.ts";
import { TestDatabase } from "../collections/test-database.ts";

const Users = collection(
  "users",
  z.object({
    email: z.string(),
    name: z.string(),
    age: z.number().optional(),
    role: z.enum(["admin", "member"]),
    active: z.boolean(),
    city: z.string(),
    address: z.object({ country: z.string(), zip: z.number().nullable() }),
    tags: z.array(z.string()),
    orders: z.array(z.object({ sku: z.string(), count: z.number() })),
    joined: z.date(),
    score: z.bigint(),
  }),
  {
    indexes: {
      byEmail: { on: ["email"], unique: true },
      byCityAge: ["city", "age"],
      byCityJoined: ["city", "-joined"],
      byAge: ["age"],
      byJoined: ["-joined"],
      byCountryZip: ["address.country", "address.zip"],
      byTag: ["tags[]"],
      byRoleTag: ["role", "tags[]"],
      bySku: ["orders[].sku"],
      admins: { on: ["joined"], where: { role: "admin" } },
      byScore: { on: ["score"], include: ["name", "age"] },
      byRoleActive: ["role", "active", "name"],
    },
  },
);

interface Case {
  readonly about: string;
  readonly where?: object;
  readonly orderBy?: readonly string[];
  readonly reverse?: true;
  readonly limit?: number;
  readonly select?: readonly string[];
  readonly filter?: () => boolean;
  /** The index's name, then values of its leading fields. */
  readonly index?: readonly [name: string, ...prefix: unknown[]];
  readonly bound?: readonly (readonly [op: BoundOp, value: unknown])[];
  /** What the engine says of each range, by the index that it is of. Absent: it says nothing. */
  readonly rows?: Readonly<Record<string, number>>;
}

/** Says the same of every range of an index, or of documents. */
function estimateOf(layout: CollectionLayout, rows: Case["rows"]): Estimate | undefined {
  if (rows === undefined) return undefined;
  return ({ start }) => {
    const begins = (prefix: Uint8Array): boolean =>
      compareBytes(start.subarray(0, prefix.length), prefix) === 0;
    const index = layout.indexes.find(({ prefix }) => begins(prefix));
    const name = index === undefined ? "documents" : index.name;
    const told = rows[name];
    if (told === undefined) throw new Error(`nobody should ask for ${name}`);
    return told;
  };
}

function requestOf(definition: CollectionDefinition, asked: Case): QueryRequest {
  let request = EVERY_DOCUMENT;
  if (asked.index !== undefined) {
    const [name, ...prefix] = asked.index;
    request = withIndex(definition, request, name, prefix);
  }
  for (const [op, value] of asked.bound ?? [])
    request = withIndexBound(definition, request, op, value);
  if (asked.where !== undefined) request = withWhere(definition, request, asked.where);
  if (asked.filter !== undefined) request = withPredicate(request, asked.filter);
  for (const text of asked.orderBy ?? [])
    request = withOrderBy(
      definition,
      request,
      text.replace("-", ""),
      text[0] === "-" ? "desc" : "asc",
    );
  if (asked.reverse === true) request = withReverse(request);
  if (asked.limit !== undefined) request = withLimit(definition, request, asked.limit);
  if (asked.select !== undefined) request = withSelect(definition, request, asked.select);
  return request;
}

function questionText({ about, filter, ...asked }: Case): string {
  const parts = Object.entries(asked).map(
    ([name, value]) =>
      `${name.padEnd(8)} ${inspect(value, { depth: 9, breakLength: Infinity }).replaceAll(/\s+/g, " ")}`,
  );
  if (filter !== undefined) parts.push("filter   (a JavaScript condition)");
  return [`# ${about}`, ...parts].join("\n");
}

async function picture(cases: readonly Case[]): Promise<string> {
  const { inner } = await new TestDatabase().store(Users);
  const pictures = cases.map((asked) => {
    const estimate = estimateOf(inner.layout(), asked.rows);
    const plan = planFor(requestOf(inner.definition, asked), { store: inner, estimate });
    return `${questionText(asked)}\n----\n${planText(plan)}\n`;
  });
  return pictures.join("\n");
}

const ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const day = new Date("2026-11-22");

const themes: Readonly<Record<string, readonly Case[]>> = {
  "by-id": [
    { about: "One id is read directly.", where: { id: ulid } },
    {
      about: "So are several, in the order of ids: ULIDs before others.",
      where: { id: { in: ["a", ulid, "0"] } },
      orderBy: ["id"],
    },
    { about: "The rest of the filter is checked.", where: { id: ulid, city: "Oslo" } },
    {
      about: "A range of strings is two ranges of ids: among ULIDs and among others.",
      where: { id: { gte: "01", lt: "02" } },
    },
    { about: "The order of ids is that of the documents.", orderBy: ["-id"], limit: 3 },
    {
      about: "Ids that contradict each other are nothing.",
      where: { AND: [{ id: "a" }, { id: "b" }] },
    },
  ],
  equality: [
    { about: "A unique index finds its document.", where: { email: "a@x.org" } },
    {
      about: "It stands before an index with more to check.",
      where: { email: "a@x.org", city: "Oslo", age: 3 },
    },
    {
      about: "Two equalities on one compound index become one range.",
      where: { city: "Oslo", age: 30 },
    },
    {
      about: "A list is several ranges.",
      where: { city: { in: ["Rome", "Oslo"] }, age: { in: [1, 2] } },
    },
    { about: "OR on one field is a list.", where: { OR: [{ city: "Oslo" }, { city: "Rome" }] } },
    { about: "null is one value: null or missing.", where: { city: "Oslo", age: null } },
    { about: "Nested fields.", where: { address: { country: "NO", zip: 150 } } },
    { about: "What the index does not answer is checked.", where: { city: "Oslo", name: "Ada" } },
    {
      about: "Conditions that contradict each other are nothing.",
      where: { AND: [{ age: { gt: 5 } }, { age: { lt: 5 } }] },
    },
    { about: "in of nothing is nothing.", where: { city: { in: [] } } },
    {
      about: "More equal fields are better than fewer.",
      where: { role: "admin", active: true, city: "Oslo" },
    },
  ],
  ranges: [
    { about: "A range stays in its type: no missing age.", where: { age: { gte: 18 } } },
    { about: "Both ends, one exclusive.", where: { age: { gte: 18, lt: 30 } } },
    { about: "Bounds that leave one value are an equality.", where: { age: { gte: 18, lte: 18 } } },
    { about: "A range after an equality.", where: { city: "Oslo", age: { gt: 18 } } },
    { about: "A prefix of strings.", where: { city: { startsWith: "Os" } } },
    { about: "Fields after a range are checked.", where: { city: { gte: "M" }, age: 3 } },
    { about: "A descending field.", where: { joined: { gte: day } } },
    { about: "Bigints.", where: { score: { lt: 10n } } },
    { about: "Not equal alone chooses no index.", where: { age: { ne: 5 } } },
    { about: "But it narrows one that is chosen.", where: { city: "Oslo", age: { ne: 5 } } },
    { about: "What exists is a range.", where: { age: { exists: true } } },
    {
      about: "NOT of a comparison takes what is missing too.",
      where: { city: "Oslo", NOT: { age: { gte: 18 } } },
    },
  ],
  order: [
    {
      about: "The index's order, after its equal field.",
      where: { city: "Oslo" },
      orderBy: ["age"],
    },
    { about: "The same backwards.", where: { city: "Oslo" }, orderBy: ["-age"] },
    {
      about: "A descending field forwards.",
      where: { city: "Oslo" },
      orderBy: ["-joined"],
      limit: 20,
    },
    {
      about: "reverse turns the order.",
      where: { city: "Oslo" },
      orderBy: ["-joined"],
      reverse: true,
    },
    {
      about: "An equal field in the order decides nothing.",
      where: { city: "Oslo" },
      orderBy: ["city", "age"],
    },
    {
      about:
        "Where all fields are equal the order is that of ids, which lie as the last field does.",
      where: { city: "Oslo", joined: day },
      orderBy: ["joined"],
    },
    {
      about: "A list of cities comes in the order of the index.",
      where: { city: { in: ["Oslo", "Rome"] } },
      orderBy: ["city", "age"],
    },
    {
      about: "The field behind it orders each city: they are merged, as far as a limit goes.",
      where: { city: { in: ["Oslo", "Rome"] } },
      orderBy: ["age"],
      limit: 5,
    },
    {
      about: "Without a limit all would be read anyway.",
      where: { city: { in: ["Oslo", "Rome"] } },
      orderBy: ["age"],
    },
    {
      about: "A merge backwards, of what a range leaves of each city, with more to check.",
      where: { city: { in: ["Oslo", "Rome"] }, age: { gte: 18 }, active: true },
      orderBy: ["-age"],
      limit: 5,
    },
    {
      about: "Elements are merged in the order of ids.",
      where: { tags: { hasAny: ["math", "art"] } },
      orderBy: ["id"],
      limit: 5,
    },
    {
      about: "Lists multiply.",
      where: { role: { in: ["admin", "member"] }, active: { in: [true, false] } },
      orderBy: ["name"],
      limit: 5,
    },
    { about: "With a limit the order alone chooses an index.", orderBy: ["-joined"], limit: 10 },
    { about: "Without one, all documents are read and sorted.", orderBy: ["-joined"] },
    {
      about: "A range is preferred to the order of another index.",
      where: { age: { gt: 18 } },
      orderBy: ["joined"],
      limit: 10,
    },
    { about: "Part of an index's fields is not its order.", orderBy: ["city"], limit: 10 },
    {
      about: "Without an order, reverse turns the scan.",
      where: { city: "Oslo", age: 3 },
      reverse: true,
    },
    { about: "No rows are nothing to read.", where: { city: "Oslo" }, limit: 0 },
  ],
  lists: [
    { about: "An element of a list.", where: { tags: { has: "math" } } },
    {
      about: "One of several: a document may have more of them.",
      where: { tags: { hasAny: ["art", "math"] } },
    },
    {
      about: "All of several: one by the index, the others checked.",
      where: { tags: { hasAll: ["art", "math"] } },
    },
    { about: "An equality before the element.", where: { role: "admin", tags: { has: "math" } } },
    { about: "Without an element the index could miss empty lists.", where: { role: "admin" } },
    {
      about: "What lists lack is asked of the documents.",
      where: { NOT: { tags: { has: "math" } } },
    },
    { about: "An element that is an object.", where: { orders: { some: { sku: "A-1" } } } },
    {
      about: "More about the same element is checked.",
      where: { orders: { some: { sku: "A-1", count: { gt: 2 } } } },
    },
    { about: "A range of elements.", where: { orders: { some: { sku: { startsWith: "A" } } } } },
    { about: "hasAny of nothing is nothing.", where: { tags: { hasAny: [] } } },
  ],
  unions: [
    {
      about: "Each branch has its index.",
      where: { OR: [{ email: "a@x.org" }, { tags: { has: "math" } }] },
    },
    {
      about: "What must hold besides is checked in each.",
      where: { active: true, OR: [{ email: "a@x.org" }, { age: 3, name: "Ada" }] },
    },
    {
      about: "Each branch is in the order: they are merged, as far as a limit goes.",
      where: { OR: [{ city: "Oslo" }, { role: "admin" }] },
      orderBy: ["joined"],
      limit: 5,
    },
    {
      about: "One document is in every order.",
      where: { OR: [{ id: "a" }, { email: "a@x.org" }, { city: "Oslo" }] },
      orderBy: ["age"],
      limit: 5,
    },
    {
      about: "A branch may be a range in the order, or a list that is merged.",
      where: { OR: [{ age: { lt: 18 } }, { city: { in: ["Oslo", "Rome"] }, name: "Ada" }] },
      orderBy: ["-age"],
      limit: 5,
    },
    {
      about: "Without a limit all would be read anyway.",
      where: { OR: [{ city: "Oslo" }, { role: "admin" }] },
      orderBy: ["joined"],
    },
    {
      about: "One branch that has no index in the order spoils it.",
      where: { OR: [{ city: "Oslo" }, { tags: { has: "math" } }] },
      orderBy: ["joined"],
      limit: 5,
    },
    {
      about: "No documents are read where the entries of all branches answer.",
      where: { OR: [{ city: "Oslo" }, { city: "Rome", joined: { gte: day } }] },
      orderBy: ["joined"],
      limit: 5,
      select: ["city", "joined"],
    },
    {
      about: "One branch without an index spoils it.",
      where: { OR: [{ email: "a@x.org" }, { name: "Ada" }] },
    },
    {
      about: "A bounded index that answers the rest is no worse.",
      where: { city: "Oslo", OR: [{ age: 3 }, { name: "Ada" }] },
    },
    {
      about: "A branch that cannot hold is left out.",
      where: { OR: [{ email: "a@x.org" }, { AND: [{ age: 3 }, { age: 4 }] }] },
    },
  ],
  partial: [
    {
      about: "The filter asks for the index's part, which needs no check.",
      where: { role: "admin", joined: { gte: day } },
    },
    {
      about: "The part alone is reason enough, if nothing is better.",
      where: { role: "admin", name: "Ada" },
      orderBy: ["joined"],
    },
    { about: "Without the part it could miss documents.", where: { joined: { gte: day } } },
  ],
  covered: [
    {
      about: "All that is selected stands in the key.",
      where: { city: "Oslo" },
      orderBy: ["-joined"],
      select: ["city", "joined", "id"],
    },
    {
      about: "An age may be missing, which the key does not tell from null.",
      where: { city: "Oslo" },
      select: ["city", "age"],
    },
    {
      about: "Included fields are stored as they are.",
      where: { score: { gt: 5n } },
      select: ["score", "name", "age"],
    },
    {
      about: "What is checked stands in the entry too.",
      where: { score: { gt: 5n }, age: { ne: 3 } },
      select: ["name"],
    },
    {
      about: "A field more, and the documents are read.",
      where: { score: { gt: 5n } },
      select: ["name", "city"],
    },
  ],
  "named-index": [
    { about: "All of an index, in its order.", index: ["byCityAge"] },
    { about: "Values for its first fields.", index: ["byCityAge", "Oslo"] },
    {
      about: "Bounds for the next.",
      index: ["byCityAge", "Oslo"],
      bound: [
        ["gte", 18],
        ["lt", 30],
      ],
    },
    { about: "A prefix of strings.", index: ["byCityAge"], bound: [["startsWith", "Os"]] },
    {
      about: "The filter narrows it further.",
      index: ["byCityAge", "Oslo"],
      where: { age: { gt: 3 }, name: "Ada" },
    },
    {
      about: "A bound of elements is none of the filter's.",
      index: ["byTag"],
      bound: [["gte", "m"]],
      where: { tags: { has: "art" } },
    },
    {
      about: "Another order is sorted.",
      index: ["byCityAge", "Oslo"],
      orderBy: ["name"],
      limit: 3,
    },
  ],
  "full-scan": [
    { about: "All documents, as asked." },
    { about: "A filter without an index.", where: { name: "Ada" } },
    {
      about: "The suggestion: equal fields, then the order.",
      where: { name: "Ada", active: true },
      orderBy: ["-score"],
      limit: 3,
    },
    {
      about: "The suggestion: equal fields, then a range.",
      where: { active: true, name: { startsWith: "A" } },
    },
    { about: "A suggestion for each branch.", where: { OR: [{ name: "Ada" }, { active: true }] } },
    { about: "JavaScript conditions are helped by nothing.", filter: () => true },
    {
      about: "JavaScript conditions behind an index.",
      where: { city: "Oslo" },
      filter: () => true,
      select: ["city"],
    },
    { about: "An order and a limit without an index.", orderBy: ["name"], limit: 2 },
  ],
  estimates: [
    {
      about: "Ranges are merged where that reads less than a smaller index.",
      where: { city: { in: ["Oslo", "Rome"] }, tags: { has: "math" } },
      orderBy: ["age"],
      limit: 5,
      rows: {
        documents: 100_000,
        byCityAge: 1_000,
        byCityJoined: 1_000,
        byAge: 100_000,
        byTag: 1_000,
      },
    },
    {
      about: "Not where the smaller one is read as fast.",
      where: { city: { in: ["Oslo", "Rome"] }, tags: { has: "math" } },
      orderBy: ["age"],
      limit: 100,
      rows: {
        documents: 100_000,
        byCityAge: 40_000,
        byCityJoined: 40_000,
        byAge: 100_000,
        byTag: 100,
      },
    },
    {
      about: "Of two indexes the one with fewer rows, whatever the order of declaration.",
      where: { city: "Oslo", age: { gt: 18 }, score: { gt: 5n } },
      rows: {
        byCityAge: 4_000,
        byCityJoined: 9_000,
        byAge: 60_000,
        byScore: 30,
        documents: 100_000,
      },
    },
    {
      about: "About the same: the laws decide.",
      where: { city: "Oslo", score: { gt: 5n } },
      rows: { byCityAge: 5_000, byCityJoined: 4_800, byScore: 4_600, documents: 100_000 },
    },
    {
      about: "Few rows are not weighed any further.",
      where: { city: "Oslo", score: { gt: 5n } },
      rows: { byCityAge: 8 },
    },
    {
      about: "Nor is a single index with some rows.",
      where: { age: { gt: 3 } },
      rows: { byAge: 256 },
    },
    {
      about:
        "A range that holds nearly all documents is not worth its index; that is no full scan.",
      where: { age: { gt: 3 } },
      rows: { byAge: 90_000, documents: 100_000 },
    },
    {
      about: "It is where the index alone answers.",
      where: { score: { gt: 5n } },
      select: ["score", "name"],
      rows: { byScore: 90_000, documents: 100_000 },
    },
    {
      about: "Unique keys and ids are never weighed.",
      where: { email: "a@x.org", city: "Oslo" },
      rows: {},
    },
    {
      about: "Nor is what reads no more than its limit.",
      where: { city: "Oslo" },
      orderBy: ["age"],
      limit: 10,
      rows: {},
    },
    {
      about: "Many that fit: the order's index soon finds the first ones, and is given up in time.",
      where: { age: { gt: 18 } },
      orderBy: ["joined"],
      limit: 10,
      rows: { byAge: 40_000, byJoined: 100_000, documents: 100_000 },
    },
    {
      about: "Few that fit: they are sorted.",
      where: { age: { gt: 18 } },
      orderBy: ["joined"],
      limit: 10,
      rows: { byAge: 300, byJoined: 100_000, documents: 100_000 },
    },
    {
      about: "The newest documents, by their ids.",
      where: { city: "Oslo" },
      orderBy: ["-id"],
      limit: 10,
      rows: { byCityAge: 50_000, byCityJoined: 50_000, documents: 100_000 },
    },
    {
      about: "No index answers: the order's index is given up for one pass through all documents.",
      where: { name: "Ada" },
      orderBy: ["joined"],
      limit: 10,
      rows: { documents: 100_000 },
    },
    {
      about: "All in an order: sorted, for an index would read more.",
      orderBy: ["joined"],
      rows: { byJoined: 90_000, documents: 90_000 },
    },
    {
      about: "Too many to be kept while they are sorted: the index reads less than reading twice.",
      orderBy: ["joined"],
      rows: { byJoined: 500_000, documents: 500_000 },
    },
    {
      about: "A union of small ranges.",
      where: { OR: [{ age: 3 }, { score: 5n }] },
      rows: { byAge: 20, byScore: 30, documents: 100_000 },
    },
    {
      about: "A union that reads nearly everything.",
      where: { OR: [{ age: { gt: 3 } }, { score: 5n }] },
      rows: { byAge: 80_000, byScore: 30, documents: 100_000 },
    },
    {
      about: "A union in order, which may end at its limit, and another that is small.",
      where: { OR: [{ city: "Oslo" }, { role: "admin" }], score: 5n },
      orderBy: ["joined"],
      limit: 5,
      rows: {
        byCityAge: 900,
        byCityJoined: 900,
        byAge: 100_000,
        byRoleActive: 40_000,
        admins: 40_000,
        byScore: 2_000,
        byJoined: 100_000,
        documents: 100_000,
      },
    },
    {
      about: "A union in order, of which a little is read.",
      where: { OR: [{ city: "Oslo" }, { role: "admin" }] },
      orderBy: ["joined"],
      limit: 20,
      rows: {
        byCityAge: 2_500,
        byCityJoined: 2_500,
        byRoleActive: 2_500,
        admins: 2_500,
        byJoined: 100_000,
        documents: 100_000,
      },
    },
    {
      about: "The better index in each branch.",
      where: { OR: [{ city: "Oslo", score: 5n }, { email: "a@x.org" }] },
      rows: { byCityAge: 5_000, byCityJoined: 5_000, byScore: 20, byEmail: 1, documents: 100_000 },
    },
  ],
};

for (const [theme, cases] of Object.entries(themes)) {
  test(`plans, ${theme}`, async () => {
    await expect(await picture(cases)).toMatchFileSnapshot(`./golden/${theme}.golden.txt`);
  });
}
