/** Snapshots of engines whose reads count only once they are committed: the server may find that one cannot be kept. */
import type { Awaitable } from "../base/index.ts";
import { StorageError } from "../engine/contract/index.ts";
import type { StorageEngine } from "../engine/contract/index.ts";
import { READ_ATTEMPTS_MAX } from "./backoff.ts";

/**
 * Runs work that takes a snapshot, and has shown nothing of it to anybody before it ends. Where a snapshot may lose, as a
 * transaction does, the work is run again with a new one.
 *
 * @throws StorageError 'TooOld' when it has lost too often.
 */
export function untilKept<T>(engine: StorageEngine, work: () => Awaitable<T>): Awaitable<T> {
  return engine.capabilities.readsAreFinal ? work() : again(work);
}

async function again<T>(work: () => Awaitable<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const isLost = error instanceof StorageError && error.code === "TooOld";
      if (!isLost || attempt === READ_ATTEMPTS_MAX) throw error;
    }
  }
}
