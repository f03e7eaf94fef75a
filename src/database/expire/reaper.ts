/**
 * Deletes the documents of one collection when their time has come, without anybody asking.
 *
 * It sleeps until the first of them is due, and a minute at most: so it also learns of documents that came since, and of a
 * clock that was set, and needs to be told of nothing.
 *
 * Always true:
 * (1) While the database is open and in order, a document is deleted within SLEEP_MILLIS_MAX of its time, and the time that
 *     the deletes themselves take. What is before its time by the clock of the host is never deleted.
 * (2) One visit at a time, and between its transactions other work has its turn.
 * (3) A visit that fails is told, and tried again after a pause that doubles. It never keeps the process alive nor ends it.
 * (4) Nothing is begun after stop(), and a transaction that was under way is committed whole or not at all.
 */
import { Closed } from "../../base/index.ts";
import { firstDueMillis } from "../../collections/index.ts";
import type { CollectionStore } from "../../collections/index.ts";
import { StorageError } from "../../engine/contract/index.ts";
import type { StorageEngine } from "../../engine/contract/index.ts";
import type { Host } from "../../engine/lsm/index.ts";
import type { Access } from "../access.ts";
import { expiringIndexes, Visit } from "./visit.ts";
import type { Places } from "./visit.ts";

/** Deletes of a second are gathered, and a program that has just been opened has something better to do. */
const SLEEP_MILLIS_MIN = 1_000;
/** The promise to users: how late a document may be deleted. */
const SLEEP_MILLIS_MAX = 60_000;
/** What has failed for long, such as a full disk, is tried once an hour. */
const FAILURE_MILLIS_MAX = 3_600_000;

export interface ReaperGround {
  readonly access: Access;
  readonly engine: StorageEngine;
  readonly host: Host;
}

export class Reaper {
  readonly #ground: ReaperGround;
  readonly #store: CollectionStore;
  readonly #stopping = new AbortController();
  /** Where visits that left much behind go on. */
  readonly #places: Places = new Map();
  /** Kinds of refusals that were told. */
  readonly #told = new Set<string>();
  /** The visits, one after the other. */
  #line: Promise<unknown> = Promise.resolve();
  #cancelSleep: (() => void) | undefined;
  #failures = 0;

  constructor(ground: ReaperGround, store: CollectionStore) {
    this.#ground = ground;
    this.#store = store;
  }

  /** Begins to look after the collection by itself. */
  start(): void {
    this.#sleep(SLEEP_MILLIS_MIN);
  }

  /** Deletes what is due now, and gives how many documents that were. */
  async reap(): Promise<number> {
    const visit = await this.#inTurn(() => this.#visit(false));
    return visit.deleted;
  }

  /** Idempotent. Whoever asked for a visit that is under way has been told when it resolves. */
  async stop(): Promise<void> {
    this.#cancelSleep?.();
    this.#cancelSleep = undefined;
    this.#stopping.abort(new Closed("database"));
    await this.#line;
  }

  #inTurn<A>(work: () => Promise<A>): Promise<A> {
    const result = this.#line.then(() => this.#untilStopped(work));
    this.#line = result.catch(() => undefined);
    return result;
  }

  /** The work's outcome, or Closed at once when the reaper is stopped: a load that it waits for may never end. */
  #untilStopped<A>(work: () => Promise<A>): Promise<A> {
    const { signal } = this.#stopping;
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(signal.reason as Error);
      if (signal.aborted) return stop();
      signal.addEventListener("abort", stop, { once: true });
      work()
        .then(resolve, reject)
        .finally(() => signal.removeEventListener("abort", stop));
    });
  }

  async #visit(standsApart: boolean): Promise<Visit> {
    const { access, host } = this.#ground;
    const signal = this.#stopping.signal;
    const visit = new Visit({
      access,
      store: this.#store,
      host,
      // However long a disk takes: the transaction ends when the database is closed.
      patience: { signal, standsApart, timeoutMillis: Infinity },
      places: this.#places,
    });
    await visit.run();
    for (const [kind, error] of visit.refusals) this.#tellOnce(kind, error);
    return visit;
  }

  /** Why a document stays that should have gone: once for all that stay for the same reason. */
  #tellOnce(kind: string, error: Error): void {
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    this.#ground.host.warn(
      `A document has expired but cannot be deleted; it is tried again. ${error.message}`,
      this.#store.definition.name,
    );
  }

  // ---------------------------------------------------------------- by itself

  #sleep(millis: number): void {
    if (this.#stopping.signal.aborted) return;
    this.#cancelSleep = this.#ground.host.timers.later(millis, () => void this.#wake());
  }

  async #wake(): Promise<void> {
    this.#cancelSleep = undefined;
    try {
      const sleepMillis = await this.#inTurn(async () => {
        const { refused } = await this.#visit(true);
        return refused > 0 ? SLEEP_MILLIS_MAX : this.#untilNext();
      });
      this.#failures = 0;
      this.#sleep(sleepMillis);
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    // The end of the database is the end of its reapers, and so is an engine that was opened to be read only.
    if (this.#stopping.signal.aborted) return;
    if (error instanceof StorageError && error.code === "OpenedReadOnly") return;
    this.#ground.host.warn(error, `expired documents of ${this.#store.definition.name}`);
    const pauseMillis = SLEEP_MILLIS_MIN * 2 ** Math.min(this.#failures++, 20);
    this.#sleep(Math.min(FAILURE_MILLIS_MAX, pauseMillis));
  }

  /** How long until the first document is due, as far as that makes sense to wait for. */
  async #untilNext(): Promise<number> {
    const { access, host } = this.#ground;
    let first = Infinity;
    for (const index of expiringIndexes(this.#store)) {
      const millis = await access.read(this.#store, (view) => firstDueMillis(view, index));
      first = Math.min(first, millis ?? Infinity);
    }
    const sleepMillis = Math.min(first - host.clock.nowMillis(), SLEEP_MILLIS_MAX);
    return Math.max(sleepMillis, SLEEP_MILLIS_MIN);
  }
}
