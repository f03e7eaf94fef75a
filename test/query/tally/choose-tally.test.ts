/** Which cells answer, as a picture (`vitest -u` writes it anew), and what explain() says of it. */
import { expect, test } from "vitest";
import { z } from "zod";
import { InvalidQuery, collection, parsePath } from "../../../src/collections/index.ts";
import {
  EVERY_DOCUMENT,
  chooseTally,
  countRows,
  explainQuery,
  hasRows,
  withIndex,
  withLimit,
  withOrderBy,
  withPredicate,
  withWhere,
} from "../../../src/query/index.ts";
import type { QueryContext, QueryRequest, TallyQuestion } from "../../../src/query/index.ts";
import type { ReadView } from "../../../src/engine/contract/index.ts";
import { withView } from "../../../src/transaction/index.ts";
import { TestDatabase } from "../../collections/test-database.ts";

const Users = collection(
  "users",
  z.object({
    role: z.enum(["admin", "member"]),
    city: z.string(),
    age: z.number().optional(),
    active: z.boolean(),
    tags: z.array(z.string()),
    spent: z.number(),
  }),
  {
    indexes: {
      byRole: ["role"],
      everyone: { count: true },
      perCityAge: { count: true, by: ["city", "age"] },
      perRole: { count: true, by: ["role"] },
      activePerRole: { count: true, by: ["role"], where: { active: true } },
      spentPerCity: { sum: "spent", by: ["city"] },
    },
  },
);
const { inner: store } = await new TestDatabase().store(Users);
const { definition } = store;
const target = { definition, layout: store.layout() };
const where = (filter: object): QueryRequest => withWhere(definition, EVERY_DOCUMENT, filter);

const filters: Readonly<Record<string, object>> = {
  "No filter: the count of all documents.": {},
  "An equality names a group.": { role: "admin" },
  "So does a list, for several.": { role: { in: ["admin", "member"] } },
  "An index with one field stands before one with two.": { city: "Oslo" },
  "Both fields.": { city: "Oslo", age: 5 },
  "A range of groups.": { city: { startsWith: "O" } },
  "A field in the middle of a list of ranges.": { city: { in: ["Oslo", "Rome"] }, age: { gt: 5 } },
  "The filter of a partial index is asked for.": { role: "admin", active: true },
  "A part of what is not asked for would be too few.": { role: "admin", active: false },
  "What is no field of groups is counted from documents.": { role: "admin", tags: { has: "x" } },
  "A field behind one that is free is no range of groups.": { age: 5 },
  "What nothing fits needs no cells.": { AND: [{ role: "admin" }, { role: "member" }] },
};

test("the cells that answer", async () => {
  const pictures = await withView(new TestDatabase().engine, (view) =>
    Object.entries(filters).map(([about, filter]) => {
      const explained = explainQuery(where(filter), { store, view }) as { readonly text: string };
      return `# ${about}\nwhere    ${JSON.stringify(filter)}\n----\n${explained.text}\n`;
    }),
  );
  await expect(pictures.join("\n")).toMatchFileSnapshot("./choose-tally.golden.txt");
});

test("explain says the index and the groups", async () => {
  const explained = await withView(new TestDatabase().engine, (view) =>
    explainQuery(where({ role: { in: ["admin", "member"] } }), { store, view }),
  );
  expect(explained.count).toEqual({
    index: "perRole",
    bounds: ['role = "admin"', 'role = "member"'],
  });
});

test("explain says whose sums are in cells, where the groups fit the condition", async () => {
  const sumsOf = async (filter: object): Promise<unknown> =>
    withView(new TestDatabase().engine, async (view) => {
      const { sums } = await explainQuery(where(filter), { store, view });
      return sums;
    });
  expect(await sumsOf({ city: "Oslo" })).toEqual({
    spent: { index: "spentPerCity", bounds: ['city = "Oslo"'] },
  });
  expect(await sumsOf({})).toEqual({ spent: { index: "spentPerCity", bounds: ["everything"] } });
  expect(await sumsOf({ role: "admin" })).toBe(undefined);
});

test("a limit, a JavaScript condition and an index that the caller names are not answered by cells", () => {
  const all = where({ role: "admin" });
  expect(chooseTally(all, target)).toBeDefined();
  expect(chooseTally(withLimit(definition, all, 5), target)).toBeUndefined();
  expect(
    chooseTally(
      withPredicate(all, () => true),
      target,
    ),
  ).toBeUndefined();
  expect(
    chooseTally(withIndex(definition, EVERY_DOCUMENT, "byRole", ["admin"]), target),
  ).toBeUndefined();
  // The order of what is counted does not matter.
  expect(chooseTally(withOrderBy(definition, all, "age"), target)?.tally.name).toBe("perRole");
});

test("a sum is answered by its own index, and groups by one that is as fine or finer", () => {
  const path = (text: string) => parsePath(text)!;
  const chosen = (filter: object, question: TallyQuestion) =>
    chooseTally(where(filter), target, question)?.tally.name;
  expect(chosen({}, { sum: path("spent") })).toBe("spentPerCity");
  expect(chosen({ city: "Oslo" }, { sum: path("spent") })).toBe("spentPerCity");
  expect(chosen({ role: "admin" }, { sum: path("spent") })).toBeUndefined();
  expect(chosen({}, { sum: path("age") })).toBeUndefined();
  expect(chosen({}, { groupBy: [path("city")] })).toBe("spentPerCity");
  expect(chosen({}, { groupBy: [path("age"), path("city")] })).toBe("perCityAge");
  expect(chosen({ role: "admin" }, { groupBy: [path("city")] })).toBeUndefined();
});

test("an index that counts is no index to scan", () => {
  for (const name of ["everyone", "perRole", "spentPerCity"]) {
    const scan = () => withIndex(definition, EVERY_DOCUMENT, name, []);
    expect(scan).toThrow(InvalidQuery);
    expect(scan).toThrow(/counts or sums and has no entries to scan/);
  }
  expect(() => withIndex(definition, EVERY_DOCUMENT, "nope", [])).toThrow(/there is no index/);
});

test("a count that cells answer reads no document and no entry, whatever the rule for full scans", async () => {
  const database = new TestDatabase();
  const users = await database.store(Users);
  const user = { role: "admin", city: "Oslo", active: true, tags: [], spent: 1 };
  await users.insertMany([user, user, { ...user, role: "member" }]);
  await withView(database.engine, async (view) => {
    const refuse = () => {
      throw new Error("only cells are read");
    };
    const few: ReadView = {
      get: refuse,
      read: refuse,
      getMany: (keys) => view.getMany(keys),
      scan: refuse,
      scanMany: refuse,
      scanRefs: refuse,
    };
    const context: QueryContext = { view: few, store: users.inner, fullScan: "error" };
    expect(await countRows(where({ role: "admin" }), context)).toBe(2);
    expect(await countRows(EVERY_DOCUMENT, context)).toBe(3);
    expect(await countRows(where({ city: { in: ["Oslo", "Rome"] } }), context)).toBe(3);
    // One row is found sooner than a count that others may be changing.
    expect(() => hasRows(where({ role: "admin" }), context)).toThrow("only cells are read");
  });
});
