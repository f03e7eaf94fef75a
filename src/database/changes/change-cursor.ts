/**
 * The changes of one collection as a stream: what the engine's log gives, decoded.
 *
 * Always true:
 * (1) The changes of a commit come together, each commit once, in the order of commits; `endsCommit` is true of the last.
 * (2) close() ends a next() that waits: it gives undefined.
 */
import { andThen } from "../../base/index.ts";
import type { Awaitable, BatchCursor } from "../../base/index.ts";
import type { CollectionStore, Document, StoredChange } from "../../collections/index.ts";
import { InvalidQuery } from "../../collections/index.ts";
import { StorageError } from "../../engine/contract/index.ts";
import type { ChangeSet, StorageEngine, Version } from "../../engine/contract/index.ts";
import { checkChanges } from "./change-options.ts";
import type { ChangesOptions } from "./change-options.ts";

/** One change, in whatever collection: the surface gives it the document's type. */
export interface PlainChange extends Omit<StoredChange, "after"> {
  readonly after?: Document;
  readonly version: string;
  readonly endsCommit: boolean;
}

export class ChangeCursor implements BatchCursor<PlainChange> {
  readonly #engine: StorageEngine;
  readonly #store: CollectionStore;
  readonly #since: Version | undefined;
  readonly #signal: AbortSignal;
  readonly #ending = new AbortController();
  /** Why the commit behind those that were given cannot be told. */
  #failed: { readonly error: unknown } | undefined;
  #commits: AsyncIterator<readonly ChangeSet[]> | undefined;

  /** @throws InvalidOption, StorageError 'NotSupported' where the engine keeps no log. */
  constructor(engine: StorageEngine, store: CollectionStore, options: ChangesOptions) {
    checkChanges(options);
    const { since, signal } = options;
    if (engine.changes === undefined)
      throw new StorageError(
        "NotSupported",
        { what: "changes()", engine: engine.name },
        { remedy: "Open the database with the option changeLog." },
      );
    this.#engine = engine;
    this.#store = store;
    this.#since = since as Version | undefined;
    const own = this.#ending.signal;
    this.#signal = signal === undefined ? own : AbortSignal.any([own, signal]);
  }

  next(): Awaitable<readonly PlainChange[] | undefined> {
    if (this.#ending.signal.aborted) return undefined;
    this.#signal.throwIfAborted();
    if (this.#commits !== undefined) return this.#read(this.#commits);
    return andThen(this.#store.ready(), () => {
      if (this.#ending.signal.aborted) return undefined;
      const log = this.#engine.changes!(this.#since, { signal: this.#signal });
      this.#commits = log[Symbol.asyncIterator]();
      return this.#read(this.#commits);
    });
  }

  close(): void {
    this.#ending.abort();
  }

  async #read(
    commits: AsyncIterator<readonly ChangeSet[]>,
  ): Promise<readonly PlainChange[] | undefined> {
    if (this.#failed !== undefined) throw this.#failed.error;
    try {
      for (;;) {
        const read = await commits.next();
        if (read.done === true) return undefined;
        const changes = this.#changesOf(read.value);
        if (changes.length > 0) return changes;
      }
    } catch (error) {
      // What waited was told to end: by us, who expects nothing more, or by the caller's signal, who is told so.
      if (this.#ending.signal.aborted) return undefined;
      throw error;
    }
  }

  /** Up to a commit that cannot be told; that one is told of behind those before it. */
  #changesOf(commits: readonly ChangeSet[]): readonly PlainChange[] {
    const changes: PlainChange[] = [];
    for (const commit of commits) {
      try {
        changes.push(...this.#changesIn(commit));
      } catch (error) {
        if (changes.length === 0) throw error;
        this.#failed = { error };
        break;
      }
    }
    return changes;
  }

  #changesIn(commit: ChangeSet): readonly PlainChange[] {
    const changes = this.#store.changesIn(commit);
    const { version } = commit;
    return changes.map((change, i) => ({
      ...change,
      version,
      endsCommit: i === changes.length - 1,
    }));
  }
}

/** A transaction and a snapshot see one state; nothing changes there. */
export function refuseOutsideDatabase(collection: string, what: string): never {
  throw new InvalidQuery(
    collection,
    `${what} follows the database: it is for the collections of db, not of a transaction or a snapshot`,
  );
}
