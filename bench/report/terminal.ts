/** The table on the terminal: a line for each workload, a column for each store, what is best marked. */
import { figure, times } from "./figures.ts";
import { bestOf, ratioOf, rowsOf } from "./results.ts";
import type { ResultRow, RunFile } from "./results.ts";

export const OURS = "kotobadb";

export function terminalReport(run: RunFile): string {
  const rows = rowsOf(run.outcomes);
  const suites = [...new Set(rows.map(({ suite }) => suite))];
  const tables = suites.map((suite) => {
    const known = run.stores.filter((store) => store.suite === suite).map(({ name }) => name);
    const mine = rows.filter((row) => row.suite === suite);
    const measured = known.filter((name) => mine.some((row) => row.cells.has(name)));
    return suiteTable(suite, mine, measured, (name) =>
      run.stores.some((store) => store.suite === suite && store.name === name && store.persistent),
    );
  });
  return [machineLines(run), ...tables, failures(run)].filter((part) => part !== "").join("\n\n");
}

function machineLines({ at, machine, outcomes, revision, size }: RunFile): string {
  const loads = outcomes.map(({ load }) => load);
  const range = `${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
  const versions = Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`);
  return [
    `${at}, ${size}, ${revision}; load average ${range}`,
    `${machine.cores} x ${machine.processor}, ${figure(machine.memoryBytes, "bytes")}; ${machine.system}; Node ${machine.node}`,
    versions.join(", "),
  ].join("\n");
}

function suiteTable(
  suite: string,
  rows: readonly ResultRow[],
  stores: readonly string[],
  isPersistent: (store: string) => boolean,
): string {
  const lines = rows.map((row) => {
    const best = bestOf(row, () => true)?.store;
    const ours = row.cells.get(OURS);
    const peer = bestOf(row, (store) => store !== OURS && isPersistent(store));
    const ratio =
      ours === undefined || peer === undefined
        ? ""
        : times(ratioOf(row.better, ours.median, peer.cell.median));
    const cells = stores.map((store) => {
      const cell = row.cells.get(store);
      if (cell === undefined) return "-";
      return figure(cell.median, row.unit) + (store === best && row.cells.size > 1 ? " *" : "  ");
    });
    return [row.workload, ...cells, ratio];
  });
  const all = [[suite, ...stores, "ratio"], ...lines];
  const widths = all[0]!.map((_, at) => Math.max(...all.map((line) => line[at]!.length)));
  return all
    .map((line) =>
      line
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
        .join("  "),
    )
    .join("\n");
}

function failures(run: RunFile): string {
  return run.outcomes
    .filter(({ failure }) => failure !== undefined)
    .map(
      ({ failure, round, store, suite }) =>
        `${suite}, ${store}, round ${round + 1} was not finished: ${failure}`,
    )
    .join("\n");
}
