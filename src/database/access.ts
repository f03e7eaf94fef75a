/**
 * How an operation reaches the data: each alone, all in one transaction, or all in one snapshot. The handles of
 * collections are written once against this.
 */
import { andThen, Closed, isPromise } from "../base/index.ts";
import type { Awaitable, BatchCursor } from "../base/index.ts";
import { IndexNotReady } from "../collections/index.ts";
import type { CollectionStore } from "../collections/index.ts";
import type {
  Durability,
  ReadView,
  Snapshot,
  StorageEngine,
  Version,
} from "../engine/contract/index.ts";
import { ReadOnlyTransaction, transact, untilKept, withView } from "../transaction/index.ts";
import type { TransactOptions, Transaction, TransactionHost } from "../transaction/index.ts";

/**
 * The collection of an operation, which must be registered and complete before its view is used. Who reads waits for it
 * alone, and not for those that relations join to it: a load of one may read the other.
 */
export type Source = Pick<
  CollectionStore,
  "ready" | "readyAlone" | "requireCompleteIn" | "builtFor" | "isChanging" | "hasChanged"
>;

/** For work that may take long, or that no body asked for. In a transaction both are those of the transaction. */
export type Patience = Pick<TransactOptions, "signal" | "standsApart" | "timeoutMillis">;

export interface Access {
  read<A>(source: Source, work: (view: ReadView) => Awaitable<A>): Awaitable<A>;
  write<A>(
    source: Source,
    work: (tx: Transaction) => Awaitable<A>,
    patience?: Patience,
  ): Awaitable<A>;
  /** Rows read as they are consumed. */
  cursor<A>(source: Source, open: (view: ReadView) => BatchCursor<A>): BatchCursor<A>;
}

/** Every operation by itself: reads see the newest durable state, writes are transactions of their own. */
export class DirectAccess implements Access {
  readonly #host: TransactionHost;
  readonly #engine: StorageEngine;
  readonly #writeOptions: TransactOptions;

  constructor(host: TransactionHost, engine: StorageEngine, durability: Durability | undefined) {
    this.#host = host;
    this.#engine = engine;
    // Only schemas and update functions of the caller run inside, and none of them can await a transaction.
    this.#writeOptions = {
      runsUserCode: false,
      ...(durability === undefined ? {} : { durability }),
    };
  }

  read<A>(source: Source, work: (view: ReadView) => Awaitable<A>): Awaitable<A> {
    return andThen(source.readyAlone(), () =>
      onceBuilt(source, () => withView(this.#engine, looking(source, work))),
    );
  }

  write<A>(
    source: Source,
    work: (tx: Transaction) => Awaitable<A>,
    patience?: Patience,
  ): Awaitable<A> {
    const options =
      patience === undefined ? this.#writeOptions : { ...this.#writeOptions, ...patience };
    return andThen(source.ready(), () =>
      onceBuilt(source, () => transact(this.#host, this.#engine, looking(source, work), options)),
    );
  }

  cursor<A>(source: Source, open: (view: ReadView) => BatchCursor<A>): BatchCursor<A> {
    let snapshot: Snapshot | undefined;
    let cursor: BatchCursor<A> | undefined;
    let closed = false;
    const begin = (): Awaitable<void> => {
      const opening = looking(source, (view: Snapshot) => {
        if (!closed) cursor = open(view);
      });
      return andThen(this.#engine.snapshot(), (begun) => {
        // One that was begun before an index was waited for, or that could not be kept.
        snapshot?.close();
        if (closed) return begun.close();
        snapshot = begun;
        return opening(begun);
      });
    };
    const beginInTime = (): Awaitable<void> =>
      andThen(source.readyAlone(), () => onceBuilt(source, begin));
    return {
      next: () => {
        if (closed) return undefined;
        if (cursor !== undefined) return cursor.next();
        return untilKept(this.#engine, () => andThen(beginInTime(), () => cursor?.next()));
      },
      close: () => {
        closed = true;
        cursor?.close();
        snapshot?.close();
      },
    };
  }
}

/**
 * The work on a view that is begun after this call. While an index is being built the view is asked first what is ready in
 * it: that may change between now and the reading.
 */
export function looking<V extends ReadView, A>(
  source: Source,
  work: (view: V) => Awaitable<A>,
): (view: V) => Awaitable<A> {
  if (!source.isChanging) return work;
  return (view) => andThen(source.requireCompleteIn(view), () => work(view));
}

/**
 * Work that begins a view of its own: where it needs an index that is being built, it waits for that and is run again, once
 * for each index.
 */
export function onceBuilt<A>(source: Source, work: () => Awaitable<A>): Awaitable<A> {
  return source.isChanging ? patiently(source, work) : work();
}

async function patiently<A>(source: Source, work: () => Awaitable<A>): Promise<A> {
  const waited = new Set<string>();
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof IndexNotReady)) throw error;
      const index = `${error.collection} ${error.index}`;
      // A database that is only read has nobody who builds.
      if (waited.has(index)) throw error;
      waited.add(index);
      await source.builtFor(error);
    }
  }
}

