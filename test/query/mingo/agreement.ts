/** One collection twice: in a database, and as a list that mingo queries. Both must give the same. */
import { Aggregator, Query } from "mingo";
import { open } from "../../../src/index.ts";
import type { LooseCollection, LooseDb, LooseQuery } from "../../prove/programs/loose.ts";
import type { Doc } from "../../prove/programs/values.ts";
import { expectSame } from "../../support/same.ts";
import type { PoolName, RandomDocument, RandomQuery } from "../arbitrary-query.ts";
import { compareIdsPlainly } from "../plain-query.ts";
import { definitionOf } from "../query-world.ts";
import { mongoFilter, mongoValue } from "./translate.ts";

type MongoDoc = Record<string, unknown>;
/** The place of a document in the order of ids, which is not that of their texts: ULIDs come first. */
const RANK = "idRank";
const orderable = ["e", "n", "m", "s", "b", "d", "g", "r", "u"] as const;
const groupPaths = ["b", "u", "s", "m", "p.c"] as const;

/** The collection of a random-query program with the same documents on both sides. */
export class Twins {
  readonly #collection: LooseCollection;
  readonly #db: LooseDb;
  readonly #documents: readonly MongoDoc[];

  private constructor(db: LooseDb, collection: LooseCollection, stored: readonly Doc[]) {
    this.#db = db;
    this.#collection = collection;
    const inOrder = stored.toSorted((a, b) => compareIdsPlainly(a.id, b.id));
    this.#documents = inOrder.map((document, rank) => ({
      ...(mongoValue(document) as MongoDoc),
      [RANK]: rank,
    }));
  }

  static async open(names: readonly PoolName[], inputs: readonly RandomDocument[]): Promise<Twins> {
    const db = await open(":memory:", {
      collections: { random: definitionOf(names) },
      fullScan: "allow",
    });
    const collection = db.random as unknown as LooseCollection;
    return new Twins(db as unknown as LooseDb, collection, await collection.insertMany(inputs));
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  /** Asks both the same, by every end that both have. */
  async compare(query: RandomQuery): Promise<void> {
    const about = JSON.stringify(query, (_, value: unknown) =>
      typeof value === "bigint" ? `${value}n` : value,
    );
    const criteria = query.filter === undefined ? {} : mongoFilter(query.filter);
    const fitting = new Query(criteria).find<MongoDoc>([...this.#documents]).all();
    const asked = this.#queryOf(query);
    const count = Math.min(fitting.length, query.limit ?? Infinity);
    expectSame(await asked.count(), count, about);
    expectSame(await asked.exists(), count > 0, about);
    const rows = idsOf(await asked.all());
    expectSame(rows.length, count, about);
    if (query.orderBy.length === 0) {
      expectSame(new Set(rows).size, count, about);
      const among = new Set(fitting.map(({ id }) => id));
      for (const id of rows) expectSame(among.has(id), true, about);
    } else {
      const sorted = this.#sorted(fitting, query).map((document) => document["id"]);
      expectSame(rows, sorted.slice(0, query.limit), about);
      await this.#comparePages(query, sorted, about);
    }
    await this.#compareGroups(query, criteria, about);
  }

  #queryOf(query: Partial<RandomQuery>): LooseQuery {
    let asked: LooseQuery = this.#collection;
    if (query.filter !== undefined) asked = asked.where(query.filter);
    for (const [path, direction] of query.orderBy ?? []) asked = asked.orderBy(path, direction);
    if (query.reverse === true) asked = asked.reverse();
    return query.limit === undefined ? asked : asked.limit(query.limit);
  }

  #sorted(fitting: readonly MongoDoc[], { orderBy, reverse }: RandomQuery): MongoDoc[] {
    const order: Record<string, 1 | -1> = {};
    const sign = (direction: "asc" | "desc"): 1 | -1 =>
      (direction === "desc") === reverse ? 1 : -1;
    for (const [path, direction] of orderBy) order[path === "id" ? RANK : path] ??= sign(direction);
    order[RANK] ??= sign(orderBy.at(-1)![1]);
    return new Query({}).find<MongoDoc>(fitting.map(withNulls)).sort(order).all();
  }

  async #comparePages(
    query: RandomQuery,
    sorted: readonly unknown[],
    about: string,
  ): Promise<void> {
    const asked = this.#queryOf({ ...query, limit: undefined });
    const size = 1 + (query.limit ?? 3);
    let page = await asked.page({ size });
    for (let start = 0; ; start += size) {
      expectSame(idsOf(page.items), sorted.slice(start, start + size), about);
      if (page.next === null) break;
      page = await asked.page({ size, after: page.next });
    }
    let end = sorted.length - page.items.length;
    while (page.previous !== null) {
      page = await asked.page({ size, before: page.previous });
      expectSame(idsOf(page.items), sorted.slice(Math.max(0, end - size), end), about);
      end -= size;
    }
  }

  async #compareGroups(query: RandomQuery, criteria: object, about: string): Promise<void> {
    const path = groupPaths[(query.limit ?? 0) % groupPaths.length]!;
    const asked = this.#queryOf({ filter: query.filter });
    const ours = await asked
      .groupBy(path)
      .aggregate({ n: { count: true }, least: { min: "s" }, last: { max: "d" } });
    const pipeline = new Aggregator([
      { $match: criteria },
      {
        $group: { _id: `$${path}`, n: { $sum: 1 }, least: { $min: "$s" }, last: { $max: "$d" } },
      },
    ]);
    const theirs = pipeline.run([...this.#documents]) as MongoDoc[];
    const text = (value: unknown): string => JSON.stringify([typeof value, value ?? null]);
    const byKey = new Map(theirs.map((group) => [text(group["_id"] ?? null), group]));
    expectSame(byKey.size, theirs.length, about);
    expectSame(ours.length, theirs.length, about);
    for (const group of ours) {
      const twin = byKey.get(text(mongoValue(group[path])));
      expectSame(
        mongoValue([group["n"], group["least"], group["last"]]),
        [twin?.["n"], twin?.["least"] ?? null, twin?.["last"] ?? null],
        about,
      );
    }
  }
}

/** The ids of our rows, as mingo has them. */
function idsOf(rows: readonly object[]): unknown[] {
  return rows.map((row) => {
    const { id } = row as { id: string };
    return mongoValue(id);
  });
}

function withNulls(document: MongoDoc): MongoDoc {
  const p = (document["p"] ?? {}) as MongoDoc;
  return {
    ...document,
    ...Object.fromEntries(orderable.map((name) => [name, document[name] ?? null])),
    p: { ...p, c: p["c"] ?? null, k: p["k"] ?? null },
  };
}
