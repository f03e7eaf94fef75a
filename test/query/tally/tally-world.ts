/** Rows that are counted and summed in many ways, random programs over them, and the plain model of both. */
import fc from "fast-check";
import { expect } from "vitest";
import { z } from "zod";
import { collection, matches, parsePath } from "../../../src/collections/index.ts";
import type { CollectionStore, Document } from "../../../src/collections/index.ts";
import type { StorageEngine } from "../../../src/engine/contract/index.ts";
import { aggregateCells } from "../../../src/query/aggregate/aggregate-cells.ts";
import {
  EVERY_DOCUMENT,
  aggregateRequest,
  aggregateRows,
  chooseTally,
  countRows,
  foldGroups,
  readGroups,
  withWhere,
} from "../../../src/query/index.ts";
import type { QueryRequest, TallyGroup, TallyPlan } from "../../../src/query/index.ts";
import { fullView } from "../../../src/transaction/index.ts";
import type { Transaction } from "../../../src/transaction/index.ts";
import { TestDatabase } from "../../collections/test-database.ts";
import type { TestStore } from "../../collections/test-database.ts";

const Rows = collection(
  "rows",
  z.object({
    role: z.enum(["a", "b", "c"]),
    city: z.string().optional(),
    active: z.boolean(),
    amount: z.number().optional(),
    big: z.bigint().nullable(),
    place: z.object({ zip: z.number() }),
  }),
  {
    indexes: {
      byCity: ["city"],
      all: { count: true },
      perRole: { count: true, by: ["role"] },
      perPlace: { count: true, by: ["role", "place.zip", "city"] },
      actives: { count: true, by: ["city"], where: { active: true } },
      amounts: { sum: "amount", by: ["role"] },
      total: { sum: "amount" },
      bigs: { sum: "big", by: ["city", "active"] },
    },
  },
);

const rows = fc.record(
  {
    role: fc.constantFrom("a", "b", "c"),
    city: fc.constantFrom("Oslo", "Rome", ""),
    active: fc.boolean(),
    amount: fc.oneof(
      fc.integer({ min: -9, max: 9 }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer({ min: -999, max: 999 }).map((cents) => cents / 100),
    ),
    big: fc.option(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n })),
    place: fc.record({ zip: fc.constantFrom(0, -0, 1.5) }),
  },
  { requiredKeys: ["role", "active", "big", "place"] },
);

const patches = fc.record(
  {
    role: fc.constantFrom("a", "b", "c"),
    city: fc.constantFrom("Oslo", undefined),
    active: fc.boolean(),
    amount: fc.oneof(
      fc.integer({ min: -9, max: 9 }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constant(undefined),
    ),
    big: fc.constantFrom(null, 1n, -5n),
    place: fc.record({ zip: fc.constantFrom(0, 1.5) }),
  },
  { requiredKeys: [] },
);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("insert" as const),
      rows: fc.array(rows, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant("update" as const), at: fc.nat(), patch: patches }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant("replace" as const), at: fc.nat(), row: rows }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("upsert" as const),
      id: fc.constantFrom("x", "y"),
      row: rows,
      patch: patches,
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("delete" as const), at: fc.nat() }) },
);
type Program = typeof programs extends fc.Arbitrary<infer T> ? T : never;
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
/** `end`: what becomes of the transaction; a count in the middle of it sees its own writes. */
export const programs = fc.array(
  fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 5 }),
    end: fc.constantFrom("commit", "commit", "commit", "abort", "reopen"),
  }),
  { minLength: 1, maxLength: 8 },
);

const aborted = new Error("aborted on purpose");

export class TallyWorld {
  database: TestDatabase;
  store: TestStore;
  readonly model = new Map<string, Document>();

  private constructor(database: TestDatabase, store: TestStore) {
    this.database = database;
    this.store = store;
  }

  static async open(engine: StorageEngine): Promise<TallyWorld> {
    const database = new TestDatabase(engine);
    return new TallyWorld(database, await database.store(Rows));
  }

  /** The same data in another process, perhaps on another engine. */
  async reopen(engine: StorageEngine = this.database.engine): Promise<void> {
    this.database = new TestDatabase(engine, this.database.clock);
    this.store = await this.database.store(Rows);
  }

  async run(program: Program): Promise<void> {
    for (const { steps, end } of program) {
      const before = new Map(this.model);
      try {
        await this.database.transact(async (tx) => {
          for (const one of steps) await this.#step(tx, one);
          await checkCounts(tx, this.store.inner, this.model);
          await checkAggregates(tx, this.store.inner, this.model);
          if (end === "abort") throw aborted;
        });
      } catch (error) {
        if (error !== aborted) throw error;
        this.model.clear();
        for (const [id, document] of before) this.model.set(id, document);
      }
      if (end === "reopen") await this.reopen();
    }
  }

  /** Every count and sum, and what verify() says. */
  async check(): Promise<void> {
    await this.database.read(async (view) => {
      await checkCounts(view, this.store.inner, this.model);
      await checkAggregates(view, this.store.inner, this.model);
    });
    expect(await this.store.verify()).toEqual([]);
  }

