/**
 * The world outside, as the upper floors need it: time, chance and timers. The engine has its own host; both are handed
 * in, so that a simulator can own them.
 */
import { randomFillSync } from "node:crypto";
import type { Bytes } from "../base/index.ts";

export interface World {
  /** The wall clock: milliseconds since 1970. Ids begin with it. */
  nowMillis(): number;
  /** Milliseconds on a clock that never goes back. */
  monotonicMillis(): number;
  /** Fills the array with bytes that nobody can guess. */
  randomFill(target: Bytes): void;
  /** At least 0, less than 1. */
  random(): number;
  /** Calls `task` once after so many milliseconds; the answer cancels it. */
  schedule(millis: number, task: () => void): () => void;
  /** Takes an error that nobody awaits. */
  report(error: unknown, where: string): void;
}

export const nodeWorld: World = {
  nowMillis: () => Date.now(),
  monotonicMillis: () => performance.now(),
  randomFill: (target) => {
    randomFillSync(target);
  },
  random: () => Math.random(),
  schedule: (millis, task) => {
    const timer = setTimeout(task, millis);
    return () => clearTimeout(timer);
  },
  report: (error, where) => {
    // Without a caller there is nobody to throw to; a warning is seen, and ends nothing.
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.emitWarning(`${where}: ${text}`, "KotobaDB");
  },
};
