/**
 * The names of the simulated disk: which path leads to which file, now and after a power cut.
 *
 * Always true:
 * (1) A change of names (create, rename, link, remove, make directory) is one step: after a power cut it happened whole
 *     or not at all, also a rename, which changes two names.
 * (2) Changes that no sync of their directory covered are kept or lost each by itself, in every combination: what POSIX
 *     promises is no more than this. Where names are journaled, a prefix of all changes is kept.
 * (3) A name whose directory is lost is lost.
 */
import type { Journal } from "./journal.ts";
import type { Choose, SimulatedFile } from "./simulated-file.ts";

export type SimulatedNode = SimulatedFile | "directory";

interface NameChange {
  readonly path: string;
  /** What the name leads to from here on; undefined: nothing. */
  readonly node: SimulatedNode | undefined;
}
type Step = readonly NameChange[];
interface NumberedStep {
  readonly id: number;
  readonly changes: Step;
}

export class SimulatedNames {
  readonly #journal: Journal;
  readonly #current: Map<string, SimulatedNode>;
  readonly #durable: Map<string, SimulatedNode>;
  #pending: NumberedStep[] = [];
  /** What the journal has written down, and the steps that it may not have. */
  readonly #journaled: Map<string, SimulatedNode>;
  #unjournaled: NumberedStep[] = [];

  constructor(durable: ReadonlyMap<string, SimulatedNode>, journal: Journal) {
    this.#journal = journal;
    this.#current = new Map(durable).set("/", "directory");
    this.#durable = new Map(this.#current);
    this.#journaled = new Map(this.#current);
  }

  get(path: string): SimulatedNode | undefined {
    return this.#current.get(path);
  }

  /** Names in the directory, sorted. */
  list(directory: string): string[] {
    const names = [];
    for (const path of this.#current.keys()) {
      if (path !== "/" && parentOf(path) === directory) names.push(nameOf(path));
    }
    return names.sort();
  }

  /** Paths of all files, sorted. */
  files(): string[] {
    const paths = [];
    for (const [path, node] of this.#current) if (node !== "directory") paths.push(path);
    return paths.sort();
  }

  change(...changes: Step): void {
    applyStep(this.#current, changes);
    const step = { id: this.#journal.next(), changes };
    this.#pending.push(step);
    this.#unjournaled.push(step);
  }

  /** Makes all changes of names in the directory durable, in their order, that were made up to `covered`. */
  harden(directory: string, covered: number = this.#journal.last): void {
    const later: NumberedStep[] = [];
    for (const step of this.#pending) {
      const isIn = step.changes.some(({ path }) => parentOf(path) === directory);
      if (isIn && step.id <= covered) applyStep(this.#durable, step.changes);
      else later.push(step);
    }
    this.#pending = later;
    this.#journal.write(covered);
  }

  /** What the names lead to after a power cut; undefined choice: no pending change survives. */
  afterPowerCut(choose: Choose | undefined): Map<string, SimulatedNode> {
    const survivors = new Map(this.#durable);
    if (choose !== undefined) {
      for (const step of this.#pending) if (choose(2) === 1) applyStep(survivors, step.changes);
    }
    return withoutStrays(survivors);
  }

  /** What the names lead to when the journal kept the changes up to number `kept`. */
  afterJournal(kept: number): Map<string, SimulatedNode> {
    this.#catchUp();
    const survivors = new Map(this.#journaled);
    for (const step of this.#unjournaled) if (step.id <= kept) applyStep(survivors, step.changes);
    return withoutStrays(survivors);
  }

  #catchUp(): void {
    const { written } = this.#journal;
    for (const step of this.#unjournaled)
      if (step.id <= written) applyStep(this.#journaled, step.changes);
    this.#unjournaled = this.#unjournaled.filter(({ id }) => id > written);
  }
}

/** A lost directory takes everything below it along. */
function withoutStrays(names: Map<string, SimulatedNode>): Map<string, SimulatedNode> {
  // Sorted, a directory comes before what it holds.
  for (const path of [...names.keys()].sort())
    if (path !== "/" && names.get(parentOf(path)) !== "directory") names.delete(path);
  return names;
}

function applyStep(names: Map<string, SimulatedNode>, step: Step): void {
  for (const { path, node } of step) {
    if (node === undefined) names.delete(path);
    else names.set(path, node);
  }
}

/** One spelling for each path: rooted, without empty parts and without a slash at the end. */
export function normalPath(path: string): string {
  return `/${path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/")}`;
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
