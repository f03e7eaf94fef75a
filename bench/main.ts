/**
 * KotobaDB beside its peers: `npm run bench`. Installs the peers on first use, builds the project, runs a child process for
 * each store and round, one at a time, and prints a table. `--help` says what else it can do.
 */
import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { spawnSync } from "node:child_process";
import { bundleChild } from "./command/bundle.ts";
import { check } from "./command/check.ts";
import type { CheckPlaces } from "./command/check.ts";
import { measureTurns, turnsOfRun } from "./command/measure.ts";
import { runMicro } from "./command/micro.ts";
import { USAGE, parseOptions } from "./command/options.ts";
import type { BenchOptions } from "./command/options.ts";
import { buildProject, digestOf, installPeers, peersOf } from "./command/prepare.ts";
import { machineHere } from "./kit/index.ts";
import { readRun, runPath, writePage } from "./command/report-files.ts";
import { knownOutcomes, saveRun } from "./command/saved-run.ts";
import type { RunSetting } from "./command/saved-run.ts";
import { terminalReport } from "./report/index.ts";
import type { RunFile } from "./report/index.ts";
import type { Suite } from "./kit/index.ts";
import { suites } from "./suites.ts";

const BENCH = dirname(fileURLToPath(import.meta.url));
const PROJECT = dirname(BENCH);

// Ended by a signal without a listener, it would leave the child behind that runs just then.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(130));

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
  return measureOrCheck(options, { project: PROJECT, script, folder });
}

async function measureOrCheck(options: BenchOptions, places: CheckPlaces): Promise<number> {
  if (options.mode === "check") {
    const ours = chosenSuites(options).filter(({ name }) => name !== "limits");
    return check(ours, options, places);
  }
  const path = savePath(options);
  const run = await measure(options, places, path);
  console.log(terminalReport(run));
  if (isWhole(options)) {
    writePage(PROJECT, run);
    saveRun(runPath(PROJECT), run);
    if (options.json === undefined && options.resume === undefined) rmSync(path!);
  }
  return run.outcomes.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

/** Where measurements are written while there are more to come: a full run is too long to be lost. */
function savePath({ json, resume, size }: BenchOptions): string | undefined {
  const named = json ?? resume;
  if (named !== undefined || size !== "full") return named;
  return join(tmpdir(), `kotobadb-bench-${new Date().toISOString().replaceAll(":", "-")}.json`);
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

async function measure(
  options: BenchOptions,
  places: CheckPlaces,
  path: string | undefined,
): Promise<RunFile> {
  const chosen = chosenSuites(options);
  const { resume, rounds = 3, rows, size, stores, workloads } = options;
  const turns = turnsOfRun(chosen, { rounds, size, stores });
  const setting = settingOf(options, places);
  const runOf = (outcomes: RunFile["outcomes"]): RunFile => ({
    at: new Date().toISOString(),
    ...setting,
    stores: storeFacts(chosen),
    outcomes,
  });
  const save = (outcomes: RunFile["outcomes"]): void => {
    if (path !== undefined) saveRun(path, runOf(outcomes));
  };
  const known = resume === undefined ? [] : knownOutcomes(resume, setting, turns);
  console.error(`${turns.length} to measure, ${known.length} of them known`);
  if (path !== undefined) console.error(`saved after each one; to go on: --resume ${path}`);
  const outcomes = await measureTurns(turns, known, { size, rows, workloads, ...places, save });
  save(outcomes);
  return runOf(outcomes);
}

/** All that must be the same for figures to stand side by side. */
function settingOf({ rows, size, workloads }: BenchOptions, places: CheckPlaces): RunSetting {
  return {
    size,
    ...(rows === undefined ? {} : { rows }),
    ...(workloads.length === 0 ? {} : { workloads }),
    revision: revisionHere(),
    build: digestOf([join(PROJECT, "dist"), dirname(places.script)]),
    machine: machineHere(BENCH, peersOf(BENCH)),
  };
}

function storeFacts(chosen: readonly Suite[]): RunFile["stores"] {
  return chosen.flatMap(({ name: suite, stores }) =>
    stores.map(({ durability, name, note, persistent, share }) => ({
      suite,
      name,
      durability,
      persistent,
      ...(share === undefined ? {} : { share }),
      ...(note === undefined ? {} : { note }),
    })),
  );
}

function revisionHere(): string {
  const { stdout } = spawnSync("git", ["describe", "--always", "--dirty"], {
    cwd: PROJECT,
    encoding: "utf8",
  });
  return stdout.trim();
}
