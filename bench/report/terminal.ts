/** The report on the terminal: a line for each workload, a column for each store, then the goals. */
import { figure } from "./figures.ts";
import { goals } from "./goals.ts";
import { judge } from "./judge.ts";
import { bestOf, rowsOf } from "./results.ts";
import type { ResultRow, RunFile } from "./results.ts";
import { cpuText, dataText, latencyText, ratioText, shareText, sharesText } from "./row-texts.ts";

export function terminalReport(run: RunFile): string {
  const rows = rowsOf(run.outcomes);
  const suites = [...new Set(rows.map(({ suite }) => suite))];
  const tables = suites.map((suite) => suiteTable(suite, rows, run));
  const legend =
    "*: the best of the row. Ratio: kotobadb to the best peer that keeps its data, above 1 where it is ahead; of CPU: the same\nfor processor time an operation, which holds on a busy machine too. Of limit: see the suite limits.\nData:cache: what is read to the memory that stores are told to take for it; lmdb cannot be told, and holds all.";
  return [machineLines(run), ...tables, legend, goalLines(run), failures(run)]
    .filter((part) => part !== "")
    .join("\n\n");
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

function suiteTable(suite: string, all: readonly ResultRow[], run: RunFile): string {
  const rows = all.filter((row) => row.suite === suite);
  const facts = run.stores.filter(
    (store) => store.suite === suite && rows.some((row) => row.cells.has(store.name)),
  );
  const stores = facts.map(({ name }) => name);
  const hasData = rows.some(({ dataToCache }) => dataToCache !== undefined);
  const lines = rows.map((row) => {
    const best = bestOf(row, () => true)?.store;
    const cells = stores.map((store) => {
      const cell = row.cells.get(store);
      if (cell === undefined) return "-";
      return figure(cell.median, row.unit) + (store === best && row.cells.size > 1 ? " *" : "  ");
    });
    const told = [ratioText(row, run), cpuText(row, run), shareText(row, all)];
    return [row.workload, ...cells, ...told, ...(hasData ? [dataText(row)] : [])];
  });
  const data = hasData ? ["data:cache"] : [];
  const head = [suite, ...stores, "ratio", "of CPU", "of limit", ...data];
  return [aligned([head, ...lines]), sharesText(facts) ?? "", latencyTable(rows, stores)]
    .filter((part) => part !== "")
    .join("\n\n");
}

function latencyTable(rows: readonly ResultRow[], stores: readonly string[]): string {
  const lines = rows.flatMap(({ cells, workload }) => {
    const texts = stores.map((store) => latencyText(cells.get(store)?.latencyMicros));
    return texts.every((text) => text === "-") ? [] : [[workload, ...texts]];
  });
  const head = ["p50 / p99 / p99.9 / longest", ...stores];
  return lines.length === 0 ? "" : aligned([head, ...lines]);
}

function goalLines(run: RunFile): string {
  const lines = judge(goals, run).flatMap(({ goal, isMet, verdicts }) => {
    const known = verdicts.filter((verdict) => verdict.isMet !== undefined);
    if (known.length === 0) return [];
    const mark = isMet === true ? "met" : isMet === false ? "NOT MET" : "open";
    const unmet = verdicts.filter((verdict) => verdict.isMet === false);
    return [
      `${mark.padEnd(8)}${goal.title}: ${goal.wants}`,
      ...unmet.map(({ text, workload }) => `          ${workload}: ${text}`),
    ];
  });
  return lines.length === 0 ? "" : ["goals", ...lines].join("\n");
}

function aligned(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
        .join("  ")
        .trimEnd(),
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
