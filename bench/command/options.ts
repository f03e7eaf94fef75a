/** What the command takes, and what is said when it is told something else. */
import { parseArgs } from "node:util";
import type { Size } from "../kit/index.ts";

export const USAGE = `npm run bench [-- options]

  (no option)        all suites and stores at a small size, some minutes
  --full             at full size, most of an hour; writes docs/BENCHMARKS.md
  --check [REV]      this checkout against REV (default: main) on KotobaDB alone; exits 1 if it is slower
  --report           writes docs/BENCHMARKS.md anew from the JSON of the last full run
  --micro NAME       a micro-benchmark of bench/micro; without NAME: which there are

  --suite a,b        limits, keyvalue, documents
  --stores a,b       only these stores
  --workloads x,y    only these, where they can be had alone; keyvalue by parts: import, fillseq, main, durable,
                     ingest, large
  --rounds N         how often each store is measured
  --rows N           instead of the rows of the size
  --json FILE        writes all measurements to a file, anew after each child; --full writes one in any case
  --resume FILE      goes on from such a file: what it has is not measured again. All else has to be the same: the
                     revision, the build, the machine, --full, --rows and --workloads
  --directory DIR    where data lies while it is measured; the disk below is what durable figures show`;

export interface BenchOptions {
  readonly size: Size;
  readonly mode: "measure" | "check" | "report" | "micro";
  readonly revision: string;
  readonly micro: readonly string[];
  readonly suites: readonly string[];
  readonly stores: readonly string[];
  readonly workloads: readonly string[];
  readonly rounds: number | undefined;
  readonly rows: number | undefined;
  readonly json: string | undefined;
  readonly resume: string | undefined;
  readonly directory: string | undefined;
}

/** Throws an Error that says what is wrong. */
export function parseOptions(typed: readonly string[]): BenchOptions {
  const { positionals, values } = parseArgs({
    args: [...typed],
    allowPositionals: true,
    options: {
      full: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      report: { type: "boolean", default: false },
      micro: { type: "boolean", default: false },
      suite: { type: "string" },
      stores: { type: "string" },
      workloads: { type: "string" },
      rounds: { type: "string" },
      rows: { type: "string" },
      json: { type: "string" },
      resume: { type: "string" },
      directory: { type: "string" },
    },
  });
  const modes = (["check", "report", "micro"] as const).filter((mode) => values[mode]);
  if (modes.length > 1) throw new Error(`--${modes.join(" and --")} exclude each other`);
  const mode = modes[0] ?? "measure";
  if (mode !== "measure" && values.resume !== undefined) {
    throw new Error(`--${mode} and --resume exclude each other`);
  }
  const takesWords = mode === "check" || mode === "micro";
  if (positionals.length > 0 && !takesWords) throw new Error(`what is "${positionals[0]}"?`);
  return {
    size: mode === "check" ? "check" : values.full ? "full" : "short",
    mode,
    revision: mode === "check" ? (positionals[0] ?? "main") : "main",
    micro: mode === "micro" ? positionals : [],
    suites: listOf(values.suite),
    stores: listOf(values.stores),
    workloads: listOf(values.workloads),
    rounds: countOf("rounds", values.rounds),
    rows: countOf("rows", values.rows),
    json: values.json,
    resume: values.resume,
    directory: values.directory,
  };
}

function listOf(text: string | undefined): readonly string[] {
  return text === undefined ? [] : text.split(",").map((word) => word.trim());
}

function countOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new Error(`--${option} "${text}" is not a whole number above 0`);
}