/** Everything inside one transaction; its operations are counted, so that none is lost un-awaited. */
export class TransactionAccess implements Access {
  readonly #tx: Transaction;
  readonly #promises: boolean;

  /** `promises`: the door answers with a promise in any case, so one that nobody awaits can be told. */
  constructor(tx: Transaction, promises: boolean) {
    this.#tx = tx;
    this.#promises = promises;
  }
  read<A>(source: Source, work: (view: ReadView) => Awaitable<A>): Awaitable<A> {
    return this.#track(source, work);
  }
  write<A>(source: Source, work: (tx: Transaction) => Awaitable<A>): Awaitable<A> {
    return this.#track(source, work);
  }
  /** Work of several operations, with pauses between them: the body must wait for all of it. */
  whole<A>(work: () => Promise<A>): Promise<A> {
    return this.#tx.trackPromise(work);
  }
  #track<A>(source: Source, work: (tx: Transaction) => Awaitable<A>): Awaitable<A> {
    const tx = this.#tx;
    const run = (): Awaitable<A> => andThen(this.#requireComplete(source), () => work(tx));
    return this.#promises ? tx.trackPromise(run) : tx.track(run);
  }
  cursor<A>(source: Source, open: (view: ReadView) => BatchCursor<A>): BatchCursor<A> {
    const tx = this.#tx;
    let cursor: BatchCursor<A> | undefined;
    return {
      next: () =>
        tx.track(() => {
          if (cursor !== undefined) return cursor.next();
          return andThen(this.#requireComplete(source), () => (cursor = open(tx)).next());
        }),
      close: () => cursor?.close(),
    };
  }

  /**
   * A collection that is used for the first time inside the body may have been completed after the transaction began, and
   * an index may have become ready. A transaction that writes would find out at its commit, by a conflict with what was
   * written then; one that only reads would not, so it always looks.
   */
  #requireComplete(source: Source): Awaitable<void> {
    const ready = source.ready();
    if (!isPromise(ready) && !this.#tx.readOnly && !source.hasChanged) return undefined;
    return andThen(ready, () => source.requireCompleteIn(this.#tx));
  }
}

/** Reads of one snapshot that outlives a call. Writes are refused. */
export class SnapshotAccess implements Access {
  #snapshot: Awaitable<Snapshot>;
  #closed = false;
  readonly #complete = new Set<Source>();

  constructor(snapshot: Awaitable<Snapshot>) {
    this.#snapshot = snapshot;
    if (isPromise(snapshot)) {
      // A failure shows at the first read; without this handler it would end the process before that.
      snapshot.then(
        (begun) => {
          this.#snapshot = begun;
          if (this.#closed) begun.close();
        },
        () => undefined,
      );
    }
  }

  read<A>(source: Source, work: (view: ReadView) => Awaitable<A>): Awaitable<A> {
    return andThen(source.readyAlone(), () => {
      if (this.#closed) throw new Closed("snapshot");
      return andThen(this.#snapshot, (view) =>
        andThen(this.#requireComplete(source, view), () => work(view)),
      );
    });
  }
  /** A snapshot may be older than the index that a query would read. */
  #requireComplete(source: Source, view: ReadView): Awaitable<void> {
    if (this.#complete.has(source)) return undefined;
    return andThen(source.requireCompleteIn(view), () => {
      this.#complete.add(source);
    });
  }
  write<A>(): Awaitable<A> {
    throw new ReadOnlyTransaction();
  }
  cursor<A>(source: Source, open: (view: ReadView) => BatchCursor<A>): BatchCursor<A> {
    let cursor: BatchCursor<A> | undefined;
    return {
      next: () => {
        if (cursor !== undefined) return cursor.next();
        return this.read(source, (view) => (cursor = open(view)).next());
      },
      close: () => cursor?.close(),
    };
  }
  /** Of the state that is shown; undefined where the engine names none, or has not begun it yet. */
  get version(): Version | undefined {
    return isPromise(this.#snapshot) ? undefined : this.#snapshot.version;
  }
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!isPromise(this.#snapshot)) this.#snapshot.close();
  }
}
