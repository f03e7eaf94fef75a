/**
 * The project as its users get it: what `npm run build` put into `dist`. The command says of which checkout, since
 * --check measures two of them with one and the same benchmark.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Kotobadb from "kotobadb";
import type * as Engine from "kotobadb/engine";

let project: string | undefined;

/** Said once by the child, before any store is opened. */
export function setProject(folder: string): void {
  project = folder;
}

/** @public For suites of the whole database. */
export function importKotobadb(): Promise<typeof Kotobadb> {
  return importDist("index.js") as Promise<typeof Kotobadb>;
}
export function importEngine(): Promise<typeof Engine> {
  return importDist("engine/index.js") as Promise<typeof Engine>;
}

/** What a process of its own would import. */
export function kotobadbUrl(): string {
  return distUrl("index.js");
}

function importDist(path: string): Promise<unknown> {
  return import(distUrl(path));
}

function distUrl(path: string): string {
  if (project === undefined) throw new Error("the child was not told which project to measure");
  return pathToFileURL(join(project, "dist", path)).href;
}
