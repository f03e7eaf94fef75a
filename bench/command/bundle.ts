/**
 * The children's script: our TypeScript as one JavaScript file with the packages left outside, so that no loader runs in
 * a process that is measured. It lies beneath bench/node_modules, where the packages are found.
 */
import { build } from "esbuild";
import { rmSync } from "node:fs";
import { join } from "node:path";

/** Gives the script's path, until this process ends. `bench`: the folder bench. */
export async function bundleChild(bench: string, entry: string): Promise<string> {
  const folder = join(bench, "node_modules", ".kotobadb-bench", String(process.pid));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  await build({
    entryPoints: [join(bench, entry)],
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    logLevel: "warning",
  });
  return join(folder, entry.replace(/\.ts$/, ".mjs"));
}
