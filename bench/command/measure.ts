/** Runs the children of a run one after the other, never two at a time, and says how far it is. */
import { runChild, turnsOf } from "../kit/index.ts";
import type { Size, Suite, SuiteName } from "../kit/index.ts";
import type { OutcomeFacts } from "../report/index.ts";

/** What one child does: a store of a suite, in a round. */
export interface Turn {
  readonly suite: SuiteName;
  readonly store: string;
  readonly round: number;
}

interface Asked {
  readonly size: Size;
  readonly stores: readonly string[];
  readonly rounds: number;
}

export interface MeasureOptions {
  readonly size: Size;
  readonly workloads: readonly string[];
  readonly rows: number | undefined;
  /** Where data lies while it is measured. */
  readonly folder: string;
  readonly script: string;
  readonly project: string;
  /** Is handed all that is known, in the order of the turns, after each child. */
  readonly save: (outcomes: readonly OutcomeFacts[]) => void;
}

/** How long a child may take before it counts as hung. */
const SECONDS_MAX: Readonly<Record<Size, number>> = { short: 180, full: 1_800, check: 180 };

/** All children of a run in their order: suite by suite, in each of them round by round, in each of those all stores. */
export function turnsOfRun(suites: readonly Suite[], { rounds, size, stores }: Asked): Turn[] {
  return suites.flatMap((suite) => {
    const names = suite.stores
      .filter((store) =>
        // Without its limits a machine's figures say less, whichever stores are asked for.
        stores.length === 0 || suite.name === "limits"
          ? size === "full" || store.onlyFull !== true
          : stores.includes(store.name),
      )
      .map((store) => store.name);
    return turnsOf(names, rounds).map((turn) => ({ suite: suite.name, ...turn }));
  });
}

/** `known`: what an earlier run measured of these turns, and is not measured again. Gives all in the order of the turns. */
export async function measureTurns(
  turns: readonly Turn[],
  known: readonly OutcomeFacts[],
  options: MeasureOptions,
): Promise<OutcomeFacts[]> {
  const { folder, project, rows, save, script, size, workloads } = options;
  const outcomes = new Map(known.map((outcome) => [nameOf(outcome), outcome]));
  const inOrder = (): OutcomeFacts[] => turns.flatMap((turn) => outcomes.get(nameOf(turn)) ?? []);
  for (const turn of turns) {
    if (outcomes.has(nameOf(turn))) continue;
    const { task: _, ...outcome } = await runChild(
      script,
      { ...turn, size, rows, workloads, project },
      { folder, secondsMax: SECONDS_MAX[size] },
    );
    outcomes.set(nameOf(turn), { ...turn, ...outcome });
    save(inOrder());
    const { failure, load, seconds } = outcome;
    const end = failure === undefined ? "" : `  FAILED: ${failure}`;
    console.error(`${nameOf(turn)}  ${seconds.toFixed(1)} s, load ${load.toFixed(1)}${end}`);
  }
  return inOrder();
}

/** A turn as a person would call it; no two have the same. */
export function nameOf({ round, store, suite }: Turn): string {
  return `${suite}, round ${round + 1}, ${store}`;
}