  async #step(tx: Transaction, one: Step): Promise<void> {
    const { inner } = this.store;
    const set = (document: Document) => this.model.set(document.id, document);
    const id = "at" in one ? [...this.model.keys()][one.at % (this.model.size || 1)] : undefined;
    switch (one.op) {
      case "insert":
        if (one.rows.length === 1) set(await inner.insert(tx, one.rows[0]));
        else (await inner.insertMany(tx, one.rows)).forEach(set);
        break;
      case "upsert":
        set(await inner.upsert(tx, { id: one.id }, { create: one.row, update: one.patch }));
        break;
      case "update":
        if (id !== undefined) set(await inner.update(tx, id, one.patch));
        break;
      case "replace":
        if (id !== undefined) set(await inner.replace(tx, id, one.row));
        break;
      case "delete":
        if (id === undefined) break;
        await inner.delete(tx, id);
        this.model.delete(id);
        break;
    }
  }
}

/** Filters that cells answer, and the tally that does. */
const answered: readonly (readonly [filter: object, tally: string])[] = [
  [{}, "all"],
  [{ role: "a" }, "perRole"],
  [{ role: { in: ["a", "c"] } }, "perRole"],
  [{ role: { ne: "b" } }, "perRole"],
  [{ role: "a", place: { zip: 0 }, city: "Oslo" }, "perPlace"],
  [{ role: { in: ["a", "b"] }, place: { zip: { in: [0, 1.5] } }, city: null }, "perPlace"],
  [{ role: "b", place: { zip: { gt: 1 } } }, "perPlace"],
  [{ active: true, city: "Rome" }, "actives"],
  [{ active: true, city: { exists: true } }, "actives"],
  [{ active: true }, "actives"],
  [{ active: false, city: "Oslo" }, "bigs"],
  [{ city: null }, "bigs"],
  [{ OR: [{ role: "a" }, { role: "b" }] }, "perRole"],
];
/** Filters that no cells answer. */
const others: readonly object[] = [
  { active: false },
  { amount: { gt: 0 } },
  { role: "a", amount: 5 },
  { city: "Oslo", place: { zip: 0 } },
  { OR: [{ role: "a" }, { city: "Oslo" }] },
  { AND: [{ role: "a" }, { role: "b" }] },
];

async function checkCounts(
  view: Parameters<typeof fullView>[0],
  store: CollectionStore,
  model: ReadonlyMap<string, Document>,
): Promise<void> {
  const { definition } = store;
  const target = { definition, layout: store.layout() };
  const requestOf = (filter: object): QueryRequest => withWhere(definition, EVERY_DOCUMENT, filter);
  for (const [filter, name] of [...answered, ...others.map((f) => [f, undefined] as const)]) {
    const request = requestOf(filter);
    expect(chooseTally(request, target)?.tally.name, JSON.stringify(filter)).toBe(name);
    const fitting = [...model.values()].filter((document) => matches(request.filter, document));
    expect(await countRows(request, { view, store }), JSON.stringify(filter)).toBe(fitting.length);
  }
  for (const tally of store.layout().tallies) {
    if (tally.where !== undefined) continue;
    const sum = tally.sum?.path;
    const plan = chooseTally(EVERY_DOCUMENT, target, { sum, groupBy: tally.by });
    const groups = await readGroups(plan!, fullView(view, false));
    const documents = [...model.values()];
    const { by } = plan!.tally;
    expect(groups.map(plainGroup)).toEqual(groupsOf(documents, plan!.tally));
    // Coarser groups, and all documents as one.
    for (const wide of [by.slice(1), by.toReversed(), []]) {
      const folded = foldGroups(groups, plan!.tally, wide);
      expect(folded.map(plainGroup)).toEqual(groupsOf(documents, { ...plan!.tally, by: wide }));
    }
  }
}

const figuresOf = {
  amount: { n: { count: true }, total: { sum: "amount" }, mean: { avg: "amount" } },
  big: { mean: { avg: "big" }, total: { sum: "big" }, n: { count: true } },
} as const;
/** Figures that cells give. */
const aggregates = [
  { by: [], of: "amount", filter: {} },
  { by: ["role"], of: "amount", filter: {} },
  { by: [], of: "amount", filter: { role: { in: ["a", "b"] } } },
  { by: ["city"], of: "big", filter: {} },
  { by: ["active", "city"], of: "big", filter: { city: { gte: "P" } } },
  { by: [], of: "big", filter: {} },
] as const;

