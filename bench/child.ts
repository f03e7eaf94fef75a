/** A child of the benchmark: one store's workloads, once, as its first argument says. */
import { FileRecorder, setProject } from "./kit/index.ts";
import type { Task } from "./kit/index.ts";
import { suites } from "./suites.ts";

const task = JSON.parse(process.argv[2] ?? "{}") as Task;
const suite = suites.find((one) => one.name === task.suite);
if (suite === undefined) throw new Error(`no suite "${task.suite}"`);
setProject(task.project);
const recorder = new FileRecorder(task.suite, task.store, task.output);
await suite.run(task.store, {
  recorder,
  directory: task.directory,
  size: task.size,
  rows: task.rows,
  wants: (workload) => task.workloads.length === 0 || task.workloads.includes(workload),
});
if (task.suite !== "limits") {
  recorder.value("peak memory", "bytes", process.resourceUsage().maxRSS * 1_024, "lower");
}
// A store may leave a timer or a thread behind; what was to be measured is written.
process.exit(0);
