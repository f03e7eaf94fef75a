/**
 * What the planner's costs are in truth: `npx tsx bench/micro/planner.ts [memory|lsm]`. Figures only; nothing is asserted.
 *
 * First the units of weigh/weigh-ways.ts: what a row costs by each way of reading, against a document of a scan in the
 * order of keys that is checked and left out. Then what an estimate and a planning take. Then queries that the laws alone
 * plan badly: by the laws, with estimates, and by reading everything.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { Catalog, CollectionStore, collection } from "../../src/collections/index.ts";
import type { StorageEngine } from "../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import { nodeTimers } from "../../src/engine/lsm/host/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import {
  EVERY_DOCUMENT,
  allRows,
  planFor,
  withIndex,
  withLimit,
  withOrderBy,
  withPredicate,
  withSelect,
  withWhere,
} from "../../src/query/index.ts";
import type { Estimate, QueryContext, QueryRequest } from "../../src/query/index.ts";
import { transact, withView } from "../../src/transaction/index.ts";
import type { TransactionHost } from "../../src/transaction/index.ts";

const DOCUMENTS = 50_000;
const BATCH = 1_000;

const Things = collection(
  "things",
  z.object({
    number: z.number(),
    shuffled: z.number(),
    common: z.number(),
    late: z.boolean(),
    kind: z.string(),
    name: z.string(),
    note: z.string(),
  }),
  {
    indexes: {
      byNumber: ["number"],
      byShuffled: ["shuffled"],
      byCommon: ["common"],
      byLate: ["late"],
      byKind: ["kind"],
      byKindNumber: ["kind", "number"],
    },
  },
);
const { definition } = Things;

const host: TransactionHost = {
  nowMillis: () => performance.now(),
  random: Math.random,
  ...nodeTimers,
  report: (error) => console.error(error),
};

function thing(n: number): object {
  return {
    number: n,
    shuffled: (n * 7_919) % DOCUMENTS,
    common: n % 10 === 0 ? n : 0,
    late: n >= DOCUMENTS - 5,
    kind: `k${n % 500}`,
    name: `Thing number ${n}`,
    note: "some words that are stored and not asked for, as long as others are",
  };
}

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
    const inputs = Array.from({ length: BATCH }, (_, i) => thing(first + i));
    await transact(host, engine, (tx) => store.insertMany(tx, inputs), { durability: "memory" });
  }
  return store;
}

const where = (filter: object): QueryRequest => withWhere(definition, EVERY_DOCUMENT, filter);
const none = (request: QueryRequest): QueryRequest =>
  withWhere(definition, request, { note: "another" });
const scanOf = (name: string): QueryRequest => withIndex(definition, EVERY_DOCUMENT, name, []);

const units: readonly (readonly [name: string, request: QueryRequest])[] = [
  ["document of a scan", none(EVERY_DOCUMENT)],
  ["entry and document, in the order of ids", none(scanOf("byNumber"))],
  ["entry and document, shuffled", none(scanOf("byShuffled"))],
  [
    "entry alone, checked",
    withSelect(
      definition,
      withWhere(definition, scanOf("byShuffled"), { shuffled: { ne: -1 }, id: "none" }),
      ["shuffled"],
    ),
  ],
  ["document of a scan, given", EVERY_DOCUMENT],
  ["document of a scan, sorted", withOrderBy(definition, EVERY_DOCUMENT, "name")],
  [
    "document of a scan, best 20",
    withLimit(definition, withOrderBy(definition, EVERY_DOCUMENT, "name"), 20),
  ],
];

const first = (request: QueryRequest, limit = 10): QueryRequest =>
  withLimit(definition, request, limit);
const hard: readonly (readonly [name: string, request: QueryRequest])[] = [
  ["nine of ten documents", where({ common: 0 })],
  ["one of 500, declared after nine of ten", where({ common: 0, kind: "k7" })],
  ["rows at the end of the order", first(withOrderBy(definition, where({ late: true }), "number"))],
  ["many rows, first 10 in order", first(withOrderBy(definition, where({ common: 0 }), "number"))],
  [
    "no rows, first 10 in order",
    first(withOrderBy(definition, where({ note: "another" }), "number")),
  ],
  ["union with a large branch", where({ OR: [{ common: 0 }, { kind: "k7" }] })],
];

const simple: readonly (readonly [name: string, request: QueryRequest])[] = [
  ["100 rows by an index", where({ kind: "k7" })],
  ["1 row by an index", where({ shuffled: 77 })],
  ["1 row of two indexes", where({ shuffled: 77, kind: "k77" })],
  ["20 rows in order", first(withOrderBy(definition, where({ kind: "k7" }), "number"), 20)],
];

async function main(kind: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "kotoba-planner-"));
  const engine = kind === "memory" ? new MemoryEngine() : await openLsmEngine({ path: folder });
  try {
    const store = await filled(engine);
    if (engine instanceof MemoryEngine === false) await engine.compact();
    const estimate = engine.estimateRows!.bind(engine);
    console.log(`${engine.name}, ${DOCUMENTS} documents`);
    const run = (request: QueryRequest, more: Partial<QueryContext> = {}) =>
      best(() => withView(engine, (view) => allRows(request, { view, store, ...more })));
    console.log("\nwhat a row costs");
    let unit = 0;
    for (const [name, request] of units) {
      const micros = (await run(request)) / DOCUMENTS;
      unit ||= micros;
      console.log(
        name.padEnd(42),
        `${micros.toFixed(3)} µs`,
        (micros / unit).toFixed(2).padStart(6),
      );
    }
    console.log("\nsimple queries: by the laws, with estimates");
    for (const [name, request] of simple) await pair(name, request, run, store, estimate);
    console.log("\nhard queries: by the laws, with estimates, everything read");
    for (const [name, request] of hard) await three(name, request, run, estimate);
  } finally {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Run = (request: QueryRequest, more?: Partial<QueryContext>) => Promise<number>;

/** Interleaved, for the machine is shared: medians of the ratios of rounds. */
async function pair(
  name: string,
  request: QueryRequest,
  run: Run,
  store: CollectionStore,
  estimate: Estimate,
): Promise<void> {
  const ratios: number[] = [];
  let lawful = Infinity;
  let weighed = Infinity;
  for (let round = 0; round < 9; round++) {
    const before = await run(request);
    const after = await run(request, { estimate });
    ratios.push(after / before);
    lawful = Math.min(lawful, before);
    weighed = Math.min(weighed, after);
  }
  const median = ratios.toSorted((a, b) => a - b)[4]!;
  const plan = await best(() => planFor(request, { store }));
  const planWeighed = await best(() => planFor(request, { store, estimate }));
  console.log(
    name.padEnd(42),
    `${lawful.toFixed(1)} µs`.padStart(10),
    `${weighed.toFixed(1)} µs`.padStart(10),
    `ratio ${median.toFixed(2)}`,
    `  plan ${plan.toFixed(1)} µs, ${planWeighed.toFixed(1)} µs`,
  );
}

async function three(
  name: string,
  request: QueryRequest,
  run: Run,
  estimate: Estimate,
): Promise<void> {
  const [lawful, weighed] = [await run(request), await run(request, { estimate })];
  // A condition that no index answers, and an order that none gives: all documents are read.
  const everything = await run(
    withPredicate(
      { ...request, filter: EVERY_DOCUMENT.filter, limit: undefined, orderBy: [] },
      () => false,
    ),
  );
  console.log(
    name.padEnd(42),
    ...[lawful, weighed, everything].map((micros) => `${Math.round(micros)} µs`.padStart(12)),
  );
}

/** µs of one run: the best of some rounds, each of at least 10 ms. */
async function best(work: () => unknown): Promise<number> {
  let least = Infinity;
  let runs = 1;
  for (let round = 0; round < 7; round++) {
    const start = performance.now();
    for (let i = 0; i < runs; i++) {
      const result = work();
      if (result instanceof Promise) await result;
    }
    const millis = performance.now() - start;
    least = Math.min(least, (millis * 1_000) / runs);
    if (millis < 10) runs = Math.ceil((runs * 12) / Math.max(millis, 0.5));
  }
  return least;
}

await main(process.argv[2] ?? "lsm");
