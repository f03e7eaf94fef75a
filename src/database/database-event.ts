/** What `onEvent` gets: the inner life of the engine, and the building of indexes. */
import type { BuildEventBody } from "../collections/index.ts";
import type { Host, LsmEvent } from "../engine/lsm/index.ts";

/** `atMillis` is the wall clock's time, in milliseconds since 1970. */
export type BuildEvent = BuildEventBody & { readonly atMillis: number };

/**
 * What a database tells its listener, as plain values told apart by `type`. Of indexes that are built in the background:
 * "index-build-begin", "index-build-progress" about once a second, and "index-build-end" or "index-build-failure"; each
 * with the collection, the names of the indexes, and how many `documents` are done. All else is told by the engine.
 *
 * @example
 * const db = await open("./data", {
 *   collections: { users },
 *   onEvent: (event) => {
 *     if (event.type === "index-build-progress") console.log(event.indexes, event.documents);
 *   },
 * });
 */
export type DatabaseEvent = LsmEvent | BuildEvent;

/**
 * From builds to the listener of the database: in a turn of its own, so that the listener finds nothing half done, in
 * order, each once.
 */
export class BuildEvents {
  readonly #host: Host;
  readonly #listener: (event: BuildEvent) => void;
  #waiting: BuildEvent[] = [];

  constructor(host: Host, listener: (event: BuildEvent) => void) {
    this.#host = host;
    this.#listener = listener;
  }

  tell(event: BuildEventBody): void {
    const { clock, timers } = this.#host;
    this.#waiting.push({ ...event, atMillis: clock.nowMillis() });
    if (this.#waiting.length === 1) timers.soon(() => this.deliver());
  }

  /** Hands over what waits: at the end of the turn, or before the database is gone. */
  deliver(): void {
    const events = this.#waiting;
    this.#waiting = [];
    for (const event of events) {
      try {
        this.#listener(event);
      } catch (error) {
        this.#host.warn(error, `the listener for events failed at "${event.type}"`);
      }
    }
  }
}
