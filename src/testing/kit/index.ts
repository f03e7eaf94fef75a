export { seededRandom } from "./seeded-random.ts";
export type { SeededRandom } from "./seeded-random.ts";
export {
  TrackedTransaction,
  allEntries,
  isRetryable,
  pause,
  retried,
} from "./tracked-transaction.ts";
export type { Entry, RetryOptions } from "./tracked-transaction.ts";
