/**
 * What every door of one database shares: the engine, the catalog, and one store for each collection name.
 *
 * Always true:
 * (1) A collection name has one store, however often and through whichever door it was asked for.
 * (2) After close() every operation fails with Closed.
 */
import { andThen, Closed, isPromise } from "../base/index.ts";
import type { Awaitable, Run, Runner } from "../base/index.ts";
import { Catalog, CollectionStore, InvalidDefinition, NO_RELATIONS } from "../collections/index.ts";
import type { CollectionDefinition, Def, RelationGraph } from "../collections/index.ts";
import { StorageError } from "../engine/contract/index.ts";
import type { Durability, KeyRange, StorageEngine } from "../engine/contract/index.ts";
import type { Host } from "../engine/lsm/index.ts";
import type { FullScan, FullScanRule } from "../query/index.ts";
import { exactlyOnce, transact } from "../transaction/index.ts";
import type { TransactOptions, Transaction, TransactionHost } from "../transaction/index.ts";
import { DirectAccess } from "./access.ts";
import type { Access } from "./access.ts";
import { CollectionHandle } from "./collection-handle.ts";
import { BuildEvents } from "./database-event.ts";
import type { BuildEvent } from "./database-event.ts";
import { Reapers } from "./expire/reapers.ts";
import { LiveHub } from "./live/live-hub.ts";
import { checkTransaction, InvalidOption } from "./options.ts";
import { ReferenceGuard } from "./relations/reference-guard.ts";
import { verifyRelations } from "./relations/verify-relations.ts";
import { SourceSets } from "./relations/source-sets.ts";

/** A program that makes up queries without end must not be told of all of them. */
const SCANS_TOLD_MAX = 1_000;

export interface CoreOptions {
  readonly host: Host;
  readonly durability?: Durability | undefined;
  readonly fullScan?: FullScanRule | undefined;
  /** Is told of the building of indexes. */
  readonly onEvent?: ((event: BuildEvent) => void) | undefined;
  readonly sortBytesMax?: number | undefined;
  /** Default: none. */
  readonly relations?: RelationGraph | undefined;
  /** Nothing can be written. Default false. */
  readonly readOnly?: boolean | undefined;
}

