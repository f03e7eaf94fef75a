export { runCommand } from "./run-command.ts";
export type { ExitCode } from "./exit-code.ts";
