/** docs/BENCHMARKS.md and its charts, as texts, from the JSON of a run. Nothing in it but headings and how to read is not from there. */
import { chartOf } from "./chart.ts";
import { charts } from "./charts.ts";
import { figure, times } from "./figures.ts";
import { goals } from "./goals.ts";
import type { Goal } from "./goals.ts";
import { bestPeer, judge } from "./judge.ts";
import type { Judged } from "./judge.ts";
import { lossReasons } from "./losses.ts";
import type { LossReasons } from "./losses.ts";
import { OURS, bestOf, ratioOf, rowsOf } from "./results.ts";
import type { ResultRow, RunFile, StoreFacts } from "./results.ts";
import {
  cpuText,
  dataText,
  latencyText,
  partText,
  ratioText,
  shareText,
  sharesText,
} from "./row-texts.ts";

/** What is asked for and what is known of where it is missed: of the project, not of a run. */
interface PageTexts {
  readonly goals: readonly Goal[];
  readonly reasons: LossReasons;
}

/** Paths below the folder docs, with what belongs there. */
export function pageOf(
  run: RunFile,
  texts: PageTexts = { goals, reasons: lossReasons },
): Map<string, string> {
  const rows = rowsOf(run.outcomes);
  const files = new Map<string, string>();
  const shown = charts.flatMap((chart) => {
    const mine = chart.workloads.flatMap(
      (workload) =>
        rows.find((row) => row.suite === chart.suite && row.workload === workload) ?? [],
    );
    if (mine.length === 0) return [];
    const stores = storesOf(chart.suite, mine, run).map(({ name }) => name);
    files.set(`benchmarks/${chart.name}.svg`, chartOf(chart.title, mine, stores));
    return [chart];
  });
  const chartLines = (suite: string): string[] =>
    shown
      .filter((chart) => chart.suite === suite)
      .flatMap(({ name, title }) => [`![${title}](benchmarks/${name}.svg)`, ""]);
  files.set(
    "BENCHMARKS.md",
    [
      ...introduction(run),
      ...goalSection(judge(texts.goals, run)),
      "## Key-value",
      "",
      ...chartLines("keyvalue"),
      ...suiteSection("keyvalue", rows, run),
      "## Documents",
      "",
      ...chartLines("documents"),
      ...suiteSection("documents", rows, run),
      "## Limits of the machine",
      "",
      "What one thread of Node reaches that does only this, measured in the same run.",
      "",
      ...suiteSection("limits", rows, run),
      ...lossSection(rows, run, texts.reasons),
      ...storeSection(run),
    ].join("\n"),
  );
  return files;
}

