/**
 * A child program as one file of plain JavaScript, made once: it starts in a fraction of the time that a child needs that
 * compiles its sources, and it carries the real background thread.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { isWorkerSource, workerSourceModule } from "../../../esbuild.config.ts";

const bundles = new Map<string, Promise<string>>();
const source = (path: string): string =>
  fileURLToPath(new URL(`../../../src/${path}`, import.meta.url));

/** The path of the bundle of a file beside this one; it is removed when this process ends. */
export function bundleOf(name: string): Promise<string> {
  let made = bundles.get(name);
  if (made === undefined) bundles.set(name, (made = makeBundle(name)));
  return made;
}

async function makeBundle(name: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "kotobadb-bundle-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const outfile = join(folder, name.replace(/\.ts$/, ".mjs"));
  await build({
    entryPoints: [fileURLToPath(new URL(name, import.meta.url))],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["msgpackr-extract"],
    alias: { kotobadb: source("index.ts"), "kotobadb/engine": source("engine/index.ts") },
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    plugins: [
      {
        name: "worker-source",
        setup: (at) =>
          at.onLoad({ filter: /worker-source\.ts$/ }, ({ path }) =>
            isWorkerSource(path) ? { contents: workerSourceModule(), loader: "js" } : undefined,
          ),
      },
    ],
  });
  return outfile;
}
