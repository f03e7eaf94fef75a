/** A collection in the world of F: documents by id and key, writes, and the query over all of them. */
import { andThen } from "../base/index.ts";
import type { Awaitable, Kind, Run, StreamKind } from "../base/index.ts";
import { NotFound } from "../collections/index.ts";
import type {
  CollectionDefinition,
  CollectionStore,
  Document,
  ImportOptions,
  ImportResult,
  LoadOptions,
  LoadResult,
  TextSource,
} from "../collections/index.ts";
import type { ReadView } from "../engine/contract/index.ts";
import { EVERY_DOCUMENT, withIndex } from "../query/index.ts";
import type { Transaction } from "../transaction/index.ts";
import { ChangeCursor, refuseOutsideDatabase } from "./changes/change-cursor.ts";
import type { PlainChange } from "./changes/change-cursor.ts";
import type { ChangesOptions } from "./changes/change-options.ts";
import { lateCursor } from "./changes/late-cursor.ts";
import type { DatabaseCore } from "./database-core.ts";
import { attempted, QueryHandle, ReadHandle } from "./query-handle.ts";
import type { Ground } from "./query-handle.ts";
import { importText } from "./transfer/import-text.ts";
import { loadInto } from "./transfer/load-into.ts";
import { formatOf } from "./transfer/transfer-options.ts";
import type { ExportOptions } from "./transfer/transfer-options.ts";

export class CollectionHandle<F extends Run> extends ReadHandle<F> {
  readonly #ground: Ground<F>;

  constructor(ground: Ground<F>) {
    super(ground);
    this.#ground = ground;
  }

  get name(): string {
    return this.definition.name;
  }
  get definition(): CollectionDefinition {
    return this.#ground.store.definition;
  }

  /** Is it one of this database, be it bound to a transaction or not? */
  isOf(core: DatabaseCore): boolean {
    return this.#ground.core === core;
  }

  get(id: string): Kind<F, Document | undefined> {
    return this.#read("get", (view, store) => store.get(view, id));
  }
  getOrThrow(id: string): Kind<F, Document> {
    return this.#read("getOrThrow", (view, store) =>
      andThen(store.get(view, id), (found) => {
        if (found === undefined) throw new NotFound(this.name, id);
        return found;
      }),
    );
  }
  getMany(ids: readonly string[]): Kind<F, (Document | undefined)[]> {
    return this.#read("getMany", (view, store) => store.getMany(view, ids));
  }
  find(unique: Readonly<Record<string, unknown>>): Kind<F, Document | undefined> {
    return this.#read("find", (view, store) => store.find(view, unique));
  }
  insert(document: unknown): Kind<F, Document> {
    return this.#write("insert", (tx, store) => store.insert(tx, document));
  }
  insertMany(documents: readonly unknown[]): Kind<F, Document[]> {
    return this.#write("insertMany", (tx, store) => store.insertMany(tx, documents));
  }
  update(id: string, change: object): Kind<F, Document> {
    return this.#write("update", (tx, store) => store.update(tx, id, change));
  }
  replace(id: string, document: unknown): Kind<F, Document> {
    return this.#write("replace", (tx, store) => store.replace(tx, id, document));
  }
  upsert(
    where: Readonly<Record<string, unknown>>,
    values: { readonly create: unknown; readonly update: object },
  ): Kind<F, Document> {
    return this.#write("upsert", (tx, store) => store.upsert(tx, where, values));
  }
  delete(id: string): Kind<F, boolean> {
    return this.#write("delete", (tx, store) => store.delete(tx, id));
  }
  changes(options: ChangesOptions = {}): StreamKind<F, PlainChange> {
    const { access, core, runner, store } = this.#ground;
    return runner.stream(() =>
      lateCursor(() => {
        if (access !== core.direct) refuseOutsideDatabase(this.name, "changes()");
        return new ChangeCursor(core.engine, store, options);
      }),
    );
  }
  export(options: ExportOptions = {}): StreamKind<F, string> {
    const { access, runner, store } = this.#ground;
    return runner.stream(() => {
      const format = formatOf(options);
      return access.cursor(store, (view) => store.exportText(view, format));
    });
  }
  import(source: TextSource, options: ImportOptions = {}): Kind<F, ImportResult> {
    const { runner } = this.#ground;
    return runner.run(() => importText(this.#ground, source, options), "import", this.name);
  }
  load(
    documents: Iterable<unknown> | AsyncIterable<unknown>,
    options: LoadOptions = {},
  ): Kind<F, LoadResult> {
    const { runner } = this.#ground;
    return runner.run(() => loadInto(this.#ground, documents, options), "load", this.name);
  }
  index(name: string, ...prefix: unknown[]): QueryHandle<F> {
    return new QueryHandle(
      this.#ground,
      attempted((request) => withIndex(this.definition, request, name, prefix), EVERY_DOCUMENT),
    );
  }

  #read<A>(
    method: string,
    work: (view: ReadView, store: CollectionStore) => Awaitable<A>,
  ): Kind<F, A> {
    const { access, runner, store } = this.#ground;
    return runner.run(() => access.read(store, (view) => work(view, store)), method, this.name);
  }
  #write<A>(
    method: string,
    work: (tx: Transaction, store: CollectionStore) => Awaitable<A>,
  ): Kind<F, A> {
    const { access, runner, store } = this.#ground;
    return runner.run(() => access.write(store, (tx) => work(tx, store)), method, this.name);
  }
}
