/**
 * The layers of KotobaDB, as a test.
 *
 * Read the table as a building: a room stands only on the rooms named beside it, and enters them by their door
 * (index.ts). The most exact path wins, so `engine/lsm/codec` is judged by its own line and not by the one for `engine`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

const lsm = (...rooms: string[]): string[] => [
  "base",
  "engine/contract",
  ...rooms.map((room) => `engine/lsm/${room}`),
];
const standsOn: Record<string, readonly string[]> = {
  base: [],
  "engine/contract": ["base"],
  "engine/memory": ["base", "engine/contract"],
  "engine/copy": ["base", "engine/contract"],
  "engine/lsm/host": lsm(),
  "engine/lsm/codec": lsm(),
  "engine/lsm/report": lsm("host"),
  "engine/lsm/wal": lsm("host", "codec"),
  "engine/lsm/manifest": lsm("host", "codec"),
  "engine/lsm/cursor": lsm("codec"),
  "engine/lsm/memtable": lsm("codec", "cursor"),
  "engine/lsm/sstable": lsm("host", "codec", "cursor", "manifest"),
  "engine/lsm/commit": lsm(
    "report",
    "host",
    "codec",
    "wal",
    "manifest",
    "memtable",
    "sstable",
    "cursor",
  ),
  "engine/lsm/compaction": lsm(
    "report",
    "host",
    "codec",
    "manifest",
    "memtable",
    "sstable",
    "cursor",
  ),
  "engine/lsm/change-log": lsm("host", "codec", "wal"),
  "engine/lsm/settings": lsm("host", "change-log", "compaction", "recovery", "report", "sstable"),
  "engine/lsm/recovery": lsm("host", "codec", "wal", "manifest", "memtable", "sstable", "cursor"),
  "engine/lsm/maintenance": lsm(
    "report",
    "host",
    "codec",
    "manifest",
    "memtable",
    "sstable",
    "cursor",
    "commit",
    "compaction",
    "recovery",
  ),
  "engine/lsm/load": lsm(
    "host",
    "codec",
    "manifest",
    "memtable",
    "sstable",
    "cursor",
    "commit",
    "compaction",
    "maintenance",
    "recovery",
  ),
  "engine/lsm/read": lsm(
    "host",
    "codec",
    "manifest",
    "memtable",
    "sstable",
    "cursor",
    "compaction",
    "recovery",
  ),
  "engine/lsm/inspect": lsm(
    "host",
    "codec",
    "wal",
    "manifest",
    "sstable",
    "compaction",
    "recovery",
  ),
  "engine/lsm/checkpoint": lsm("host", "codec", "manifest", "inspect"),
  "engine/lsm": lsm(
    "report",
    "inspect",
    "checkpoint",
    "host",
    "codec",
    "wal",
    "manifest",
    "memtable",
    "sstable",
    "cursor",
    "commit",
    "compaction",
    "maintenance",
    "change-log",
    "settings",
    "recovery",
    "read",
    "load",
  ),
  "engine/postgres/connection": ["base", "engine/contract", "engine/lsm/host"],
  "engine/postgres/table": ["base", "engine/contract", "engine/postgres/connection"],
  "engine/postgres/log": [
    "base",
    "engine/contract",
    "engine/lsm/host",
    "engine/postgres/connection",
    "engine/postgres/table",
  ],
  "engine/postgres/load": ["base", "engine/contract", "engine/lsm/host"],
  "engine/postgres/init": [
    "engine/postgres/connection",
    "engine/postgres/table",
    "engine/postgres/log",
  ],
  "engine/postgres": [
    "base",
    "engine/contract",
    "engine/lsm/host",
    "engine/postgres/connection",
    "engine/postgres/table",
    "engine/postgres/init",
    "engine/postgres/load",
    "engine/postgres/log",
  ],
  engine: ["engine/contract", "engine/copy", "engine/memory", "engine/lsm"],
  transaction: ["base", "engine/contract"],
  collections: ["base", "engine/contract", "transaction"],
  query: ["base", "engine/contract", "transaction", "collections"],
  database: [
    "base",
    "engine/contract",
    "engine/memory",
    "engine/lsm",
    "transaction",
    "collections",
    "query",
  ],
  effect: ["base", "database"],
  cli: ["base", "engine", "engine/postgres", "collections"],
  testing: ["base", "engine/contract", "engine/memory", "engine/lsm", "engine/lsm/host"],
  "index.ts": ["database"],
};

/** Each npm package is imported by one room only; a subpath counts as its package. */
const ownerOf: Record<string, string> = {
  "@standard-schema/spec": "collections",
  "cli-progress": "cli",
  commander: "cli",
  effect: "effect",
  msgpackr: "collections",
  pg: "engine/postgres/connection",
  ulid: "collections",
  zod: "collections",
};

