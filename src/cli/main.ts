#!/usr/bin/env node
/** The kotoba command as a program of its own. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { runCommand } from "./run-command.ts";
import { processTerminal } from "./terminal.ts";

const packageText = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
const { version } = JSON.parse(packageText) as { readonly version: string };
// Not process.exit(): what is still on its way to a slow reader would be lost.
process.exitCode = await runCommand(process.argv.slice(2), {
  terminal: processTerminal(),
  version,
  load: (path) => import(pathToFileURL(resolve(path)).href) as Promise<object>,
});
