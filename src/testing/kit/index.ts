export { overlaid } from "../../base/index.ts";
export { seededRandom } from "./seeded-random.ts";
export type { SeededRandom } from "./seeded-random.ts";
export { TrackedTransaction, allEntries, pause, retried } from "./tracked-transaction.ts";
