/** A suite as the command and the children see it: stores by name, and what is done with one of them. */
import type { Recorder } from "./recorder.ts";
import type { SuiteName } from "./measurement.ts";
import type { StoreEntry } from "./store-entry.ts";

/** "short": minutes for all stores together. "full": what docs/BENCHMARKS.md is made from. "check": one store, quickly. */
export type Size = "short" | "full" | "check";

/** What a suite's child is handed. */
export interface Scope {
  readonly recorder: Recorder;
  /** A new directory, removed afterwards; whatever a store writes lies in it. */
  readonly directory: string;
  readonly size: Size;
  /** Instead of the rows that the size stands for. */
  readonly rows: number | undefined;
  /** Whether --workloads names it, or names nothing. What it stands on has to be done all the same. */
  wants(workload: string): boolean;
}

export interface Suite {
  readonly name: SuiteName;
  readonly stores: readonly Omit<StoreEntry<unknown>, "open">[];
  /** All workloads with one store, in this process. A wrong answer is thrown. */
  readonly run: (store: string, scope: Scope) => Promise<void>;
}

/** A suite from its entries; `run` is handed the entry of the store that was asked for. */
export function suiteOf<Store, Entry extends StoreEntry<Store> = StoreEntry<Store>>(
  name: SuiteName,
  entries: readonly Entry[],
  run: (entry: Entry, scope: Scope) => Promise<void>,
): Suite {
  return {
    name,
    stores: entries,
    run: (store, scope) => {
      const entry = entries.find((one) => one.name === store);
      if (entry === undefined) throw new Error(`no store "${store}" in the suite ${name}`);
      return run(entry, scope);
    },
  };
}
