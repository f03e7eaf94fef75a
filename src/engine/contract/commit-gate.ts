/**
 * Who may commit. Most of the time everybody, at once; while an exclusive transaction is open nobody but it, and the
 * others wait in line.
 *
 * Always true:
 * (1) At most one exclusive transaction holds the gate, and no other commit passes while it does.
 * (2) First come, first served: who arrives while others wait goes behind them.
 * (3) Whoever waits is let in, sent away by its own signal, or sent away by close(); nobody waits for ever.
 */
import type { Awaitable } from "../../base/index.ts";

interface Waiter {
  readonly exclusive: boolean;
  go(): void;
  fail(reason: unknown): void;
}

export class CommitGate {
  readonly #line: Waiter[] = [];
  #held = false;

  /** Would everybody pass at once? */
  get isOpen(): boolean {
    return !this.#held && this.#line.length === 0;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#line.length;
  }

  /** Takes the gate for an exclusive transaction, then runs `begin`; a promise if that must wait for its turn. */
  enter<T>(begin: () => T, signal: AbortSignal | undefined): Awaitable<T> {
    if (this.#held || this.#line.length > 0) return this.#wait(true, begin, signal);
    this.#held = true;
    try {
      return begin();
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  /** Gives the gate back. */
  leave(): void {
    this.#held = false;
    this.#admit();
  }

  /** Runs `commit` when no exclusive transaction is open: now, where that is so. */
  pass<T>(commit: () => Awaitable<T>, signal: AbortSignal | undefined): Awaitable<T> {
    if (this.isOpen) return commit();
    return this.#wait(false, commit, signal);
  }

  /** Sends everybody away who waits. */
  close(reason: unknown): void {
    for (const waiter of this.#line.splice(0)) waiter.fail(reason);
  }

  #wait<T>(
    exclusive: boolean,
    work: () => Awaitable<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const giveUp = (): void => {
        this.#line.splice(this.#line.indexOf(waiter), 1);
        reject(signal?.reason as Error);
      };
      const waiter: Waiter = {
        exclusive,
        go: () => {
          signal?.removeEventListener("abort", giveUp);
          try {
            resolve(work());
          } catch (error) {
            // What never began cannot leave.
            if (exclusive) this.#held = false;
            reject(error as Error);
          }
        },
        fail: (reason) => {
          signal?.removeEventListener("abort", giveUp);
          reject(reason as Error);
        },
      };
      this.#line.push(waiter);
      signal?.addEventListener("abort", giveUp, { once: true });
    });
  }

  #admit(): void {
    while (!this.#held) {
      const waiter = this.#line.shift();
      if (waiter === undefined) return;
      this.#held = waiter.exclusive;
      waiter.go();
    }
  }
}
