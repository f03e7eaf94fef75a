/** The JSON of the last full run and what is written from it, in docs. */
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pageOf } from "../report/index.ts";
import type { OutcomeFacts, RunFile } from "../report/index.ts";

/** A measurement a line, figures to six digits: what differs between two runs can be read, and none of it is noise. */
export function runText({ outcomes, ...rest }: RunFile): string {
  const parts = outcomes.map(({ measurements, ...facts }) => {
    const lines = measurements.map((measurement) => `  ${lineOf(measurement)}`);
    return `{"outcome":${lineOf(facts)},"measurements":[\n${lines.join(",\n")}\n]}`;
  });
  return `{"run":${lineOf(rest)},"outcomes":[\n${parts.join(",\n")}\n]}\n`;
}

function lineOf(value: object): string {
  return JSON.stringify(value, (_key, one: unknown) =>
    typeof one === "number" && !Number.isInteger(one) ? Number(one.toPrecision(6)) : one,
  );
}

/** The run that such a text is of. */
export function parseRun(text: string): RunFile {
  const { outcomes, run } = JSON.parse(text) as {
    readonly run: Omit<RunFile, "outcomes">;
    readonly outcomes: readonly {
      readonly outcome: Omit<OutcomeFacts, "measurements">;
      readonly measurements: OutcomeFacts["measurements"];
    }[];
  };
  return {
    ...run,
    outcomes: outcomes.map(({ measurements, outcome }) => ({ ...outcome, measurements })),
  };
}

export function readRun(path: string): RunFile {
  return parseRun(readFileSync(path, "utf8"));
}

export function runPath(project: string): string {
  return join(project, "docs", "benchmarks", "run.json");
}

/** Writes docs/BENCHMARKS.md and its charts; charts that it does not have any more are removed. */
export function writePage(project: string, run: RunFile): void {
  const docs = join(project, "docs");
  const folder = join(docs, "benchmarks");
  mkdirSync(folder, { recursive: true });
  const files = pageOf(run);
  for (const name of readdirSync(folder)) {
    if (name.endsWith(".svg") && !files.has(`benchmarks/${name}`)) rmSync(join(folder, name));
  }
  for (const [path, text] of files) {
    mkdirSync(dirname(join(docs, path)), { recursive: true });
    writeFileSync(join(docs, path), text);
  }
}
