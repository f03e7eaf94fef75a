/**
 * Which transaction must come before which in any serial order, and why:
 *   ww  it wrote what the other replaced
 *   wr  it wrote what the other saw
 *   rw  it saw a state from before the other's write; by a range where it looked for more than one thing
 *   real-time  it had ended before the other began
 * On the way, what no order could explain is written down as a problem.
 */
import type { Graph } from "./cycles.ts";
import type { HistoryTransaction, Observation } from "./history.ts";
import type { Writers } from "./writers.ts";

export type DependencyKind = "ww" | "wr" | "rw";

export interface Dependency {
  readonly kind: DependencyKind;
  /** The object: "list/3". */
  readonly object: string;
  /** Of a list: how many items were there. */
  readonly length?: number;
  /** It was seen, or missed, by who looked at a range. */
  readonly byRange?: boolean;
}

/** Nodes at or above this number are points in time, not transactions: real-time edges go through them. */
export const FIRST_TIME_NODE: number = 2 ** 31;

type Edges = Map<number, Map<number, Dependency>>;

export class Dependencies {
  readonly problems: Set<string> = new Set();
  readonly #edges: Edges = new Map();
  readonly #writers: Writers;
  readonly #nodes: readonly HistoryTransaction[];
  readonly #outcomeOf: ReadonlyMap<number, HistoryTransaction["outcome"]>;

  /**
   * `nodes`: the transactions whose reads count; only the effects of those in `writers` do. `all`: whoever there was, to
   * tell a write that was aborted from one that was never tried.
   */
  constructor(
    nodes: readonly HistoryTransaction[],
    writers: Writers,
    all: readonly HistoryTransaction[],
  ) {
    this.#nodes = nodes;
    this.#writers = writers;
    this.#outcomeOf = new Map(all.map(({ id, outcome }) => [id, outcome]));
    this.#orderLists(writers);
    this.#orderRegisters(writers);
    for (const node of nodes) for (const read of node.reads) this.#addRead(node, read);
  }

  between(from: number, to: number): Dependency | undefined {
    return this.#edges.get(from)?.get(to);
  }

