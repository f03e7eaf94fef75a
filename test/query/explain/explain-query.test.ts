/** What explain() says of estimates, advice and what a run did, as a picture (`vitest -u` writes it anew). */
import { expect, test } from "vitest";
import { z } from "zod";
import { collection } from "../../../src/collections/index.ts";
import {
  EVERY_DOCUMENT,
  explainQuery,
  withLimit,
  withOrderBy,
  withWhere,
} from "../../../src/query/index.ts";
import type { Explanation, QueryRequest } from "../../../src/query/index.ts";
import { withView } from "../../../src/transaction/index.ts";
import { TestDatabase } from "../../collections/test-database.ts";

const Orders = collection(
  "orders",
  z.object({
    state: z.enum(["open", "paid", "sent"]),
    city: z.string(),
    at: z.number(),
    amount: z.number(),
    lines: z.array(z.string()),
  }),
  {
    indexes: {
      byState: ["state"],
      byCityAt: ["city", "at"],
      byAt: ["at"],
      perState: { count: true, by: ["state"] },
    },
  },
);
const { definition } = Orders;
const COUNT = 3_000;

async function filled() {
  const store = await new TestDatabase().store(Orders);
  for (let first = 0; first < COUNT; first += 500)
    await store.insertMany(
      Array.from({ length: 500 }, (_, i) => first + i).map((n) => ({
        id: `o${String(n).padStart(5, "0")}`,
        state: n % 100 === 0 ? "open" : n % 2 === 0 ? "paid" : "sent",
        city: `City ${n % 3}`,
        at: n,
        amount: n * 2,
        lines: [],
      })),
    );
  return store;
}
const store = filled();

async function explained(request: QueryRequest, analyze: boolean): Promise<Explanation> {
  const { database, inner } = await store;
  const estimate = database.engine.estimateRows!.bind(database.engine);
  let now = 0;
  const nowMillis = (): number => (now += 2);
  return await withView(database.engine, (view) =>
    explainQuery(request, { view, store: inner, estimate, nowMillis }, { analyze }),
  );
}

const where = (filter: object): QueryRequest => withWhere(definition, EVERY_DOCUMENT, filter);
const first = (request: QueryRequest, field: string): QueryRequest =>
  withLimit(definition, withOrderBy(definition, request, field), 5);

const cases: Readonly<Record<string, QueryRequest>> = {
  "A small range: estimate and truth agree.": where({ state: "open" }),
  "A check that an index could save.": where({ state: "open", city: "City 0" }),
  "A range of many: all documents are read, and cells would count.": where({
    city: { in: ["City 0", "City 1", "City 2"] },
  }),
  "Counted by cells already.": where({ state: "paid" }),
  "No index: what would help.": where({ amount: 7 }),
  "An order that no index gives.": withOrderBy(definition, where({ state: "open" }), "amount"),
  "The first ones in an order, found soon.": first(where({ state: "paid" }), "at"),
  "The first ones in an order, looked for in vain.": first(where({ amount: -1 }), "at"),
  "A union.": where({ OR: [{ state: "open" }, { at: { lt: 20 } }] }),
};

test("explanations, analyzed", async () => {
  const pictures: string[] = [];
  for (const [about, request] of Object.entries(cases)) {
    const { actual, advice, estimate, text } = await explained(request, true);
    const figures = JSON.stringify({ estimate, actual, advice });
    pictures.push(`# ${about}\n${text}\n---- ${figures}\n`);
  }
  await expect(pictures.join("\n")).toMatchFileSnapshot("./explain-query.golden.txt");
});

test("a plan that may be given up explains the other one too, and parts of a union their rows", async () => {
  const { estimate, instead } = await explained(
    cases["The first ones in an order, looked for in vain."]!,
    false,
  );
  expect(estimate).toBe(COUNT);
  expect(instead).toMatchObject({ plan: { kind: "scan", estimate: COUNT, sort: "memory" } });
  expect(instead!.afterKeys).toBeLessThan(COUNT);
  const union = await explained(cases["A union."]!, false);
  expect(union.parts?.map((part) => part.estimate)).toEqual([30, 20]);
  expect(union.estimate).toBe(50);
  expect(union.actual).toBe(undefined);
});

test("without an engine that estimates, nothing is estimated, and counts are not advised on", async () => {
  const { database, inner } = await store;
  const explanation = await withView(database.engine, (view) =>
    explainQuery(where({ city: "City 1" }), { view, store: inner }),
  );
  expect(explanation).toMatchObject({ kind: "index", index: "byCityAt" });
  expect("estimate" in explanation || "advice" in explanation).toBe(false);
});

test("an index that is there in part, or with more fields, is not advised", async () => {
  const ranged = await explained(
    where({ city: "City 1", at: { lt: 5 }, amount: { ne: 3 } }),
    false,
  );
  expect(ranged.residual).toEqual(["not (amount = 3)"]);
  expect(ranged.advice).toBe(undefined);
});
