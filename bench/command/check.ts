/** `--check`: this checkout against another revision of it, KotobaDB alone, children of both taking turns. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runChild, turnsOf } from "../kit/index.ts";
import type { Measurement, Suite } from "../kit/index.ts";
import { OURS } from "../report/index.ts";
import { ROUNDS_MIN, comparisonText, figuresOf, firstLook, secondLook } from "./compare.ts";
import type { Figures } from "./compare.ts";
import type { BenchOptions } from "./options.ts";
import { buildProject } from "./prepare.ts";

const ROUNDS = 9;
const SECONDS_MAX = 180;

export interface CheckPlaces {
  readonly project: string;
  readonly script: string;
  /** Where data lies while it is measured. */
  readonly folder: string;
}

/** The exit code: 1 if a workload is slower beyond noise, or was not finished. */
export async function check(
  suites: readonly Suite[],
  options: BenchOptions,
  places: CheckPlaces,
): Promise<number> {
  if (options.rounds !== undefined && options.rounds < ROUNDS_MIN) {
    throw new Error(`--check needs at least ${ROUNDS_MIN} rounds to tell anything`);
  }
  const base = checkout(places.project, options.revision);
  try {
    buildProject(base);
    return await compareBuilt(suites, options, { ...places, base });
  } finally {
    git(places.project, ["worktree", "remove", "--force", base]);
    rmSync(dirname(base), { recursive: true, force: true });
  }
}

/** A work tree of its own, with the packages that are installed here. */
function checkout(project: string, revision: string): string {
  const path = join(mkdtempSync(join(tmpdir(), "kotobadb-base-")), "base");
  git(project, ["worktree", "add", "--detach", path, revision]);
  symlinkSync(join(project, "node_modules"), join(path, "node_modules"));
  return path;
}

function git(project: string, words: readonly string[]): void {
  const { status, stderr } = spawnSync("git", words, { cwd: project, encoding: "utf8" });
  if (status !== 0) throw new Error(`git ${words.join(" ")}: ${stderr}`);
}

async function compareBuilt(
  suites: readonly Suite[],
  options: BenchOptions,
  places: CheckPlaces & { readonly base: string },
): Promise<number> {
  const first = await measureBoth(suites, options, places);
  const figures = figuresOf(first.base, first.change);
  const suspects = firstLook(figures).filter(({ isSlower }) => isSlower);
  console.log(comparisonText(firstLook(figures)));
  if (suspects.length === 0) {
    console.log("nothing is slower beyond noise");
    return 0;
  }
  console.error("measured again, to be sure");
  const again = suites.filter(({ name: suite }) =>
    suspects.some(({ name }) => name.startsWith(`${suite}, `)),
  );
  const second = await measureBoth(again, options, places);
  const pooled = pool(suspects, figuresOf(second.base, second.change));
  const compared = secondLook(pooled, figures.length);
  console.log(comparisonText(compared));
  const slower = compared.filter(({ isSlower }) => isSlower);
  if (slower.length === 0) {
    console.log("nothing is slower beyond noise");
    return 0;
  }
  console.log(`slower beyond noise: ${slower.map(({ name }) => name).join("; ")}`);
  return 1;
}

/** Rounds of each side: what was measured in each. */
interface Rounds {
  readonly base: Measurement[][];
  readonly change: Measurement[][];
}

/** Throws where a child does not come to its end: that is not a matter of speed. */
async function measureBoth(
  suites: readonly Suite[],
  { rounds = ROUNDS, rows, workloads }: BenchOptions,
  { base, folder, project, script }: CheckPlaces & { readonly base: string },
): Promise<Rounds> {
  const measured: Rounds = { base: [], change: [] };
  for (const { round, store } of turnsOf(["base", "change"], rounds)) {
    const side = store === "base" ? "base" : "change";
    const found: Measurement[] = [];
    for (const { name: suite } of suites) {
      const checkout = side === "base" ? base : project;
      const outcome = await runChild(
        script,
        { suite, store: OURS, round, size: "check", rows, workloads, project: checkout },
        { folder, secondsMax: SECONDS_MAX },
      );
      if (outcome.failure !== undefined) {
        throw new Error(`${side}, ${suite}, round ${round + 1}: ${outcome.failure}`);
      }
      found.push(...outcome.measurements);
    }
    console.error(`${round + 1}/${rounds}  ${side}`);
    measured[side].push(found);
  }
  return measured;
}

function pool(suspects: readonly Figures[], again: readonly Figures[]): Figures[] {
  return suspects.map((one) => {
    const more = again.find(({ name }) => name === one.name);
    if (more === undefined) return one;
    return { ...one, base: [...one.base, ...more.base], change: [...one.change, ...more.change] };
  });
}
