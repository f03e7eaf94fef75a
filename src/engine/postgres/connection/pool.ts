/**
 * The connections of one engine: made when they are needed, kept for the next who does, and never more than so many.
 *
 * Always true:
 * (1) A connection is lent to one borrower at a time, and given back without an open transaction, or not at all.
 * (2) Whoever waits for one is served in order, sent away after `acquireMillis`, by its own signal, or by close().
 * (3) A connection that is lost counts no more, and makes room for a new one.
 */
import { Closed } from "../../../base/index.ts";
import type { Timers } from "../../lsm/host/index.ts";
import { StorageError } from "../../contract/index.ts";
import type { Connection } from "./connection.ts";

export interface PoolOptions {
  readonly connectionsMax: number;
  readonly acquireMillis: number;
  readonly timers: Pick<Timers, "deadline">;
  connect(): Promise<Connection>;
}

interface Waiter {
  take(connection: Connection): void;
  fail(error: unknown): void;
}

export class Pool {
  readonly #options: PoolOptions;
  readonly #all = new Set<Connection>();
  readonly #idle: Connection[] = [];
  readonly #waiting: Waiter[] = [];
  /** Connections that are being made. */
  #coming = 0;
  #closed = false;
  #roundTripsBefore = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** connections, idle, waiting for one, round trips of all so far. */
  stats(): Readonly<Record<string, number>> {
    let roundTrips = this.#roundTripsBefore;
    for (const connection of this.#all) roundTrips += connection.roundTrips;
    return {
      connections: this.#all.size,
      connectionsIdle: this.#idle.length,
      waiting: this.#waiting.length,
      roundTrips,
    };
  }

  /** @throws StorageError 'Unavailable' when none was free in time, or the server is out of reach. */
  acquire(signal?: AbortSignal): Promise<Connection> {
    if (this.#closed) return Promise.reject(new Closed("engine"));
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    const idle = this.#takeIdle();
    if (idle !== undefined) return Promise.resolve(idle);
    const waited = this.#wait(signal);
    this.#makeForWaiting();
    return waited;
  }

  /** Gives a connection back. One that is lost, or in doubt, is dropped. */
  release(connection: Connection): void {
    if (connection.isLost || connection.status !== "I" || this.#closed) {
      this.#drop(connection);
      this.#makeForWaiting();
      return;
    }
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(connection);
    else next.take(connection);
  }

  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiting.splice(0)) waiter.fail(new Closed("engine"));
    for (const connection of this.#all) this.#drop(connection);
  }

  #takeIdle(): Connection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection?.isLost !== true) return connection;
      this.#drop(connection);
    }
  }

  #drop(connection: Connection): void {
    if (!this.#all.delete(connection)) return;
    this.#roundTripsBefore += connection.roundTrips;
    connection.destroy();
  }

  /** As many connections are made as there are who wait, as far as there is room. */
  #makeForWaiting(): void {
    const { connectionsMax } = this.#options;
    while (
      !this.#closed &&
      this.#coming < this.#waiting.length &&
      this.#all.size + this.#coming < connectionsMax
    ) {
      this.#coming++;
      void this.#make();
    }
  }

  async #make(): Promise<void> {
    try {
      const connection = await this.#options.connect();
      this.#coming--;
      this.#all.add(connection);
      this.release(connection);
    } catch (error) {
      this.#coming--;
      // Who has waited longest is told; the others have their own connections on the way, or try again in its place.
      this.#waiting.shift()?.fail(error);
      this.#makeForWaiting();
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<Connection> {
    const { acquireMillis, connectionsMax, timers } = this.#options;
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        cancel();
        signal?.removeEventListener("abort", abort);
      };
      const leave = (error: unknown): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        stop();
        reject(error as Error);
      };
      const abort = (): void => {
        leave(signal?.reason);
      };
      const waiter: Waiter = {
        take: (connection) => {
          stop();
          resolve(connection);
        },
        fail: (error) => {
          stop();
          reject(error as Error);
        },
      };
      this.#waiting.push(waiter);
      signal?.addEventListener("abort", abort, { once: true });
      const cancel = timers.deadline(acquireMillis, () => {
        leave(
          new StorageError(
            "Unavailable",
            { waitedMillis: acquireMillis, connectionsMax },
            { remedy: "Hold transactions for a shorter time, or allow more connections." },
          ),
        );
      });
    });
  }
}
