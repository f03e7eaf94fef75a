/**
 * Random queries held against the plain evaluator: by every end, page by page in both directions, and while others commit.
 * The tests of this folder try some of them, `npm run prove -- --only queries` thousands.
 */
import { matches } from "../../src/collections/index.ts";
import type { Document } from "../../src/collections/index.ts";
import type { StorageEngine } from "../../src/engine/contract/index.ts";
import {
  allRows,
  countRows,
  explainQuery,
  firstRow,
  hasRows,
  openRows,
  pageOfRows,
  planFor,
  planText,
} from "../../src/query/index.ts";
import type { PageRequest, QueryContext, QueryRequest, RowPage } from "../../src/query/index.ts";
import { engineHere, isElsewhere } from "../support/elsewhere.ts";
import { expectSame, expectThat } from "../support/same.ts";
import type { PoolName, RandomDocument, RandomQuery } from "./arbitrary-query.ts";
import { plainMatches, plainSelect } from "./plain-query.ts";
import { promisedEngine } from "./promised-engine.ts";
import { QueryWorld } from "./query-world.ts";

/** A collection of its own, in an engine that answers at once or later, and each query by every end. */
export async function checkAlone(
  names: readonly PoolName[],
  inputs: readonly RandomDocument[],
  asked: readonly RandomQuery[],
  later: boolean,
): Promise<void> {
  const world = await QueryWorld.open(names, engineThat(later));
  const stored = await world.insert(inputs);
  for (const each of asked)
    await world.read((context) => checkQuery(world.request(each), context, stored));
}

/** The memory engine can do both; others do as they do. */
function engineThat(answersLater: boolean): StorageEngine {
  const engine = engineHere();
  return answersLater && !isElsewhere() ? promisedEngine(engine) : engine;
}

async function rowsOfStream(
  request: QueryRequest,
  context: QueryContext,
): Promise<readonly Document[]> {
  const cursor = openRows(request, context);
  const rows: Document[] = [];
  for (;;) {
    const batch = await cursor.next();
    if (batch === undefined) return rows;
    expectThat(batch.length > 0, "no batch is empty");
    rows.push(...batch);
  }
}

/** Holds every end of a query against the plain evaluator. */
export async function checkQuery(
  request: QueryRequest,
  context: QueryContext,
  stored: readonly Document[],
): Promise<void> {
  const plan = planText(planFor(request, context));
  const fitting = plainMatches(request, stored);
  const count = Math.min(fitting.length, request.limit ?? Infinity);
  const rows = await allRows(request, context);
  if (request.orderBy.length > 0) {
    const expected = fitting.slice(0, request.limit).map((row) => plainSelect(row, request.select));
    expectSame(rows, expected, plan);
  } else {
    // Any of the right documents, each once; which ones is seen without select.
    const whole = await allRows({ ...request, select: undefined }, context);
    expectSame(whole.length, count, plan);
    expectSame(new Set(whole.map(({ id }) => id)).size, count, plan);
    for (const row of whole) {
      expectSame(matches(request.filter, row), true, plan);
      expectSame(
        row,
        stored.find(({ id }) => id === row.id),
        plan,
      );
    }
    if (request.limit === undefined) expectSame(rows.length, count, plan);
  }
  expectSame(await countRows(request, context), count, plan);
  expectSame(await hasRows(request, context), count > 0, plan);
  const first = await firstRow(request, context);
  // Without an order any row may be the first, and a limit of one may be worth another plan.
  const isAny = request.orderBy.length === 0 && context.estimate !== undefined;
  if (isAny) expectSame(first === undefined, count === 0, plan);
  else expectSame(first, rows[0], plan);
  expectSame(await rowsOfStream(request, context), rows, plan);
  await checkFigures(request, context);
}

/** A plan that checks nothing must read nothing that is no result. */
async function checkFigures(request: QueryRequest, context: QueryContext): Promise<void> {
  const unlimited = { ...request, limit: undefined };
  const plan = planFor(unlimited, context);
  const { actual } = await explainQuery(
    unlimited,
    { ...context, nowMillis: () => 0 },
    { analyze: true },
  );
  const [branch] = plan.branches;
  if (branch === undefined) expectSame(actual!.keys, 0);
  else if (plan.branches.length === 1 && branch.residual.kind === "all") {
    const { access } = branch;
    if (access.kind === "get") expectSame(actual!.keys, access.ids.length);
    else if (access.kind === "scan" || access.firstIn === undefined)
      expectSame(actual!.keys, actual!.rows, planText(plan));
    if (access.kind === "index" && access.covered) expectSame(actual!.documents, 0);
  }
}

