/**
 * Bundles a program of this folder, and prints where: a file of the system's temporary folder that is named by what is in
 * it, so that it stays right for whoever else runs it, and one of each is all that stays behind.
 */
import { createHash } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { isWorkerSource, workerSourceModule } from "../../../esbuild.config.ts";

const source = (path: string): string =>
  fileURLToPath(new URL(`../../../src/${path}`, import.meta.url));
const name = process.argv[2]!;

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL(name, import.meta.url))],
  write: false,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  external: ["msgpackr-extract"],
  alias: { kotobadb: source("index.ts"), "kotobadb/engine": source("engine/index.ts") },
  // Packages of the older kind ask for `require`.
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
const { text } = outputFiles[0]!;
const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
const path = join(tmpdir(), `kotobadb-prove-${name.replace(/\.ts$/, "")}-${hash}.mjs`);
writeFileSync(`${path}.${process.pid}`, text);
renameSync(`${path}.${process.pid}`, path);
console.log(path);
