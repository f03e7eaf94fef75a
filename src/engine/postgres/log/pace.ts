/**
 * When the log is looked at again: soon after something was there, ever more seldom while there is nothing, and at once
 * after a commit of this process. Nobody else is asked to tell: a NOTIFY in each commit was measured to cost half of the
 * commits of a busy server, for it takes a lock of the whole server.
 */
import type { Timers } from "../../lsm/host/index.ts";

/** Between two looks at least: what is committed meanwhile is read together. */
const MILLIS_MIN = 10;
/** So late a commit of another process is seen where there was none for some time. */
const MILLIS_MAX = 160;

/** Rings for all who wait. */
export class Bell {
  readonly #waiting = new Set<() => void>();

  ring(): void {
    for (const go of this.#waiting) go();
  }

  /** Undone by calling what comes back. */
  add(go: () => void): () => void {
    this.#waiting.add(go);
    return () => {
      this.#waiting.delete(go);
    };
  }
}

export class Pace {
  readonly #timers: Pick<Timers, "later">;
  #millis = MILLIS_MIN;
  #rang = false;
  readonly #takeOff: () => void;
  #go: (() => void) | undefined;

  constructor(timers: Pick<Timers, "later">, bell: Bell) {
    this.#timers = timers;
    this.#takeOff = bell.add(() => {
      this.#rang = true;
      this.#go?.();
    });
  }

  /** Something was there. */
  found(): void {
    this.#millis = MILLIS_MIN;
  }

  /** From the answer of the last look on, which had nothing after it, or failed. */
  async pause(signal?: AbortSignal): Promise<void> {
    if (!this.#rang) await this.#wait(this.#millis, signal);
    this.#millis = Math.min(2 * this.#millis, MILLIS_MAX);
    this.#rang = false;
  }

  /** Waits for the time alone: what rings meanwhile is for the next pause. */
  async rest(signal?: AbortSignal): Promise<void> {
    await this.#wait(MILLIS_MIN, signal, false);
  }

  end(): void {
    this.#takeOff();
  }

  #wait(millis: number, signal: AbortSignal | undefined, byBell = true): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        cancel();
        signal?.removeEventListener("abort", go);
        this.#go = undefined;
        resolve();
      };
      const cancel = this.#timers.later(millis, go);
      signal?.addEventListener("abort", go, { once: true });
      if (byBell) this.#go = go;
      if (signal?.aborted === true) go();
    });
  }
}
