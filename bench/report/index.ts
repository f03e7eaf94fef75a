export { terminalReport } from "./terminal.ts";
export { goals } from "./goals.ts";
export { pageOf } from "./page.ts";
export { OURS } from "./results.ts";
export type { OutcomeFacts, RunFile } from "./results.ts";
