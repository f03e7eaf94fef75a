/**
 * How many branches of the engine the tests take, measured by V8 while its own tests run. What is left is explained in
 * docs/TESTING.md.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { count } from "./kit/proof.ts";
import type { Counts, Proof } from "./kit/proof.ts";

const UNIT = "percent of the branches of src/engine taken";
const PERCENT_MIN = 95;
/** The tests that are about the engine, or reach places in it that no other test reaches. */
const TESTS = [
  "test/engine",
  "test/contract/contract.test.ts",
  "test/testing",
  "test/cli",
  "test/regressions",
  "test/prove/damage.test.ts",
  "test/prove/fuzz.test.ts",
];

interface Summary {
  readonly total: { readonly branches: { readonly total: number; readonly covered: number } };
}

async function round(_seed: number, counts: Counts): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "kotobadb-coverage-"));
  try {
    const output = await runCovered(directory);
    const summary = join(directory, "coverage-summary.json");
    const { total } = JSON.parse(read(summary, output)) as Summary;
    const percent = (100 * total.branches.covered) / total.branches.total;
    count(counts, UNIT, Math.floor(percent));
    count(counts, "branches", total.branches.total);
    count(counts, "branches taken", total.branches.covered);
    if (percent < PERCENT_MIN)
      throw new Error(`${percent.toFixed(1)} percent of the branches, not ${PERCENT_MIN}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function read(summary: string, output: string): string {
  try {
    return readFileSync(summary, "utf8");
  } catch (cause) {
    throw new Error(`no coverage was written:\n${output.slice(-4_000)}`, { cause });
  }
}

/** Ends when the tests do; a failing one fails the round. */
function runCovered(directory: string): Promise<string> {
  const settings = ["enabled", "provider=v8", "include=src/engine/**", "reporter=json-summary"];
  const child = spawn(
    "npx",
    [
      "vitest",
      "--run",
      ...settings.map((setting) => `--coverage.${setting}`),
      `--coverage.reportsDirectory=${directory}`,
      ...TESTS,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (text: Buffer) => {
      output += text.toString();
    });
  return new Promise((resolve, reject) => {
    child.once("close", (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`the tests ended with ${code}:\n${output.slice(-4_000)}`));
    });
  });
}

/** Not a part of `npm test`, which runs the same tests without the measuring. */
export const coverage: Proof = {
  name: "coverage",
  unit: UNIT,
  quick: PERCENT_MIN,
  full: PERCENT_MIN,
  share: 8,
  rounds: 1,
  roundMillisMax: 900_000,
  round,
};
