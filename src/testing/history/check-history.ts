/**
 * Proves that no serial order explains a history, where that is so. The idea is Elle's (Kingsbury and Alvaro, 2020): the
 * objects are such that reads tell who must come before whom, and a cycle among those is the proof.
 *
 * What passes is not proven right; what fails is wrong for certain.
 */
import { cyclicComponents, shortestCycle } from "./cycles.ts";
import type { Graph } from "./cycles.ts";
import { Dependencies, FIRST_TIME_NODE } from "./dependencies.ts";
import type { DependencyKind } from "./dependencies.ts";
import type { History, HistoryTransaction } from "./history.ts";
import { findWriters } from "./writers.ts";

export interface HistoryCycle {
  /**
   * write: only writes. read: writes and reads of them. one-anti-dependency and anti-dependencies: one or more reads of
   * what was about to change, such as lost updates and write skew. real-time: serial, but in an order that contradicts
   * what had ended before what began.
   */
  readonly kind: "write" | "read" | "one-anti-dependency" | "anti-dependencies" | "real-time";
  /** The transactions of the cycle with the reasons, one a line. */
  readonly explanation: string;
}

export interface HistoryReport {
  readonly ok: boolean;
  readonly committed: number;
  readonly aborted: number;
  readonly unknown: number;
  /** Lost, duplicated and aborted writes that were seen, and reads that fit no order of writes. */
  readonly problems: readonly string[];
  readonly cycles: readonly HistoryCycle[];
  /** All of this for people, with the seed. */
  readonly text: string;
}

export function checkHistory(history: History): HistoryReport {
  const { transactions } = history;
  const final = transactions[transactions.length - 1];
  if (final?.kind !== "final") throw new Error("A history ends with the read of everything.");
  const problems = new Set<string>();
  const committed = settled(transactions, final);
  const nodes = [...committed];
  if (history.readsAreFinal) {
    // What the others wrote must be nowhere, but what they saw must fit.
    const ids = new Set(committed.map(({ id }) => id));
    nodes.push(...transactions.filter((one) => !ids.has(one.id)));
  }
  const writers = findWriters(committed, final.reads, problems);
  const dependencies = new Dependencies(nodes, writers);
  for (const problem of dependencies.problems) problems.add(problem);
  const cycles = cyclesOf(dependencies.graph, dependencies, nodes);
  const inTime =
    cycles.length > 0 ? [] : cyclesOf(dependencies.graphInTime(nodes), dependencies, nodes);
  const count = (outcome: HistoryTransaction["outcome"]): number =>
    transactions.filter((one) => one.outcome === outcome).length;
  const report = {
    ok: problems.size === 0 && cycles.length === 0 && inTime.length === 0,
    committed: count("committed"),
    aborted: count("aborted"),
    unknown: count("unknown"),
    problems: [...problems],
    cycles: [...cycles, ...inTime],
  };
  return { ...report, text: textOf(history, report) };
}

/** The transactions that took effect: who is unknown did if anything of it is there at the end. */
function settled(
  transactions: readonly HistoryTransaction[],
  final: HistoryTransaction,
): readonly HistoryTransaction[] {
  const there = new Set(
    final.reads.flatMap((read) => {
      if (read.of === "list") return read.items.map((item) => `${read.name} ${item}`);
      return read.of === "flags" ? [...read.flipped] : [`${read.name} ${read.writer}`];
    }),
  );
  return transactions.flatMap((one) => {
    if (one.outcome === "committed") return [one];
    if (one.outcome === "aborted") return [];
    const marks = one.effects.map((effect) =>
      effect.on === "flag" ? effect.name : `${effect.name} ${one.id}`,
    );
    // When it took effect is unknown: perhaps only after all others had ended.
    return marks.some((mark) => there.has(mark)) ? [{ ...one, end: Infinity }] : [];
  });
}

function cyclesOf(
  graph: Graph,
  dependencies: Dependencies,
  nodes: readonly HistoryTransaction[],
): readonly HistoryCycle[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  return cyclicComponents(graph).map((component) => {
    // Points in time only say "ended before"; the cycle is told by its transactions.
    const cycle = shortestCycle(graph, component).filter((node) => node < FIRST_TIME_NODE);
    const kinds: DependencyKind[] = [];
    const lines = cycle.map((from, i) => {
      const to = cycle[(i + 1) % cycle.length]!;
      const dependency = dependencies.between(from, to) ?? {
        kind: "real-time" as const,
        object: "ended before the next began",
      };
      kinds.push(dependency.kind);
      return `  ${described(byId.get(from))} comes before T${to}: ${dependency.kind}, ${dependency.object}`;
    });
    return { kind: kindOf(kinds), explanation: lines.join("\n") };
  });
}

function described(node: HistoryTransaction | undefined): string {
  if (node === undefined) return "an unknown transaction";
  return `T${node.id} (${node.outcome} ${node.kind}, ${node.start} to ${node.end})`;
}

function kindOf(kinds: readonly DependencyKind[]): HistoryCycle["kind"] {
  if (kinds.includes("real-time")) return "real-time";
  const antiDependencies = kinds.filter((kind) => kind === "rw").length;
  if (antiDependencies > 1) return "anti-dependencies";
  if (antiDependencies === 1) return "one-anti-dependency";
  return kinds.includes("wr") ? "read" : "write";
}

const SHOWN_MAX = 5;

function textOf(history: History, report: Omit<HistoryReport, "text">): string {
  const { committed, aborted, unknown, problems, cycles } = report;
  const lines = [
    `${history.engine}, seed ${history.seed}: ${committed} committed, ${aborted} aborted, ` +
      `${unknown} unknown; ${problems.length} problems, ${cycles.length} cycles`,
    ...problems.slice(0, SHOWN_MAX).map((problem) => `- ${problem}`),
    ...cycles
      .slice(0, SHOWN_MAX)
      .map(({ kind, explanation }) => `- no serial order (${kind}):\n${explanation}`),
  ];
  if (problems.length > SHOWN_MAX || cycles.length > SHOWN_MAX) lines.push("- and more");
  return lines.join("\n");
}
