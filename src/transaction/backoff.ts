/** How long to wait before an attempt, and when to stop competing. Pure: chance is handed in. */
import { Conflict } from "../engine/contract/index.ts";

/** So many conflicts are chance; more of them mean that shorter transactions always get ahead. */
export const EXCLUSIVE_AFTER_LOSSES = 3;
/**
 * Who has a server to itself keeps all programs from writing for some round trips. So it is for those who would starve: who
 * lose by chance get through in this time.
 */
export const REMOTE_EXCLUSIVE_AFTER_MILLIS = 1_000;
/** Read-only work loses only against a burst of writers; so many losses in a row are no chance. */
export const READ_ATTEMPTS_MAX = 16;
/** Whoever won has committed already, so a conflict needs little patience. */
const CONFLICT_MILLIS_MAX = 50;
/** What is out of reach needs time to come back. */
const UNAVAILABLE_MILLIS_MAX = 1_000;

/**
 * Milliseconds before the attempt after `retries` retries: nothing before the first retry of a conflict, then a random
 * part (`chance`, from 0 to 1) of a span that doubles.
 */
export function backoffMillis(lost: Error, retries: number, chance: number): number {
  if (lost instanceof Conflict) {
    return retries === 0 ? 0 : chance * Math.min(CONFLICT_MILLIS_MAX, 2 ** Math.min(retries, 10));
  }
  return chance * Math.min(UNAVAILABLE_MILLIS_MAX, 2 ** Math.min(retries + 3, 10));
}
