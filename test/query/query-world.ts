/** A collection of random documents with random indexes, and queries on it. */
import type { StorageEngine } from "../../src/engine/contract/index.ts";
import { collection } from "../../src/collections/index.ts";
import type { CollectionDefinition, Def, Document } from "../../src/collections/index.ts";
import {
  EVERY_DOCUMENT,
  withLimit,
  withOrderBy,
  withReverse,
  withSelect,
  withWhere,
} from "../../src/query/index.ts";
import type { Estimate, QueryContext, QueryRequest } from "../../src/query/index.ts";
import { TestDatabase } from "../collections/test-database.ts";
import type { TestStore } from "../collections/test-database.ts";
import { engineHere } from "../support/elsewhere.ts";
import { indexPool, randomSchema } from "./arbitrary-query.ts";
import type { PoolName, RandomDocument, RandomQuery } from "./arbitrary-query.ts";

let known: { readonly names: string; readonly definition: Def } | undefined;

/** The collection with these indexes. The last one is kept: reading a schema takes longer than a short program. */
export function definitionOf(names: readonly PoolName[]): Def {
  const key = names.join();
  if (known?.names !== key) {
    const indexes = Object.fromEntries(names.map((name) => [name, indexPool[name]]));
    const definition = collection("random", randomSchema, { indexes } as object);
    known = { names: key, definition };
  }
  return known.definition;
}

export class QueryWorld {
  readonly database: TestDatabase;
  readonly store: TestStore;

  private constructor(database: TestDatabase, store: TestStore) {
    this.database = database;
    this.store = store;
  }

  static async open(
    names: readonly PoolName[],
    engine: StorageEngine = engineHere(),
  ): Promise<QueryWorld> {
    const database = new TestDatabase(engine);
    return new QueryWorld(database, await database.store(definitionOf(names)));
  }

  get definition(): CollectionDefinition {
    return this.store.inner.definition;
  }

  async insert(documents: readonly RandomDocument[]): Promise<Document[]> {
    return await this.store.insertMany(documents);
  }

  request(query: Partial<RandomQuery>): QueryRequest {
    const { definition } = this;
    let request = EVERY_DOCUMENT;
    if (query.filter !== undefined) request = withWhere(definition, request, query.filter);
    for (const [path, direction] of query.orderBy ?? [])
      request = withOrderBy(definition, request, path, direction);
    if (query.reverse === true) request = withReverse(request);
    if (query.limit !== undefined) request = withLimit(definition, request, query.limit);
    if (query.select !== undefined) request = withSelect(definition, request, query.select);
    return request;
  }

  /** Runs an end of a query on a view of its own. */
  async read<A>(run: (context: QueryContext) => A | Promise<A>, estimate?: Estimate): Promise<A> {
    return await this.database.read((view) => run({ view, store: this.store.inner, estimate }));
  }
}
