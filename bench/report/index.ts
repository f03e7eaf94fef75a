export { terminalReport } from "./terminal.ts";
export { pageOf } from "./page.ts";
export { OURS } from "./results.ts";
export type { OutcomeFacts, RunFile } from "./results.ts";
