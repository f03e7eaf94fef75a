/**
 * A child program as one file of plain JavaScript: it starts in a fraction of the time that a child needs that compiles
 * its sources, and it carries the real background thread.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const SCRIPT = "test/prove/processes/make-bundle.ts";
const bundles = new Map<string, Promise<string>>();

/** The path of the bundle of a program of this folder. It is made by a process of its own, as this one may be a bundle. */
export function bundleOf(name: string): Promise<string> {
  let made = bundles.get(name);
  if (made === undefined) bundles.set(name, (made = makeBundle(name)));
  return made;
}

async function makeBundle(name: string): Promise<string> {
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ["--import", "tsx", SCRIPT, name]);
  return stdout.trim();
}