/** Pages forwards and backwards are the rows of all(), each once; each cursor is a place from which both ways lead. */
export async function checkPages(
  names: readonly PoolName[],
  inputs: readonly RandomDocument[],
  asked: readonly RandomQuery[],
  size: number,
  later: boolean,
): Promise<void> {
  const world = await QueryWorld.open(names, engineThat(later));
  await world.insert(inputs);
  for (const each of asked) {
    const request = world.request({ ...each, limit: undefined });
    const page = (options: PageRequest): Promise<RowPage> =>
      world.read((context) => pageOfRows(request, context, options));
    const all = await world.read((context) => allRows(request, context));
    const plan = await world.read((context) => planText(planFor(request, context)));
    const forwards: Document[] = [];
    let at = await page({ size });
    expectSame(at.previous, null);
    for (;;) {
      const start = forwards.length;
      forwards.push(...at.items);
      const end = forwards.length;
      if (at.previous !== null) {
        const again = await page({ size, after: at.previous });
        expectSame(again.items, all.slice(start, end), plan);
      }
      if (at.next === null) break;
      const back = await page({ size, before: at.next });
      expectSame(back.items, all.slice(end - size, end), plan);
      expectSame(at.items.length, size, plan);
      at = await page({ size, after: at.next });
    }
    expectSame(forwards, all, plan);
    const backwards: Document[] = [...at.items];
    while (at.previous !== null) {
      at = await page({ size, before: at.previous });
      expectThat(at.next !== null, plan);
      backwards.unshift(...at.items);
    }
    expectSame(backwards, all, plan);
  }
}

/**
 * Queries that take many turns, and commits in these turns. A snapshot gives its own state by every end; a transaction the
 * state that it began in, with its own writes; a query by itself one of the states that there were while it ran.
 */
export async function checkWhileOthersCommit(
  names: readonly PoolName[],
  inputs: readonly RandomDocument[],
  asked: readonly RandomQuery[],
  changes: readonly RandomDocument[],
): Promise<void> {
  const world = await QueryWorld.open(names, engineThat(true));
  const { engine } = world.database;
  const others = new Others(world, await world.insert(inputs));
  const store = world.store.inner;
  const requests = asked.map((each) => world.request(each));

  const snapshot = await engine.snapshot();
  await store.lookIn(snapshot);
  const before = others.newest;
  const third = Math.ceil(changes.length / 3);
  let writing = others.commit(changes.slice(0, third));
  for (const request of requests) await checkQuery(request, { view: snapshot, store }, before);
  await writing;
  snapshot.close();

  let attempts = 0;
  // Begun out here: what is begun in the body would belong to it.
  let begin: (() => void) | undefined;
  const isBegun = new Promise<void>((resolve) => (begin = resolve));
  writing = isBegun.then(() => others.commit(changes.slice(third, 2 * third)));
  await world.database.transact(async (tx) => {
    // Once more than once: it lost to a commit of the others, and what it had read was checked then.
    if (++attempts > 1) return;
    const own = await store.insert(tx, { n: 1, b: true, u: 1, q: [], i: [], t: ["x"], s: "own" });
    const begun = [...others.newest, own];
    // What a transaction sees is settled by its first read.
    await store.get(tx, "nobody");
    begin?.();
    for (const request of requests) await checkQuery(request, { view: tx, store }, begun);
  });
  await writing;
  if (attempts === 1) await others.sawAll();

  writing = others.commit(changes.slice(2 * third));
  const seen: (() => void)[] = [];
  for (const request of requests) {
    const first = others.states.length - 1;
    const rows = await world.read((context) => allRows(request, context));
    seen.push(() => expectOneOf(request, rows, others.states.slice(first)));
  }
  await writing;
  for (const look of seen) look();
}

/** The other writers: one change after the other, each a commit, and the state after each. */
class Others {
  readonly #world: QueryWorld;
  readonly states: (readonly Document[])[];

  constructor(world: QueryWorld, stored: readonly Document[]) {
    this.#world = world;
    this.states = [stored];
  }

  get newest(): readonly Document[] {
    return this.states.at(-1)!;
  }

  async commit(changes: readonly RandomDocument[]): Promise<void> {
    for (const [at, { e: _, id: __, ...fields }] of changes.entries()) {
      const { newest } = this;
      const target = newest[(at * 7) % Math.max(1, newest.length)];
      const rest = newest.filter((document) => document !== target);
      const { store } = this.#world;
      if (target === undefined || at % 3 === 0)
        this.states.push([...newest, await store.insert(fields)]);
      else if (at % 3 === 1) {
        await store.delete(target.id);
        this.states.push(rest);
      } else this.states.push([...rest, await store.replace(target.id, fields)]);
    }
  }

  /** What a transaction beside them left is among the documents, too. */
  async sawAll(): Promise<void> {
    this.states.push(await this.#world.store.all());
  }
}

function expectOneOf(
  request: QueryRequest,
  rows: readonly Document[],
  states: readonly (readonly Document[])[],
): void {
  const isIts = (state: readonly Document[]): boolean => {
    const fitting = plainMatches(request, state).map((row) => plainSelect(row, request.select));
    const texts = fitting
      .slice(0, request.orderBy.length > 0 ? request.limit : undefined)
      .map(text);
    const found = rows.map(text);
    if (request.orderBy.length > 0) return found.join() === texts.join();
    if (found.length !== Math.min(texts.length, request.limit ?? Infinity)) return false;
    if (request.limit === undefined) return found.toSorted().join() === texts.toSorted().join();
    return found.every((one) => texts.includes(one));
  };
  expectThat(states.some(isIts), "rows of no state that there was while the query ran");
}

function text(row: object): string {
  const fields = Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(fields, (_, value: unknown) =>
    typeof value === "bigint" ? `${value}n` : value,
  );
}
