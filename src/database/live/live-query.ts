/**
 * Hands the results of a live query to a function, one after the other.
 *
 * Always true:
 * (1) The function is called with the next result only when it has dealt with the one before, its promise included.
 * (2) No error is swallowed: what a run or the function fails with goes to the listener's error().
 */
import { KotobaError } from "../../base/index.ts";
import type { LiveRows, PlainLiveResult } from "./live-rows.ts";

export interface LiveListener {
  result(result: PlainLiveResult): unknown;
  /** Must not throw. */
  error(error: unknown): void;
}

/** What a further run would meet again, whatever the data. */
const lasting: ReadonlySet<string> = new Set([
  "InvalidQuery",
  "FullScan",
  "SchemaMismatch",
  "EvolutionFailed",
]);

export class LiveQueryHandle implements Disposable {
  readonly #rows: LiveRows;
  readonly #listener: LiveListener;

  /** @throws Closed, StorageError 'NotSupported'. */
  constructor(rows: LiveRows, listener: LiveListener) {
    this.#rows = rows;
    this.#listener = listener;
    rows.watch();
    void this.#follow();
  }

  /** No call begins after this, even if a run is under way. Idempotent. */
  close(): void {
    this.#rows.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #follow(): Promise<void> {
    while (!this.#rows.hasEnded) {
      const results = await this.#nextResults();
      for (const result of results) {
        if (this.#rows.hasEnded) return;
        try {
          await this.#listener.result(result);
        } catch (error) {
          this.#listener.error(error);
        }
      }
    }
  }

  async #nextResults(): Promise<readonly PlainLiveResult[]> {
    try {
      return (await this.#rows.next()) ?? [];
    } catch (error) {
      // The end of the database is the end of its live queries, and no failure of them.
      if (this.#rows.hasEnded) return [];
      this.#listener.error(error);
      if (error instanceof KotobaError && lasting.has(error._tag)) this.close();
      return [];
    }
  }
}
