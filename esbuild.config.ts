/**
 * What `npm run build` makes of src beside the declarations, which tsc writes file by file: the JavaScript of the package.
 *
 * One file for each door and a few for what doors share, because an import of the package otherwise opens, reads and links
 * 380 files, which takes most of its time. Names and lines stay as they are, and maps lead to src, which is shipped.
 *
 * The script of the background thread is one file with all that it stands on, as a text in the module that carries it;
 * vitest asks for it too, so that tests run the real thread from source.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build, buildSync } from "esbuild";

const ROOM = "engine/lsm/maintenance/thread";

export function isWorkerSource(path: string): boolean {
  return path.endsWith(`${ROOM}/worker-source.ts`);
}

/** The module worker-source, with the script in it. */
export function workerSourceModule(): string {
  const entry = sourceFile(`${ROOM}/worker-entry.ts`);
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

/** What package.json names: files of src without their ending, and so files of dist. */
const DOORS = [
  "index",
  "engine/index",
  "engine/postgres/index",
  "effect/index",
  "testing/index",
  "cli/main",
];

/** Writes the JavaScript of the package into the folder. */
async function buildPackage(folder: string): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: DOORS.map((door) => ({ in: sourceFile(`${door}.ts`), out: door })),
    outdir: folder,
    write: false,
    bundle: true,
    splitting: true,
    chunkNames: "shared/[hash]",
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20.19",
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "none",
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
  for (const { path, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, path.endsWith(".js") ? withClassNames(text) : text);
  }
}

/**
 * A class that speaks of itself becomes `var Name = class _Name`, and an error would print as `_Name`. Inside the class
 * both names mean the same, so it gets its own back; the map is off by this one column there.
 */
function withClassNames(text: string): string {
  let named = text;
  for (const [, name] of text.matchAll(/^var (\w+) = class _\1\b/gm)) {
    named = named.replaceAll(new RegExp(`\\b_${name}\\b`, "g"), name!);
  }
  return named;
}

function sourceFile(path: string): string {
  return fileURLToPath(new URL(`src/${path}`, import.meta.url));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildPackage(process.argv[2] ?? fileURLToPath(new URL("dist", import.meta.url)));
}
