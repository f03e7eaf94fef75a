/**
 * KotobaDB beside its peers: `npm run bench`. Installs the peers on first use, builds the project, runs a child process for
 * each store and round, one at a time, and prints a table. `--help` says what else it can do.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { spawnSync } from "node:child_process";
import { bundleChild } from "./command/bundle.ts";
import { measureSuite } from "./command/measure.ts";
import { USAGE, parseOptions } from "./command/options.ts";
import type { BenchOptions } from "./command/options.ts";
import { buildProject, installPeers } from "./command/prepare.ts";
import { machineHere } from "./kit/index.ts";
import { terminalReport } from "./report/index.ts";
import type { RunFile } from "./report/index.ts";
import { suites } from "./suites.ts";

const BENCH = dirname(fileURLToPath(import.meta.url));
const PROJECT = dirname(BENCH);

if (process.argv.includes("--help")) console.log(USAGE);
else process.exitCode = await main(optionsTyped());

function optionsTyped(): BenchOptions {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return process.exit(2);
  }
}

async function main(options: BenchOptions): Promise<number> {
  installPeers(BENCH);
  buildProject(PROJECT);
  const run = await measure(options);
  console.log(terminalReport(run));
  if (options.json !== undefined)
    writeFileSync(options.json, `${JSON.stringify(run, undefined, 1)}\n`);
  return run.outcomes.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

async function measure(options: BenchOptions): Promise<RunFile> {
  const folder = options.directory ?? tmpdir();
  mkdirSync(folder, { recursive: true });
  const script = await bundleChild(BENCH, "child.ts");
  const chosen = suites.filter(
    ({ name }) => options.suites.length === 0 || options.suites.includes(name),
  );
  const outcomes: RunFile["outcomes"][number][] = [];
  for (const suite of chosen) {
    const { rounds = 3, rows, size, stores, workloads } = options;
    const done = await measureSuite(suite, {
      size,
      stores,
      workloads,
      rounds,
      rows,
      folder,
      script,
      project: PROJECT,
    });
    for (const { failure, load, measurements, seconds, task } of done) {
      const { round, store } = task;
      outcomes.push({
        suite: suite.name,
        store,
        round,
        failure: failure!,
        load,
        measurements,
        seconds,
      });
    }
  }
  return {
    at: new Date().toISOString(),
    size: options.size,
    revision: revisionHere(),
    machine: machineHere(BENCH, []),
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
