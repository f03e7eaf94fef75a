/** Checks that work in a test as well as in a process of `npm run prove`, where there is no vitest. */
import { deepStrictEqual } from "node:assert/strict";

/** Equal as documents are: by their values and classes. `about` says of what, for the message. */
export function expectSame(found: unknown, expected: unknown, about = ""): void {
  try {
    deepStrictEqual(found, expected);
  } catch (cause) {
    const difference = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${about}\n${difference}`, { cause });
  }
}

export function expectThat(holds: boolean, about: string): void {
  if (!holds) throw new Error(about);
}
