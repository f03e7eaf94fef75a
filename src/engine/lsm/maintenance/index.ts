export { Maintenance } from "./maintenance.ts";
export { ThreadedRunner } from "./threaded-runner.ts";
export { workerSource } from "./thread/worker-source.ts";
