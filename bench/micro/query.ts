/**
 * What queries cost: `npx tsx bench/micro/query.ts [memory|lsm]`. Figures only; nothing is asserted.
 *
 * 50,000 documents of ten fields, about 180 bytes each, in the engine named (default: the local engine in a temporary
 * folder). Rows a second are those of results; planning is choosePlan alone.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { Catalog, CollectionStore, collection } from "../../src/collections/index.ts";
import type { StorageEngine } from "../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import {
  EVERY_DOCUMENT,
  allRows,
  countRows,
  firstRow,
  pageOfRows,
  planFor,
  planText,
  withLimit,
  withOrderBy,
  withSelect,
  withWhere,
} from "../../src/query/index.ts";
import type { QueryContext, QueryRequest } from "../../src/query/index.ts";
import { transact, withView } from "../../src/transaction/index.ts";
import type { TransactionHost } from "../../src/transaction/index.ts";
import { nodeTimers } from "../../src/engine/lsm/host/index.ts";

const DOCUMENTS = 50_000;
const BATCH = 1_000;

const People = collection(
  "people",
  z.object({
    email: z.string(),
    name: z.string(),
    age: z.number(),
    city: z.string(),
    country: z.string(),
    active: z.boolean(),
    joined: z.date(),
    score: z.number(),
    note: z.string(),
    tags: z.array(z.string()),
  }),
  {
    indexes: {
      byEmail: { on: ["email"], unique: true },
      byAge: ["age"],
      byCityJoined: ["city", "-joined"],
      byCountryJoined: ["country", "joined"],
      byTag: ["tags[]"],
    },
  },
);
const { definition } = People;

const host: TransactionHost = {
  nowMillis: () => performance.now(),
  random: Math.random,
  ...nodeTimers,
  report: (error) => console.error(error),
};

async function filled(engine: StorageEngine): Promise<CollectionStore> {
  const catalog = new Catalog({
    engine,
    transactionHost: host,
    nowMillis: () => Date.now(),
    randomFill: (target) => void crypto.getRandomValues(target),
  });
  const store = new CollectionStore(catalog, definition);
  await store.ready();
  for (let first = 0; first < DOCUMENTS; first += BATCH) {
    const inputs = Array.from({ length: BATCH }, (_, i) => person(first + i));
    await transact(host, engine, (tx) => store.insertMany(tx, inputs), { durability: "memory" });
  }
  return store;
}

function person(n: number): object {
  return {
    email: `person${n}@example.org`,
    name: `Person number ${n}`,
    age: (n * 7919) % 90,
    city: `City ${(n * 31) % 50}`,
    country: ["NO", "JP", "AT", "FR"][n % 4],
    active: n % 3 === 0,
    joined: new Date(1.6e12 + ((n * 104_729) % 1_000_000) * 1_000),
    score: n / 7,
    note: "some words that are stored and not asked for",
    tags: [`t${n % 20}`, `u${n % 7}`],
  };
}

const where = (filter: object): QueryRequest => withWhere(definition, EVERY_DOCUMENT, filter);
const newest = withOrderBy(definition, where({ city: "City 7" }), "joined", "desc");
const alternatives = where({ OR: [{ city: "City 7" }, { country: "NO" }] });
const either = withOrderBy(definition, alternatives, "joined", "desc");

interface Measure {
  readonly name: string;
  /** How many rows one run gives; absent: all of the request. */
  readonly rows?: number;
  readonly request: QueryRequest;
  readonly run: (request: QueryRequest, context: QueryContext) => unknown;
}
const measures: readonly Measure[] = [
  { name: "all documents", request: EVERY_DOCUMENT, run: allRows },
  { name: "index range, documents", request: where({ age: { gte: 30, lt: 60 } }), run: allRows },
  {
    name: "index range, covered",
    request: withSelect(definition, where({ age: { gte: 30, lt: 60 } }), ["id", "age"]),
    run: allRows,
  },
  { name: "index range, count", request: where({ age: { gte: 30, lt: 60 } }), run: countRows },
  { name: "list element, documents", request: where({ tags: { has: "t3" } }), run: allRows },
  {
    name: "list elements, each once",
    request: where({ tags: { hasAny: ["t3", "t4", "u1"] } }),
    run: allRows,
  },
  {
    name: "full scan, one in 50",
    request: where({ note: { exists: true }, name: { startsWith: "Person number 49" } }),
    run: allRows,
  },
  {
    name: "full scan, sorted, best 20",
    request: withLimit(definition, withOrderBy(definition, EVERY_DOCUMENT, "name"), 20),
    run: allRows,
  },
  { name: "in order, 20 rows", request: withLimit(definition, newest, 20), run: allRows },
  { name: "one of two, 20 in order", request: withLimit(definition, either, 20), run: allRows },
  {
    name: "page of 20",
    rows: 20,
    request: newest,
    run: (request, context) => pageOfRows(request, context, { size: 20 }),
  },
  {
    name: "unique index, first()",
    request: where({ email: "person777@example.org" }),
    run: firstRow,
  },
];

async function main(kind: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "kotoba-query-"));
  const engine = kind === "memory" ? new MemoryEngine() : await openLsmEngine({ path: folder });
  try {
    const store = await filled(engine);
    console.log(`${engine.name}, ${DOCUMENTS} documents`);
    for (const each of measures) await measure(each, engine, store);
  } finally {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(
  { name, request, run, rows: given }: Measure,
  engine: StorageEngine,
  store: CollectionStore,
): Promise<void> {
  const once = (): unknown => withView(engine, (view) => run(request, { view, store }));
  const rows = given ?? (await withView(engine, (view) => countRows(request, { view, store })));
  const micros = await best(once);
  const planning = await best(() => planFor(request, { store }));
  const rate = rows > 1 ? `${Math.round((rows / micros) * 1e6).toLocaleString("en")} rows/s` : "";
  const [access] = planText(planFor(request, { store })).split("\n");
  console.log(
    name.padEnd(27),
    `${rows} rows`.padStart(12),
    `${micros.toFixed(1)} µs`.padStart(14),
    rate.padStart(18),
    `  plan ${planning.toFixed(1)} µs`.padEnd(17),
    access,
  );
}

/** µs of one run: the best of some rounds, each of at least 20 ms. */
async function best(work: () => unknown): Promise<number> {
  let least = Infinity;
  let runs = 1;
  for (let round = 0; round < 12; round++) {
    const start = performance.now();
    for (let i = 0; i < runs; i++) {
      const result = work();
      if (result instanceof Promise) await result;
    }
    const millis = performance.now() - start;
    least = Math.min(least, (millis * 1_000) / runs);
    if (millis < 20) runs = Math.ceil((runs * 25) / Math.max(millis, 0.5));
  }
  return least;
}

await main(process.argv[2] ?? "lsm");
