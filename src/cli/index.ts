export { runCommand } from "./run-command.ts";
export type { RunOptions } from "./run-command.ts";
export { EXIT } from "./exit-code.ts";
export type { ExitCode } from "./exit-code.ts";
export type { Terminal } from "./terminal.ts";
