/** Repeating operations that answer at once or by a promise. */
import type { Awaitable } from "./document-store.ts";

/** One after the other; only a promise is awaited. */
export async function repeat(
  count: number,
  operation: (n: number) => Awaitable<unknown>,
): Promise<void> {
  for (let n = 0; n < count; n++) {
    const answer = operation(n);
    if (answer instanceof Promise) await answer;
  }
}

/** So many writers at once, each with its share of the operations, one after the other. */
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
