/**
 * The connections of one engine: made when they are needed, kept for the next who does, and never more than so many.
 *
 * Always true:
 * (1) A connection is lent to one borrower at a time, and given back without an open transaction, or not at all.
 * (2) Whoever waits for one is served in order, sent away after `acquireMillis`, by its own signal, or by close().
 * (3) A connection that is lost counts no more, and makes room for a new one.
 * (4) While a server that was there before is out of reach, one attempt at a time is made to reach it, with growing pauses,
 *     and those who wait go on waiting: a server that is restarted, or another that takes its place, is there in a moment.
 *     Before it was ever reached they are told at once, for then it is rather the url that is wrong.
 */
import { Closed } from "../../../base/index.ts";
import type { Timers } from "../../lsm/host/index.ts";
import { StorageError } from "../../contract/index.ts";
import type { Connection } from "./connection.ts";
import { isUnavailable } from "./failure.ts";

export interface PoolOptions {
  readonly connectionsMax: number;
  readonly acquireMillis: number;
  readonly timers: Pick<Timers, "after" | "deadline">;
  /** At least 0 and less than 1: many programs lose one server at the same moment. */
  chance(): number;
  connect(): Promise<Connection>;
}

const PAUSE_MILLIS_MIN = 20;
const PAUSE_MILLIS_MAX = 1_000;

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
  #made = 0;
  #lost = 0;
  /** Attempts to connect since the last that succeeded; the reason of the newest; what ends the pause after it. */
  #failed: { readonly attempts: number; readonly error: Error } | undefined;
  #endPause: (() => void) | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** connections, idle, waiting for one; made and lost so far; round trips of all so far. */
  stats(): Readonly<Record<string, number>> {
    let roundTrips = this.#roundTripsBefore;
    for (const connection of this.#all) roundTrips += connection.roundTrips;
    return {
      connections: this.#all.size,
      connectionsIdle: this.#idle.length,
      connectionsMade: this.#made,
      connectionsLost: this.#lost,
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
      // Whoever has lost one has seldom lost only that; the others may not know it yet, and each would fail its borrower.
      if (connection.isLost) for (const idle of this.#idle.splice(0)) this.#drop(idle);
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
    this.#endPause?.();
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
    if (connection.isLost) this.#lost++;
    this.#roundTripsBefore += connection.roundTrips;
    connection.destroy();
  }

  /** As many connections are made as there are who wait, as far as there is room. */
  #makeForWaiting(): void {
    if (this.#endPause !== undefined) return;
    const { connectionsMax } = this.#options;
    const atOnceMax = this.#failed === undefined ? connectionsMax : 1;
    while (
      !this.#closed &&
      this.#coming < Math.min(this.#waiting.length, atOnceMax) &&
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
      this.#made++;
      this.#failed = undefined;
      this.#all.add(connection);
      this.release(connection);
    } catch (error) {
      this.#coming--;
      this.#failedToMake(error as Error);
    }
    this.#makeForWaiting();
  }

  #failedToMake(error: Error): void {
    if (this.#made === 0 || !isUnavailable(error)) {
      // Who has waited longest is told; the others have their own connections on the way, or try again in its place.
      this.#waiting.shift()?.fail(error);
      return;
    }
    const attempts = (this.#failed?.attempts ?? 0) + 1;
    this.#failed = { attempts, error };
    if (this.#closed || this.#waiting.length === 0 || this.#endPause !== undefined) return;
    const options = this.#options;
    const longest = Math.min(PAUSE_MILLIS_MAX, PAUSE_MILLIS_MIN * 2 ** Math.min(attempts, 10));
    const cancel = options.timers.after(longest * (0.5 + options.chance() / 2), () => {
      this.#endPause = undefined;
      this.#makeForWaiting();
    });
    this.#endPause = () => {
      this.#endPause = undefined;
      cancel();
    };
  }

  #wait(signal: AbortSignal | undefined): Promise<Connection> {
    const { acquireMillis, timers } = this.#options;
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
        leave(this.#tooLate());
      });
    });
  }

  /** Why nobody got a connection in time: the server, or those who hold them all. */
  #tooLate(): Error {
    if (this.#failed !== undefined) return this.#failed.error;
    const { acquireMillis, connectionsMax } = this.#options;
    return new StorageError(
      "Unavailable",
      { waitedMillis: acquireMillis, connectionsMax },
      { remedy: "Hold transactions for a shorter time, or allow more connections." },
    );
  }
}
