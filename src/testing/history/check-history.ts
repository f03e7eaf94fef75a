/**
 * Proves that no serial order explains a history, where that is so. The idea is Elle's (Kingsbury and Alvaro, 2020): the
 * objects are such that reads tell who must come before whom, and a cycle among those is the proof.
 *
 * What passes is not proven right; what fails is wrong for certain. The time it takes grows with the number of
 * observations: flags seen, and flags missed in ranges.
 */
import { cyclicComponents, shortestCycle, shortestPath } from "./cycles.ts";
import type { Graph } from "./cycles.ts";
import { Dependencies, FIRST_TIME_NODE } from "./dependencies.ts";
import type { Dependency } from "./dependencies.ts";
import type { History, HistoryTransaction } from "./history.ts";
import { outcomesOf } from "./outcomes.ts";
import { findWriters } from "./writers.ts";

/** What a cycle is made of, the worst first, under the names of Adya and Elle. */
const KINDS = {
  G0: "writes in two orders",
  G1c: "writes, and reads of them",
  "G-single": "one read of what was about to change, as a skewed or stale read",
  "G2-item": "reads of what was about to change, as write skew",
  G2: "reads of ranges into which something came, as phantoms",
  "real-time": "serial, but in an order that contradicts what had ended before what began",
} as const;

export interface HistoryCycle {
  /**
   * G0: only writes. G1c: writes and reads of them. G-single: and one read of what was about to change. G2-item: and more
   * of those. G2: some of them by ranges. real-time: serial, but in an order that contradicts what had ended before what
   * began.
   */
  readonly kind: keyof typeof KINDS;
  /** The transactions of the cycle with the reasons, one a line. */
  readonly explanation: string;
}

export interface HistoryReport {
  readonly ok: boolean;
  readonly committed: number;
  readonly aborted: number;
  readonly unknown: number;
  /** Lost, duplicated, aborted and intermediate writes that were seen, and reads that fit no order of writes. */
  readonly problems: readonly string[];
  readonly cycles: readonly HistoryCycle[];
  /** All of this for people, with the seed. */
  readonly text: string;
}

/**
 * Looks for proof that the history is not strictly serializable.
 *
 * @example
 * const history = await recordHistory(await openMyEngine(), { seed: 7 });
 * const report = checkHistory(history);
 * if (!report.ok) throw new Error(report.text);
 */
export function checkHistory(history: History): HistoryReport {
  const { crashes = [], readsAreFinal, transactions } = history;
  const final = transactions[transactions.length - 1];
  if (final?.kind !== "final") throw new Error("A history ends with the read of everything.");
  const problems = new Set<string>();
  const { readersOnly, tookEffect } = outcomesOf(transactions, crashes, problems);
  // What those wrote who did not take effect must be nowhere, but what they saw must fit.
  const nodes = readsAreFinal ? [...tookEffect, ...readersOnly] : tookEffect;
  const writers = findWriters(tookEffect, final.reads, problems);
  const dependencies = new Dependencies(nodes, writers, transactions);
  for (const problem of dependencies.problems) problems.add(problem);
  const cycles = cyclesOf(dependencies, nodes);
  const count = (outcome: HistoryTransaction["outcome"]): number =>
    transactions.filter((one) => one.outcome === outcome).length;
  const report = {
    ok: problems.size === 0 && cycles.length === 0,
    committed: count("committed"),
    aborted: count("aborted"),
    unknown: count("unknown"),
    problems: [...problems],
    cycles,
  };
  return { ...report, text: textOf(history, report) };
}

