/**
 * A line of background work: one piece after another until there is none, then silence until it is woken.
 *
 * Always true: whoever wakes it after there is something to do sees it done, also when it was just about to stop.
 */
import type { Timers } from "../host/index.ts";

export class Lane {
  readonly #timers: Timers;
  readonly #work: () => Promise<boolean>;
  readonly #failed: (cause: unknown) => void;
  #running: Promise<void> | undefined;
  #isWoken = false;

  /** `work` does one piece, or finds nothing to do and gives false. */
  constructor(timers: Timers, work: () => Promise<boolean>, failed: (cause: unknown) => void) {
    this.#timers = timers;
    this.#work = work;
    this.#failed = failed;
  }

  wake(): void {
    this.#isWoken = true;
    this.#running ??= this.#run();
  }

  /** When the present work has come to its end. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Never rejects: a failure is handed on. */
  async #run(): Promise<void> {
    try {
      while (this.#isWoken) {
        this.#isWoken = false;
        // Whoever woke us finishes its own turn first, and after each piece others get theirs.
        do await this.#timers.pause();
        while (await this.#work());
      }
    } catch (cause) {
      this.#failed(cause);
    } finally {
      this.#running = undefined;
    }
  }
}
