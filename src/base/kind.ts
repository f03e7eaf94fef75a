/**
 * One interface, several ways to run it. A `Run` is a function on types, from a success type A, an error type E and a
 * need R to what a method returns: a Promise in the main door, an Effect in `kotobadb/effect`. So every method is
 * written once, and the main door never imports effect.
 */
import type { Awaitable } from "./awaitable.ts";

export interface Run {
  readonly A: unknown;
  readonly E: unknown;
  readonly R: unknown;
  readonly type: unknown;
  readonly stream: unknown;
}
/** What a method returns in the world of F. */
export type Kind<F extends Run, A, E = never, R = never> = (F & {
  readonly A: A;
  readonly E: E;
  readonly R: R;
})["type"];
/** What a stream is in the world of F. */
export type StreamKind<F extends Run, A, E = never> = (F & {
  readonly A: A;
  readonly E: E;
  readonly R: never;
})["stream"];

/** The main door: methods return Promises, streams are async iterables. */
export interface PromiseRun extends Run {
  readonly type: Promise<this["A"]>;
  readonly stream: AsyncIterable<this["A"]>;
}

/** A source of rows in batches: the core's own shape of a stream. A finished cursor gives undefined. */
export interface BatchCursor<A> {
  next(): Awaitable<readonly A[] | undefined>;
  close(): void;
}

/** How work of the core enters the caller's world. Made once for a handle, never for a call. */
export interface Runner<F extends Run> {
  /** `method` and `target` say what the work is, to a door that tells of it: "insert", "users". */
  run<A, E = never>(work: () => Awaitable<A>, method?: string, target?: string): Kind<F, A, E>;
  stream<A, E = never>(open: () => BatchCursor<A>): StreamKind<F, A, E>;
}