/** A cycle of each group of transactions that are in no order, of the worst kind that there is. */
function cyclesOf(
  dependencies: Dependencies,
  nodes: readonly HistoryTransaction[],
): readonly HistoryCycle[] {
  const inTime = dependencies.graphInTime();
  const components = cyclicComponents(inTime);
  // Nearly always: without a cycle in the largest graph there is none in the others.
  if (components.length === 0) return [];
  const told = (cycle: readonly number[]): HistoryCycle => cycleInWords(cycle, dependencies, nodes);
  const all = dependencies.graphOf("ww", "wr", "rw");
  const known = dependencies.graphOf("ww", "wr");
  const found: HistoryCycle[] = [];
  for (const graph of [dependencies.graphOf("ww"), known]) {
    found.push(...cyclicComponents(graph).map((one) => told(shortestCycle(graph, one))));
    if (found.length > 0) return found;
  }
  const untimed = cyclicComponents(all);
  if (untimed.length > 0)
    return untimed.map((one) =>
      told(singleCycle(dependencies, known, one) ?? shortestCycle(all, one)),
    );
  return components.map((one) => told(shortestCycle(inTime, one)));
}

/** A shortest cycle with a single rw. */
function singleCycle(
  dependencies: Dependencies,
  known: Graph,
  component: readonly number[],
): readonly number[] | undefined {
  const members = new Set(component);
  let shortest: readonly number[] | undefined;
  for (const from of component) {
    for (const to of component) {
      if (dependencies.between(from, to)?.kind !== "rw") continue;
      const path = shortestPath(to, from, known, members, shortest?.length ?? Infinity);
      if (path !== undefined) shortest = path;
    }
  }
  return shortest;
}

function cycleInWords(
  path: readonly number[],
  dependencies: Dependencies,
  nodes: readonly HistoryTransaction[],
): HistoryCycle {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  // Points in time only say "ended before"; the cycle is told by its transactions.
  const cycle = path.filter((node) => node < FIRST_TIME_NODE);
  const reasons: (Dependency | undefined)[] = [];
  const lines = cycle.map((from, i) => {
    const to = cycle[(i + 1) % cycle.length]!;
    const reason = dependencies.between(from, to);
    reasons.push(reason);
    return `  ${described(byId.get(from))} comes before T${to}: ${wordsOf(reason, to)}`;
  });
  return { kind: kindOf(reasons), explanation: lines.join("\n") };
}

function described(node: HistoryTransaction | undefined): string {
  if (node === undefined) return "an unknown transaction";
  return `T${node.id} (${node.outcome} ${node.kind}, ${node.start} to ${node.end})`;
}

function wordsOf(reason: Dependency | undefined, to: number): string {
  if (reason === undefined) return `it had ended before T${to} began`;
  const { byRange, kind, length, object } = reason;
  const what = length === undefined ? object : `${object} at ${length} items`;
  const where = byRange === true ? " in a range" : "";
  if (kind === "ww") return `T${to} wrote over what it wrote, ${what}`;
  if (kind === "wr") return `T${to} saw${where} what it wrote, ${what}`;
  return `it looked${where} and did not see what T${to} wrote, ${what}`;
}

function kindOf(reasons: readonly (Dependency | undefined)[]): HistoryCycle["kind"] {
  if (reasons.includes(undefined)) return "real-time";
  const missed = reasons.filter((reason) => reason!.kind === "rw");
  if (missed.some((reason) => reason!.byRange === true) && missed.length > 1) return "G2";
  if (missed.length > 1) return "G2-item";
  if (missed.length === 1) return "G-single";
  return reasons.some((reason) => reason!.kind === "wr") ? "G1c" : "G0";
}

const SHOWN_MAX = 5;

function textOf(history: History, report: Omit<HistoryReport, "text">): string {
  const { committed, aborted, unknown, problems, cycles } = report;
  const lines = [
    `${history.engine}, seed ${history.seed}: ${committed} committed, ${aborted} aborted, ` +
      `${unknown} unknown; ${problems.length} problems, ${cycles.length} cycles`,
    ...problems.slice(0, SHOWN_MAX).map((problem) => `- ${problem}`),
    ...cycles
      .toSorted((a, b) => a.explanation.length - b.explanation.length)
      .slice(0, SHOWN_MAX)
      .map(
        ({ kind, explanation }) => `- no serial order (${kind}: ${KINDS[kind]}):\n${explanation}`,
      ),
  ];
  if (problems.length > SHOWN_MAX || cycles.length > SHOWN_MAX) lines.push("- and more");
  return lines.join("\n");
}
