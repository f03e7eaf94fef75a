/**
 * Which transaction must come before which in any serial order, and why:
 *   ww  it wrote what the other replaced
 *   wr  it wrote what the other saw
 *   rw  it saw a state from before the other's write
 *   real-time  it had ended before the other began
 * On the way, what no order could explain is written down as a problem.
 */
import type { Graph } from "./cycles.ts";
import type { HistoryTransaction, Observation } from "./history.ts";

export type DependencyKind = "ww" | "wr" | "rw" | "real-time";

export interface Dependency {
  readonly kind: DependencyKind;
  /** The object, with what was seen of it: "list/3 at 4 items". */
  readonly object: string;
}

/** Nodes at or above this number are points in time, not transactions: real-time edges go through them. */
export const FIRST_TIME_NODE: number = 2 ** 31;

export class Dependencies {
  readonly problems: Set<string> = new Set();
  readonly #edges = new Map<number, Map<number, Dependency>>();
  readonly #writers: Writers;

  /** `nodes`: the transactions whose reads count; only the effects of committed ones do. */
  constructor(nodes: readonly HistoryTransaction[], writers: Writers) {
    this.#writers = writers;
    this.#orderLists(writers);
    this.#orderRegisters(writers);
    for (const node of nodes) for (const read of node.reads) this.#addRead(node, read);
  }

  between(from: number, to: number): Dependency | undefined {
    return this.#edges.get(from)?.get(to);
  }

  get graph(): Graph {
    return graphOf(this.#edges);
  }

  /**
   * The graph with an edge from each committed transaction to all that began after its end. The others were
   * acknowledged nothing: one that may write begins at the newest appended commit, and what it saw there need not be
   * seen by a reader before that commit is durable (laws 3 and 4).
   */
  graphInTime(nodes: readonly HistoryTransaction[]): Graph {
    const edges = new Map([...this.graph].map(([from, to]) => [from, new Set(to)]));
    const link = (from: number, to: number): void => {
      const after = edges.get(from);
      if (after === undefined) edges.set(from, new Set([to]));
      else after.add(to);
    };
    // Time node i stands for the end of the i-th transaction to end; each leads to the next.
    const ends = nodes
      .filter(({ outcome }) => outcome === "committed")
      .toSorted((a, b) => a.end - b.end);
    for (const [i, { id }] of ends.entries()) {
      link(id, FIRST_TIME_NODE + i);
      if (i > 0) link(FIRST_TIME_NODE + i - 1, FIRST_TIME_NODE + i);
    }
    let ended = 0;
    for (const { id, start } of nodes.toSorted((a, b) => a.start - b.start)) {
      while (ended < ends.length && ends[ended]!.end < start) ended++;
      if (ended > 0) link(FIRST_TIME_NODE + ended - 1, id);
    }
    return edges;
  }

  #add(from: number | undefined, to: number | undefined, dependency: Dependency): void {
    if (from === undefined || to === undefined || from === to) return;
    let after = this.#edges.get(from);
    if (after === undefined) this.#edges.set(from, (after = new Map()));
    // The strongest reason is kept: ww and wr are seen, rw is inferred.
    if (!after.has(to) || dependency.kind !== "rw") after.set(to, dependency);
  }

  #orderLists(writers: Writers): void {
    for (const [name, items] of writers.lists) {
      for (let i = 1; i < items.length; i++) {
        const object = `${name} at ${i} items`;
        this.#add(Number(items[i - 1]), Number(items[i]), { kind: "ww", object });
      }
    }
  }

  #orderRegisters(writers: Writers): void {
    for (const [name, next] of writers.registers) {
      for (const [replaced, writer] of next) {
        this.#add(replaced, writer, { kind: "ww", object: name });
      }
    }
  }

  #addRead(node: HistoryTransaction, read: Observation): void {
    if (read.of === "list") this.#addListRead(node, read.name, read.items);
    else if (read.of === "register") this.#addRegisterRead(node, read.name, read.writer);
    else this.#addFlagsRead(node, read);
  }

  #addListRead(node: HistoryTransaction, name: string, items: readonly string[]): void {
    const order = this.#writers.lists.get(name) ?? [];
    const differs = items.findIndex((item, i) => order[i] !== item);
    if (differs >= 0) {
      const wanted = order[differs] ?? "nothing";
      this.problems.add(
        `T${node.id} saw item ${differs} of ${name} as ${items[differs]}, at the end it is ${wanted}`,
      );
      return;
    }
    const object = `${name} at ${items.length} items`;
    const [last, next] = [items[items.length - 1], order[items.length]];
    if (last !== undefined) this.#add(Number(last), node.id, { kind: "wr", object });
    if (next !== undefined) this.#add(node.id, Number(next), { kind: "rw", object });
  }

  #addRegisterRead(node: HistoryTransaction, name: string, writer: number | undefined): void {
    const object = `${name} written by ${writer === undefined ? "nobody" : `T${writer}`}`;
    if (writer !== undefined && !this.#writers.wroteRegister(name, writer)) {
      this.problems.add(`T${node.id} saw ${object}, which never committed that`);
      return;
    }
    this.#add(writer, node.id, { kind: "wr", object });
    const next = this.#writers.registers.get(name)?.get(writer);
    this.#add(node.id, next, { kind: "rw", object });
  }

  #addFlagsRead(
    node: HistoryTransaction,
    { start, end, flipped }: Observation & { readonly of: "flags" },
  ): void {
    for (const name of flipped) {
      const writer = this.#writers.flags.get(name);
      if (writer !== undefined) this.#add(writer, node.id, { kind: "wr", object: name });
      else this.problems.add(`T${node.id} saw ${name} flipped, which nobody committed`);
    }
    for (const [name, writer] of this.#writers.flagsBetween(start, end)) {
      if (!flipped.has(name))
        this.#add(node.id, writer, { kind: "rw", object: `${name} unflipped` });
    }
  }
}

function graphOf(edges: ReadonlyMap<number, ReadonlyMap<number, Dependency>>): Graph {
  return new Map([...edges].map(([from, to]) => [from, new Set(to.keys())]));
}

/** Who wrote what, in which order, as far as the committed transactions and the final read tell. */
export interface Writers {
  /** The items of each list at the end; an item is the number of its writer. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** For each register: who replaced the value of whom. */
  readonly registers: ReadonlyMap<string, ReadonlyMap<number | undefined, number>>;
  readonly flags: ReadonlyMap<string, number>;
  wroteRegister(name: string, writer: number): boolean;
  /** The flags with names of [start, end], with their writers. */
  flagsBetween(start: string, end: string): readonly (readonly [name: string, writer: number])[];
}
