/**
 * Who took effect, as far as it can be told. A client knows of most transactions; of some it does not (the engine could
 * not say), and what was acknowledged as less than durable may be lost with a crash. Of those, what is there at the end,
 * or was seen by somebody who is there, took effect; the rest did not.
 *
 * Always true:
 * (1) Who committed for certain took effect, and is never excused.
 * (2) What is lost with a crash is lost from the newest on: nobody is there who began after one that is lost had been
 *     acknowledged.
 * (3) Only who committed for certain comes before all who began after its end.
 */
import type { HistoryTransaction } from "./history.ts";

export interface Outcomes {
  readonly tookEffect: readonly HistoryTransaction[];
  /** They did not, or what they did is lost, but what they saw must fit. */
  readonly readersOnly: readonly HistoryTransaction[];
}

export function outcomesOf(
  transactions: readonly HistoryTransaction[],
  crashes: readonly number[],
  problems: Set<string>,
): Outcomes {
  const eraOf = (event: number): number => crashes.filter((crash) => crash < event).length;
  const isCertain = ({ durability = "durable", outcome, start }: HistoryTransaction): boolean =>
    outcome === "committed" && (durability === "durable" || eraOf(start) === crashes.length);
  const there = new Map(transactions.filter(isCertain).map((one) => [one.id, one]));
  const doubtful = new Map(
    transactions
      .filter((one) => one.outcome !== "aborted" && !there.has(one.id))
      .map((one) => [one.id, one]),
  );
  followEvidence(there, doubtful, writersOfFlags(transactions));
  checkPrefix([...there.values()], [...doubtful.values()], eraOf, problems);
  const sawLost = whoSaw([...doubtful.values()].filter(isWriter), eraOf);
  return {
    tookEffect: [...there.values()],
    // Who saw what is lost saw a state that a crash has taken back; nobody was promised that it stays.
    readersOnly: transactions
      .filter((one) => !there.has(one.id) && !sawLost(one))
      .map((one) => ({ ...one, end: Infinity })),
  };
}

/** Moves from `doubtful` to `there` who must have taken effect, given who did. */
function followEvidence(
  there: Map<number, HistoryTransaction>,
  doubtful: Map<number, HistoryTransaction>,
  flags: ReadonlyMap<string, number>,
): void {
  if (doubtful.size === 0) return;
  const open = [...there.values()];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    for (const id of writersSeen(one, flags)) {
      const seen = doubtful.get(id);
      if (seen === undefined) continue;
      doubtful.delete(id);
      // When it took effect for good is unknown, too: perhaps only after all others had ended. An engine that fails shows
      // at once what is durable and no more, and what it had acknowledged as less may yet come back with the next opening.
      const settled = { ...seen, end: Infinity };
      there.set(id, settled);
      open.push(settled);
    }
  }
}

/** Always true (2). */
function checkPrefix(
  there: readonly HistoryTransaction[],
  lost: readonly HistoryTransaction[],
  eraOf: (event: number) => number,
  problems: Set<string>,
): void {
  const newest = new Map<number, HistoryTransaction>();
  for (const one of there.filter(isWriter)) {
    const era = eraOf(one.start);
    if (one.start > (newest.get(era)?.start ?? -1)) newest.set(era, one);
  }
  for (const one of lost) {
    if (one.outcome !== "committed" || !isWriter(one)) continue;
    const later = newest.get(eraOf(one.start));
    if (later !== undefined && later.start > one.end)
      problems.add(
        `lost: T${one.id} (${one.durability}) is gone after a crash, and T${later.id}, which began after it was acknowledged, is there`,
      );
  }
}

function isWriter({ effects }: HistoryTransaction): boolean {
  return effects.length > 0;
}

function writersOfFlags(transactions: readonly HistoryTransaction[]): Map<string, number> {
  const writers = new Map<string, number>();
  for (const { effects, id } of transactions)
    for (const effect of effects) if (effect.on === "flag") writers.set(effect.name, id);
  return writers;
}

/** Whether a transaction saw, or may have counted, what one of `lost` wrote. */
function whoSaw(
  lost: readonly HistoryTransaction[],
  eraOf: (event: number) => number,
): (one: HistoryTransaction) => boolean {
  if (lost.length === 0) return () => false;
  const ids = new Set(lost.map(({ id }) => id));
  const flags = writersOfFlags(lost);
  // A count names nobody, so of these lists those of that time say nothing.
  const lists = new Set(
    lost.flatMap(({ effects, start }) => effects.map(({ name }) => `${eraOf(start)} ${name}`)),
  );
  return (one) => {
    for (const id of writersSeen(one, flags)) if (ids.has(id)) return true;
    const era = eraOf(one.start);
    return one.reads.some((read) => read.of === "length" && lists.has(`${era} ${read.name}`));
  };
}

/** Whose writes a transaction saw. Its own are among them where it read what it had written. */
function* writersSeen(
  { reads }: HistoryTransaction,
  flags: ReadonlyMap<string, number>,
): Iterable<number> {
  for (const read of reads) {
    if (read.of === "list") for (const item of read.items) yield Number(item);
    else if (read.of === "register") {
      if (read.writer !== undefined) yield read.writer;
    } else if (read.of === "flags")
      for (const name of read.flipped) {
        const writer = flags.get(name);
        if (writer !== undefined) yield writer;
      }
  }
}
