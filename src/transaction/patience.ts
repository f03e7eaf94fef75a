/**
 * How long one call of transact may go on: until its deadline, or until its caller's signal. Costs a timer only while
 * something is waited for.
 */
import type { TransactionHost } from "./transaction-host.ts";

/** The longest that timers take, about 25 days; what is longer is never waited out. */
const TIMER_MILLIS_MAX = 2 ** 31 - 1;

/** Why a wait was given up. */
export interface Lapse {
  readonly why: "deadline" | "signal";
}

export class Patience {
  readonly #host: TransactionHost;
  readonly #signal: AbortSignal | undefined;
  readonly #deadlineMillis: number;

  constructor(host: TransactionHost, timeoutMillis: number, signal: AbortSignal | undefined) {
    this.#host = host;
    this.#signal = signal;
    this.#deadlineMillis = host.nowMillis() + timeoutMillis;
  }

  /** What has run out already, if anything. */
  get lapsed(): Lapse | undefined {
    if (this.#signal?.aborted === true) return { why: "signal" };
    return this.leftMillis <= 0 ? { why: "deadline" } : undefined;
  }

  /** Milliseconds until the deadline; 0 or less once it is over. */
  get leftMillis(): number {
    return this.#deadlineMillis - this.#host.nowMillis();
  }

  get aborted(): boolean {
    return this.#signal?.aborted === true;
  }

  /** What the work comes to, or the lapse if patience ends first; the work itself goes on. */
  within<T>(work: Promise<T>): Promise<{ readonly value: T } | Lapse> {
    const lapsed = this.lapsed;
    return new Promise((resolve, reject) => {
      const lapse = (why: Lapse["why"]): void => {
        stop();
        resolve({ why });
      };
      const stop = this.#watch(lapse);
      work.then(
        (value) => {
          stop();
          resolve({ value });
        },
        (error: unknown) => {
          stop();
          reject(error);
        },
      );
      if (lapsed !== undefined) lapse(lapsed.why);
    });
  }

  /** Waits, at most until patience ends. */
  sleep(millis: number): Promise<void> {
    const waitMillis = Math.min(millis, this.leftMillis);
    if (waitMillis <= 0 || this.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#signal?.removeEventListener("abort", wake);
        resolve();
      };
      const cancel = this.#host.after(waitMillis, wake);
      this.#signal?.addEventListener("abort", wake, { once: true });
    });
  }

  /** A signal that fires when patience ends, with the Lapse as its reason, and the undo. */
  signal(): { readonly signal: AbortSignal; stop(): void } {
    const controller = new AbortController();
    const stop = this.#watch((why) => {
      const lapse: Lapse = { why };
      controller.abort(lapse);
    });
    return { signal: controller.signal, stop };
  }

  #watch(lapse: (why: Lapse["why"]) => void): () => void {
    const signal = this.#signal;
    const onAbort = (): void => {
      lapse("signal");
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    const leftMillis = this.leftMillis;
    const cancel =
      leftMillis > TIMER_MILLIS_MAX
        ? undefined
        : this.#host.deadline(Math.max(0, leftMillis), () => {
            lapse("deadline");
          });
    return () => {
      cancel?.();
      signal?.removeEventListener("abort", onAbort);
    };
  }
}
