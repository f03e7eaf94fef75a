/**
 * The script of the background thread: one file with all that it stands on, as a text in the module that carries it.
 *
 * `npm run build` puts it into dist; vitest asks for it, so that tests run the real thread from source.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const ROOM = "engine/lsm/maintenance/thread";

export function isWorkerSource(path: string): boolean {
  return path.endsWith(`${ROOM}/worker-source.ts`);
}

/** The module worker-source, with the script in it. */
export function workerSourceModule(): string {
  const entry = fileURLToPath(new URL(`src/${ROOM}/worker-entry.ts`, import.meta.url));
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: "node",
    // Before import.meta, which a script has not, and where `require` is.
    format: "cjs",
    target: "node20",
    // Names stay, for stack traces that can be read.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
  });
  const script = `${outputFiles[0]!.text}//# sourceURL=kotobadb-background-thread.cjs\n`;
  return `export const workerSource = ${JSON.stringify(script)};\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL(`dist/${ROOM}/worker-source.js`, import.meta.url), workerSourceModule());
}
