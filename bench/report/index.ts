export { terminalReport } from "./terminal.ts";
export type { OutcomeFacts, RunFile, StoreFacts } from "./results.ts";
