/**
 * All live queries of one database behind one listener of the engine, so that a hundred of them cost an engine no more
 * than one.
 *
 * Always true:
 * (1) The engine is listened to exactly while somebody watches.
 * (2) After close() nobody is woken any more, and whoever comes is told Closed.
 */
import { Closed } from "../../base/index.ts";
import { StorageError } from "../../engine/contract/index.ts";
import type { StorageEngine } from "../../engine/contract/index.ts";
import type { Touched } from "../../transaction/index.ts";

export interface Watcher {
  /** Commits have touched something; undefined: anything. Must not throw. */
  touched(touched: Touched): void;
  /** The database is closed. */
  databaseClosed(): void;
}

export class LiveHub {
  readonly #engine: StorageEngine;
  readonly #watchers = new Set<Watcher>();
  #stopListening: (() => void) | undefined;
  #isClosed = false;

  constructor(engine: StorageEngine) {
    this.#engine = engine;
  }

  /** @throws Closed, StorageError 'NotSupported' where the engine does not tell of its commits. */
  add(watcher: Watcher): void {
    if (this.#isClosed) throw new Closed("database");
    if (this.#engine.onCommit === undefined)
      throw new StorageError("NotSupported", { what: "live queries", engine: this.#engine.name });
    this.#stopListening ??= this.#engine.onCommit((touched) => {
      for (const one of this.#watchers) one.touched(touched);
    });
    this.#watchers.add(watcher);
  }

  remove(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#watchers) {
      this.remove(watcher);
      watcher.databaseClosed();
    }
  }
}
