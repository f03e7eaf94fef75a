/** Runs the children of a suite one after the other, never two at a time, and says how far it is. */
import { runChild, turnsOf } from "../kit/index.ts";
import type { Outcome, Size, Suite } from "../kit/index.ts";

export interface MeasureOptions {
  readonly size: Size;
  readonly stores: readonly string[];
  readonly workloads: readonly string[];
  readonly rounds: number;
  readonly rows: number | undefined;
  /** Where data lies while it is measured. */
  readonly folder: string;
  readonly script: string;
  readonly project: string;
}

/** How long a child may take before it counts as hung. */
const SECONDS_MAX: Readonly<Record<Size, number>> = { short: 180, full: 1_800, check: 180 };

export async function measureSuite(suite: Suite, options: MeasureOptions): Promise<Outcome[]> {
  const names = suite.stores
    .filter((store) =>
      // Without its limits a machine's figures say less, whichever stores are asked for.
      options.stores.length === 0 || suite.name === "limits"
        ? options.size === "full" || store.onlyFull !== true
        : options.stores.includes(store.name),
    )
    .map((store) => store.name);
  const outcomes: Outcome[] = [];
  for (const { round, store } of turnsOf(names, options.rounds)) {
    const { project, rows, script, size, workloads } = options;
    const outcome = await runChild(
      script,
      { suite: suite.name, store, round, size, rows, workloads, project },
      { folder: options.folder, secondsMax: SECONDS_MAX[size] },
    );
    outcomes.push(outcome);
    const seconds = outcome.seconds.toFixed(1);
    const end = outcome.failure === undefined ? "" : `  FAILED: ${outcome.failure}`;
    console.error(
      `${suite.name} ${round + 1}/${options.rounds}  ${store}  ${seconds} s, load ${outcome.load.toFixed(1)}${end}`,
    );
  }
  return outcomes;
}
