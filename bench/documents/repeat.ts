/** Repeating operations that answer at once or by a promise. */
import type { Awaitable } from "./document-store.ts";

/** What is asked, and what is looked at in the answer: apart, so that no promise is made but the store's own. */
export interface Question<T> {
  readonly ask: (n: number) => Awaitable<T>;
  /** Throws for a wrong answer. */
  readonly check: (n: number, answer: T) => void;
}

/** One after the other; only a promise is awaited. */
export async function repeat<T>(count: number, { ask, check }: Question<T>): Promise<void> {
  for (let n = 0; n < count; n++) {
    const answer = ask(n);
    check(n, answer instanceof Promise ? await answer : answer);
  }
}

/** So many writers at once, each taking the next operation when its last one is done. */
export async function concurrently(
  writers: number,
  count: number,
  operation: (n: number) => Awaitable<unknown>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: writers }, async () => {
      while (next < count) await operation(next++);
    }),
  );
}