export class DatabaseCore {
  readonly engine: StorageEngine;
  readonly host: Host;
  readonly direct: Access;
  readonly live: LiveHub;
  readonly fullScan: FullScanRule;
  readonly sortBytesMax: number | undefined;
  /** About how many rows a range has, where the engine tells. */
  readonly estimate: ((range: KeyRange) => number) | undefined;
  readonly relations: RelationGraph;
  /** What queries over several collections wait for. */
  readonly sources: SourceSets = new SourceSets();
  readonly #transactionHost: TransactionHost;
  readonly #catalog: Catalog;
  readonly #events: BuildEvents | undefined;
  readonly #durability: Durability | undefined;
  readonly #stores = new Map<string, CollectionStore>();
  readonly #reapers: Reapers;
  /** Forms of queries that were warned of. */
  readonly #scansTold = new Set<string>();
  /** The guarded work of each transaction; see ReferenceGuard. */
  readonly #turns = new WeakMap<Transaction, Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(opened: StorageEngine, options: CoreOptions) {
    const { host } = options;
    this.host = host;
    this.#transactionHost = {
      nowMillis: () => host.clock.monotonicMillis(),
      random: () => host.random.bytes(1)[0]! / 256,
      after: (millis, task) => host.timers.after(millis, task),
      deadline: (millis, task) => host.timers.deadline(millis, task),
      report: (error, where) => host.warn(error, where),
    };
    const engine = exactlyOnce(opened, {
      ...this.#transactionHost,
      wallMillis: () => host.clock.nowMillis(),
      randomBytes: (count) => host.random.bytes(count),
    });
    this.engine = engine;
    this.fullScan = options.fullScan ?? "warn";
    this.sortBytesMax = options.sortBytesMax;
    this.estimate = engine.estimateRows?.bind(engine);
    this.#durability = options.durability;
    this.relations = options.relations ?? NO_RELATIONS;
    this.live = new LiveHub(engine);
    this.direct = new DirectAccess(this.#transactionHost, engine, options.durability);
    const isAutomatic = options.readOnly !== true;
    this.#reapers = new Reapers({ access: this.direct, engine, host }, isAutomatic);
    const { onEvent } = options;
    const events = onEvent === undefined ? undefined : new BuildEvents(host, onEvent);
    this.#events = events;
    this.#catalog = new Catalog({
      engine,
      transactionHost: this.#transactionHost,
      nowMillis: () => host.clock.nowMillis(),
      randomFill: (target) => target.set(host.random.bytes(target.length)),
      ...(events === undefined ? {} : { tellBuild: (event) => events.tell(event) }),
    });
  }

  /** The one store of a definition's name; a second, different definition of the same name is refused. */
  store(definition: CollectionDefinition): CollectionStore {
    if (this.#closing !== undefined) throw new Closed("database");
    const known = this.#stores.get(definition.name);
    if (known === undefined) {
      const store = new CollectionStore(this.#catalog, definition, this.#guardOf(definition));
      this.#stores.set(definition.name, store);
      this.#reapers.watch(store);
      return store;
    }
    if (known.definition !== definition && known.definition.fingerprint !== definition.fingerprint)
      throw new InvalidDefinition(
        definition.name,
        "the collection is already open with another schema or other indexes",
      );
    return known;
  }

  /** What keeps the collection's relations whole; undefined where none is to be. */
  #guardOf({ name }: CollectionDefinition): ReferenceGuard | undefined {
    const reach = this.relations.reachOf(name);
    if (reach.length === 0) return undefined;
    return new ReferenceGuard(this.relations, reach, (other) => this.store(other), this.#turns);
  }

  /** A handle in the world of F, whose operations reach the data through `access`. */
  handle<F extends Run>(
    definition: CollectionDefinition,
    runner: Runner<F>,
    access: Access,
  ): CollectionHandle<F> {
    return new CollectionHandle<F>({ core: this, store: this.store(definition), runner, access });
  }

  /** Tells of a query that reads a whole collection, once for all queries that differ in their values only. */
  warnOfScan(form: string, problem: () => FullScan): void {
    if (this.#scansTold.has(form) || this.#scansTold.size >= SCANS_TOLD_MAX) return;
    this.#scansTold.add(form);
    // Its text alone: where it was made says nothing of where the query was asked.
    const { collection, message } = problem();
    this.host.warn(message, collection);
  }

  /** Registers and checks every collection that has a handle, and waits until its indexes are built. */
  ready(): Awaitable<void> {
    const waiting: Promise<void>[] = [];
    const registered = this.#each((store) =>
      andThen(store.ready(), () => {
        // Side by side, and nothing is heard twice: it is waited for from the moment when it may fail.
        const built = store.built();
        if (!isPromise(built)) return;
        built.catch(() => undefined);
        waiting.push(built);
      }),
    );
    return andThen(registered, () =>
      waiting.length === 0 ? undefined : Promise.all(waiting).then(() => undefined),
    );
  }

  #each(work: (store: CollectionStore) => Awaitable<void>): Awaitable<void> {
    let waiting: Promise<void> | undefined;
    for (const store of this.#stores.values()) {
      const done = waiting === undefined ? work(store) : waiting.then(() => work(store));
      if (done instanceof Promise) waiting = done;
    }
    return waiting;
  }

  /** Runs `body` as one transaction, as often as it takes. */
  transact<A>(body: (tx: Transaction) => Awaitable<A>, options: TransactOptions): Awaitable<A> {
    checkTransaction(options);
    const durability = options.durability ?? this.#durability;
    const chosen = durability === undefined ? options : { ...options, durability };
    // Collections are registered before the transaction begins: inside, that would be a commit of another one.
    return andThen(
      this.#each((store) => store.register()),
      () => transact(this.#transactionHost, this.engine, body, chosen),
    );
  }

  /** Deletes what is due now, and gives how many documents that were. */
  expire(): Promise<number> {
    if (this.#closing !== undefined) throw new Closed("database");
    return this.#reapers.expire();
  }

  stats(): Readonly<Record<string, number>> {
    return this.engine.stats?.() ?? {};
  }

  /** Everything that is wrong: in the engine's files, between documents and their indexes, and in what they refer to. */
  async verify(): Promise<readonly string[]> {
    await this.#each((store) => store.ready());
    const problems = [...((await this.engine.verify?.()) ?? [])];
    const snapshot = await this.engine.snapshot();
    try {
      for (const store of this.#stores.values()) problems.push(...(await store.verify(snapshot)));
      const storeOf = (definition: CollectionDefinition): CollectionStore =>
        this.store(definition).asSeenBy(snapshot);
      problems.push(...(await verifyRelations(this.relations, storeOf, snapshot)));
    } finally {
      snapshot.close();
    }
    return problems;
  }

  async compact(): Promise<void> {
    if (this.#closing !== undefined) throw new Closed("database");
    await this.engine.compact?.();
  }

  async checkpoint(directory: string): Promise<void> {
    if (this.#closing !== undefined) throw new Closed("database");
    if (typeof directory !== "string" || directory === "" || directory.includes("\0"))
      throw new InvalidOption("directory", "a folder", directory);
    if (this.engine.checkpoint === undefined)
      throw new StorageError("NotSupported", { what: "checkpoint", engine: this.engine.name });
    await this.engine.checkpoint(directory);
  }

  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    this.live.close();
    const reaped = this.#reapers.stop();
    this.#catalog.stop();
    this.#events?.deliver();
    this.#closing = Promise.all([this.engine.close(), reaped]).then(() => undefined);
    return this.#closing;
  }
}

/** The handles of a list of definitions under its names, in the world of F. */
export function bindCollections<F extends Run>(
  core: DatabaseCore,
  definitions: Readonly<Record<string, Def>>,
  runner: Runner<F>,
  access: Access,
): Record<string, CollectionHandle<F>> {
  const handles: Record<string, CollectionHandle<F>> = {};
  for (const [name, { definition }] of Object.entries(definitions))
    handles[name] = core.handle(definition, runner, access);
  return handles;
}

/** What a body works with besides collections. */
export interface BoundTransaction {
  readonly attempt: number;
  readonly onCommit: (hook: (version: string | undefined) => unknown) => void;
  readonly collection: (handle: unknown) => unknown;
}

/**
 * Makes what the body of a transaction works with: the handles of these collections under their names, each made when it
 * is first asked for, since most bodies use a few of many.
 */
export function transactionBinder<F extends Run>(
  core: DatabaseCore,
  definitions: Readonly<Record<string, Def>>,
  runner: Runner<F>,
  collectionOf: (handle: unknown, access: Access) => CollectionHandle<F>,
): (tx: Transaction, access: Access) => BoundTransaction {
  const entries = Object.entries(definitions);
  class Bound implements BoundTransaction {
    readonly attempt: number;
    readonly #tx: Transaction;
    readonly #access: Access;
    readonly #handles: (CollectionHandle<F> | undefined)[] = [];

    constructor(tx: Transaction, access: Access) {
      this.attempt = tx.attempt;
      this.#tx = tx;
      this.#access = access;
    }

    // Functions of their own: a body may take them out of the transaction.
    get onCommit(): BoundTransaction["onCommit"] {
      return (hook) => this.#tx.onCommit(hook);
    }
    get collection(): BoundTransaction["collection"] {
      return (handle) => collectionOf(handle, this.#access);
    }

    static handleOf(bound: Bound, place: number): CollectionHandle<F> {
      const { definition } = entries[place]![1];
      return (bound.#handles[place] ??= core.handle(definition, runner, bound.#access));
    }
  }
  entries.forEach(([name], place) => {
    Object.defineProperty(Bound.prototype, name, {
      configurable: true,
      enumerable: true,
      get(this: Bound) {
        return Bound.handleOf(this, place);
      },
    });
  });
  return (tx, access) => new Bound(tx, access);
}
