export { writeCheckpoint } from "./write-checkpoint.ts";
export type { CheckpointOptions, CheckpointResult } from "./write-checkpoint.ts";
