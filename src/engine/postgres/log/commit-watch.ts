/**
 * Tells listeners of the commits of all processes: of this one's own when they are acknowledged, of the others' as the
 * log has them.
 *
 * Always true:
 * (1) The log is looked at exactly while somebody listens.
 * (2) A listener is told of every commit that a view begun after it came may not have seen; of more, where the log cannot
 *     say which (undefined: anything).
 * (3) What is told is visible to every view that begins afterwards.
 */
import { Closed, KotobaError, copyBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import type { CommitListener, KeyRange, WriteOp } from "../../contract/index.ts";
import type { Timers } from "../../lsm/host/index.ts";
import type { LogReader } from "./log-reader.ts";
import { Bell, Pace } from "./pace.ts";
import { isSeen } from "./seen.ts";
import type { Seen } from "./seen.ts";

/** More than this is not read: to look anew is cheaper than to compare. */
const READ = { pageBytes: 256 * 1024, commitBytes: 64 * 1024 } as const;
/** The same of what is told at once. */
const TOUCHED_MAX = 10_000;

export class CommitWatch {
  readonly #reader: LogReader;
  readonly #timers: Pick<Timers, "later">;
  readonly #listeners = new Set<{ readonly wake: CommitListener }>();
  /** Ends a pause when nobody listens any more. */
  readonly #bell = new Bell();
  /** What has been told; undefined: the log has not been looked at yet, or it is lost. */
  #seen: Seen | undefined;
  /** Own commits that have been told, and are not among what was seen. */
  readonly #told = new Set<bigint>();
  #keys: Bytes[] = [];
  #ranges: KeyRange[] = [];
  #isAnything = false;
  #isTelling = false;
  #isRunning = false;
  #isClosed = false;

  constructor(reader: LogReader, timers: Pick<Timers, "later">) {
    this.#reader = reader;
    this.#timers = timers;
  }

  /** Returns the undo; the same function may be added twice. */
  add(wake: CommitListener): () => void {
    const listener = { wake };
    this.#listeners.add(listener);
    if (!this.#isRunning) void this.#run();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#bell.ring();
    };
  }

  /** A commit of this process is acknowledged, and so visible. */
  committed(number: bigint, ops: readonly WriteOp[]): void {
    if (this.#listeners.size === 0) return;
    if (this.#seen !== undefined && isSeen(this.#seen, number)) return;
    this.#told.add(number);
    this.#touched(ops);
  }

  close(): void {
    this.#isClosed = true;
    this.#listeners.clear();
    this.#bell.ring();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    const pace = new Pace(this.#timers, this.#bell);
    while (this.#listeners.size > 0 && !this.#isClosed) {
      try {
        if (this.#seen === undefined) await this.#lookAnew();
        else if (await this.#look(this.#seen)) pace.found();
      } catch (error) {
        if (error instanceof Closed) break;
        // While the server is away, what was seen last stays the place to go on from. Else it is a place no more.
        if (!isAway(error)) {
          this.#seen = undefined;
          this.#anything();
        }
      }
      await pace.pause();
    }
    pace.end();
    this.#seen = undefined;
    this.#told.clear();
    this.#isRunning = false;
    // Somebody may have come while the last look was under way.
    if (this.#listeners.size > 0 && !this.#isClosed) void this.#run();
  }

  async #lookAnew(): Promise<void> {
    this.#saw(await this.#reader.now());
    this.#anything();
  }

  /** Whether there was anything. */
  async #look(seen: Seen): Promise<boolean> {
    const page = await this.#reader.read(seen, READ);
    if (page.isPart) {
      await this.#lookAnew();
      return true;
    }
    for (const { number, ops } of page.sets) if (!this.#told.has(number)) this.#touched(ops);
    this.#saw(page.seen);
    return page.sets.length > 0;
  }

  #saw(seen: Seen): void {
    this.#seen = seen;
    for (const number of this.#told) if (isSeen(seen, number)) this.#told.delete(number);
  }

  #touched(ops: readonly WriteOp[]): void {
    for (const op of ops) {
      if (op.op !== "delRange") this.#keys.push(copyBytes(op.key));
      else {
        const { end, start } = op.range;
        const range = { start: copyBytes(start), end: end === undefined ? end : copyBytes(end) };
        this.#ranges.push(range);
      }
    }
    if (this.#keys.length + this.#ranges.length > TOUCHED_MAX) this.#anything();
    else this.#tellSoon();
  }

  #anything(): void {
    this.#isAnything = true;
    this.#keys = [];
    this.#ranges = [];
    this.#tellSoon();
  }

  /** All that is touched in one turn in one call. A listener that throws keeps nothing from the others. */
  #tellSoon(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      const touched = this.#isAnything ? undefined : { keys: this.#keys, ranges: this.#ranges };
      this.#isAnything = false;
      this.#keys = [];
      this.#ranges = [];
      for (const listener of this.#listeners) {
        queueMicrotask(() => {
          if (this.#listeners.has(listener)) listener.wake(touched);
        });
      }
    });
  }
}

/** The server cannot be reached for now. */
export function isAway(error: unknown): boolean {
  return error instanceof KotobaError && "code" in error && error.code === "Unavailable";
}
