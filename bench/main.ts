/**
 * KotobaDB beside its peers: `npm run bench`. Installs the peers on first use, builds the project, runs a child process for
 * each store and round, one at a time, and prints a table. `--help` says what else it can do.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { spawnSync } from "node:child_process";
import { bundleChild } from "./command/bundle.ts";
import { check } from "./command/check.ts";
import type { CheckPlaces } from "./command/check.ts";
import { measureSuite } from "./command/measure.ts";
import { runMicro } from "./command/micro.ts";
import { USAGE, parseOptions } from "./command/options.ts";
import type { BenchOptions } from "./command/options.ts";
import { buildProject, installPeers, peersOf } from "./command/prepare.ts";
import { machineHere } from "./kit/index.ts";
import { readRun, runPath, runText, writePage } from "./command/report-files.ts";
import { terminalReport } from "./report/index.ts";
import type { RunFile } from "./report/index.ts";
import type { Suite } from "./kit/index.ts";
import { suites } from "./suites.ts";

const BENCH = dirname(fileURLToPath(import.meta.url));
const PROJECT = dirname(BENCH);

if (process.argv.includes("--help")) console.log(USAGE);
else process.exit(await ended(main(optionsTyped())));

function optionsTyped(): BenchOptions {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return process.exit(2);
  }
}

/** What is wrong with the command or the machine, in a line. */
async function ended(run: Promise<number>): Promise<number> {
  try {
    return await run;
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
}

async function main(options: BenchOptions): Promise<number> {
  if (options.mode === "report") {
    writePage(PROJECT, readRun(options.json ?? runPath(PROJECT)));
    return 0;
  }
  if (options.mode === "micro") return runMicro(BENCH, options.micro);
  installPeers(BENCH);
  buildProject(PROJECT);
  const folder = options.directory ?? tmpdir();
  mkdirSync(folder, { recursive: true });
  const script = await bundleChild(BENCH, "child.ts");
  try {
    return await measureOrCheck(options, { project: PROJECT, script, folder });
  } finally {
    rmSync(dirname(script), { recursive: true, force: true });
  }
}

async function measureOrCheck(options: BenchOptions, places: CheckPlaces): Promise<number> {
  if (options.mode === "check") {
    const ours = chosenSuites(options).filter(({ name }) => name !== "limits");
    return check(ours, options, places);
  }
  const run = await measure(options, places);
  console.log(terminalReport(run));
  if (options.json !== undefined) writeFileSync(options.json, runText(run));
  if (isWhole(options)) {
    writePage(PROJECT, run);
    writeFileSync(runPath(PROJECT), runText(run));
  }
  return run.outcomes.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

/** Whether docs/BENCHMARKS.md is to tell of it: a part of a run would take away what was known. */
function isWhole({ rows, size, stores, suites: named, workloads }: BenchOptions): boolean {
  const isPart = stores.length + named.length + workloads.length > 0 || rows !== undefined;
  return size === "full" && !isPart;
}

function chosenSuites({ stores, suites: named }: BenchOptions): readonly Suite[] {
  const unknown = named.filter((name) => suites.every((suite) => suite.name !== name));
  if (unknown.length > 0) throw new Error(`no suite ${unknown.join(", ")}`);
  const chosen = named.length === 0 ? suites : suites.filter(({ name }) => named.includes(name));
  const known = new Set(chosen.flatMap((suite) => suite.stores.map(({ name }) => name)));
  const nobody = stores.filter((name) => !known.has(name));
  if (nobody.length > 0) {
    throw new Error(`no store ${nobody.join(", ")}; there are ${[...known].join(", ")}`);
  }
  return chosen;
}

async function measure(options: BenchOptions, places: CheckPlaces): Promise<RunFile> {
  const chosen = chosenSuites(options);
  const outcomes: RunFile["outcomes"][number][] = [];
  for (const suite of chosen) {
    const { rounds = 3, rows, size, stores, workloads } = options;
    const amounts = { size, stores, workloads, rounds, rows };
    for (const { task, ...outcome } of await measureSuite(suite, { ...amounts, ...places })) {
      outcomes.push({ suite: suite.name, store: task.store, round: task.round, ...outcome });
    }
  }
  return {
    at: new Date().toISOString(),
    size: options.size,
    revision: revisionHere(),
    machine: machineHere(BENCH, peersOf(BENCH)),
    stores: chosen.flatMap(({ name: suite, stores }) =>
      stores.map(({ durability, name, note, persistent }) => ({
        suite,
        name,
        durability,
        persistent,
        ...(note === undefined ? {} : { note }),
      })),
    ),
    outcomes,
  };
}

function revisionHere(): string {
  const { stdout } = spawnSync("git", ["describe", "--always", "--dirty"], {
    cwd: PROJECT,
    encoding: "utf8",
  });
  return stdout.trim();
}
