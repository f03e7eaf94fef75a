/**
 * A live query in the form that user interfaces subscribe to: React's useSyncExternalStore and the like.
 *
 * Always true:
 * (1) getSnapshot() gives the same list until a row or the order of rows has changed, also across a pause without
 *     subscribers.
 * (2) The query runs exactly while somebody is subscribed.
 */
import { LiveQueryHandle } from "./live-query.ts";
import type { LiveRows } from "./live-rows.ts";
import { RowMemory } from "./row-memory.ts";

export class LiveStoreHandle {
  readonly #begin: (memory: RowMemory) => LiveRows;
  readonly #fail: (error: unknown) => void;
  readonly #memory = new RowMemory();
  readonly #subscribers = new Set<{ readonly call: () => void }>();
  #live: LiveQueryHandle | undefined;
  #snapshot: readonly unknown[] | undefined;

  constructor(begin: (memory: RowMemory) => LiveRows, fail: (error: unknown) => void) {
    this.#begin = begin;
    this.#fail = fail;
  }

  /** A property, not a method: user interfaces hand it around by itself. */
  readonly subscribe = (onChange: () => void): (() => void) => {
    const subscriber = { call: onChange };
    this.#live ??= this.#start();
    this.#subscribers.add(subscriber);
    return () => {
      if (!this.#subscribers.delete(subscriber) || this.#subscribers.size > 0) return;
      this.#live?.close();
      this.#live = undefined;
    };
  };

  readonly getSnapshot = (): readonly unknown[] | undefined => this.#snapshot;

  #start(): LiveQueryHandle {
    return new LiveQueryHandle(this.#begin(this.#memory), {
      result: ({ rows }) => {
        if (rows === this.#snapshot) return;
        this.#snapshot = rows;
        for (const { call } of this.#subscribers) this.#tell(call);
      },
      error: this.#fail,
    });
  }

  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#fail(error);
    }
  }
}
