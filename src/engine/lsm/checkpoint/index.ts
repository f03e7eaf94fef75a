export { writeCheckpoint } from "./write-checkpoint.ts";
export type { CheckpointOptions, CheckpointResult, CheckpointSource } from "./write-checkpoint.ts";
