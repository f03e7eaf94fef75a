/**
 * A run in a file before it is at its end: written anew after each child, and a later run goes on from it.
 *
 * 1. The file is always a whole one: a new one takes its place in one step.
 * 2. Figures of two runs stand in one only where nothing but the hour could tell them apart: the same revision and build,
 *    the same size, rows and workloads, the same machine and packages.
 * 3. Nothing that was measured is dropped: what a file has beyond what is asked for is a refusal.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { OutcomeFacts, RunFile } from "../report/index.ts";
import { nameOf } from "./measure.ts";
import type { Turn } from "./measure.ts";
import { parseRun, runText } from "./report-files.ts";

/** What a run is measured with, all of which has to be the same. */
export type RunSetting = Pick<
  RunFile,
  "size" | "rows" | "workloads" | "revision" | "build" | "machine"
>;

export function saveRun(path: string, run: RunFile): void {
  const beside = `${path}.part`;
  writeFileSync(beside, runText(run));
  renameSync(beside, path);
}

/**
 * What a file holds of a run with this setting and these turns. A child that was ended from outside is left out, so that
 * it is run again; one that failed by itself is not: a wrong answer is not asked for until it is right.
 *
 * @throws an Error that says what differs.
 */
export function knownOutcomes(
  path: string,
  setting: RunSetting,
  turns: readonly Turn[],
): OutcomeFacts[] {
  const saved = readSaved(path);
  const differences = differencesOf(saved, setting);
  const asked = new Set(turns.map(nameOf));
  const beyond = saved.outcomes.map(nameOf).filter((name) => !asked.has(name));
  if (beyond.length > 0) differences.push(`it holds what is not asked for now: ${beyond[0]!}`);
  if (differences.length > 0) {
    throw new Error(`--resume ${path} cannot be gone on from: ${differences.join("; ")}`);
  }
  return saved.outcomes.filter(({ failure }) => failure === undefined || !ENDED.test(failure));
}

/** The name of a signal stands before what is said of a child that one ended. */
const ENDED = /^SIG[A-Z]+:/;

function readSaved(path: string): RunFile {
  try {
    return parseRun(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(`--resume ${path} is not a run: ${(error as Error).message}`);
  }
}

/** In words, the file's first. */
function differencesOf(saved: RunSetting, asked: RunSetting): string[] {
  const of = (name: "size" | "rows" | "workloads" | "revision"): string[] => {
    if (isDeepStrictEqual(saved[name], asked[name])) return [];
    return [`its ${name}: ${valueText(saved[name])}, now: ${valueText(asked[name])}`];
  };
  const differences = [of("revision"), of("size"), of("rows"), of("workloads")].flat();
  // Of one revision there may be many builds: files that are changed and not committed.
  if (saved.revision === asked.revision && saved.build !== asked.build) {
    differences.push("the revision is the same, but what was built from it is not");
  }
  if (!isDeepStrictEqual(saved.machine, asked.machine)) {
    differences.push("it was measured on another machine, or with other versions of packages");
  }
  return differences;
}

function valueText(value: string | number | readonly string[] | undefined): string {
  if (value === undefined) return "as the size has it";
  return typeof value === "object" ? value.join(", ") : String(value);
}
