/** The main door: methods return Promises, streams are async iterables over batches. */
import { isPromise } from "../base/index.ts";
import type {
  Awaitable,
  BatchCursor,
  Kind,
  PromiseRun,
  Runner,
  StreamKind,
} from "../base/index.ts";

export const promiseRunner: Runner<PromiseRun> = {
  // Not an async function: a value that is already there costs one resolved promise and no further turn.
  run: <A, E>(work: () => Awaitable<A>): Kind<PromiseRun, A, E> => {
    try {
      const result = work();
      return isPromise(result) ? result : Promise.resolve(result);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  },
  stream: <A, E>(open: () => BatchCursor<A>): StreamKind<PromiseRun, A, E> => ({
    [Symbol.asyncIterator]: () => new CursorIterator(open),
  }),
};

/**
 * Gives each row once and in order, also to a caller who asks for several before the first has come. Written by hand instead of an async generator, which costs two to three times more for each row. Opens its cursor at
 * the first next(), and closes it at the end, at an error and when the loop is left early.
 */
class CursorIterator<A> implements AsyncIterator<A, undefined> {
  readonly #open: () => BatchCursor<A>;
  #cursor: BatchCursor<A> | undefined;
  #batch: readonly A[] = [];
  #at = 0;
  #ended = false;
  /** The refill that runs; who asks meanwhile comes after it, in the order of asking. */
  #refilling: Promise<unknown> | undefined;

  constructor(open: () => BatchCursor<A>) {
    this.#open = open;
  }

  next(): Promise<IteratorResult<A, undefined>> {
    if (this.#refilling !== undefined) {
      const again = (): Promise<IteratorResult<A, undefined>> => this.next();
      return this.#refilling.then(again, again);
    }
    if (this.#at < this.#batch.length)
      return Promise.resolve({ done: false, value: this.#batch[this.#at++]! });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    const row = this.#refill();
    const refilled = (): void => {
      this.#refilling = undefined;
    };
    this.#refilling = row.then(refilled, refilled);
    return row;
  }

  return(): Promise<IteratorResult<A, undefined>> {
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  async #refill(): Promise<IteratorResult<A, undefined>> {
    try {
      this.#cursor ??= this.#open();
      for (;;) {
        const batch = await this.#cursor.next();
        if (batch === undefined) return await this.return();
        if (batch.length === 0) continue;
        this.#batch = batch;
        this.#at = 1;
        return { done: false, value: batch[0]! };
      }
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  #end(): void {
    this.#ended = true;
    this.#batch = [];
    this.#cursor?.close();
    this.#cursor = undefined;
  }
}
