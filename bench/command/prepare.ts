/** What has to be there before anything is measured: the peers' packages, and the project as it is published. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Installs the peers where they are not there as the lock file has them. Never throws: a store that is missing says so. */
export function installPeers(bench: string): void {
  if (areInstalled(bench)) return;
  console.log("installing the peers (npm ci --prefix bench), once; two of them are compiled");
  const { status } = spawnSync("npm", ["ci", "--prefix", bench, "--no-audit", "--no-fund"], {
    stdio: "inherit",
  });
  if (status !== 0) console.log("npm ci failed; the stores that are missing will say so");
}

/** The names of the packages that are measured, or stand beside ours. */
export function peersOf(bench: string): string[] {
  return Object.keys(dependenciesOf(bench));
}

function dependenciesOf(bench: string): Readonly<Record<string, string>> {
  const text = readFileSync(join(bench, "package.json"), "utf8");
  return (JSON.parse(text) as { readonly dependencies: Readonly<Record<string, string>> })
    .dependencies;
}

function areInstalled(bench: string): boolean {
  return Object.entries(dependenciesOf(bench)).every(([name, version]) => {
    const path = join(bench, "node_modules", name, "package.json");
    if (!existsSync(path)) return false;
    return (
      (JSON.parse(readFileSync(path, "utf8")) as { readonly version: string }).version === version
    );
  });
}

/** `npm run build` in a checkout. */
export function buildProject(project: string): void {
  const { status, stdout } = spawnSync("npm", ["run", "--silent", "build"], {
    cwd: project,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`npm run build failed in ${project}\n${stdout}`);
}

/** A digest of all files beneath these folders: of what is measured, where the revision alone would not tell. */
export function digestOf(folders: readonly string[]): string {
  const hash = createHash("sha256");
  for (const folder of folders) {
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted()) {
      const path = join(folder, name);
      if (!statSync(path).isFile()) continue;
      const content = readFileSync(path, "utf8");
      hash.update(`${name}\n${content.length}\n${content}`);
    }
  }
  return hash.digest("hex").slice(0, 16);
}
