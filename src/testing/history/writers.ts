/** Finds out who wrote what, and what got lost on the way. */
import type { HistoryTransaction, Observation } from "./history.ts";

/** Who wrote what, in which order, as far as those who took effect and the final read tell. */
export interface Writers {
  /** The items of each list at the end; an item is the number of its writer. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** For each register: who replaced the value of whom. */
  readonly registers: ReadonlyMap<string, ReadonlyMap<number | undefined, number>>;
  readonly flags: ReadonlyMap<string, number>;
  /** How many values the writer gave the register one after the other; 0 if none. */
  valuesOf(register: string, writer: number): number;
  /** The flags with names of [start, end], with their writers. */
  flagsBetween(start: string, end: string): readonly (readonly [name: string, writer: number])[];
}

/**
 * `committed` are the transactions whose effects must be there, `final` is what was read after all of them. Adds what
 * contradicts that to `problems`.
 */
export function findWriters(
  committed: readonly HistoryTransaction[],
  final: readonly Observation[],
  problems: Set<string>,
): Writers {
  const lists = new Map<string, readonly string[]>();
  for (const read of final) if (read.of === "list") lists.set(read.name, read.items);
  const items = new Map([...lists].map(([name, all]) => [name, new Set(all)]));
  const flipped = new Set(final.flatMap((read) => (read.of === "flags" ? [...read.flipped] : [])));
  const registers = new Map<string, Map<number | undefined, number>>();
  const values = new Map<string, number>();
  const flags = new Map<string, number>();
  const appended = new Set<string>();
  for (const { id, effects } of committed) {
    for (const effect of effects) {
      if (effect.on === "list") {
        appended.add(`${effect.name} ${effect.item}`);
        if (items.get(effect.name)?.has(effect.item) !== true) {
          problems.add(`lost: what T${id} appended to ${effect.name} is not in it at the end`);
        }
      } else if (effect.on === "flag") {
        flags.set(effect.name, id);
        if (!flipped.has(effect.name)) {
          problems.add(`lost: T${id} flipped ${effect.name}, at the end it is not flipped`);
        }
      } else {
        values.set(`${effect.name} ${id}`, effect.values ?? 1);
        replace(registers, effect.name, effect.replaced, id, problems);
      }
    }
  }
  findStrangers(lists, appended, problems);
  findLastWrites(final, registers, problems);
  const sortedFlags = [...flags].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    lists,
    registers,
    flags,
    valuesOf: (register, writer) => values.get(`${register} ${writer}`) ?? 0,
    flagsBetween: (start, end) => between(sortedFlags, start, end),
  };
}

function replace(
  registers: Map<string, Map<number | undefined, number>>,
  name: string,
  replaced: number | undefined,
  id: number,
  problems: Set<string>,
): void {
  let next = registers.get(name);
  if (next === undefined) registers.set(name, (next = new Map()));
  const other = next.get(replaced);
  if (other === undefined) next.set(replaced, id);
  else {
    problems.add(`lost update: T${other} and T${id} both replaced the same value of ${name}`);
  }
}

/** Items that are there twice, or that nobody committed. */
function findStrangers(
  lists: ReadonlyMap<string, readonly string[]>,
  appended: ReadonlySet<string>,
  problems: Set<string>,
): void {
  for (const [name, items] of lists) {
    const seen = new Set<string>();
    for (const item of items) {
      if (seen.has(item)) problems.add(`duplicated: ${name} holds what T${item} appended twice`);
      if (!appended.has(`${name} ${item}`)) {
        problems.add(`aborted: ${name} holds what T${item} appended, which never committed that`);
      }
      seen.add(item);
    }
  }
}

/** Follows each register from its first value to its last, which must be the one at the end. */
function findLastWrites(
  final: readonly Observation[],
  registers: ReadonlyMap<string, ReadonlyMap<number | undefined, number>>,
  problems: Set<string>,
): void {
  for (const read of final) {
    if (read.of !== "register") continue;
    const next = registers.get(read.name) ?? new Map<number | undefined, number>();
    let last: number | undefined;
    for (let steps = 0; steps < next.size && next.has(last); steps++) last = next.get(last);
    if (last !== read.writer) {
      problems.add(
        `lost: the last write of ${read.name} is T${last}'s, at the end it holds T${read.writer}'s`,
      );
    }
  }
}

function between<T>(
  sorted: readonly (readonly [name: string, value: T])[],
  start: string,
  end: string,
): readonly (readonly [name: string, value: T])[] {
  return sorted.slice(
    lowerBound(sorted, (name) => name >= start),
    lowerBound(sorted, (name) => name > end),
  );
}

/** The place of the first entry for which `reached` is true. */
function lowerBound<T>(
  sorted: readonly (readonly [name: string, value: T])[],
  reached: (name: string) => boolean,
): number {
  let start = 0;
  let end = sorted.length;
  while (start < end) {
    const middle = (start + end) >>> 1;
    if (reached(sorted[middle]![0])) end = middle;
    else start = middle + 1;
  }
  return start;
}