/** The only files below the database floor that touch the world outside. */
const worldly = [
  "src/engine/lsm/host/",
  "src/engine/lsm/codec/crc32.ts",
  "src/engine/lsm/sstable/compression/block-codec.ts",
  "src/transaction/nesting.ts",
  "src/cli/main.ts",
];

const comment = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;
const imported =
  /^\s*(?:import|export)\b[^"';]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;

function roomOf(path: string): string {
  const inside = path.slice("src/".length);
  const rooms = Object.keys(standsOn).filter(
    (room) => inside === room || inside.startsWith(`${room}/`),
  );
  return rooms.toSorted((a, b) => b.length - a.length)[0] ?? inside;
}

function complaint(path: string, target: string): string | undefined {
  const fromRoom = roomOf(path);
  if (target.startsWith("node:")) {
    return fromRoom === "database" || worldly.some((place) => path.startsWith(place))
      ? undefined
      : `${path} imports ${target}: the world outside enters through the host`;
  }
  if (!target.startsWith(".")) {
    const name = target.split("/", target.startsWith("@") ? 2 : 1).join("/");
    const owner = ownerOf[name] ?? "nobody";
    return owner === fromRoom ? undefined : `${path} imports ${target}, which belongs to ${owner}`;
  }
  const to = normalize(join(dirname(path), target));
  const toRoom = roomOf(to);
  if (fromRoom === toRoom) return undefined;
  if (!standsOn[fromRoom]?.includes(toRoom))
    return `${path} imports ${to}: ${fromRoom} does not stand on ${toRoom}`;
  return to === `src/${toRoom}/index.ts`
    ? undefined
    : `${path} imports ${to}: enter ${toRoom} by its index.ts`;
}

function sourceFiles(): string[] {
  const names = readdirSync("src", { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(".ts")).map((name) => join("src", name));
}

function complaintsOf(path: string, source: string): string[] {
  return [...source.replace(comment, "").matchAll(imported)]
    .map(([, ...targets]) => complaint(path, targets.find((target) => target !== undefined) ?? ""))
    .filter((found) => found !== undefined);
}

test("every import goes down a floor, through the door", () => {
  const complaints = sourceFiles().flatMap((path) =>
    complaintsOf(path, readFileSync(path, "utf8")),
  );
  expect(complaints).toEqual([]);
});

test("the check looked at real files, and each of them belongs to a room", () => {
  const files = sourceFiles();
  expect(files.length).toBeGreaterThan(40);
  expect(files.filter((path) => standsOn[roomOf(path)] === undefined)).toEqual([]);
});

test("a wrong import is named", () => {
  const planted = (path: string, line: string): string[] => complaintsOf(path, line);
  expect(planted("src/engine/lsm/wal/a.ts", 'import "../../../query/index.ts"')).toHaveLength(1);
  expect(planted("src/query/a.ts", 'import "../collections/path/path.ts"')).toHaveLength(1);
  expect(planted("src/query/a.ts", 'import "msgpackr"')).toHaveLength(1);
  expect(planted("src/query/a.ts", 'import "node:fs"')).toHaveLength(1);
  expect(planted("src/query/a.ts", 'import "../collections/index.ts"')).toEqual([]);
});
