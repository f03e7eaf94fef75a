/**
 * Deletes tokens that nobody will ask for, in the background and at a bounded cost.
 *
 * A token whose commit was acknowledged goes as soon as there are enough of them for a batch: by its key, so that nothing
 * else can be meant. The others stay: fences, which must stand until a commit that was stopped cannot arrive any more, and
 * what processes have left that ended in the middle. Those are seen by some process, and deleted by it if they are still
 * there an hour later by its own clock: nobody's wall clock has to agree with another's.
 *
 * Always true:
 * (1) A token that was not acknowledged here stays for LEFT_MILLIS_MIN at least after it was put.
 * (2) While its writes succeed, a process has BATCH_ROWS tokens of acknowledged commits at most, and those acknowledged
 *     during one write.
 * (3) For so many commits there is one write more, in an hour one scan of a page.
 */
import { copyBytes, KotobaError } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { COMMIT_TOKENS } from "../../engine/contract/index.ts";
import type { StorageEngine } from "../../engine/contract/index.ts";
import type { FullView } from "../reading/full-view.ts";
import type { TransactionHost } from "../transaction-host.ts";
import { withView } from "../with-view.ts";
import { Patience } from "../patience.ts";

/** A fence has to outlive whatever of a commit may still be under way; networks and servers give up within minutes. */
export const LEFT_MILLIS_MIN = 3_600_000;
/** A write of some 5 KB for so many commits. */
export const BATCH_ROWS = 256;
/** Where writes fail for longer, what is beyond it is left for the sweep. */
const KEPT_ROWS_MAX = 4 * BATCH_ROWS;
const SWEEP_ROWS_MAX = 1_000;
/** So long close() waits for a server that may not answer. */
const CLOSE_MILLIS_MAX = 1_000;

export class TokenCleaner {
  readonly #engine: StorageEngine;
  readonly #host: TransactionHost;
  /** Written by acknowledged() and #deleteBatch(). */
  #done: Bytes[] = [];
  /** Commits since the last attempt, one that failed included; written by the same. */
  #sinceAttempt = 0;
  /** What the last sweep saw; written by #sweep(). */
  #left: readonly Bytes[] = [];
  #sweptMillis: number;
  #work: Promise<void> | undefined;

  constructor(engine: StorageEngine, host: TransactionHost) {
    this.#engine = engine;
    this.#host = host;
    this.#sweptMillis = host.nowMillis();
  }

  /** The commit is known to have taken effect: nobody will ask for its token again. */
  acknowledged(key: Bytes): void {
    this.#sinceAttempt++;
    if (this.#done.length < KEPT_ROWS_MAX) this.#done.push(key);
    if (this.#work !== undefined) return;
    if (this.#sinceAttempt >= BATCH_ROWS) this.#begin(() => this.#deleteBatch());
    else if (this.#host.nowMillis() - this.#sweptMillis >= LEFT_MILLIS_MIN) {
      this.#begin(() => this.#sweep());
    }
  }

  /** Deletes what there is to delete, as far as that is done soon. */
  async close(): Promise<void> {
    const patience = new Patience(this.#host, CLOSE_MILLIS_MAX, undefined);
    const rest = async (): Promise<void> => {
      await this.#work;
      if (this.#done.length > 0) await this.#reported(() => this.#deleteBatch());
    };
    await patience.within(rest());
  }

  #begin(work: () => Promise<void>): void {
    this.#work = this.#reported(work).finally(() => {
      this.#work = undefined;
    });
  }

  /** What fails here harms no commit and is tried again with the next batch; it is told where that is unlikely to help. */
  async #reported(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isOfTheLine(error)) this.#host.report(error, "deleting the tokens of commits");
    }
  }

  async #deleteBatch(): Promise<void> {
    const keys = this.#done;
    this.#done = [];
    this.#sinceAttempt = 0;
    try {
      await this.#delete(keys);
    } catch (error) {
      this.#done = [...keys, ...this.#done].slice(0, KEPT_ROWS_MAX);
      throw error;
    }
  }

  /** Deletes what it saw the last time, which is long ago, and looks for more. */
  async #sweep(): Promise<void> {
    try {
      await this.#delete(this.#left);
      this.#left = [];
      this.#left = await withView(this.#engine, tokensOf);
    } finally {
      this.#sweptMillis = this.#host.nowMillis();
    }
  }

  async #delete(keys: readonly Bytes[]): Promise<void> {
    if (keys.length === 0) return;
    const ops = keys.map((key) => ({ op: "del", key }) as const);
    // If a crash brings them back, the sweep finds them.
    await this.#engine.write({ ops, requires: [], durability: "buffered" });
  }
}

function isOfTheLine(error: unknown): boolean {
  return error instanceof KotobaError && (error.retryable || error.committed === "unknown");
}

async function tokensOf(view: FullView): Promise<readonly Bytes[]> {
  const scan = view.scan(COMMIT_TOKENS, { keysOnly: true, limit: SWEEP_ROWS_MAX });
  const keys: Bytes[] = [];
  try {
    for (let done = false; !done;) {
      const page = await scan.next();
      for (let row = 0; row < page.rows; row++) {
        keys.push(copyBytes(page.buffer, page.keyStart[row]!, page.keyEnd[row]!));
      }
      done = page.done;
    }
  } finally {
    scan.close();
  }
  return keys;
}
