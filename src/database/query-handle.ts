/**
 * A query in the world of F: an immutable request, and the ends that run it.
 *
 * A request that cannot be right is remembered and raised by the end that would run it, in the door's own way of
 * failing; so a wrong filter is never an exception where a Promise or an Effect is expected.
 */
import { KotobaError, andThen } from "../base/index.ts";
import type { Awaitable, BatchCursor, Kind, Run, Runner, StreamKind } from "../base/index.ts";
import { filterText, InvalidQuery } from "../collections/index.ts";
import type { Change, CollectionStore, Document } from "../collections/index.ts";
import type { ReadView } from "../engine/contract/index.ts";
import {
  aggregateRequest,
  aggregateRows,
  countRows,
  EVERY_DOCUMENT,
  explainQuery,
  firstRow,
  groupRequest,
  hasRows,
  onlyRow,
  openRows,
  pageOfRows,
  allRows,
  rowsToChange,
  withInclude,
  withIndexBound,
  withLimit,
  withOrderBy,
  withPredicate,
  withReverse,
  withSelect,
  withWhere,
} from "../query/index.ts";
import type { BoundOp, QueryContext, QueryRequest } from "../query/index.ts";
import type { Transaction } from "../transaction/index.ts";
import type { Access, Source } from "./access.ts";
import { refuseOutsideDatabase } from "./changes/change-cursor.ts";
import { lateCursor } from "./changes/late-cursor.ts";
import type { DatabaseCore } from "./database-core.ts";
import { beginLive } from "./live/begin-live.ts";
import { checkFunction, checkLive } from "./live/live-options.ts";
import type { LiveOptions } from "./live/live-options.ts";
import { LiveQueryHandle } from "./live/live-query.ts";
import type { LiveRows, PlainLiveResult } from "./live/live-rows.ts";
import { LiveStoreHandle } from "./live/live-store.ts";
import { RowMemory } from "./live/row-memory.ts";
import type { PageOptions } from "./surface.ts";

/** What a handle stands on: fixed for all queries that are made from it. */
export interface Ground<F extends Run> {
  readonly core: DatabaseCore;
  readonly store: CollectionStore;
  readonly runner: Runner<F>;
  readonly access: Access;
}

/** What a query and a collection have in common: all that reads. */
export class ReadHandle<F extends Run> {
  readonly #ground: Ground<F>;
  readonly #request: QueryRequest | KotobaError;

  constructor(ground: Ground<F>, request: QueryRequest | KotobaError = EVERY_DOCUMENT) {
    this.#ground = ground;
    this.#request = request;
  }

