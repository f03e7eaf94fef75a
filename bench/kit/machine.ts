/** Where a run took place: what figures are worth nothing without. */
import { readFileSync } from "node:fs";
import { arch, cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  readonly packages: Readonly<Record<string, string>>;
}

/** `packages`: of which the installed versions are told, beneath this folder. */
export function machineHere(folder: string, packages: readonly string[]): Machine {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()} ${arch()}`,
    node: process.version,
    packages: Object.fromEntries(packages.map((name) => [name, versionOf(folder, name)])),
  };
}

/** The average of the last minute, of all that runs here. */
export function loadNow(): number {
  return loadavg()[0]!;
}

function versionOf(folder: string, name: string): string {
  try {
    const text = readFileSync(join(folder, "node_modules", name, "package.json"), "utf8");
    return (JSON.parse(text) as { readonly version: string }).version;
  } catch {
    return "not installed";
  }
}