function introduction({ at, machine, outcomes, revision, size }: RunFile): string[] {
  const loads = outcomes.map(({ load }) => load);
  const rounds = Math.max(...outcomes.map(({ round }) => round)) + 1;
  const minutes = outcomes.reduce((sum, { seconds }) => sum + seconds, 0) / 60 / rounds;
  const failures = outcomes.filter(({ failure }) => failure !== undefined);
  const versions = Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`);
  return [
    "# Benchmarks",
    "",
    "Written by `npm run bench -- --full`; `npm run bench -- --report` writes it anew from `benchmarks/run.json`. Every",
    "figure was measured in one run.",
    "",
    `- When and what: ${at}, ${revision}, size "${size}", ${rounds === 1 ? "1 round" : `${rounds} rounds`} of ${minutes.toFixed(1)} minutes`,
    `- Machine: ${machine.cores} x ${machine.processor}, ${figure(machine.memoryBytes, "bytes")} of memory, ${machine.system}, Node ${machine.node}`,
    `- Load average at the start of the children: ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`,
    `- Versions: ${versions.join(", ")}`,
    ...failures.map(
      ({ failure, round, store, suite }) =>
        `- Not finished: ${suite}, ${store}, round ${round + 1}: ${firstLine(failure ?? "")}`,
    ),
    "",
    "How it is measured: one process for each store and round, stores interleaved, the order reversed every second round,",
    "garbage collected before each phase, a new directory each time. Answers are checked; a wrong one ends the child. Keys",
    "have 16 bytes and values 100, half of which can be compressed, where nothing else is said. Buffered writes survive the",
    "end of the process, durable ones a power cut; what each store's settings are worth is in the last section. A figure is",
    "the median of the rounds, with the least and the largest in brackets. **Ratio** is KotobaDB's median to the best peer's",
    "that keeps its data, above 1 where KotobaDB is ahead; **of CPU** is the same for processor time an operation; **of",
    "limit** is how much of a limit of the machine was reached.",
    "",
    "Memory: a store of the key-value suite that can be told how much it may keep of blocks or pages is told 256 MiB, as lmdb",
    "cannot be told: it maps its file, and has all of the system's page cache. A tenth of the data is what they are told where",
    "the workload says so; there lmdb has more. better-sqlite3 maps its file besides its cache. What the",
    "others do not find in their cache they read from that same page cache, by a system call each, and unpack it.",
    "**Data to cache** is how large the keys and values are that a workload reads, to what stores are told: below 1 their",
    "cache can hold them all, above 1 it cannot, and with lmdb that makes no difference. Of the documents' stores KotobaDB,",
    "SQLite and LevelDB have 64 MiB.",
    "",
    "Time: a store that would take much of the run for itself is asked for a share of what is done an operation at a time",
    "(single reads and writes, YCSB, ingest); below each table stands which and how much. Rates are per second, and what a",
    "store holds when it is read, batched writes, scans and the first gets after opening are as much for all. Fewer writes",
    "mean less upkeep in between, which favours the store that is spared; fewer reads meet a cache that is still being filled",
    "a little more often, which does not. KotobaDB is not spared.",
    "",
  ];
}

function goalSection(judged: readonly Judged[]): string[] {
  const count = judged.filter(({ isMet }) => isMet === true).length;
  return [
    "## Goals",
    "",
    `${count} of ${judged.length} are met in this run.`,
    "",
    "| goal | asked for | met | reached |",
    "| --- | --- | --- | --- |",
    ...judged.map(({ goal, isMet, verdicts }) => {
      const lines = verdicts.map(({ isMet: met, text, workload }) => {
        const line = `${workload}: ${text}`;
        return met === false ? `**${line}**` : line;
      });
      return tableLine([goal.title, goal.wants, metText(isMet), lines.join("<br>")]);
    }),
    "",
    ...judged.flatMap(({ goal, isMet }) =>
      isMet === false && goal.bound !== undefined ? [`**${goal.title}.** ${goal.bound}`, ""] : [],
    ),
  ];
}

function metText(isMet: boolean | undefined): string {
  return isMet === undefined ? "not measured" : isMet ? "yes" : "no";
}

function suiteSection(suite: string, all: readonly ResultRow[], run: RunFile): string[] {
  const rows = all.filter((row) => row.suite === suite);
  if (rows.length === 0) return ["Not part of this run.", ""];
  const facts = storesOf(suite, rows, run);
  const stores = facts.map(({ name }) => name);
  const isOurs = stores.includes(OURS);
  const hasData = rows.some(({ dataToCache }) => dataToCache !== undefined);
  const data = hasData ? ["data to cache"] : [];
  const head = ["workload", ...data, ...stores, ...(isOurs ? ["ratio", "of CPU", "of limit"] : [])];
  const shares = sharesText(facts);
  return [
    ...table(
      head,
      rows.map((row) => [
        row.workload,
        ...(hasData ? [dataText(row)] : []),
        ...stores.map((store) => cellText(row, store)),
        ...(isOurs ? [ratioText(row, run), cpuText(row, run), shareText(row, all)] : []),
      ]),
    ),
    ...(shares === undefined ? [] : [shares, ""]),
    ...(isOurs ? latencySection(rows, stores) : []),
  ];
}

function latencySection(rows: readonly ResultRow[], stores: readonly string[]): string[] {
  const timed = rows.filter(({ cells }) => [...cells.values()].some((cell) => cell.latencyMicros));
  if (timed.length === 0) return [];
  return [
    "How long single operations took (p50 / p99 / p99.9 / the longest of all rounds):",
    "",
    ...table(
      ["workload", ...stores],
      timed.map((row) => [
        row.workload,
        ...stores.map((store) => latencyText(row.cells.get(store)?.latencyMicros)),
      ]),
    ),
  ];
}

function cellText(row: ResultRow, store: string): string {
  const cell = row.cells.get(store);
  if (cell === undefined) return "-";
  const { max, median, min, rounds } = cell;
  const middle = figure(median, row.unit);
  const isBest = row.cells.size > 1 && bestOf(row, () => true)?.store === store;
  const spread = rounds === 1 ? "" : ` [${figure(min, row.unit)} to ${figure(max, row.unit)}]`;
  return (isBest ? `**${middle}**` : middle) + spread;
}

/** A row on which the best peer that keeps its data is ahead. */
interface Loss {
  readonly text: string;
  readonly ratio: number;
  readonly reason: string | undefined;
}

function lossSection(
  rows: readonly ResultRow[],
  run: RunFile,
  reasons: PageTexts["reasons"],
): string[] {
  const suites = [...new Set(rows.map(({ suite }) => suite))];
  const sections = suites.flatMap((suite) => {
    const mine = rows.filter((row) => row.suite === suite);
    const losses = mine.flatMap((row) => lossOf(row, run, reasons) ?? []);
    return losses.length === 0 ? [] : [`In the suite ${suite}:`, "", ...lossLines(losses), ""];
  });
  const none = ["On no row to a peer that keeps its data.", ""];
  return ["## Where KotobaDB loses", "", ...(sections.length === 0 ? none : sections)];
}

function lossOf(row: ResultRow, run: RunFile, reasons: PageTexts["reasons"]): Loss | undefined {
  const ours = row.cells.get(OURS);
  const peer = bestPeer(row, "persistent", run);
  if (ours === undefined || peer === undefined) return undefined;
  const ratio = ratioOf(row.better, ours.median, peer.cell.median);
  if (ratio >= 1) return undefined;
  const text = `${row.workload}: ${times(ratio)} ${peer.store}`;
  return { text, ratio, reason: reasons[row.suite]?.[row.workload] };
}

/** The furthest behind first; what is lost for one and the same reason stands together, and the reason once. */
function lossLines(losses: readonly Loss[]): string[] {
  const rising = losses.toSorted((a, b) => a.ratio - b.ratio);
  const groups = new Map<string | Loss, Loss[]>();
  for (const loss of rising) {
    const key = loss.reason ?? loss;
    groups.set(key, [...(groups.get(key) ?? []), loss]);
  }
  return [...groups.values()].map((group) => {
    const line = `- **${group.map(({ text }) => text).join("; ")}.**`;
    const [{ reason }] = group as [Loss];
    return reason === undefined ? line : `${line} ${reason}`;
  });
}

function storeSection(run: RunFile): string[] {
  const measured = new Set(run.outcomes.map(({ store, suite }) => `${suite}/${store}`));
  const facts = run.stores.filter(
    ({ name, suite }) => suite !== "limits" && measured.has(`${suite}/${name}`),
  );
  return [
    "## The stores and what their writes survive",
    "",
    ...table(
      ["suite", "store", "buffered", "durable", "keeps its data", "single operations", "settings"],
      facts.map(({ durability, name, note, persistent, share, suite }) => [
        suite,
        name,
        survivesText(durability.buffered),
        durability.durable === undefined ? "no such setting" : survivesText(durability.durable),
        persistent ? "yes" : "no",
        share === undefined ? "all" : `only ${partText(share)}`,
        note ?? "",
      ]),
    ),
  ];
}

function survivesText(survives: StoreFacts["durability"]["buffered"]): string {
  switch (survives) {
    case "process":
      return "end of the process";
    case "power":
      return "power cut";
    case "nothing":
      return "nothing";
  }
}

function storesOf(suite: string, rows: readonly ResultRow[], run: RunFile): StoreFacts[] {
  return run.stores.filter(
    (store) => store.suite === suite && rows.some((row) => row.cells.has(store.name)),
  );
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string[] {
  // Figures stand to the right, words to the left.
  const areWords = lines.every((line) => line.slice(1).every((cell) => !/^[*\d-]/.test(cell)));
  const rule = head.map((_, at) => (at === 0 || areWords ? "---" : "---:"));
  return [tableLine(head), tableLine(rule), ...lines.map(tableLine), ""];
}

function tableLine(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]!;
}