  where(filter: object): QueryHandle<F> {
    return this.#with((request) => withWhere(this.#definition, request, filter));
  }
  filter(test: (document: Document) => boolean): QueryHandle<F> {
    return this.#with((request) => withPredicate(request, test));
  }
  orderBy(path: string, direction?: "asc" | "desc"): QueryHandle<F> {
    return this.#with((request) => withOrderBy(this.#definition, request, path, direction));
  }
  reverse(): QueryHandle<F> {
    return this.#with(withReverse);
  }
  limit(count: number): QueryHandle<F> {
    return this.#with((request) => withLimit(this.#definition, request, count));
  }
  select(...fields: string[]): QueryHandle<F> {
    return this.#with((request) => withSelect(this.#definition, request, fields));
  }
  include(name: string, refine?: (query: QueryHandle<F>) => unknown): QueryHandle<F> {
    return this.#with((request) => {
      const { core } = this.#ground;
      const { name: from } = this.#definition;
      const relation = core.relations.find(from, name);
      if (relation === undefined) throw noRelation(from, name, core.relations.namesOf(from));
      const whole = new QueryHandle<F>({ ...this.#ground, store: core.store(relation.to) });
      // Without types it may be anything; what is no function is told below.
      const refined = typeof refine === "function" ? refine(whole) : refine;
      const related: unknown = refine === undefined ? whole : refined;
      if (!(related instanceof ReadHandle) || related.#definition !== whole.#definition)
        throw new InvalidQuery(
          from,
          "include takes a function from a query to that query, refined",
          name,
        );
      return withInclude(this.#definition, request, relation, related.#checked());
    });
  }
  gt(value: unknown): QueryHandle<F> {
    return this.#bound("gt", value);
  }
  gte(value: unknown): QueryHandle<F> {
    return this.#bound("gte", value);
  }
  lt(value: unknown): QueryHandle<F> {
    return this.#bound("lt", value);
  }
  lte(value: unknown): QueryHandle<F> {
    return this.#bound("lte", value);
  }
  between(from: unknown, to: unknown): QueryHandle<F> {
    return this.#bound("gte", from).#bound("lt", to);
  }
  startsWith(prefix: string): QueryHandle<F> {
    return this.#bound("startsWith", prefix);
  }

  all(): Kind<F, Document[]> {
    return this.#end("all", allRows, arguments.length);
  }
  first(): Kind<F, Document | undefined> {
    return this.#end("first", firstRow, arguments.length);
  }
  one(): Kind<F, Document> {
    return this.#end("one", onlyRow, arguments.length);
  }
  exists(): Kind<F, boolean> {
    return this.#end("exists", hasRows, arguments.length);
  }
  count(): Kind<F, number> {
    return this.#end("count", countRows, arguments.length);
  }
  page(options: PageOptions): Kind<F, unknown> {
    return this.#end("page", (request, context) => pageOfRows(request, context, options));
  }
  aggregate(spec: unknown): Kind<F, unknown> {
    return this.#end("aggregate", (request, context) =>
      andThen(
        aggregateRows(request, aggregateRequest(this.#definition, [], spec), context),
        ([row]) => row,
      ),
    );
  }
  groupBy(...by: unknown[]): { aggregate(spec: unknown): Kind<F, unknown> } {
    return {
      aggregate: (spec) =>
        this.#end("groupBy", (request, context) =>
          aggregateRows(request, groupRequest(this.#definition, by, spec), context),
        ),
    };
  }
  explain(options: { readonly analyze?: boolean } = {}): Kind<F, unknown> {
    return this.#end("explain", (request, context) => explainQuery(request, context, options));
  }
  stream(): StreamKind<F, Document> {
    const { access, runner } = this.#ground;
    const given = arguments.length;
    return runner.stream((): BatchCursor<Document> => {
      this.#refuseArguments(given);
      return access.cursor(this.#source(), (view) =>
        openRows(this.#checked(), this.#context(view)),
      );
    });
  }

  live(
    onChange?: (result: PlainLiveResult) => unknown,
    options: LiveOptions = {},
  ): LiveQueryHandle | StreamKind<F, PlainLiveResult> {
    if (onChange === undefined) {
      return this.#ground.runner.stream(() => lateCursor(() => this.#beginLive(new RowMemory())));
    }
    checkFunction("onChange", onChange);
    checkLive(options);
    const error = this.#reporter(options);
    return new LiveQueryHandle(this.#beginLive(new RowMemory()), { result: onChange, error });
  }
  store(options: LiveOptions = {}): LiveStoreHandle {
    checkLive(options);
    this.#requireDatabase("store()");
    return new LiveStoreHandle((memory) => this.#beginLive(memory), this.#reporter(options));
  }

  #requireDatabase(what: string): void {
    const { access, core, store } = this.#ground;
    if (access !== core.direct) refuseOutsideDatabase(store.definition.name, what);
  }

  #beginLive(memory: RowMemory): LiveRows {
    this.#requireDatabase("live()");
    const { core } = this.#ground;
    const source = this.#source();
    const context = (view: ReadView): QueryContext => this.#context(view);
    const ground = { hub: core.live, engine: core.engine, source, context };
    return beginLive(ground, this.#checked(), memory);
  }

  /** Takes errors that nobody awaits; what the caller's own function throws goes to the host. */
  #reporter({ onError }: LiveOptions): (error: unknown) => void {
    const { core, store } = this.#ground;
    const warn = (error: unknown): void => core.host.warn(error, store.definition.name);
    if (onError === undefined) return warn;
    return (error) => {
      try {
        onError(error);
      } catch (thrown) {
        warn(thrown);
      }
    };
  }

  /** For people who print a query: which documents it asks for. */
  get [Symbol.toStringTag](): string {
    const { name } = this.#definition;
    if (this.#request instanceof KotobaError) return `${name}, not well formed`;
    const { filter } = this.#request;
    return filter.kind === "all" ? name : `${name} where ${filterText(filter)}`;
  }

  get #definition() {
    return this.#ground.store.definition;
  }

  #with(change: (request: QueryRequest) => QueryRequest): QueryHandle<F> {
    const request = this.#request;
    const isRefused = request instanceof KotobaError;
    return new QueryHandle(this.#ground, isRefused ? request : attempted(change, request));
  }

  #bound(op: BoundOp, value: unknown): QueryHandle<F> {
    return this.#with((request) => withIndexBound(this.#definition, request, op, value));
  }

  #checked(): QueryRequest {
    if (this.#request instanceof KotobaError) throw this.#request;
    return this.#request;
  }

  #context(view: ReadView): QueryContext {
    const { core, store } = this.#ground;
    return {
      view,
      store: store.asSeenBy(view),
      storeOf: (definition) => core.store(definition).asSeenBy(view),
      fullScan: core.fullScan,
      estimate: core.estimate,
      sortBytesMax: core.sortBytesMax,
      nowMillis: () => core.host.clock.monotonicMillis(),
      warn: (form, problem) => core.warnOfScan(form, problem),
    };
  }

  /** Reads the documents of the query, and writes to them in the same transaction; gives how many there were. */
  protected change(
    method: string,
    write: (
      tx: Transaction,
      store: CollectionStore,
      documents: readonly Document[],
    ) => Awaitable<void>,
  ): Kind<F, number> {
    const { access, runner, store } = this.#ground;
    const work = (): Awaitable<number> => {
      const request = this.#checked();
      return access.write(this.#source(), (tx) =>
        store.inTurn(tx, () =>
          andThen(rowsToChange(request, this.#context(tx)), (documents) =>
            andThen(write(tx, store, documents), () => documents.length),
          ),
        ),
      );
    };
    return runner.run(work, method, store.definition.name);
  }

  /** What must be ready before the query runs. */
  #source(): Source {
    const { core, store } = this.#ground;
    const request = this.#request;
    if (request instanceof KotobaError || request.includes.length === 0) return store;
    return core.sources.of([store, ...includedStores(request, core)]);
  }

  /** A filter that an end was handed would be left out, and the result wider than its caller thinks. */
  #refuseArguments(given: number): void {
    if (given > 0)
      throw new InvalidQuery(
        this.#definition.name,
        "all, first, one, exists, count and stream take nothing; a condition goes into where()",
      );
  }

  /** `given`: how many arguments the caller handed to an end that takes none. */
  #end<A>(
    method: string,
    run: (request: QueryRequest, context: QueryContext) => Awaitable<A>,
    given = 0,
  ): Kind<F, A> {
    const { access, runner } = this.#ground;
    const work = (): Awaitable<A> => {
      this.#refuseArguments(given);
      const request = this.#checked();
      return access.read(this.#source(), (view) => run(request, this.#context(view)));
    };
    return runner.run(work, method, this.#definition.name);
  }
}

export class QueryHandle<F extends Run> extends ReadHandle<F> {
  update(change: Change): Kind<F, number> {
    return this.change("update", (tx, store, documents) => store.updateMany(tx, documents, change));
  }
  delete(): Kind<F, number> {
    return this.change("delete", (tx, store, documents) => store.deleteMany(tx, documents));
  }
}

/** The stores of all that is included, at any depth. */
function includedStores(request: QueryRequest, core: DatabaseCore): CollectionStore[] {
  return request.includes.flatMap((include) => [
    core.store(include.relation.to),
    ...includedStores(include.request, core),
  ]);
}

function noRelation(collection: string, name: unknown, names: readonly string[]): InvalidQuery {
  const known = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
  const text = typeof name === "string" ? name : typeof name;
  return new InvalidQuery(collection, `there is no such relation; ${known}`, text);
}

/** The new request, or the error that it would be. Errors that are not ours are defects, and are thrown. */
export function attempted(
  change: (request: QueryRequest) => QueryRequest,
  request: QueryRequest,
): QueryRequest | KotobaError {
  try {
    return change(request);
  } catch (error) {
    if (error instanceof KotobaError) return error;
    throw error;
  }
}
