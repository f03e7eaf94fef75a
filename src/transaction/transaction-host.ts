/**
 * What a transaction asks of the world: a clock, chance, a timer, and a place for errors that have no caller.
 * The database floor gives it, so that a simulator can own time and chance.
 */
export interface TransactionHost {
  /** Milliseconds on a clock that never goes back. */
  nowMillis(): number;
  /** At least 0, less than 1. */
  random(): number;
  /** Calls `task` once after so many milliseconds; the answer cancels it, and may be called at any time. */
  after(millis: number, task: () => void): () => void;
  /** The same for a limit on other work, for which nobody waits. */
  deadline(millis: number, task: () => void): () => void;
  /** Takes an error that nobody awaits (a hook after the commit, a body that failed after its timeout). Must not throw. */
  report(error: unknown, where: string): void;
}
