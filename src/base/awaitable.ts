/**
 * A value, or a Promise of it when something must be waited for.
 *
 * The core never makes a Promise for what is already in memory: an awaited Promise costs about 75 ns and a turn of the
 * microtask queue for each row. Test with isPromise and go on at once where there is none.
 */
export type Awaitable<T> = T | Promise<T>;

export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return value instanceof Promise;
}

/** Continues with `step` now if the value is here, else when it has come. */
export function andThen<A, B>(value: Awaitable<A>, step: (value: A) => Awaitable<B>): Awaitable<B> {
  return value instanceof Promise ? value.then(step) : step(value);
}