  /** The graph of the dependencies of some kinds. */
  graphOf(...kinds: readonly DependencyKind[]): Graph {
    return new Map(
      [...this.#edges].map(([from, after]) => [
        from,
        [...after].flatMap(([to, { kind }]) => (kinds.includes(kind) ? [to] : [])),
      ]),
    );
  }

  /**
   * All dependencies, and an edge from each committed transaction to all that began after its end. The others were
   * acknowledged nothing: one that may write begins at the newest appended commit, and what it saw there need not be
   * seen by a reader before that commit is durable (laws 3 and 4).
   */
  graphInTime(): Graph {
    const edges = new Map<number, number[]>();
    for (const [from, after] of this.#edges) edges.set(from, [...after.keys()]);
    const link = (from: number, to: number): void => {
      const after = edges.get(from);
      if (after === undefined) edges.set(from, [to]);
      else after.push(to);
    };
    // Time node i stands for the end of the i-th transaction to end; each leads to the next.
    const ends = this.#nodes
      .filter(({ outcome }) => outcome === "committed")
      .sort((a, b) => a.end - b.end);
    for (const [i, { id }] of ends.entries()) {
      link(id, FIRST_TIME_NODE + i);
      if (i > 0) link(FIRST_TIME_NODE + i - 1, FIRST_TIME_NODE + i);
    }
    let ended = 0;
    for (const { id, start } of this.#nodes.toSorted((a, b) => a.start - b.start)) {
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
    for (const [object, items] of writers.lists) {
      for (let length = 1; length < items.length; length++) {
        const [before, after] = [Number(items[length - 1]), Number(items[length])];
        this.#add(before, after, { kind: "ww", object, length });
      }
    }
  }

  #orderRegisters(writers: Writers): void {
    for (const [object, next] of writers.registers) {
      for (const [replaced, writer] of next) this.#add(replaced, writer, { kind: "ww", object });
    }
  }

  #addRead(node: HistoryTransaction, read: Observation): void {
    if (read.of === "list") this.#addListRead(node, read);
    else if (read.of === "length") this.#addLength(node, read.name, read.length, true);
    else if (read.of === "register") this.#addRegisterRead(node, read);
    else this.#addFlagsRead(node, read);
  }

  #addListRead(node: HistoryTransaction, read: Observation & { readonly of: "list" }): void {
    const { from = 0, items, name } = read;
    const byRange = read.from !== undefined;
    const order = this.#writers.lists.get(name) ?? [];
    const differs = items.findIndex((item, i) => order[from + i] !== item);
    if (differs >= 0) {
      const item = items[differs]!;
      const found = this.#whose(Number(item));
      const wanted = order[from + differs];
      this.problems.add(
        `T${node.id} saw item ${from + differs} of ${name} as that of ${found}, at the end it is ${wanted === undefined ? "not there" : `that of T${wanted}`}`,
      );
      return;
    }
    if (items.length > 0) this.#addLength(node, name, from + items.length, byRange);
    // Who saw nothing from there on came before what is there at the end.
    else this.#add(node.id, numberOf(order[from]), rangeRead(name, from, byRange));
  }

  #addLength(node: HistoryTransaction, name: string, length: number, byRange: boolean): void {
    const order = this.#writers.lists.get(name) ?? [];
    if (length > order.length) {
      this.problems.add(
        `T${node.id} counted ${length} items of ${name}, at the end there are ${order.length}`,
      );
      return;
    }
    this.#add(numberOf(order[length - 1]), node.id, { kind: "wr", object: name, length, byRange });
    this.#add(node.id, numberOf(order[length]), rangeRead(name, length, byRange));
  }

  #addRegisterRead(
    node: HistoryTransaction,
    { name, value, writer }: Observation & { readonly of: "register" },
  ): void {
    if (writer !== undefined) {
      const last = this.#writers.valuesOf(name, writer);
      if (last === 0) {
        this.problems.add(`T${node.id} saw ${name} written by ${this.#whose(writer)}`);
        return;
      }
      if (value !== undefined && value !== last && writer !== node.id) {
        this.problems.add(
          `intermediate read: T${node.id} saw value ${value} that T${writer} gave ${name}, which it replaced itself before it committed`,
        );
        return;
      }
      // What it wrote itself says nothing of the others.
      if (writer === node.id) return;
      this.#add(writer, node.id, { kind: "wr", object: name });
    }
    const next = this.#writers.registers.get(name)?.get(writer);
    this.#add(node.id, next, { kind: "rw", object: name });
  }

  #addFlagsRead(
    node: HistoryTransaction,
    { start, end, flipped }: Observation & { readonly of: "flags" },
  ): void {
    const byRange = start !== end;
    for (const object of flipped) {
      const writer = this.#writers.flags.get(object);
      if (writer !== undefined) this.#add(writer, node.id, { kind: "wr", object, byRange });
      else this.problems.add(`T${node.id} saw ${object} flipped, which nobody committed`);
    }
    for (const [object, writer] of this.#writers.flagsBetween(start, end)) {
      if (!flipped.has(object)) this.#add(node.id, writer, { kind: "rw", object, byRange });
    }
  }

  /** Whose write it is that should not be there, in words. */
  #whose(writer: number): string {
    const outcome = this.#outcomeOf.get(writer);
    if (outcome === "aborted") return `T${writer}, which was aborted`;
    return outcome === undefined ? `T${writer}, which never wrote` : `T${writer}`;
  }
}

function numberOf(item: string | undefined): number | undefined {
  return item === undefined ? undefined : Number(item);
}

function rangeRead(object: string, length: number, byRange: boolean): Dependency {
  return { kind: "rw", object, length, byRange };
}
