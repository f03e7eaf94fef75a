/** What callers hand to live() and store(), and what these give, as types. */
import { checkKnown, InvalidOption } from "../options.ts";

/** What a query finds now, and how that differs from the result before. */
export interface LiveResult<R> {
  /** All rows, in order. A row that has not changed is the object it was in the result before; do not change it. */
  readonly rows: readonly R[];
  /** Rows that were not in the result before; all of them the first time. */
  readonly added: readonly R[];
  /** Rows of the result before, as they were there, that are in this one no more. */
  readonly removed: readonly R[];
  /** Rows that were there and have another value now. */
  readonly changed: readonly R[];
  /** The state that was read, for `changes({ since })`; undefined where the engine names none. */
  readonly version: string | undefined;
}

export interface LiveOptions {
  /**
   * Takes what a run of the query or your function fails with; the query goes on with the next commit, but for an error
   * that every run would meet (InvalidQuery, FullScan, SchemaMismatch, EvolutionFailed). Default: a warning of the process.
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** A live query that runs until it is closed, or the database is. */
export interface LiveQuery extends Disposable {
  /** No call of your function begins after this. Idempotent. */
  close(): void;
}

/** A live query as user interfaces want it. Both functions can be handed around by themselves. */
export interface LiveStore<R> {
  /** Calls `onChange` after each change of the snapshot until the function given back is called. The first subscriber starts the query, the last one to leave ends it. */
  subscribe(this: void, onChange: () => void): () => void;
  /** The rows; the same list until something in it changes. Undefined until the first result is there. */
  getSnapshot(this: void): readonly R[] | undefined;
}

/** @throws InvalidOption. */
export function checkLive(options: LiveOptions): void {
  checkKnown(options, ["onError"]);
  checkFunction("onError", options.onError ?? ignored);
}

/** @throws InvalidOption. */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== "function") throw new InvalidOption(name, "a function", value);
}

function ignored(): void {}
