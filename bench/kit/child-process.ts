/**
 * One child: one store, one round, a process and a directory of its own, so that no store inherits another's heap,
 * compiled code or open files.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { loadNow } from "./machine.ts";
import type { Measurement, SuiteName } from "./measurement.ts";
import type { Size } from "./suite.ts";

/** What a child is told, as JSON in its first argument. */
export interface Task {
  readonly suite: SuiteName;
  readonly store: string;
  readonly round: number;
  readonly size: Size;
  readonly rows: number | undefined;
  readonly workloads: readonly string[];
  /** Where the store's data lies. */
  readonly directory: string;
  /** Where the measurements go. */
  readonly output: string;
  /** The project whose `dist` is measured. */
  readonly project: string;
}

export interface Outcome {
  readonly task: Task;
  readonly measurements: readonly Measurement[];
  /** What kept the child from its end, with its last words; undefined: nothing did. */
  readonly failure: string | undefined;
  readonly seconds: number;
  /** The machine's load average when the child began. */
  readonly load: number;
}

const LAST_WORDS_LENGTH = 2_000;

/**
 * Never rejects: what went wrong is in the outcome. Where this process ends first, the child and what it wrote go with it:
 * it would run on beside whatever is measured next.
 */
export async function runChild(
  script: string,
  task: Omit<Task, "directory" | "output">,
  options: { readonly folder: string; readonly secondsMax: number },
): Promise<Outcome> {
  const directory = mkdtempSync(join(options.folder, "kotobadb-bench-"));
  const output = join(directory, "measurements.ndjson");
  const whole: Task = { ...task, directory, output };
  const load = loadNow();
  const start = performance.now();
  // Files of a child that was killed a moment ago may still be in the making.
  const remove = (): void => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  process.once("exit", remove);
  try {
    const failure = await endOf(script, whole, options.secondsMax);
    const seconds = (performance.now() - start) / 1_000;
    return { task: whole, measurements: readMeasurements(output), failure, seconds, load };
  } finally {
    process.off("exit", remove);
    remove();
  }
}

function endOf(script: string, task: Task, secondsMax: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--expose-gc", script, JSON.stringify(task)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const kill = (): boolean => child.kill("SIGKILL");
    // Before its files are removed.
    process.prependOnceListener("exit", kill);
    let words = "";
    const listen = (chunk: Buffer): void => {
      words = (words + chunk.toString()).slice(-LAST_WORDS_LENGTH);
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      kill();
    }, secondsMax * 1_000);
    child.once("error", (error) => {
      clearTimeout(timer);
      resolve(error.message);
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      process.off("exit", kill);
      if (isLate) resolve(`not done after ${secondsMax} s`);
      else if (code === 0) resolve(undefined);
      else resolve(`${signal ?? `exit ${code}`}: ${words.trim()}`);
    });
  });
}

/** A child that was killed may have left half a line. */
function readMeasurements(path: string): Measurement[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return whole
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Measurement);
}
