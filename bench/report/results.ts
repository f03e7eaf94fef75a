/** All measurements of a run, brought together: one row for each workload, one cell for each store. */
import { spreadOf } from "../kit/index.ts";
import type {
  Better,
  LatencyMicros,
  Machine,
  Measurement,
  Outcome,
  Spread,
  SuiteName,
  Survives,
  Unit,
} from "../kit/index.ts";

/** Our own store, in every suite. */
export const OURS = "kotobadb";

export interface RunFile {
  readonly at: string;
  readonly size: string;
  /** Instead of those that the size stands for. */
  readonly rows?: number;
  /** Where not all were measured. */
  readonly workloads?: readonly string[];
  readonly revision: string;
  /** A digest of what was measured: the project as it was built, and the script of the children. */
  readonly build?: string;
  readonly machine: Machine;
  readonly stores: readonly StoreFacts[];
  readonly outcomes: readonly OutcomeFacts[];
}
export type OutcomeFacts = Pick<Outcome, "measurements" | "seconds" | "load"> & {
  readonly failure?: string | undefined;
  readonly store: string;
  readonly suite: SuiteName;
  readonly round: number;
};
export interface StoreFacts {
  readonly suite: SuiteName;
  readonly name: string;
  readonly durability: { readonly buffered: Survives; readonly durable?: Survives | undefined };
  readonly persistent: boolean;
  /** Of what is done an operation at a time. Without: all. */
  readonly share?: number;
  readonly note?: string;
}

export interface Cell extends Spread {
  /** Of the whole process, each operation; undefined where nothing was counted in operations. */
  readonly cpuMicros: number | undefined;
  /** Medians over the rounds; `max` is the longest of all. */
  readonly latencyMicros: LatencyMicros | undefined;
}
export interface ResultRow {
  readonly suite: SuiteName;
  readonly workload: string;
  readonly unit: Unit;
  readonly better: Better;
  /** How many times the cache that stores are given the data is that the workload reads. */
  readonly dataToCache?: number;
  readonly cells: ReadonlyMap<string, Cell>;
}

/** In the order in which workloads were first measured. */
export function rowsOf(outcomes: readonly OutcomeFacts[]): ResultRow[] {
  const all = outcomes.flatMap(({ measurements }) => measurements);
  const groups = groupsOf(all, ({ suite, workload }) => `${suite}/${workload}`);
  return [...groups.values()].map((group) => {
    const { better, data, suite, unit, workload } = group[0]!;
    const dataToCache = data === undefined ? {} : { dataToCache: data.bytes / data.cacheBytes };
    const byStore = groupsOf(group, ({ store }) => store);
    const cells = [...byStore].map(([store, measured]): [string, Cell] => {
      const latencies = measured.flatMap(({ latencyMicros }) => latencyMicros ?? []);
      return [
        store,
        {
          ...spreadOf(measured.map(({ value }) => value)),
          cpuMicros: medianOf(measured.flatMap((one) => cpuMicrosOf(one) ?? [])),
          latencyMicros:
            latencies.length === 0
              ? undefined
              : {
                  p50: spreadOf(latencies.map(({ p50 }) => p50)).median,
                  p99: spreadOf(latencies.map(({ p99 }) => p99)).median,
                  p999: spreadOf(latencies.map(({ p999 }) => p999)).median,
                  max: spreadOf(latencies.map(({ max }) => max)).max,
                },
        },
      ];
    });
    return { suite, workload, unit, better, ...dataToCache, cells: new Map(cells) };
  });
}

function cpuMicrosOf({ cpuSeconds, unit, value, wallSeconds }: Measurement): number | undefined {
  if (unit !== "ops/s" || cpuSeconds === undefined || wallSeconds === undefined) return undefined;
  return (cpuSeconds * 1e6) / (value * wallSeconds);
}

function medianOf(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : spreadOf(values).median;
}

/** How many times as good as `other` this is: above 1 where it is better, whichever way better points. */
export function ratioOf(better: Better, value: number, other: number): number {
  return better === "higher" ? value / other : other / value;
}

/** The store whose median is best among those that qualify. */
export function bestOf(
  row: ResultRow,
  qualifies: (store: string) => boolean,
): { readonly store: string; readonly cell: Cell } | undefined {
  const sign = row.better === "higher" ? -1 : 1;
  const [best] = [...row.cells]
    .filter(([store]) => qualifies(store))
    .toSorted(([, a], [, b]) => sign * (a.median - b.median));
  return best === undefined ? undefined : { store: best[0], cell: best[1] };
}

function groupsOf<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group === undefined) groups.set(keyOf(value), [value]);
    else group.push(value);
  }
  return groups;
}