async function checkAggregates(
  view: Parameters<typeof fullView>[0],
  store: CollectionStore,
  model: ReadonlyMap<string, Document>,
): Promise<void> {
  const { definition } = store;
  const context = { view, store };
  for (const { by, filter, of } of aggregates) {
    const request = withWhere(definition, EVERY_DOCUMENT, filter);
    const aggregate = aggregateRequest(definition, by, figuresOf[of]);
    const fitting = [...model.values()].filter((document) => matches(request.filter, document));
    const said = `${JSON.stringify(filter)} by ${by.join()}`;
    expect(aggregateCells(request, aggregate, context), said).toBeDefined();
    const expected = plainFigures(fitting, by, of);
    expect(await aggregateRows(request, aggregate, context), said).toEqual(expected);
  }
  // Two sums are two indexes.
  const both = aggregateRequest(definition, [], { ...figuresOf.big, other: { sum: "amount" } });
  expect(aggregateCells(EVERY_DOCUMENT, both, context)).toBeDefined();
  const [bigs] = plainFigures([...model.values()], [], "big");
  const [amounts] = plainFigures([...model.values()], [], "amount");
  const rows = await aggregateRows(EVERY_DOCUMENT, both, context);
  expect(rows).toEqual([{ ...bigs, other: amounts!["total"] }]);
}

/** What aggregate() and groupBy() give for figuresOf[of]. */
function plainFigures(
  documents: readonly Document[],
  by: readonly string[],
  of: "amount" | "big",
): readonly Record<string, unknown>[] {
  const type = of === "big" ? "bigint" : "number";
  const groups = groupsOf(documents, {
    by: by.map((path) => parsePath(path)!),
    sum: { path: parsePath(of)!, type },
  });
  const nothing: PlainGroup = [[], 0, 0, type === "bigint" ? 0n : 0];
  const all = groups.length === 0 && by.length === 0 ? [nothing] : groups;
  return all.map(([values, n, numbers, total]) => ({
    ...Object.fromEntries(by.map((path, i) => [path, values[i]])),
    n,
    total,
    mean: numbers === 0 ? null : plainMean(total as number | bigint, numbers),
  }));
}

function plainMean(total: number | bigint, numbers: number): number {
  if (typeof total === "number") return total / numbers;
  const of = BigInt(numbers);
  return Number(total / of) + Number(total % of) / numbers;
}

type Tally = Pick<TallyPlan["tally"], "by" | "sum">;
type PlainGroup = readonly [
  values: readonly unknown[],
  count: number,
  numbers: number,
  sum: unknown,
];

function plainGroup({ values, count, numbers, sum }: TallyGroup): PlainGroup {
  return [values, count, numbers, sum?.value];
}

/** The groups of documents, by the plainest way. */
function groupsOf(documents: readonly Document[], { by, sum }: Tally): readonly PlainGroup[] {
  const at = (document: unknown, names: readonly string[]): unknown =>
    names.reduce((value, name) => (value as Record<string, unknown>)[name], document) ?? null;
  const groups = new Map<string, { values: unknown[]; documents: Document[] }>();
  for (const document of documents) {
    // -0 is 0 in keys, and null stands for what is missing.
    const values = by.map((path) => at(document, path.before)).map((v) => (v === 0 ? 0 : v));
    const text = JSON.stringify(values);
    const group = groups.get(text) ?? { values, documents: [] };
    group.documents.push(document);
    groups.set(text, group);
  }
  const found = [...groups.values()].map((group): PlainGroup => {
    const numbers = sum === undefined ? [] : group.documents.map((d) => at(d, sum.path.before));
    const given = numbers.filter((number) => number !== null) as (number | bigint)[];
    const all = group.documents.length;
    if (sum === undefined) return [group.values, all, all, undefined];
    return [group.values, all, given.length, plainSum(given, sum.type)];
  });
  return found.toSorted((a, b) => compareLists(a[0], b[0]));
}

/** Another way than the sums' own: in units of 2^-1074, then through decimal text. */
function plainSum(values: readonly (number | bigint)[], type: "number" | "bigint"): unknown {
  if (type === "bigint") return (values as readonly bigint[]).reduce((a, b) => a + b, 0n);
  const numbers = values as readonly number[];
  const infinite = new Set(numbers.filter((value) => !Number.isFinite(value)));
  if (infinite.size > 0) return [...infinite].reduce((a, b) => a + b, 0);
  const units = numbers.reduce((all, value) => all + unitsOf(value), 0n);
  return numberOf(units);
}

function unitsOf(value: number): bigint {
  let whole = value;
  let left = 1_074n;
  while (!Number.isInteger(whole)) {
    whole *= 2;
    left--;
  }
  return BigInt(whole) << left;
}

/** The language rounds decimal text rightly: the units are written out in full. */
function numberOf(units: bigint): number {
  const magnitude = units < 0n ? -units : units;
  const digits = (magnitude * 5n ** 1_074n).toString().padStart(1_075, "0");
  const point = digits.length - 1_074;
  const value = Number(`${digits.slice(0, point)}.${digits.slice(point)}`);
  return units < 0n ? -value : value;
}

const ranks = ["null", "boolean", "number", "string"];

function compareLists(a: readonly unknown[], b: readonly unknown[]): number {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i], b[i]];
    const kind = (value: unknown) => ranks.indexOf(value === null ? "null" : typeof value);
    if (kind(x) !== kind(y)) return kind(x) - kind(y);
    if (x !== y) return (x as number) < (y as number) ? -1 : 1;
  }
  return 0;
}
