/**
 * One look at a collection: everything that is due when it begins is deleted, a batch of documents in one transaction.
 *
 * Always true:
 * (1) A document is deleted only if it is due in the transaction that deletes it. Its row is all that this transaction reads
 *     of it, so it conflicts with those who write that document, and with nobody else.
 * (2) Documents are deleted as a user would: with their entries and tallies, with what relations say, in one commit.
 * (3) A document that cannot be deleted keeps nobody back: it is left where it is, with those before and behind it done.
 */
import { andThen } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import {
  dueEntries,
  dueMillis,
  ReferenceViolation,
  UniqueViolation,
  ValidationError,
} from "../../collections/index.ts";
import type { BoundIndex, CollectionStore } from "../../collections/index.ts";
import { CorruptionError, StorageError } from "../../engine/contract/index.ts";
import type { Host } from "../../engine/lsm/index.ts";
import type { Transaction } from "../../transaction/index.ts";
import type { Access, Patience } from "../access.ts";

/**
 * Who writes meanwhile waits for about one batch. With 128 all goes faster by half, and those wait twice as long; with 32 it
 * is the other way about.
 */
const BATCH_DOCUMENTS_MAX = 64;
/** Each costs a transaction. A visit that met so many ends; the next one goes on behind them. */
const REFUSALS_MAX = 1_000;

/** Keys of indexes behind which the next visit begins, by the names of the indexes. */
export type Places = Map<string, Uint8Array>;

export interface VisitGround {
  readonly access: Access;
  readonly store: CollectionStore;
  readonly host: Host;
  readonly patience: Patience;
  readonly places: Places;
}

/** The indexes by which documents of the collection expire, as far as they can be used now. */
export function expiringIndexes(store: CollectionStore): readonly BoundIndex[] {
  return store.layout().indexes.filter(({ expireMillis }) => expireMillis !== undefined);
}

export class Visit {
  readonly #ground: VisitGround;
  /** How many documents it has deleted, those not counted that went with them. */
  deleted = 0;
  /** How many it had to leave. */
  refused = 0;
  /** Why it had to, one of each kind. */
  readonly refusals: Map<string, Error> = new Map();

  constructor(ground: VisitGround) {
    this.#ground = ground;
  }

  /** @throws What the engine fails with; what was deleted before stays deleted. */
  async run(): Promise<void> {
    const { host, store } = this.#ground;
    await store.ready();
    const nowMillis = host.clock.nowMillis();
    for (const index of expiringIndexes(store)) await this.#follow(index, nowMillis);
  }

  async #follow(index: BoundIndex, nowMillis: number): Promise<void> {
    const { access, host, patience, places, store } = this.#ground;
    let start = places.get(index.name);
    places.delete(index.name);
    for (;;) {
      patience.signal?.throwIfAborted();
      const from = { nowMillis, start, limit: BATCH_DOCUMENTS_MAX };
      const found = await access.read(store, (view) => dueEntries(store, view, index, from));
      if (found.ids.length > 0) await this.#delete(index, found.ids, nowMillis);
      if (found.next === undefined) return;
      if (this.refused >= REFUSALS_MAX) {
        places.set(index.name, found.next);
        return;
      }
      start = found.next;
      await host.timers.pause();
    }
  }

  /** All at once; where that is refused, in halves, until those are found for which it is. */
  async #delete(index: BoundIndex, ids: readonly string[], nowMillis: number): Promise<void> {
    const { access, host, patience, store } = this.#ground;
    try {
      const work = (tx: Transaction): Awaitable<number> =>
        deleteDue(tx, store, index, ids, nowMillis);
      this.deleted += await access.write(store, work, patience);
      return;
    } catch (error) {
      if (!(error instanceof Error) || !concernsDocuments(error)) throw error;
      if (ids.length === 1) {
        this.refused++;
        this.refusals.set(kindOf(error), error);
        return;
      }
    }
    const half = Math.ceil(ids.length / 2);
    for (const part of [ids.slice(0, half), ids.slice(half)]) {
      await host.timers.pause();
      await this.#delete(index, part, nowMillis);
    }
  }
}

/** Deletes those of the documents that are due in this transaction, and gives how many there are. */
function deleteDue(
  tx: Transaction,
  store: CollectionStore,
  index: BoundIndex,
  ids: readonly string[],
  nowMillis: number,
): Awaitable<number> {
  return store.inTurn(tx, () =>
    andThen(store.getMany(tx, ids), (documents) => {
      const due = documents.filter((document) => document !== undefined);
      const gone = due.filter((one) => (dueMillis(index, one) ?? Infinity) <= nowMillis);
      if (gone.length === 0) return 0;
      return andThen(store.deleteMany(tx, gone), () => gone.length);
    }),
  );
}

/** Is it the documents' own fault? Then others may still be deleted. */
function concernsDocuments(error: Error): boolean {
  return (
    error instanceof ReferenceViolation ||
    // A document that should lose its reference cannot be without it.
    error instanceof ValidationError ||
    error instanceof UniqueViolation ||
    error instanceof CorruptionError ||
    // With all that goes with them.
    (error instanceof StorageError && error.code === "TransactionTooLarge")
  );
}

/** What is told once. */
function kindOf(error: Error): string {
  if (!(error instanceof ReferenceViolation)) return error.name;
  return `${error.name} ${error.by.collection} ${error.by.field}`;
}
