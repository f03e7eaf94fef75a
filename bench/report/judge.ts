/** Which goals a run meets, and by how much it misses the others. */
import { figure, percent, times } from "./figures.ts";
import type { At, Demand, Goal, Peers } from "./goals.ts";
import { limitOf } from "./limits.ts";
import { OURS, bestOf, ratioOf, rowsOf } from "./results.ts";
import type { Cell, ResultRow, RunFile } from "./results.ts";

interface Verdict {
  readonly workload: string;
  /** Undefined: the run has not what it takes to tell. */
  readonly isMet: boolean | undefined;
  /** What was reached, and what was asked for. */
  readonly text: string;
}
export interface Judged {
  readonly goal: Goal;
  readonly isMet: boolean | undefined;
  readonly verdicts: readonly Verdict[];
}

export function judge(goals: readonly Goal[], run: RunFile): Judged[] {
  const rows = rowsOf(run.outcomes);
  return goals.map((goal) => {
    const verdicts = goal.demands.map((demand) => verdictOf(demand, rows, run));
    const unmet = verdicts.some(({ isMet }) => isMet === false);
    const unknown = verdicts.some(({ isMet }) => isMet === undefined);
    return { goal, verdicts, isMet: unmet ? false : unknown ? undefined : true };
  });
}

function verdictOf(demand: Demand, rows: readonly ResultRow[], run: RunFile): Verdict {
  const { store = OURS, suite, workload } = demand;
  const row = rows.find((one) => one.suite === suite && one.workload === workload);
  const ours = row?.cells.get(store);
  if (row === undefined || ours === undefined) return unknown(demand, "not measured in this run");
  switch (demand.is) {
    case "times the best":
      return timesTheBest(demand, row, ours, run);
    case "at most":
      return {
        workload,
        isMet: ours.median <= demand.most,
        text: `${figure(ours.median, row.unit)}, asked for at most ${figure(demand.most, row.unit)}`,
      };
    case "p99.9 at most": {
      const p999 = ours.latencyMicros?.p999;
      if (p999 === undefined) return unknown(demand, "its latencies were not measured");
      const text = `p99.9 ${figure(p999, "µs")}, asked for at most ${figure(demand.mostMicros, "µs")}`;
      return { workload, isMet: p999 <= demand.mostMicros, text };
    }
    case "share of the limit": {
      const limit = limitOf(suite, workload, rows);
      if (limit === undefined) return unknown(demand, "its limit was not measured");
      const share = ours.median / limit.allows;
      const text = `${percent(share)} of what "${limit.limit}" allows, asked for ${percent(demand.least)}`;
      return { workload, isMet: share >= demand.least, text };
    }
    case "below the peers": {
      const peer = bestOf(row, (name) => demand.of.includes(name));
      if (peer === undefined) return unknown(demand, "no such peer was measured");
      const most = peer.cell.median + demand.plusBytes;
      const text = `${figure(ours.median, row.unit)}, asked for at most ${figure(most, row.unit)} (${peer.store} and the cache)`;
      return { workload, isMet: ours.median <= most, text };
    }
  }
}

function timesTheBest(
  demand: Demand & { readonly is: "times the best" },
  row: ResultRow,
  ours: Cell,
  run: RunFile,
): Verdict {
  const peer = bestPeer(row, demand.of, run);
  if (peer === undefined) return unknown(demand, "no such peer was measured");
  const ratio = ratioOf(row.better, ours.median, peer.cell.median);
  const text = `${times(ratio)} ${peer.store}, asked for ${times(demand.least)}`;
  return { workload: row.workload, isMet: ratio >= demand.least, text };
}

/** The best peer of a row that keeps its data, or of those named. */
export function bestPeer(
  row: ResultRow,
  of: Peers,
  run: RunFile,
): { readonly store: string; readonly cell: Cell } | undefined {
  const known = run.stores.filter(
    ({ name, persistent, suite }) => suite === row.suite && persistent && !name.startsWith(OURS),
  );
  return bestOf(row, (store) =>
    of === "persistent" ? known.some(({ name }) => name === store) : of.includes(store),
  );
}

function unknown({ workload }: At, text: string): Verdict {
  return { workload, isMet: undefined, text };
}
