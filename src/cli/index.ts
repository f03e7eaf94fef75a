export { runCommand } from "./run-command.ts";
export type { UrlEngines } from "./copy/engine-place.ts";
export type { ExitCode } from "./exit-code.ts";
