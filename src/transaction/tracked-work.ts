/**
 * The operations that a body has begun. One that is unfinished when the body ends, or has failed without anybody having
 * looked at its promise, would be lost silently: the transaction is refused instead.
 */
import { isPromise } from "../base/index.ts";
import type { Awaitable } from "../base/index.ts";
import { UnawaitedWork } from "./transaction-error.ts";

/** The promise of an operation; knows whether anybody has awaited it. */
class WatchedPromise<T> extends Promise<T> {
  /** Written by then(). */
  awaited = false;

  /** What is derived from it is a plain promise. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- an await of a subclass calls this, which is how it is noticed
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.awaited = true;
    return super.then(onFulfilled, onRejected);
  }

  /** Watches without counting as an await. */
  watch(onFulfilled: () => void, onRejected: (reason: unknown) => void): void {
    void super.then(onFulfilled, onRejected);
  }
}

export class TrackedWork {
  #unfinished = 0;
  readonly #failed: { readonly promise: WatchedPromise<unknown>; readonly error: unknown }[] = [];

  /** Runs the work; a promise that it answers with is watched until it is settled. */
  track<T>(work: () => Awaitable<T>): Awaitable<T> {
    const result = work();
    return isPromise(result) ? this.#watch(result) : result;
  }

  /** Like track, but the answer is always a promise, and so a failure at once is watched too. */
  trackPromise<T>(work: () => Awaitable<T>): Promise<T> {
    try {
      const result = work();
      return isPromise(result) ? this.#watch(result) : Promise.resolve(result);
    } catch (error) {
      const promise = new WatchedPromise<T>((_, reject) => {
        reject(error);
      });
      promise.watch(nothing, nothing);
      this.#failed.push({ promise, error });
      return promise;
    }
  }

  /** The error that the body's end is answered with; undefined if nothing would be lost. */
  problem(): UnawaitedWork | undefined {
    const failed = this.#failed.filter(({ promise }) => !promise.awaited);
    if (this.#unfinished === 0 && failed.length === 0) return undefined;
    return new UnawaitedWork(
      { unfinished: this.#unfinished, failed: failed.length },
      { cause: failed[0]?.error },
    );
  }

  #watch<T>(result: Promise<T>): Promise<T> {
    const promise = new WatchedPromise<T>((resolve) => {
      resolve(result);
    });
    this.#unfinished++;
    promise.watch(
      () => {
        this.#unfinished--;
      },
      (error) => {
        this.#unfinished--;
        this.#failed.push({ promise, error });
      },
    );
    return promise;
  }
}

function nothing(): void {}
