/**
 * The results of one query as they change: each next() gives the first result, or waits until a commit has changed what
 * the last one showed.
 *
 * Always true:
 * (1) One run at a time, and only after a commit that touched what the last run read; commits that come together, or while
 *     a result is being dealt with, share one run.
 * (2) Watching begins before the first run: no commit falls between a run and what it waits for.
 * (3) A result that equals the one given before is not given.
 * (4) close() ends a next() that waits or runs: it gives undefined.
 */
import { Closed } from "../../base/index.ts";
import type { Awaitable, BatchCursor } from "../../base/index.ts";
import type { ReadRanges, Touched } from "../../transaction/index.ts";
import type { LiveHub, Watcher } from "./live-hub.ts";
import type { RowMemory, IdentifiedRow, RowChanges } from "./row-memory.ts";

export interface PlainLiveResult extends RowChanges {
  readonly version: string | undefined;
}

/** One run of the query on the newest state. */
export type RunRows = () => Awaitable<{
  readonly rows: readonly IdentifiedRow[];
  readonly reads: ReadRanges;
  readonly version: string | undefined;
}>;

/** While a run is under way so many tellings are compared with what it read; beyond, it is simply run again. */
const HEARD_MAX = 64;

type End = "closed" | "database closed";

export class LiveRows implements BatchCursor<PlainLiveResult>, Watcher {
  readonly #hub: LiveHub;
  readonly #run: RunRows;
  readonly #memory: RowMemory;
  #isWatching = false;
  #isFirst = true;
  /** Must be run again. */
  #isDue = true;
  /** What the last run read; undefined: not known, so every commit may matter. */
  #reads: ReadRanges | undefined;
  /** What was touched while a run was under way. */
  #heard: Touched[] | undefined;
  #end: End | undefined;
  #wake: (() => void) | undefined;
  /** How often the query was run. */
  #runs = 0;

  constructor(hub: LiveHub, memory: RowMemory, run: RunRows) {
    this.#hub = hub;
    this.#memory = memory;
    this.#run = run;
  }

  get runs(): number {
    return this.#runs;
  }

  /** Nothing will be given any more. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** From here on no commit is missed. @throws Closed, StorageError 'NotSupported'. */
  watch(): void {
    if (this.#isWatching || this.hasEnded) return;
    this.#hub.add(this);
    this.#isWatching = true;
  }

  /** @throws Closed when the database is closed meanwhile, and what a run throws; then the next call waits for a commit. */
  async next(): Promise<readonly PlainLiveResult[] | undefined> {
    this.watch();
    for (;;) {
      if (this.#end === "closed") return undefined;
      if (this.#end === "database closed") throw new Closed("database");
      if (!this.#isDue) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const result = await this.#runOnce();
      if (result !== undefined) return [result];
    }
  }

  close(): void {
    this.#finish("closed");
    this.#hub.remove(this);
  }

  touched(touched: Touched): void {
    if (this.#heard !== undefined) {
      if (this.#heard.length < HEARD_MAX) this.#heard.push(touched);
      else this.#isDue = true;
      return;
    }
    if (this.#isDue || this.#reads?.meets(touched) === false) return;
    this.#isDue = true;
    this.#go();
  }

  databaseClosed(): void {
    this.#finish("database closed");
  }

  /** A result that is to be given; undefined if it is the same again, or nobody waits for it any more. */
  async #runOnce(): Promise<PlainLiveResult | undefined> {
    this.#isDue = false;
    const heard: Touched[] = [];
    this.#heard = heard;
    this.#runs++;
    try {
      const { reads, rows, version } = await this.#run();
      if (this.hasEnded) return undefined;
      this.#reads = reads;
      const { changes, isNew } = this.#memory.take(rows);
      if (!isNew && !this.#isFirst) return undefined;
      this.#isFirst = false;
      return { ...changes, version };
    } catch (error) {
      if (this.hasEnded) return undefined;
      throw error;
    } finally {
      // The run may have seen these commits or not: one run too many finds out.
      this.#heard = undefined;
      if (heard.some((touched) => this.#reads?.meets(touched) !== false)) this.#isDue = true;
    }
  }

  #finish(end: End): void {
    this.#end ??= end;
    this.#go();
  }

  #go(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
